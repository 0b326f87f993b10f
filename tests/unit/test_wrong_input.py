"""Wrong input gets one clear sentence and a specific exception, wherever it comes in."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers.attention import MultiHeadAttention, causal_mask, padding_mask, scaled_dot_product_attention
from helpers.batching import LengthBucketSampler, length_batches, pad
from helpers.bert import Encoder, EncoderConfig, PreTrainingModel, SequenceClassifier, pool
from helpers.corpora import load_documents, load_reviews
from helpers.device import choose_device, generator, setup
from helpers.evaluation import mcnemar, wilson_interval
from helpers.masking import IGNORE, mask_tokens
from helpers.results import load_result
from helpers.sentence_pairs import make_nsp_pairs
from helpers.tokenization import encode, load_tokenizer, train_wordpiece
from helpers.training import distillation_loss, fine_tune, freeze, make_optimizer, pretrain
from helpers.weights import CHECKPOINTS, load_encoder, load_model

CONFIG = EncoderConfig(50, 24, 1, 4, 40, 16)
ENCODER = Encoder(CONFIG).eval()
CLASSIFIER = SequenceClassifier(ENCODER, num_labels=3).eval()
PRETRAINER = PreTrainingModel(ENCODER).eval()
IDS = torch.tensor([[2, 7, 8, 3], [2, 9, 3, 0]])
ONES = torch.ones_like(IDS)
Q = torch.randn(2, 3, 4)
EXAMPLE = {"input_ids": [5, 6, 7], "token_type_ids": [0, 0, 0]}
ATTENTION = MultiHeadAttention(24, 4)


def with_value(value: int) -> torch.Tensor:
    ids = IDS.clone()
    ids[1, 1] = value
    return ids


def masked(**changes):
    options = {"mask_token_id": 4, "replacement_ids": torch.arange(5, 9), "generator": generator(0)} | changes
    special = options.pop("special", torch.zeros_like(IDS))
    return mask_tokens(IDS, special, **options)


def frozen_encoder() -> Encoder:
    encoder = Encoder(CONFIG)
    freeze(encoder)
    return encoder


LOOP = {"learning_rate": 1e-3, "generator": generator(0), "progress": False}
EPOCHS = {"epochs": 1, "learning_rate": 1e-3, "progress": False}
HUB = r"is no folder here, and the Hugging Face hub did not give it: go online"

WRONG = {
    "unknown corpus": (lambda: load_reviews("amazon", "train"), ValueError, "'amazon'; choose one of imdb, rotten"),
    "unknown split": (lambda: load_documents("imdb", "dev"), ValueError, "'dev'; choose one of train, validation"),
    "encoder of the hub, offline": (lambda: load_encoder("google-bert/bert-base-uncased"), ConnectionError, HUB),
    "tokenizer of the hub, offline": (lambda: load_tokenizer("google-bert/bert-base-uncased"), ConnectionError, HUB),
    "model of the hub, offline": (lambda: load_model("no-such-folder"), ConnectionError, HUB),
    "encoder in a folder of another kind": (
        lambda: load_encoder(CHECKPOINTS / "minilm-mlm"),
        FileNotFoundError,
        r"no config.json: load it with load_checkpoint\('minilm-mlm'\)",
    ),
    "encoder without a name": (lambda: load_encoder(""), FileNotFoundError, "The folder '.' has no config.json"),
    "too little text for a vocabulary": (
        lambda: train_wordpiece(["a b"], 100),
        ValueError,
        "gave only . pieces of 100",
    ),
    "more letters than entries": (
        lambda: train_wordpiece(["abcdefghij"], 10),
        ValueError,
        "more than 10: ask for more",
    ),
    # sequences
    "empty batch": (lambda: ENCODER(IDS[:0]), ValueError, r"shape \(0, 4\)"),
    "one row without a batch": (lambda: ENCODER(IDS[0]), ValueError, r"shape \(4,\); it must be \(batch, seq\)"),
    "longer than the positions": (lambda: ENCODER(torch.ones(1, 17).long()), ValueError, "17 tokens.* 16 positions"),
    "position out of range": (lambda: ENCODER(IDS, position_ids=IDS + 10), ValueError, "position_ids.* 0 … 15"),
    "id too large": (lambda: ENCODER(with_value(50)), ValueError, "input_ids holds 0 … 50; .* 0 … 49"),
    "id below zero": (lambda: ENCODER(with_value(-1)), ValueError, "input_ids holds -1"),
    "segment out of range": (lambda: ENCODER(IDS, token_type_ids=2 * ONES), ValueError, "token_type_ids holds 2"),
    "positions of another shape": (
        lambda: ENCODER(IDS, position_ids=ONES[:, :3]),
        ValueError,
        r"position_ids .*\(2, 3\)",
    ),
    "segments of another shape": (lambda: ENCODER(IDS, None, ONES[:, :3]), ValueError, r"token_type_ids .*\(2, 3\)"),
    # labels
    "class out of range": (
        lambda: CLASSIFIER(IDS, labels=torch.tensor([0, 3])),
        ValueError,
        "hold 0 … 3; they must lie in 0 … 2",
    ),
    "class below zero": (lambda: CLASSIFIER(IDS, labels=torch.tensor([0, -1])), ValueError, "Labels hold -1"),
    "word out of range": (lambda: PRETRAINER(IDS, labels=with_value(50)), ValueError, "must lie in 0 … 49"),
    "no slot to learn from": (lambda: PRETRAINER(IDS, labels=IGNORE * ONES), ValueError, "nothing to learn from"),
    "no such pair label": (
        lambda: PRETRAINER(IDS, next_sentence_label=torch.tensor([0, 2])),
        ValueError,
        "must lie in 0 … 1",
    ),
    "unknown pooling": (lambda: SequenceClassifier(ENCODER, 2, "min"), ValueError, "'min'; choose one of pooler, cls"),
    "unknown pooling of states": (lambda: pool(Q, None, "average"), ValueError, "'average'; choose one of pooler, cls"),
    "pooler without its encoder": (lambda: pool(Q, None, "pooler"), ValueError, "belongs to an encoder"),
    # masks
    "mask of another shape": (lambda: ENCODER(IDS, ONES[:, :3]), ValueError, r"attention_mask .*\(2, 3\)"),
    "mask of another batch": (lambda: ENCODER(IDS, ONES[:1]), ValueError, r"attention_mask .*\(1, 4\)"),
    "mask of other values": (lambda: ENCODER(IDS, 2 * ONES), ValueError, "only 1 .* and 0"),
    "mask to be added": (lambda: ENCODER(IDS, torch.full((2, 4), -1e9)), ValueError, "only 1 .* and 0"),
    "packed mask that is not bool": (lambda: ENCODER(IDS, torch.ones(2, 4, 4)), TypeError, "torch.float32; .* bool"),
    "all-padding row": (lambda: ENCODER(IDS, torch.tensor([[1, 1, 1, 1], [0] * 4])), ValueError, "all padding"),
    "packed row that sees nothing": (lambda: ENCODER(IDS, torch.zeros(2, 4, 4).bool()), ValueError, "all-padding row"),
    "padding mask without a batch": (lambda: padding_mask(torch.ones(3)), ValueError, r"must be \(batch, seq\)"),
    "scores and mask that do not fit": (
        lambda: scaled_dot_product_attention(Q, Q, Q, torch.ones(4).bool()),
        ValueError,
        r"shape \(4,\) does not fit scores of shape \(2, 3, 3\)",
    ),
    "mask larger than the scores": (
        lambda: scaled_dot_product_attention(Q, Q, Q, torch.ones(5, 2, 3, 3).bool()),
        ValueError,
        "does not fit",
    ),
    "mask of numbers": (lambda: scaled_dot_product_attention(Q, Q, Q, torch.ones(3, 3)), TypeError, "must be bool"),
    "query that sees nothing": (
        lambda: scaled_dot_product_attention(Q, Q, Q, torch.tensor([[True] * 3, [True] * 3, [False] * 3])),
        ValueError,
        "hides every key",
    ),
    "multi-head mask of numbers": (lambda: ATTENTION(torch.randn(1, 3, 24), torch.ones(3, 3)), TypeError, "be bool"),
    "multi-head mask of another length": (
        lambda: ATTENTION(torch.randn(1, 3, 24), causal_mask(4)),
        ValueError,
        "does not fit",
    ),
    "heads that do not divide the width": (lambda: EncoderConfig(50, 24, 1, 5), ValueError, "5 heads .* size 24"),
    "heads of attention alone": (lambda: MultiHeadAttention(24, 7), ValueError, "7 heads do not divide"),
    # batches
    "batch of nothing": (lambda: pad([], 0), ValueError, "at least one example"),
    "example of nothing": (lambda: pad([{"input_ids": []}], 0), ValueError, "at least one token"),
    "example longer than its row": (lambda: pad([EXAMPLE], 0, length=2), ValueError, "3 tokens, more than .* 2"),
    "sampler of nothing": (lambda: LengthBucketSampler([], 4), ValueError, "at least one length"),
    "batches of nothing": (lambda: LengthBucketSampler([3], 0), ValueError, "batch size of at least 1"),
    # masking and pairs
    "mask rate of zero": (lambda: masked(mask_probability=0.0), ValueError, r"must lie in \(0, 1\]"),
    "mix that is no mix": (lambda: masked(mix=(0.8, 0.1, 0.2)), ValueError, "must sum to 1"),
    "mix below zero": (lambda: masked(mix=(1.2, -0.2, 0.0)), ValueError, "mix"),
    "special tokens of another shape": (
        lambda: masked(special=ONES[:, :3]),
        ValueError,
        r"special_tokens_mask .*\(2, 3\)",
    ),
    "two ways of choosing": (lambda: masked(word_ids=ONES, predictions_per_row=1), ValueError, "not both"),
    "one document": (lambda: make_nsp_pairs([[[5], [6]], []], 32, generator(0)), ValueError, "at least two documents"),
    "no room for a pair": (lambda: make_nsp_pairs([[[5]], [[6]]], 7, generator(0)), ValueError, "at least 8"),
    "only negatives": (lambda: make_nsp_pairs([[[5]], [[6]]], 32, generator(0), 1.0), ValueError, r"\[0, 1\)"),
    "another corpus that is not given": (
        lambda: make_nsp_pairs([[[5]], [[6]]], 32, generator(0), negatives="another corpus"),
        ValueError,
        "give one with text",
    ),
    "documents that are copies": (
        lambda: make_nsp_pairs([[[5], [5]]] * 3, 32, generator(0), 0.9),
        ValueError,
        "copies of each other",
    ),
    # training and evaluation
    "epoch without batches": (lambda: pretrain(PRETRAINER, lambda g: [], steps=1, **LOOP), ValueError, "no batches"),
    "epoch without batches, fine-tuning": (lambda: fine_tune(CLASSIFIER, [], **EPOCHS), ValueError, "no batches"),
    "epoch without batches, distilling": (
        lambda: fine_tune(CLASSIFIER, [], compute_loss=distillation_loss(CLASSIFIER), **EPOCHS),
        ValueError,
        "no batches",
    ),
    "examples without one": (
        lambda: length_batches([], SimpleNamespace(pad_token_id=0), 8),
        ValueError,
        "needs at least one length",
    ),
    "batches made by a function, fine-tuning": (
        lambda: fine_tune(CLASSIFIER, lambda g: [], **EPOCHS),
        TypeError,
        "no length, which the schedule needs: give a DataLoader",
    ),
    "nothing to train": (lambda: make_optimizer(frozen_encoder(), 1e-3), ValueError, "nothing to train"),
    "more successes than trials": (lambda: wilson_interval(5, 3), ValueError, "must not be greater than n"),
    "no trials": (lambda: wilson_interval(0, 0), ValueError, "not less than 1"),
    "unequal texts": (lambda: mcnemar(np.ones(3), np.ones(4)), ValueError, "a paired test needs the same"),
    "unknown study": (lambda: load_result("no-such-study"), FileNotFoundError, "No recorded study 'no-such-study'"),
    "unknown device": (lambda: choose_device("tpu"), ValueError, "'tpu'; it must be cpu, cuda or mps"),
}


@pytest.mark.parametrize("call, error, message", WRONG.values(), ids=WRONG)
def test_wrong_input_is_refused_in_one_sentence(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error
    one_clear_sentence(caught.value)


def one_clear_sentence(error: Exception):
    text = str(error)
    assert "\n" not in text and 20 < len(text) < 250, text


@pytest.mark.parametrize(
    "texts, max_length, message",
    [
        (["fine", ""], 16, "text '' is empty"),
        (["   \n"], 16, "is empty"),
        (["\u200b"], 16, "is empty"),
        (["one two three four"], 5, "'one two three four'… has 6 tokens, more than 5: truncate=True"),
        (["fine"], 2, "need 3"),
    ],
)
def test_texts_that_cannot_be_encoded(tokenizer, texts, max_length, message):
    with pytest.raises(ValueError, match=message) as caught:
        encode(tokenizer, texts, max_length)
    one_clear_sentence(caught.value)


def test_a_unknown_budget_is_refused(monkeypatch):
    monkeypatch.setenv("COURSE_BUDGET", "huge")
    with pytest.raises(ValueError, match="COURSE_BUDGET is 'huge'; it must be one of class, full") as caught:
        setup()
    one_clear_sentence(caught.value)


@pytest.mark.parametrize("device", ["cuda", "mps"])
@pytest.mark.parametrize("asked_by", ["argument", "environment"])
def test_an_absent_device_is_refused(monkeypatch, device, asked_by):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    if asked_by == "environment":
        monkeypatch.setenv("COURSE_DEVICE", device)
    with pytest.raises(RuntimeError, match=f"'{device}' was asked for, but this machine has none") as caught:
        setup(device=device if asked_by == "argument" else None)
    one_clear_sentence(caught.value)
