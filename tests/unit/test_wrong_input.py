"""Wrong input gets one clear sentence and a specific exception, wherever it comes in."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers.attention import MultiHeadAttention, causal_mask, padding_mask, scaled_dot_product_attention
from helpers.batching import LengthBucketSampler, MlmCollator, length_batches, pad, pretraining_batches, window_batches
from helpers.bert import Encoder, EncoderConfig, PreTrainingModel, SequenceClassifier, pool, started, student_from
from helpers.corpora import load_documents, load_reviews
from helpers.device import choose_device, generator, setup
from helpers.evaluation import (
    bootstrap_interval,
    bootstrap_ratio,
    evaluate_mlm,
    fill_mask,
    mcnemar,
    predict,
    wilson_interval,
)
from helpers.masking import IGNORE, mask_tokens
from helpers.results import load_result
from helpers.sentence_pairs import make_nsp_pairs, tokenize_documents
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


def with_nan_weights(kind, *options):
    model = kind(Encoder(CONFIG), *options)
    torch.nn.init.constant_(model.encoder.layers[0].output.weight, torch.nan)
    return model


def tokenizer_like(pad_token_id=0, mask_token_id=4, vocabulary=("[PAD]", *"abcdefghi", "##b")) -> SimpleNamespace:
    """What MlmCollator asks of a tokenizer."""
    return SimpleNamespace(
        pad_token_id=pad_token_id,
        mask_token_id=mask_token_id,
        all_special_ids=[0],
        get_vocab=lambda: {token: i for i, token in enumerate(vocabulary)},
    )


class Sized(SimpleNamespace):
    def __len__(self):
        return len(self.get_vocab())


def collator(**changes):
    options = {"whole_word": changes.pop("whole_word", False)}
    return MlmCollator(Sized(**vars(tokenizer_like(**changes))), generator(0), **options)


def collator_tokenizer():
    return Sized(**vars(tokenizer_like()), cls_token_id=1, sep_token_id=2)


LABELS = torch.tensor([0, 1])
BATCH = {"input_ids": IDS, "attention_mask": ONES, "labels": LABELS}
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
    # the wrong type
    "ids as a list": (lambda: ENCODER([[2, 7, 3]]), TypeError, "input_ids is list; give a tensor of whole numbers"),
    "ids as an array": (lambda: ENCODER(IDS.numpy()), TypeError, "input_ids is ndarray; give a tensor"),
    "ids as None": (lambda: ENCODER(None), TypeError, "input_ids is NoneType; give a tensor"),
    "ids as floats": (
        lambda: ENCODER(IDS.float()),
        TypeError,
        r"input_ids has dtype torch.float32; .*input_ids.long\(\)",
    ),
    "ids as bools": (lambda: ENCODER(IDS.bool()), TypeError, "input_ids has dtype torch.bool"),
    "segments as floats": (lambda: ENCODER(IDS, None, 0.0 * IDS), TypeError, "token_type_ids has dtype torch.float32"),
    "positions as a list": (lambda: ENCODER(IDS, position_ids=[0, 1, 2, 3]), TypeError, "position_ids is list"),
    "mask as a list": (lambda: ENCODER(IDS, [[1] * 4] * 2), TypeError, r"attention_mask is list; give a tensor"),
    "labels as a list": (lambda: CLASSIFIER(IDS, labels=[0, 1]), TypeError, "labels is list; give a tensor"),
    "labels as an array": (lambda: CLASSIFIER(IDS, labels=np.array([0, 1])), TypeError, "labels is ndarray"),
    "labels as floats": (
        lambda: CLASSIFIER(IDS, labels=LABELS.float()),
        TypeError,
        r"torch.float32; .*labels.long\(\)",
    ),
    "labels that are nan": (lambda: CLASSIFIER(IDS, labels=0 / (0.0 * LABELS)), TypeError, "dtype torch.float32"),
    "labels as probabilities": (lambda: CLASSIFIER(IDS, labels=torch.rand(2, 3)), TypeError, "dtype torch.float32"),
    "labels as a column": (lambda: CLASSIFIER(IDS, labels=LABELS[:, None]), ValueError, r"\(2, 1\); .* needs \(2,\)"),
    "labels of another batch": (lambda: CLASSIFIER(IDS, labels=LABELS[:1]), ValueError, r"\(1,\); .* needs \(2,\)"),
    "words of another length": (lambda: PRETRAINER(IDS, labels=IDS[:, :3]), ValueError, r"\(2, 3\); .*\(2, 4\)"),
    "words as floats": (lambda: PRETRAINER(IDS, labels=1.0 * IDS), TypeError, "labels has dtype torch.float32"),
    "pair labels as a column": (
        lambda: PRETRAINER(IDS, next_sentence_label=LABELS[:, None]),
        ValueError,
        r"next_sentence_label has shape \(2, 1\)",
    ),
    "pair labels as bools": (
        lambda: PRETRAINER(IDS, next_sentence_label=LABELS.bool()),
        TypeError,
        "next_sentence_label has dtype torch.bool",
    ),
    "one class": (
        lambda: SequenceClassifier(ENCODER, num_labels=1),
        ValueError,
        "num_labels is 1: .* nothing to learn",
    ),
    "packed mask, pooled": (
        lambda: pool(Q, torch.ones(2, 3, 3), "mean"),
        ValueError,
        r"must be \(2, 3\).* \(2, 3, 3\)",
    ),
    "packed mask of one row": (lambda: pool(Q[:1], torch.ones(1, 3, 3), "mean"), ValueError, r"must be \(1, 3\)"),
    "packed mask, batch = seq": (
        lambda: pool(torch.randn(3, 3, 4), torch.ones(3, 3, 3), "max"),
        ValueError,
        r"its shape is \(3, 3, 3\)",
    ),
    "pooled padding": (lambda: pool(Q, torch.tensor([[1, 1, 0], [0, 0, 0]]), "mean"), ValueError, "all padding"),
    "heads of an odd size": (
        lambda: started(EncoderConfig(50, 21, 1, 3), "neighbours"),
        ValueError,
        "Heads of 7 numbers cannot start from waves",
    ),
    "no layer to copy": (lambda: student_from(ENCODER, []), ValueError, "cannot be copied"),
    "examples of unlike keys": (
        lambda: pad([EXAMPLE, EXAMPLE | {"labels": 1}], 0),
        ValueError,
        r"Examples 0 and 1 have different keys, \['labels'\]",
    ),
    "examples without ids": (lambda: pad([{"labels": 1}], 0), ValueError, r"no input_ids, only \['labels'\]"),
    "rows of unlike length": (
        lambda: pad([EXAMPLE | {"token_type_ids": [0, 0]}], 0),
        ValueError,
        "'token_type_ids' must have one value for each token",
    ),
    "a row in a row": (lambda: pad([{"input_ids": [[5], [6]]}], 0), ValueError, "one value for each token"),
    "float ids in a batch": (lambda: pad([{"input_ids": [5.0, 6.5]}], 0), TypeError, "'input_ids' holds 5.0"),
    "None among ids": (lambda: pad([{"input_ids": [5, None]}], 0), TypeError, "'input_ids' holds None"),
    "float label": (lambda: pad([EXAMPLE | {"labels": 0.5}], 0), TypeError, "'labels' holds 0.5; .* whole numbers"),
    "label that is nan": (lambda: pad([EXAMPLE | {"labels": float("nan")}], 0), TypeError, "'labels' holds nan"),
    "label that is None": (lambda: pad([EXAMPLE | {"labels": None}], 0), TypeError, "'labels' holds None"),
    "label that is a word": (lambda: pad([EXAMPLE | {"labels": "good"}], 0), TypeError, "'labels' holds 'good'"),
    "tokenizer without [PAD]": (lambda: pad([EXAMPLE], None), ValueError, "no padding token, which batches need"),
    "tokenizer without [PAD], by length": (
        lambda: next(iter(length_batches([EXAMPLE], SimpleNamespace(pad_token_id=None), 8))),
        ValueError,
        "no padding token",
    ),
    "tokenizer without [MASK]": (
        lambda: collator(mask_token_id=None),
        ValueError,
        "no mask token, which masking needs",
    ),
    "whole words of a BPE tokenizer": (
        lambda: collator(whole_word=True, vocabulary=("<pad>", "\u0120a", "b")),
        ValueError,
        "whole_word needs WordPiece",
    ),
    "rows without special_tokens_mask": (lambda: collator()([EXAMPLE]), ValueError, "Rows need special_tokens_mask"),
    "ids that the tokenizer does not have": (
        lambda: collator()([{"input_ids": [5, 99], "special_tokens_mask": [0, 0]}]),
        ValueError,
        "input_ids holds 99; this tokenizer has 11 entries",
    ),
    "documents of one sentence each": (
        lambda: list(pretraining_batches([[[5, 6]], [[7, 8]]], collator_tokenizer(), 16, 4)(generator(0))),
        ValueError,
        "pairs need documents of two sentences or more",
    ),
    "documents without text": (
        lambda: list(window_batches([[], []], collator_tokenizer(), 16, 4)(generator(0))),
        ValueError,
        "give no row to train on",
    ),
    "one string of documents": (
        lambda: tokenize_documents("It rained. We left.", None),
        TypeError,
        r"documents is one string, 'It rained. We left.': give a list of them, \[text\]",
    ),
    "a document that is None": (
        lambda: tokenize_documents(["It rained.", None], None),
        TypeError,
        r"documents\[1\] is None",
    ),
    "unequal groups": (lambda: bootstrap_interval(np.ones(4), [0, 1, 2]), ValueError, "4 values and 3 groups"),
    "one group": (lambda: bootstrap_interval(np.ones(4), [0] * 4), ValueError, "at least two"),
    "never right": (lambda: bootstrap_ratio(np.ones(4), np.zeros(4)), ValueError, "never right"),
    "classifier of nan": (
        lambda: predict(with_nan_weights(SequenceClassifier), [BATCH]),
        FloatingPointError,
        "logits are not finite: look for nan in its weights",
    ),
    "masked words of nan": (
        lambda: evaluate_mlm(with_nan_weights(PreTrainingModel), [{"input_ids": IDS, "labels": IDS}], 4),
        FloatingPointError,
        "logits are not finite",
    ),
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


@pytest.mark.parametrize(
    "texts, message",
    [
        ("a good film", r"texts is one string, 'a good film': give a list of them, \[text\]"),
        (b"a good film", r"texts is one string, b'a good film'"),
        (["fine", None], r"texts\[1\] is None, not a string"),
        ([float("nan")], r"texts\[0\] is nan, not a string"),
        ([3], r"texts\[0\] is 3, not a string"),
        ([["a", "film"]], r"texts\[0\] is \['a', 'film'\], not a string"),
    ],
)
def test_texts_of_the_wrong_type(tokenizer, texts, message):
    with pytest.raises(TypeError, match=message) as caught:
        encode(tokenizer, texts, 16)
    one_clear_sentence(caught.value)


def test_two_blanks_or_none(tokenizer):
    for text in ("The cat sat.", "The [MASK] sat on the [MASK]."):
        with pytest.raises(ValueError, match="one is needed") as caught:
            fill_mask(PRETRAINER, tokenizer, text)
        one_clear_sentence(caught.value)


# ---------------------------------------------------------------- what works, though it is not what we write ourselves


def test_numpy_and_tensor_rows_are_batched_as_lists_are():
    lists = [{"input_ids": [5, 6, 7], "labels": 1}, {"input_ids": [8], "labels": 0}]
    expected = pad(lists, 0)
    for row in (np.array, torch.tensor, tuple, lambda ids: np.array(ids, dtype=np.int32)):
        for label in (np.int64, np.bool_, bool, torch.tensor, np.array, np.uint8):
            found = pad([{"input_ids": row(e["input_ids"]), "labels": label(e["labels"])} for e in lists], 0)
            assert found.keys() == expected.keys()
            assert all(torch.equal(found[key], expected[key]) and found[key].dtype == torch.int64 for key in expected)


def test_a_mask_that_rows_bring_is_kept():
    """A padded row knows better than its length where its padding is."""
    rows = [
        {"input_ids": [2, 7, 3, 0, 0], "attention_mask": [1, 1, 1, 0, 0]},
        {"input_ids": [2, 3], "attention_mask": [1, 1]},
    ]
    assert pad(rows, 0)["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 0, 0, 0]]
    (batch,) = length_batches(rows, SimpleNamespace(pad_token_id=0), 8)
    assert batch["attention_mask"].sum().item() == 5
    special = [row | {"special_tokens_mask": [1] + [0] * (len(row["input_ids"]) - 1)} for row in rows]
    assert collator()(special)["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 0, 0, 0]]


@pytest.mark.parametrize("rows", [1, 4])  # a batch of one, and batch = seq
def test_int32_ids_and_labels_give_what_int64_gives(rows):
    ids = torch.arange(5, 9).repeat(rows, 1)
    labels = torch.arange(rows) % 2
    for model, options in (
        (CLASSIFIER, {"labels": labels}),
        (PRETRAINER, {"next_sentence_label": labels, "labels": ids}),
    ):
        expected = model.eval()(ids, **options).loss
        narrow = {key: value.int() for key, value in options.items()}
        assert torch.equal(model(ids.int(), **narrow).loss, expected) and expected > 0


def test_texts_may_come_as_an_array(tokenizer):
    texts = ["a good film", "a bad one"]
    assert encode(tokenizer, np.array(texts), 16) == encode(tokenizer, texts, 16)
    assert encode(tokenizer, [], 16) == encode(tokenizer, np.array([], dtype=str), 16) == []


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
