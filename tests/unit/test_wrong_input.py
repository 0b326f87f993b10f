"""Wrong input gets one clear sentence and a specific exception, wherever it comes in."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers import (
    attention,
    batching,
    bert,
    corpora,
    costs,
    device,
    evaluation,
    masking,
    results,
    sentence_pairs,
    tokenization,
    toy,
    training,
    transfer,
    weights,
)
from helpers.attention import MultiHeadAttention, causal_mask, padding_mask, scaled_dot_product_attention
from helpers.batching import LengthBucketSampler, MlmCollator, length_batches, pad, pretraining_batches, window_batches
from helpers.bert import Encoder, EncoderConfig, PreTrainingModel, SequenceClassifier, pool, started, student_from
from helpers.classroom import checks, claims, plots, views
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


NAN = float("nan")
DOCUMENTS = [[[5, 6], [7], [8, 9]], [[10], [11, 12], [13]]]
PAIRS = [sentence_pairs.Pair((1, 2), (3,), 0), sentence_pairs.Pair((1, 2), (3, 4), 1)]
VECTORS = np.random.default_rng(0).normal(size=(12, 5))
MASKED = [{"input_ids": IDS, "labels": IDS.masked_fill(IDS < 6, IGNORE)}]
# One argument of each function at a time: a string or None for a list or a number, nan, a bool for a number, another
# library's array, a float for whole numbers, another shape, nothing at all, a size of zero or below.
ARGUMENTS = [
    (lambda: attention.scaled_dot_product_attention(IDS, IDS, IDS), TypeError, "query has dtype torch.int64; it"),
    (
        lambda: attention.scaled_dot_product_attention(Q, torch.randn(2, 3, 5), Q),
        ValueError,
        "Queries (2, 3, 4) and keys",
    ),
    (lambda: attention.scaled_dot_product_attention(Q, Q, torch.randn(2, 4, 4)), ValueError, "There are 3 keys and 4"),
    (
        lambda: attention.scaled_dot_product_attention(Q, Q, Q, [[True] * 3] * 3),
        TypeError,
        "The attention mask is list",
    ),
    (lambda: attention.scaled_dot_product_attention(Q, Q.double(), Q), TypeError, "key has dtype torch.float64"),
    (lambda: attention.padding_mask([[1, 0]]), TypeError, "attention_mask is list; give a tensor of numbers"),
    (lambda: attention.padding_mask(torch.tensor([[1.0, NAN]])), ValueError, "attention_mask must hold only 1"),
    (lambda: attention.padding_mask(torch.ones(2, 0)), ValueError, "A row of attention_mask is all padding: every"),
    (lambda: attention.causal_mask(0), ValueError, "length is 0; it must be at least 1"),
    (lambda: attention.causal_mask(2.5), TypeError, "length is 2.5; it must be a whole number"),
    (lambda: attention.MultiHeadAttention(24, 0), ValueError, "num_attention_heads is 0; it must be at least 1"),
    (lambda: attention.MultiHeadAttention(0, 4), ValueError, "hidden_size is 0; it must be at least 1"),
    (lambda: attention.MultiHeadAttention(24.0, 4), TypeError, "hidden_size is 24.0; it must be a whole number"),
    (
        lambda: attention.MultiHeadAttention(24, 4, 1.5).train()(torch.randn(1, 3, 24)),
        ValueError,
        "dropout is 1.5; it must lie",
    ),
    (lambda: attention.MultiHeadAttention(24, 4)(torch.randn(3, 24)), ValueError, "hidden_states has shape (3"),
    (lambda: attention.MultiHeadAttention(24, 4)(torch.ones(1, 3, 24).long()), TypeError, "hidden_states has dtype"),
    (lambda: bert.EncoderConfig(50, 24.0, 1, 4), TypeError, "hidden_size is 24.0; it must be a whole number"),
    (lambda: bert.EncoderConfig(None, 24, 1, 4), TypeError, "vocab_size is None; it must be a whole number"),
    (lambda: bert.EncoderConfig(50, 24, 1, 4, hidden_dropout_prob=NAN), ValueError, "hidden_dropout_prob is nan; it"),
    (lambda: bert.EncoderConfig(50, 24, True, 4), TypeError, "num_hidden_layers is True; it must be a whole number"),
    (lambda: bert.make_config(50, 32, head_size=64), ValueError, "Heads of 64 do not divide the hidden size 32"),
    (lambda: bert.make_config(50, 32, head_size=0), ValueError, "head_size is 0; it must be at least 1"),
    (lambda: bert.make_config("50", 64), TypeError, "vocab_size is '50'; it must be a whole number"),
    (lambda: bert.Encoder({"vocab_size": 50}), TypeError, "config is dict; it must be EncoderConfig"),
    (lambda: ENCODER(IDS, ONES.numpy()), TypeError, "attention_mask is ndarray; give a tensor of numbers"),
    (lambda: ENCODER(IDS, ONES[:, None, None]), ValueError, "attention_mask has shape (2, 1, 1, 4); input_ids asks"),
    (lambda: ENCODER(IDS, ONES * NAN), ValueError, "attention_mask must hold only 1 (real token) and 0 (padding)"),
    (lambda: ENCODER(IDS[None]), ValueError, "input_ids has shape (1, 2, 4); it must be (batch, seq), neither"),
    (lambda: ENCODER(IDS.to(torch.int8)), TypeError, "input_ids has dtype torch.int8; whole numbers are"),
    (lambda: ENCODER.pool(torch.randn(2, 24)), ValueError, "hidden has shape (2, 24); it must be (batch, seq"),
    (lambda: ENCODER.pool(torch.randn(2, 3, 20)), ValueError, "The hidden states have width 20; this encoder has 24"),
    (lambda: bert.started({}, "BERT"), TypeError, "config is dict; it must be EncoderConfig"),
    (lambda: bert.started(CONFIG, None), ValueError, "Unknown start None; choose one of BERT, random, sine"),
    (lambda: bert.started(bert.EncoderConfig(50, 21, 1, 3), "sine"), ValueError, "The hidden size is 21: sines and"),
    (lambda: bert.started(bert.EncoderConfig(50, 21, 1, 3), "waves"), ValueError, "Heads of 7 numbers cannot start"),
    (lambda: bert.started(bert.EncoderConfig(50, 24, 0, 4), "neighbours"), ValueError, "num_hidden_layers is 0; it"),
    (lambda: bert.start_with_waves(CLASSIFIER), TypeError, "encoder is SequenceClassifier; it must be Encoder"),
    (lambda: bert.PreTrainingModel(CONFIG), TypeError, "encoder is EncoderConfig; an Encoder is needed"),
    (lambda: PRETRAINER(IDS, labels=IDS.numpy()), TypeError, "labels is ndarray; give a tensor of whole numbers"),
    (lambda: PRETRAINER(IDS, labels=-1 * ONES), ValueError, "Labels hold -1 … -1; they must lie in 0 … 49"),
    (lambda: PRETRAINER(IDS, next_sentence_label=np.array([0, 1])), TypeError, "next_sentence_label is ndarray"),
    (lambda: PRETRAINER(IDS, next_sentence_label=torch.tensor([0, -100])), ValueError, "Labels hold -100 … 0; they"),
    (lambda: bert.SequenceClassifier(ENCODER, num_labels=True), TypeError, "num_labels is True; it must be a"),
    (lambda: bert.SequenceClassifier(ENCODER, num_labels=-1), ValueError, "num_labels is -1: with fewer than two"),
    (lambda: bert.SequenceClassifier(ENCODER, label_names="ab").label_names, TypeError, "label_names is 'ab'; give a"),
    (lambda: bert.SequenceClassifier(ENCODER, label_names=[0, 1]).label_names, TypeError, "A name in label_names is"),
    (
        lambda: bert.SequenceClassifier(ENCODER, label_names=["a", "a"]).label_names,
        ValueError,
        "label_names ['a', 'a']",
    ),
    (lambda: bert.SequenceClassifier(ENCODER, 3, label_names=["a", "b"]).label_names, ValueError, "3 classes, but 2"),
    (lambda: bert.SequenceClassifier(ENCODER, 2, None), ValueError, "Unknown pooling None; choose one of pooler"),
    (lambda: bert.SequenceClassifier(CLASSIFIER, 2), TypeError, "encoder is SequenceClassifier: give its"),
    (lambda: CLASSIFIER(IDS, labels=torch.tensor(1)), ValueError, "labels has shape (); this batch needs (2,)"),
    (lambda: CLASSIFIER(IDS, labels=1), TypeError, "labels is int; give a tensor of whole numbers"),
    (lambda: CLASSIFIER(IDS, labels=torch.tensor([0, -100])), ValueError, "Labels hold -100 … 0; they must lie in"),
    (lambda: bert.pool([[1.0]], None, "mean"), TypeError, "hidden is list; give a tensor of floating-point"),
    (lambda: bert.pool(Q[0], None, "mean"), ValueError, "hidden has shape (3, 4); it must be (batch, seq, hidden)"),
    (
        lambda: bert.pool(Q, torch.tensor([[1.0, 0.5, 0], [1, 1, 1]]), "mean"),
        ValueError,
        "attention_mask must hold only",
    ),
    (lambda: bert.pool(Q, [[1, 1, 0], [1, 1, 1]], "mean"), TypeError, "attention_mask is list; give a tensor of"),
    (lambda: bert.student_from(ENCODER, None), TypeError, "layers is None; give a list of layers, such as [0"),
    (lambda: bert.student_from(ENCODER, [0.0]), TypeError, "A layer is 0.0; it must be a whole number"),
    (lambda: bert.student_from(CLASSIFIER, [0]), TypeError, "encoder is SequenceClassifier; it must be Encoder"),
    (lambda: bert.student_from(ENCODER, [-1]), ValueError, "Layers [-1] cannot be copied; the encoder has 0 … 0"),
    (lambda: bert.evaluating(None).__enter__(), TypeError, "model is NoneType; it must be Module"),
    (lambda: masking.mask_positions([[1, -100]], 2), TypeError, "labels is list; give a tensor of whole numbers"),
    (lambda: masking.mask_positions(torch.tensor([1, -100]), 2), ValueError, "labels has shape (2,); it must be"),
    (lambda: masking.mask_positions(torch.full((2, 4), -100), 0), ValueError, "predictions_per_row is 0; it must"),
    (lambda: masking.mask_positions(torch.full((2, 4), -100), 1.5), TypeError, "predictions_per_row is 1.5; it"),
    (lambda: batching.pad("abc", 0), TypeError, "examples is one str, 'abc': give a list of dictionaries"),
    (lambda: batching.pad([[1, 2, 3]], 0), TypeError, "examples[0] is [1, 2, 3]; it must be a dictionary with"),
    (lambda: batching.pad([{"input_ids": "hello"}], 0), TypeError, "'input_ids' holds 'hello'; it must hold whole"),
    (lambda: batching.pad([{"input_ids": None}], 0), TypeError, "input_ids of example 0 is None; it must be a row"),
    (lambda: batching.pad([{"input_ids": torch.tensor([[1, 2]])}], 0), ValueError, "'input_ids' must have one value"),
    (lambda: batching.pad([{"input_ids": np.array([2**63 + 1], dtype=np.uint64)}], 0), ValueError, "'input_ids' holds"),
    (lambda: batching.pad([EXAMPLE], 0, length=0), ValueError, "length is 0; it must be at least 1"),
    (lambda: batching.pad([EXAMPLE], 0, length=4.5), TypeError, "length is 4.5; it must be a whole number"),
    (lambda: batching.pad([EXAMPLE], "[PAD]"), TypeError, "pad_token_id is '[PAD]'; it must be a whole number"),
    (
        lambda: batching.pad([EXAMPLE, {"input_ids": [5], "token_type_ids": [0]}], -1),
        ValueError,
        "pad_token_id is -1; it must",
    ),
    (lambda: batching.pad([EXAMPLE | {"text": "a film"}], 0), TypeError, "'text' holds 'a film'; it must hold whole"),
    (lambda: batching.pad([EXAMPLE | {"labels": [1]}], 0), ValueError, "'labels' must have one value for each token"),
    (lambda: batching.pad([EXAMPLE | {"labels": np.float64(1.0)}], 0), TypeError, "'labels' holds 1.0; it must hold"),
    (
        lambda: batching.pad([EXAMPLE | {"labels": 1}, EXAMPLE | {"labels": [1, 2, 3]}], 0),
        ValueError,
        "'labels' is one number in",
    ),
    (
        lambda: batching.pad([{"input_ids": [1, 2], "attention_mask": [1, 1, 1]}], 0),
        ValueError,
        "'attention_mask' must have",
    ),
    (lambda: batching.LengthBucketSampler(None, 1), TypeError, "lengths is NoneType; give a list of lengths"),
    (lambda: list(batching.LengthBucketSampler([1, 2], 1.5)), TypeError, "batch_size is 1.5; it must be a whole"),
    (lambda: list(batching.LengthBucketSampler([1, 2], 1, generator(0), 0)), ValueError, "pool_batches is 0; it must"),
    (lambda: list(batching.LengthBucketSampler([1, 2], 1, 3)), TypeError, "generator is 3; give a torch.Generator"),
    (lambda: batching.padding_share([3, 4], []), ValueError, "The batches hold no token: there is nothing to take"),
    (lambda: batching.padding_share([3, 4], [[5]]), ValueError, "An index in a batch is 5; it must lie in 0 … 1"),
    (lambda: batching.MlmCollator(None, generator(0)), TypeError, "tokenizer is None; give a tokenizer, such as"),
    (lambda: batching.MlmCollator(collator_tokenizer(), None), TypeError, "generator is None; give a"),
    (
        lambda: batching.MlmCollator(collator_tokenizer(), generator(0), mask_probability=2),
        ValueError,
        "mask_probability 2 must lie",
    ),
    (
        lambda: batching.MlmCollator(collator_tokenizer(), generator(0), whole_word=True, predictions_per_row=3),
        ValueError,
        "Choose whole words or a",
    ),
    (
        lambda: batching.MlmCollator(collator_tokenizer(), generator(0), predictions_per_row=0),
        ValueError,
        "predictions_per_row is 0",
    ),
    (
        lambda: batching.MlmCollator(collator_tokenizer(), generator(0))(
            [{"input_ids": [101, -5, 102], "special_tokens_mask": [1, 0, 1]}]
        ),
        ValueError,
        "input_ids holds -5; this",
    ),
    (
        lambda: batching.MlmCollator(collator_tokenizer(), generator(0))(
            [{"input_ids": [101, 5000, 102], "special_tokens_mask": [1, 0, 1], "labels": 1}]
        )["labels"],
        ValueError,
        "Rows have labels already",
    ),
    (
        lambda: batching.MlmCollator(collator_tokenizer(), generator(0)).mask(None),
        TypeError,
        "The batch is None; it must",
    ),
    (
        lambda: batching.MlmCollator(collator_tokenizer(), generator(0)).mask(
            {"input_ids": [[1, 2]], "special_tokens_mask": [[0, 0]]}
        ),
        TypeError,
        "input_ids is list; give a",
    ),
    (lambda: batching.length_batches("abc", collator_tokenizer(), 2), TypeError, "examples is one str, 'abc'"),
    (
        lambda: batching.length_batches([{"labels": 1}], collator_tokenizer(), 2),
        ValueError,
        "Example 0 has no input_ids",
    ),
    (lambda: batching.length_batches(["a film"], collator_tokenizer(), 2), TypeError, "examples[0] is 'a film'; it"),
    (lambda: list(batching.length_batches([EXAMPLE], None, 2)), TypeError, "tokenizer is None; give a tokenizer"),
    (
        lambda: list(batching.length_batches([EXAMPLE], collator_tokenizer(), 0)),
        ValueError,
        "The sampler needs at least",
    ),
    (lambda: batching.own_vocabulary(0, 600), ValueError, "documents is 0; it must be at least 1"),
    (lambda: batching.own_vocabulary("10", 600), TypeError, "documents is '10'; it must be a whole number"),
    (lambda: batching.own_vocabulary(5, 0), ValueError, "vocab_size is 0; it must be at least 6"),
    (lambda: batching.all_tokens([]), ValueError, "The documents hold no token"),
    (lambda: batching.all_tokens(["ab"]), TypeError, "documents[0] is a string, 'ab': tokenize first,"),
    (
        lambda: batching.pretraining_batches(DOCUMENTS, None, 16, 2)(generator(0)),
        TypeError,
        "tokenizer is None; give a",
    ),
    (
        lambda: batching.pretraining_batches(["a b. c d.", "e f. g h."], collator_tokenizer(), 16, 2)(generator(0)),
        TypeError,
        "documents[0] is a string",
    ),
    (
        lambda: batching.pretraining_batches(DOCUMENTS, collator_tokenizer(), 4, 2)(generator(0)),
        ValueError,
        "max_length 4 must be at",
    ),
    (
        lambda: batching.pretraining_batches(DOCUMENTS, collator_tokenizer(), 16, 0)(generator(0)),
        ValueError,
        "The sampler needs at least",
    ),
    (
        lambda: batching.pretraining_batches(DOCUMENTS, collator_tokenizer(), 16, 2)(3),
        TypeError,
        "generator is 3; give a",
    ),
    (
        lambda: list(
            batching.pretraining_batches(
                DOCUMENTS, SimpleNamespace(cls_token_id=None, sep_token_id=None, pad_token_id=0, mask_token_id=4), 16, 2
            )(generator(0))
        ),
        TypeError,
        "cls_token_id is None: this",
    ),
    (
        lambda: batching.window_batches(DOCUMENTS, collator_tokenizer(), 2, 2)(generator(0)),
        ValueError,
        "A window of 0 tokens holds",
    ),
    (
        lambda: list(batching.window_batches(["a b. c d."], collator_tokenizer(), 16, 2)(generator(0))),
        TypeError,
        "documents[0] is a string",
    ),
    (lambda: list(batching.static_batches(lambda g: [1], 0)(generator(0))), ValueError, "copies is 0; it must be at"),
    (lambda: list(batching.static_batches([1], 1)(generator(0))), TypeError, "batches is list; give a function"),
    (lambda: batching.held_out_batches(collator_tokenizer(), 0, 32), ValueError, "documents is 0; it must be at"),
    (lambda: batching.held_out_batches(collator_tokenizer(), "3", 32), TypeError, "documents is '3'; it must be a"),
    (
        lambda: batching.held_out_batches(collator_tokenizer(), 3, 32, split="dev"),
        ValueError,
        "Unknown split 'dev'; choose",
    ),
    (lambda: corpora.clean(None), TypeError, "text is None; it must be one string"),
    (lambda: corpora.text_hash(None), TypeError, "text is None; it must be one string"),
    (lambda: corpora.load_reviews(None, "train"), ValueError, "Unknown corpus None; choose one of imdb"),
    (lambda: corpora.load_reviews(["imdb"], "train"), ValueError, "Unknown corpus ['imdb']; choose one of imdb"),
    (lambda: corpora.load_reviews("IMDB", "train"), ValueError, "Unknown corpus 'IMDB'; choose one of imdb"),
    (lambda: corpora.load_reviews("imdb", None), ValueError, "Unknown split None; choose one of train"),
    (lambda: corpora.split_fold(-1), ValueError, "fold is -1; it must lie in 0 … 4"),
    (lambda: corpora.split_fold("0"), TypeError, "fold is '0'; it must be a whole number"),
    (lambda: corpora.load_negations("train"), ValueError, "Unknown part 'train'; choose learn or test"),
    (lambda: costs.flops_per_token(CONFIG, 0, 0.15), ValueError, "length is 0; it must be at least 1"),
    (lambda: costs.flops_per_token(CONFIG, 128, 15), ValueError, "decoded is 15; it must lie in 0 … 1"),
    (lambda: costs.flops_per_token(CONFIG, 128, 0.15, 9), ValueError, "frozen_layers is 9; it must lie in 0 … 1"),
    (lambda: costs.flops_per_token(None, 128, 0.15), TypeError, "config is NoneType; it must be EncoderConfig"),
    (lambda: costs.gpu_seconds(1e12, 0), ValueError, "peak is 0; it must be above 0"),
    (lambda: costs.gpu_seconds(1e12, 1e12, 0), ValueError, "utilisation is 0; it must be above 0"),
    (lambda: costs.duration(NAN), ValueError, "seconds is nan; it must be a finite number"),
    (lambda: costs.scientific(float("inf")), ValueError, "number is inf; it must be a finite number"),
    (lambda: device.choose_device(torch.device("cpu")), ValueError, "Unknown device device(type='cpu'); it must"),
    (lambda: device.choose_device("cuda:0"), ValueError, "Unknown device 'cuda:0'; it must be cpu, cuda or mps"),
    (lambda: device.choose_device("CPU"), ValueError, "Unknown device 'CPU'; it must be cpu, cuda or mps"),
    (lambda: device.choose_device(0), ValueError, "Unknown device 0; it must be cpu, cuda or mps"),
    (lambda: device.choose_device(""), ValueError, "Unknown device ''; it must be cpu, cuda or mps"),
    (lambda: device.setup("0"), TypeError, "seed is '0'; it must be a whole number"),
    (lambda: device.setup(-1), ValueError, "seed is -1; it must lie in 0 … 4294967295"),
    (lambda: device.generator("0"), TypeError, "seed is '0'; it must be a whole number"),
    (lambda: device.generator(-1).initial_seed(), ValueError, "seed is -1; it must lie in 0 … 9223372036854775807"),
    (lambda: results.load_result(None), TypeError, "The name of a study is None; it must be one string"),
    (lambda: results.load_result(""), FileNotFoundError, "No recorded study ''; the nearest are"),
    (lambda: results.load_result("../../pyproject"), FileNotFoundError, "No recorded study '../../pyproject'; the"),
    (lambda: results.load_result("masking-full.json"), FileNotFoundError, "No recorded study 'masking-full.json'; the"),
    (
        lambda: results.over_arms({"arms": {"a": {"measured": {"full": {"accuracy": 1}}}}}, "ful", "accuracy"),
        KeyError,
        "The run 'a' has no value",
    ),
    (lambda: results.over_arms({"arms": {}}, "full"), ValueError, "This is no record of a study with runs, as"),
    (
        lambda: results.over_arms(
            {"arms": {"a": {"measured": {"full": {"accuracy": 1}}}, "b": {"measured": {"full": {"accuracy": 1}}}}},
            "full",
        ),
        TypeError,
        "full of the run 'a' is",
    ),
    (lambda: results.markdown_table([]), ValueError, "A table needs at least one row, and the same keys in every"),
    (lambda: results.percent("0.5"), TypeError, "share is '0.5'; it must be a number"),
    (lambda: results.origin({}), ValueError, "This is no record of a study with runs, as load_result returns: {}"),
    (lambda: results.command({}), ValueError, "This is no record of a study with runs, as load_result returns: {}"),
    (lambda: evaluation.evaluate_mlm(PRETRAINER, [], 4), ValueError, "There are no batches: there is nothing to"),
    (lambda: evaluation.evaluate_mlm(PRETRAINER, None, 4), TypeError, "batches is NoneType; give a list of"),
    (lambda: evaluation.evaluate_mlm(PRETRAINER, [{"input_ids": IDS}], 4), ValueError, "Batch 0 has no labels, only"),
    (lambda: evaluation.evaluate_mlm(PRETRAINER, MASKED, None), TypeError, "mask_token_id is None; it must be a"),
    (lambda: evaluation.evaluate_mlm(CLASSIFIER, MASKED, 4), ValueError, "labels has shape (2, 4); this batch"),
    (lambda: evaluation.evaluate_mlm(None, MASKED, 4), TypeError, "model is NoneType; it must be Module"),
    (lambda: evaluation.cloze_sentences(None), ValueError, "There are no sentences None; choose cloze_sentences"),
    (lambda: evaluation.unigram_baseline([1, 2], IDS, 50), TypeError, "train_ids is list; give a tensor of whole"),
    (
        lambda: evaluation.unigram_baseline(torch.tensor([], dtype=torch.long), IDS, 50),
        ValueError,
        "train_ids must hold at",
    ),
    (
        lambda: evaluation.unigram_baseline(IDS.flatten(), torch.full((2, 2), -100), 50),
        ValueError,
        "labels must hold at least",
    ),
    (lambda: evaluation.unigram_baseline(IDS, IDS, 50), ValueError, "train_ids has shape (2, 4); it must be (n)"),
    (lambda: evaluation.unigram_baseline(IDS.flatten(), IDS, 0), ValueError, "vocab_size is 0; it must be at least"),
    (lambda: evaluation.right_at_masks(PRETRAINER, [], 4), ValueError, "There are no batches: there is nothing to"),
    (lambda: evaluation.neighbour_guesses([1, 2, 3], MASKED, 4, [0]), TypeError, "train_ids is list; give a tensor"),
    (
        lambda: evaluation.neighbour_guesses(torch.tensor([1, 2]), MASKED, 4, [0]),
        ValueError,
        "train_ids holds 2 tokens; a",
    ),
    (
        lambda: evaluation.neighbour_guesses(torch.tensor([1, 2, 3, 4]), [], 4, [0]),
        ValueError,
        "There are no batches: there",
    ),
    (
        lambda: evaluation.neighbour_guesses(
            torch.tensor([1, 2, 3, 4, 2, 3]),
            [{"input_ids": torch.tensor([[4, 2, 4]]), "labels": torch.tensor([[7, -100, 8]])}],
            4,
            [0],
        ),
        ValueError,
        "A [MASK] stands at the end",
    ),
    (lambda: evaluation.nsp_features([]), ValueError, "pairs is empty: it must hold at least one pair"),
    (lambda: evaluation.nsp_baselines(PAIRS[:1], PAIRS), ValueError, "All training pairs have one label: a"),
    (lambda: evaluation.nsp_baselines([], PAIRS), ValueError, "train is empty: it must hold at least one pair"),
    (lambda: evaluation.nsp_baselines(PAIRS, []), ValueError, "test is empty: it must hold at least one pair"),
    (lambda: evaluation.nsp_features(["ab"]), TypeError, "pairs[0] is str; it must be Pair"),
    (lambda: evaluation.predict(CLASSIFIER, []), ValueError, "There are no batches: there is nothing to score"),
    (lambda: evaluation.predict(CLASSIFIER, [{"input_ids": IDS}]), ValueError, "Batch 0 has no labels, only"),
    (lambda: evaluation.predict(CLASSIFIER, BATCH), TypeError, "batches is dict; give a list of batches, [batch]"),
    (lambda: evaluation.predict(PRETRAINER, [BATCH]), TypeError, "The model returns PreTrainingOutput without"),
    (lambda: evaluation.predict(CLASSIFIER, ["a film"]), TypeError, "Batch 0 is 'a film'; it must be a"),
    (
        lambda: evaluation.predict(CLASSIFIER, [BATCH | {"labels": torch.tensor([[0], [1]])}]),
        ValueError,
        "labels has shape (2, 1)",
    ),
    (lambda: evaluation.predict(CLASSIFIER, [BATCH | {"labels": [0, 1]}]), TypeError, "labels is list; give a tensor"),
    (
        lambda: evaluation.evaluate_classifier(CLASSIFIER, [BATCH | {"labels": torch.tensor([0, 7])}]),
        ValueError,
        "Labels hold 0 … 7; they",
    ),
    (
        lambda: evaluation.evaluate_classifier(CLASSIFIER, [BATCH | {"labels": torch.tensor([0])}]),
        ValueError,
        "labels has shape (1,); this",
    ),
    (lambda: evaluation.evaluate_classifier(CLASSIFIER, []), ValueError, "There are no batches: there is nothing"),
    (
        lambda: evaluation.evaluate_classifier(CLASSIFIER, [BATCH | {"labels": torch.tensor([0.0, 1.0])}])["n"],
        TypeError,
        "labels has dtype",
    ),
    (lambda: evaluation.score([]), ValueError, "right has shape (0,); it must be (n,), one bool for each text,"),
    (lambda: evaluation.score([0.5, 0.2]), TypeError, "right is [0.5, 0.2]; it must hold one bool per text"),
    (lambda: evaluation.wilson_interval(1.5, 3), TypeError, "successes is 1.5; it must be a whole number"),
    (lambda: evaluation.wilson_interval(-1, 3), ValueError, "successes is -1; it must be at least 0"),
    (lambda: evaluation.wilson_interval(1, 3, 95), ValueError, "confidence is 95; it must lie between 0 and 1, as"),
    (lambda: evaluation.mcnemar(np.ones((3, 1)), np.ones((3, 1))), ValueError, "right_a has shape (3, 1); it must"),
    (lambda: evaluation.mcnemar([NAN, 1], [0, 1]), TypeError, "right_a is [nan, 1]; it must hold one bool per"),
    (lambda: evaluation.sign_test([1, 2], [1]), ValueError, "There are 2 numbers in a and 1 in b; a paired test"),
    (lambda: evaluation.sign_test([1, NAN], [1, 2]), ValueError, "a holds a number that is not finite"),
    (lambda: evaluation.bootstrap_interval([1.0, NAN, 0.0], [0, 1, 2]), ValueError, "values holds a number that is"),
    (lambda: evaluation.bootstrap_interval([1, 0], None), TypeError, "groups is None; it must hold a name or a"),
    (lambda: evaluation.bootstrap_interval(["a", "b"], [0, 1]), TypeError, "values is ['a', 'b']; it must hold"),
    (lambda: evaluation.bootstrap_interval([1, 0], [0, 1], "a"), TypeError, "seed is 'a'; it must be a whole number"),
    (lambda: evaluation.bootstrap_interval([1, 0], [0, 1], -1), ValueError, "seed is -1; it must be at least 0"),
    (lambda: evaluation.bootstrap_interval([], []), ValueError, "All values are in one group: resampling groups"),
    (lambda: evaluation.bootstrap_ratio([1, 0, 1], [1, 0]), ValueError, "A ratio needs the same two or more texts"),
    (lambda: evaluation.bootstrap_ratio([], []), ValueError, "right_a has shape (0,); it must be (n,), one bool"),
    (lambda: evaluation.bootstrap_ratio([1, NAN, 1], [1, 1, 0]), TypeError, "right_a is [1, nan, 1]; it must hold"),
    (lambda: evaluation.ranks([[1.0]], IDS), TypeError, "similarity is list; give a tensor of floating-point numbers,"),
    (lambda: evaluation.ranks(torch.ones(1, 1), [0]), TypeError, "right is list; give a tensor of whole numbers"),
    (lambda: evaluation.ranks(torch.ones(3), torch.arange(3)), ValueError, "similarity (3,) and right (3,) must be"),
    (lambda: evaluation.ranks(torch.ones(3, 3), torch.arange(2)), ValueError, "similarity (3, 3) and right (2,) must"),
    (lambda: evaluation.ranks(torch.ones(3, 2), torch.arange(3)), ValueError, "right has numbers outside of 0 to 1,"),
    (lambda: evaluation.ranks(torch.ones(1, 2), torch.tensor([-1])), ValueError, "right has numbers outside of 0 to"),
    (lambda: evaluation.fit_temperature([[1.0, 2.0]], [0]), TypeError, "logits is list; give a tensor of"),
    (
        lambda: evaluation.fit_temperature(torch.full((2, 2), NAN), torch.tensor([0, 1])),
        FloatingPointError,
        "The model's logits are not",
    ),
    (lambda: evaluation.fit_temperature(torch.randn(2, 2), torch.tensor([0.0, 1.0])), TypeError, "labels has dtype"),
    (
        lambda: evaluation.fit_temperature(torch.randn(2, 2), torch.tensor([0, 5])),
        ValueError,
        "Labels hold 0 … 5; they",
    ),
    (
        lambda: evaluation.fit_temperature(torch.randn(2, 2), torch.tensor([-100, -100])),
        ValueError,
        "Labels hold -100 … -100",
    ),
    (
        lambda: evaluation.fit_temperature(torch.randn(2, 1), torch.tensor([0, 0])),
        ValueError,
        "The logits have one class",
    ),
    (lambda: evaluation.reliability([NAN], [True]), ValueError, "confidence holds a number that is not finite"),
    (lambda: evaluation.reliability([0.5], [True], 0), ValueError, "bins is 0; it must be at least 1"),
    (lambda: evaluation.reliability([0.5], [True], 2.5), TypeError, "bins is 2.5; it must be a whole number"),
    (lambda: evaluation.reliability(["a"], [True]), TypeError, "confidence is ['a']; it must hold numbers"),
    (
        lambda: evaluation.reliability([0.5, 0.6, 0.7], [2, 1, 0]),
        TypeError,
        "right is [2, 1, 0]; it must hold one bool",
    ),
    (lambda: evaluation.expected_calibration_error([0.5], [True], 0), ValueError, "bins is 0; it must be at least 1"),
    (lambda: sentence_pairs.split_sentences(None), TypeError, "text is None; it must be one string"),
    (lambda: sentence_pairs.halves(None), TypeError, "text is None; it must be one string"),
    (lambda: sentence_pairs.halves(""), ValueError, "The text has 0 sentence(s); two halves need at least two: ''"),
    (
        lambda: sentence_pairs.tokenize_documents(["A b."], collator_tokenizer(), 0),
        ValueError,
        "chunk is 0; it must be at",
    ),
    (
        lambda: sentence_pairs.tokenize_documents(["A b."], collator_tokenizer(), 1.5),
        TypeError,
        "chunk is 1.5; it must be a",
    ),
    (lambda: sentence_pairs.tokenize_documents(["A b."], None), TypeError, "tokenizer is None; give a tokenizer"),
    (
        lambda: sentence_pairs.tokenize_documents((t for t in ["A b."]), collator_tokenizer()),
        TypeError,
        "documents is generator",
    ),
    (
        lambda: sentence_pairs.tokenize_documents([corpora.Review("a", 1)], collator_tokenizer()),
        TypeError,
        "documents[0] is",
    ),
    (lambda: sentence_pairs.joined(DOCUMENTS, 0), ValueError, "sentences is 0; it must be at least 1"),
    (lambda: sentence_pairs.joined(DOCUMENTS, 1.5), TypeError, "sentences is 1.5; it must be a whole number"),
    (lambda: sentence_pairs.text_windows(DOCUMENTS, 0, generator(0)), ValueError, "A window of 0 tokens holds"),
    (lambda: sentence_pairs.text_windows(DOCUMENTS, 3.5, generator(0)), TypeError, "length is 3.5; it must be a"),
    (lambda: sentence_pairs.text_windows(["ab cd"], 3, generator(0)), TypeError, "documents[0] is a string, 'ab"),
    (lambda: sentence_pairs.text_windows([[1, 2]], 3, generator(0)), TypeError, "documents[0][0] is 1; a sentence"),
    (lambda: sentence_pairs.text_windows(DOCUMENTS, 3, None), TypeError, "generator is None; give a"),
    (lambda: sentence_pairs.text_windows(DOCUMENTS, 3, generator(0), NAN), ValueError, "short_probability is nan"),
    (lambda: sentence_pairs.text_windows(None, 3, generator(0)), TypeError, "documents is NoneType; give a list"),
    (lambda: sentence_pairs.build_inputs(PAIRS[0], None, None), TypeError, "cls_token_id is None: this tokenizer"),
    (lambda: sentence_pairs.build_inputs(((1,), (2,)), 1, 2), TypeError, "pair is tuple; it must be Pair"),
    (lambda: sentence_pairs.build_inputs(sentence_pairs.Pair("ab", "c", 0), 1, 2), TypeError, "The first token of a"),
    (lambda: sentence_pairs.build_inputs(sentence_pairs.Pair((), (), 0), 1, 2), ValueError, "A segment of the row is"),
    (lambda: sentence_pairs.window_inputs("ab", 1, 2), TypeError, "The first token of a segment is 'a'; it must"),
    (lambda: sentence_pairs.window_inputs([5], None, 2), TypeError, "cls_token_id is None: this tokenizer has no"),
    (lambda: tokenization.train_wordpiece("a film about a film", 100), TypeError, "texts is one string, 'a film"),
    (lambda: tokenization.train_wordpiece(["a", None], 100), TypeError, "texts[1] is None, not a string: drop it"),
    (lambda: tokenization.train_wordpiece([], 100), ValueError, "The texts gave only 5 pieces of 100: give more"),
    (lambda: tokenization.train_wordpiece(["a b c"], 0), ValueError, "vocab_size is 0; it must be at least 6"),
    (lambda: tokenization.train_wordpiece(["a b c"], 100.5), TypeError, "vocab_size is 100.5; it must be a whole"),
    (lambda: tokenization.encode(collator_tokenizer(), ["a"], 16.5), TypeError, "max_length is 16.5; it must be a"),
    (lambda: tokenization.encode(collator_tokenizer(), None, 16), TypeError, "texts is NoneType; give a list of"),
    (lambda: tokenization.encode(None, ["a"], 16), TypeError, "tokenizer is None; give a tokenizer, such as"),
    (lambda: tokenization.encode(collator_tokenizer(), [("a", "b")], 16), TypeError, "texts[0] is ('a', 'b'), not"),
    (lambda: tokenization.special_ids(None), TypeError, "tokenizer is None; give a tokenizer, such as"),
    (lambda: toy.toy_sentences(0, generator(0))[0].shape, ValueError, "count is 0; it must be at least 1"),
    (lambda: toy.toy_sentences(1.5, generator(0)), TypeError, "count is 1.5; it must be a whole number"),
    (lambda: toy.toy_sentences(2, 3), TypeError, "generator is 3; give a torch.Generator, such as"),
    (lambda: toy.to_words([1, 2]), TypeError, "input_ids is list; give a tensor of whole numbers, torch.tensor(…)"),
    (lambda: toy.to_words(IDS), ValueError, "input_ids has shape (2, 4); it must be (seq)"),
    (lambda: toy.to_words(torch.tensor([99])), ValueError, "input_ids must hold 0 … 49, the ids of the toy"),
    (lambda: toy.next_word_labels(IDS[0]), ValueError, "input_ids has shape (4,); it must be (batch, seq)"),
    (lambda: toy.next_word_labels([[1, 2]]), TypeError, "input_ids is list; give a tensor of whole numbers"),
    (lambda: toy.hide_targets(IDS, ONES), TypeError, "is_target has dtype torch.int64; it must be bool"),
    (lambda: toy.hide_targets(IDS, torch.ones(3, 4).bool()), ValueError, "is_target has shape (3, 4); this batch"),
    (lambda: toy.hide_targets(IDS.tolist(), torch.ones(2, 4).bool()), TypeError, "input_ids is list; give a"),
    (lambda: toy.TinyEncoder(50, 14, 64, 2, 5), ValueError, "5 heads do not divide the hidden size 64"),
    (lambda: toy.TinyEncoder(50, 3)(IDS), ValueError, "input_ids is (2, 4); rows need 1 to 3 tokens"),
    (lambda: toy.TinyEncoder(5, 14)(IDS), ValueError, "input_ids must hold 0 … 4, the ids of this model's"),
    (lambda: toy.TinyEncoder(50, 14)(IDS.float()), TypeError, "input_ids has dtype torch.float32; whole numbers"),
    (lambda: toy.TinyEncoder(50, 14)(IDS, None, IDS[:, :3]), ValueError, "labels has shape (2, 3); this batch needs"),
    (lambda: toy.TinyEncoder(50, 14)(IDS, None, torch.full((2, 4), -100)), ValueError, "There is nothing to learn"),
    (lambda: toy.TinyEncoder(0, 14), ValueError, "vocab_size is 0; it must be at least 1"),
    (
        lambda: toy.train_tiny(toy.TinyEncoder(50, 14), lambda: (IDS, None, IDS), 0),
        ValueError,
        "steps is 0; it must be at",
    ),
    (
        lambda: toy.train_tiny(toy.TinyEncoder(50, 14), lambda: (IDS, None, IDS), 1.5),
        TypeError,
        "steps is 1.5; it must be a",
    ),
    (
        lambda: toy.train_tiny(toy.TinyEncoder(50, 14), lambda: (IDS, None, IDS), 3, NAN),
        ValueError,
        "learning_rate is nan; it",
    ),
    (
        lambda: toy.train_tiny(toy.TinyEncoder(50, 14), lambda: (IDS, None, torch.full((2, 4), -100)), 3),
        ValueError,
        "There is nothing to learn",
    ),
    (
        lambda: toy.hidden_words_found(toy.TinyEncoder(50, 14), "mlm", toy.toy_sentences(3, generator(0))[0]),
        ValueError,
        "Unknown objective 'mlm'",
    ),
    (
        lambda: toy.hidden_words_found(toy.TinyEncoder(50, 14), None, toy.toy_sentences(3, generator(0))[0]),
        ValueError,
        "Unknown objective None",
    ),
    (lambda: training.fine_tune(CLASSIFIER, [{"input_ids": IDS}], **EPOCHS), ValueError, "The model returned no loss"),
    (
        lambda: training.fine_tune(CLASSIFIER, [BATCH | {"labels": [0, 1]}], **EPOCHS),
        TypeError,
        "labels is list; give a",
    ),
    (lambda: training.fine_tune(CLASSIFIER, "abc", **EPOCHS), TypeError, "The batches have no length, which the"),
    (lambda: training.fine_tune(CLASSIFIER, BATCH, **EPOCHS), TypeError, "The batches are one batch: give a"),
    (
        lambda: training.fine_tune(CLASSIFIER, [EXAMPLE | {"labels": 1}], **EPOCHS),
        TypeError,
        "input_ids is list; give a",
    ),
    (lambda: training.fine_tune(None, [BATCH], **EPOCHS), TypeError, "model is NoneType; it must be Module"),
    (lambda: training.fine_tune(bert.Encoder(CONFIG), [BATCH], **EPOCHS), TypeError, "The model is an Encoder"),
    (
        lambda: training.fine_tune(CLASSIFIER, [BATCH], compute_loss=training.distillation_loss(ENCODER), **EPOCHS),
        TypeError,
        "The teacher is Encoder; it",
    ),
    (
        lambda: training.fine_tune(
            CLASSIFIER, [BATCH], compute_loss=training.distillation_loss(CLASSIFIER, 0.0), **EPOCHS
        ),
        ValueError,
        "temperature is 0.0; it must",
    ),
    (
        lambda: (
            training.fine_tune(
                CLASSIFIER, [BATCH], compute_loss=training.distillation_loss(CLASSIFIER, "2"), **EPOCHS
            ).loss
        ),
        TypeError,
        "temperature is '2'; it must",
    ),
    (
        lambda: (
            training.fine_tune(
                CLASSIFIER, [BATCH], compute_loss=training.distillation_loss(CLASSIFIER, 2.0, (1.0, 1.0)), **EPOCHS
            ).loss
        ),
        ValueError,
        "weights is (1.0, 1.0); give",
    ),
    (
        lambda: (
            training.fine_tune(
                CLASSIFIER,
                [BATCH],
                compute_loss=training.distillation_loss(bert.SequenceClassifier(bert.Encoder(CONFIG), 2)),
                **EPOCHS,
            ).loss
        ),
        ValueError,
        "student_logits is (2, 3)",
    ),
    (
        lambda: (
            training.fine_tune(
                CLASSIFIER,
                [BATCH],
                compute_loss=training.distillation_loss(
                    bert.SequenceClassifier(bert.Encoder(bert.EncoderConfig(50, 32, 1, 4, 40, 16)), 3)
                ),
                **EPOCHS,
            ).loss
        ),
        ValueError,
        "student_states is (2, 4",
    ),
    (
        lambda: (
            training.fine_tune(
                CLASSIFIER,
                [{"input_ids": IDS, "labels": torch.tensor([0, 1])}],
                compute_loss=training.distillation_loss(CLASSIFIER),
                **EPOCHS,
            ).loss
        ),
        ValueError,
        "The batch has no",
    ),
    (
        lambda: (
            training.fine_tune(
                CLASSIFIER,
                [BATCH | {"labels": torch.tensor([0, 9])}],
                compute_loss=training.distillation_loss(CLASSIFIER),
                **EPOCHS,
            ).loss
        ),
        ValueError,
        "Labels hold 0 … 9; they",
    ),
    (
        lambda: training.soft_target_loss(torch.randn(2, 3), torch.randn(2, 1), 2.0),
        ValueError,
        "student_logits is (2, 3)",
    ),
    (
        lambda: training.soft_target_loss(torch.randn(2, 3), torch.randn(2, 3), 0),
        ValueError,
        "temperature is 0; it must",
    ),
    (lambda: training.soft_target_loss([[1.0]], [[1.0]], 2), TypeError, "student_logits is list; give a tensor of"),
    (
        lambda: training.cosine_loss(torch.randn(2, 3, 4), torch.randn(2, 3, 5), torch.ones(2, 3)),
        ValueError,
        "student_hidden is (2, 3, 4)",
    ),
    (
        lambda: training.cosine_loss(torch.randn(2, 3, 4), torch.randn(2, 3, 4), torch.ones(2, 1)),
        ValueError,
        "attention_mask has shape",
    ),
    (lambda: training.make_optimizer(CLASSIFIER, -1), ValueError, "learning_rate is -1; it must be above 0, such"),
    (lambda: training.make_optimizer(CLASSIFIER, "1e-3"), TypeError, "learning_rate is '1e-3'; it must be a"),
    (lambda: training.make_optimizer(CLASSIFIER, 1e-3, -1), ValueError, "weight_decay is -1; it must be at least 0"),
    (lambda: training.make_optimizer(None, 1e-3), TypeError, "model is NoneType; it must be Module"),
    (
        lambda: training.pretrain(PRETRAINER, lambda g: [{"input_ids": IDS}], steps=2, **LOOP),
        ValueError,
        "The model returned no loss",
    ),
    (lambda: training.freeze(Q), TypeError, "module is Tensor; it must be Module"),
    (lambda: training.plain({"a": {1}}), TypeError, "evaluate's result['a'] is set: a checkpoint can hold"),
    (lambda: training.plain({1: 2}), TypeError, "evaluate's result has the key 1: a checkpoint can hold strings"),
    (lambda: training.History().last_loss(), ValueError, "The history is empty: no step has been logged yet"),
    (lambda: training.History(loss=[1.0, 2.0]).last_loss(0), ValueError, "steps is 0; it must be at least 1"),
    (lambda: training.Run("a", {}, [], every=-1), ValueError, "every is -1; it must be at least 1"),
    (lambda: training.Run("a", {}, [], every=1.5), TypeError, "every is 1.5; it must be a whole number"),
    (lambda: training.Run("../a", {}, []), ValueError, "The run's name is '../a'; it must be a plain name, which a"),
    (lambda: training.Run(None, {}, []), TypeError, "The run's name is None; it must be one string"),
    (lambda: training.Run("a", {}, "abc"), TypeError, "data is 'abc'; give a list of strings, [text]"),
    (lambda: training.Run("a", {}, [1, 2]), TypeError, "A text of the run's data is 1; it must be one string"),
    (lambda: training.Run("a", None, []), TypeError, "configuration is NoneType; it must be dict"),
    (lambda: training.Run("a", {1: 2, "b": 3}, []), TypeError, "A key of configuration is 1; it must be one string"),
    (lambda: training.Run("a", {}, [], stop_after=0), ValueError, "stop_after is 0; it must be at least 1"),
    (
        lambda: transfer.probe(VECTORS * np.nan, [0, 1] * 6, VECTORS, [0, 1] * 6),
        ValueError,
        "The train vectors must be",
    ),
    (
        lambda: transfer.probe(VECTORS, [0] * 12, VECTORS, [0, 1] * 6),
        ValueError,
        "All texts to train on have one label",
    ),
    (
        lambda: transfer.probe(VECTORS, [0, 1] * 5, VECTORS, [0, 1] * 6),
        ValueError,
        "The train labels have shape (10,); 12",
    ),
    (
        lambda: transfer.probe(VECTORS, [0, 1] * 6, VECTORS, [0, 1] * 5),
        ValueError,
        "The test labels have shape (10,); 12",
    ),
    (
        lambda: transfer.probe(VECTORS, [0, 1] * 6, VECTORS[:, :3], [0, 1] * 6),
        ValueError,
        "The test vectors have width 3",
    ),
    (lambda: transfer.probe(VECTORS, [0, 1] * 6, VECTORS[:0], []), ValueError, "The test vectors must be finite"),
    (lambda: transfer.probe(VECTORS, np.linspace(0, 1, 12), VECTORS, [0, 1] * 6), TypeError, "The train labels are"),
    (lambda: transfer.probe(VECTORS, [0, 1] * 6, VECTORS, ["0", "1"] * 6), TypeError, "The test labels are array(['0'"),
    (lambda: transfer.tfidf_baseline(["a"], ["b"]), TypeError, "train[0] is 'a'; it must be a Review(text, label)"),
    (lambda: transfer.ladder(rungs="majority", rows=8), TypeError, "rungs is 'majority'; give a list of rungs"),
    (lambda: transfer.ladder(rungs=("majority",), rows=0), ValueError, "rows is 0; it must be at least 1"),
    (lambda: transfer.ladder(rungs=("majority",), rows=1.5), TypeError, "rows is 1.5; it must be a whole number"),
    (
        lambda: transfer.ladder(rungs=("TF-IDF + logistic regression",), rows=1),
        ValueError,
        "All texts to train on have",
    ),
    (lambda: transfer.ladder(rungs=("majority",), sentences=([], [])), ValueError, "sentences holds no reviews to"),
    (lambda: transfer.learning_rate_sweep(rows=4, rates=()), ValueError, "rates is (); give a list of learning"),
    (lambda: transfer.learning_rate_sweep(rows=0), ValueError, "rows is 0; it must be at least 1"),
    (lambda: transfer.class_names([]), ValueError, "The file has no labels: a classifier needs texts of at least"),
    (lambda: transfer.class_names(["a"] * 3 + [None] * 3), TypeError, "Label 3 of The file is None; labels must be"),
    (
        lambda: transfer.class_names(["a"] * 3 + ["nan"] * 3),
        ValueError,
        "Label 3 of The file is 'nan', which says that",
    ),
    (lambda: transfer.class_names("aaabbb"), TypeError, "labels is one str, 'aaabbb': give a list of labels"),
    (lambda: transfer.split_by_label(np.array([0, 0, 1])), ValueError, "A class has 1 text(s); each needs three"),
    (lambda: transfer.split_by_label(np.array([])), TypeError, "classes is array([], dtype=float64); it must"),
    (
        lambda: transfer.split_by_label(np.array([0, 1] * 10), None)["test"].shape,
        TypeError,
        "seed is None; it must be a",
    ),
    (lambda: weights.save_pretrained(ENCODER, None), TypeError, "The folder is None; give its path as text"),
    (lambda: weights.load_checkpoint(None), TypeError, "The checkpoint's name is None; it must be one string"),
    (lambda: weights.load_checkpoint(""), FileNotFoundError, "No checkpoint ''; there are: minilm-mlm, tiny-bert"),
    (lambda: weights.hugging_face_name(ENCODER, "nope"), KeyError, "No rule names the parameter 'nope'"),
    (lambda: weights.read_config("x"), FileNotFoundError, "The folder 'x' has no config.json"),
    (lambda: weights.load_encoder(5), TypeError, "The model is 5; give a name on the hub, a folder, or None"),
    (lambda: claims.claim("01.1", "t", NAN), TypeError, "The condition of claim 01.1 is nan; it must be true or"),
    (lambda: claims.claim("01.1", "t", torch.ones(2).bool()), ValueError, "The condition of claim 01.1 is"),
    (lambda: claims.recorded("01.1", "t", None, True)._repr_html_(), TypeError, "The record (what load_result"),
    (lambda: claims.recorded("01.1", "t", {}, True)._repr_html_(), ValueError, "This is no record of a study with"),
    (lambda: checks.check(None), TypeError, "check takes the function itself, as in check(window_mask), not None"),
    (lambda: checks.check(lambda x: x), KeyError, "No exercise '<lambda>'; there are: pair_batch, Embeddings,"),
    (lambda: checks.hint("nope"), KeyError, "No exercise 'nope'; there are: Encoder, unpad, rotate, and 51 more"),
    (lambda: checks.hint(attention.padding_mask), KeyError, "No exercise <function padding_mask at"),
    (lambda: checks.hint("padding_mask", 1.5), TypeError, "The number of the hint is 1.5; it must be a whole"),
    (lambda: checks.hint("padding_mask", 0), ValueError, "Exercise 'padding_mask' has hints 1 to 2, not 0"),
    (lambda: checks.solution("nope"), KeyError, "No exercise 'nope'; there are: Encoder, unpad, rotate, and 51"),
    (lambda: checks.solution(None), KeyError, "No exercise None; there are: cosine, wilson, rotate, and 51 more"),
    (lambda: plots.heatmap([], [], [], "a"), ValueError, "The matrix '' has shape (0,); its labels ask for (0, 0)"),
    (lambda: plots.heatmap([["a"]], ["a"], ["b"], "a"), TypeError, "The matrix '' is [['a']]; it must hold numbers"),
    (lambda: plots.heatmaps([], ["a"], ["b"], "a"), ValueError, "matrices is empty: there is nothing to draw"),
    (
        lambda: plots.heatmaps([("a", np.eye(2)), ("b", np.eye(3))], ["a", "b"], ["c", "d"], "a"),
        ValueError,
        "The matrix 'b' has shape",
    ),
    (lambda: plots.curves({}, "a", "x", "y"), ValueError, "series is empty: there is nothing to draw"),
    (lambda: plots.curves({"a": ([1, 2], [1])}, "a", "x", "y"), ValueError, "The line 'a' has (2,) values of x and"),
    (lambda: plots.curves([1, 2], "a", "x", "y"), TypeError, "series is [1, 2]; it must be a dictionary by name"),
    (lambda: plots.curves({"a": [1, 2, 3]}, "a", "x", "y"), TypeError, "The line 'a' is [1, 2, 3]; it must be (x, y)"),
    (lambda: plots.loss_curve({"a": []}, "a"), ValueError, "The loss of 'a' is empty: there is nothing to draw"),
    (lambda: plots.loss_curve({"a": [1, 2]}, "a", smooth=0), ValueError, "smooth is 0; it must be at least 1"),
    (lambda: plots.loss_curve({"a": [1, 2, 3]}, "a", smooth=1.5), TypeError, "smooth is 1.5; it must be a whole"),
    (lambda: plots.loss_curve([1, 2, 3], "a"), TypeError, "losses is [1, 2, 3]; it must be a dictionary by name"),
    (
        lambda: plots.curves({"a": ([1, 2], [1, 2])}, "a", "x", "y", baselines={str(i): i for i in range(5)}),
        ValueError,
        "There are 5 baselines; this",
    ),
    (lambda: plots.token_strip([], [], {}, "a"), ValueError, "tokens is empty: there is nothing to draw"),
    (lambda: plots.token_strip(["a"], ["x"], {"y": "red"}, "a"), ValueError, "The kind 'x' has no color; colors has y"),
    (lambda: plots.token_strip(["a", "b"], ["x"], {"x": "red"}, "a"), ValueError, "There are 2 tokens, 1 kinds, 2"),
    (lambda: plots.token_strip("ab", ["x", "x"], {"x": "red"}, "a"), TypeError, "tokens is one string, 'ab': give a"),
    (lambda: plots.token_strip(["a"], ["x"], {"x": "nocolor"}, "a"), ValueError, "The color of 'x' is 'nocolor'"),
    (lambda: plots.arcs([], "a"), ValueError, "rows is empty: there is nothing to draw"),
    (
        lambda: plots.arcs([(["a", "b"], 5, [0.5, 0.5])], "a"),
        ValueError,
        "The index of the token that attends is 5; it",
    ),
    (lambda: plots.arcs([(["a", "b"], 0, [0.5])], "a"), ValueError, "The weights of a row has shape (1,); its labels"),
    (lambda: plots.Diagram("nope", "a"), FileNotFoundError, "No diagram 'nope' in lessons/figures"),
    (lambda: views.head_view([[1]], ["a"], "a"), TypeError, "The weights of layer 0 is list; give a tensor of"),
    (lambda: views.head_view([torch.rand(1, 2, 3, 3)], ["a"], "a"), ValueError, "The weights of layer 0 have shape"),
    (lambda: views.head_view(None, ["a"], "a"), ValueError, "There are no attention weights. Ask for them with"),
    (
        lambda: views.head_view([torch.rand(1, 2, 3, 3)], ["a", "b", "c"], "a", layer=5),
        ValueError,
        "layer is 5; it must lie in",
    ),
    (
        lambda: views.head_view([torch.rand(1, 2, 3, 3)], ["a", "b", "c"], "a", heads=[9]),
        ValueError,
        "A head is 9; it must lie in",
    ),
    (
        lambda: views.head_view(torch.rand(1, 2, 3, 3), ["a", "b", "c"], "a"),
        TypeError,
        "attentions is one tensor; give",
    ),
    (lambda: views.model_view([torch.rand(1, 2, 3, 3)], ["a"], "a"), ValueError, "The weights of layer 0 have shape"),
    (lambda: views.model_view([None], ["a"], "a"), ValueError, "There are no attention weights. Ask for them with"),
    (
        lambda: views.head_view([torch.rand(1, 1, 150, 150)], ["a"] * 150, "a"),
        ValueError,
        "There are 150 tokens; a view",
    ),
    (lambda: views.head_view([torch.rand(1, 2, 3, 3)], "abc", "a"), TypeError, "tokens is one string, 'abc': give a"),
    (
        lambda: views.head_view([torch.full((1, 2, 3, 3), NAN)], ["a", "b", "c"], "a"),
        ValueError,
        "The weights of layer 0 are",
    ),
]


@pytest.mark.parametrize("call, error, message", WRONG.values(), ids=WRONG)
def test_wrong_input_is_refused_in_one_sentence(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error
    one_clear_sentence(caught.value)


@pytest.mark.parametrize("call, error, fragment", ARGUMENTS, ids=[fragment for *_, fragment in ARGUMENTS])
def test_a_wrong_argument_is_refused_in_one_sentence(call, error, fragment):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error and fragment in str(caught.value)
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


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
DAMAGED = {  # content of config.json → what is said
    b"": "config.json in model is empty, so corrupt: get it again",
    b'{"vocab_size": 5': r"config.json in model is corrupt \(JSONDecodeError\)",
    b"\xff\xfe\x00\x01": r"config.json in model is corrupt \(UnicodeDecodeError\)",
    POINTER: "config.json in model is a Git LFS pointer, not the file: run git lfs pull",
    b"[1, 2]": "config.json in model holds a list, not a dictionary",
    b"{}": "config.json in model lacks vocab_size",
    b'{"model_type": "gpt2"}': "model has model_type 'gpt2'; this course's encoder has 'bert'",
}


@pytest.mark.parametrize("content, message", DAMAGED.items(), ids=DAMAGED.values())
@pytest.mark.parametrize("load", [load_encoder, load_model])
def test_a_damaged_configuration_is_named(tmp_path, load, content, message):
    folder = weights.save_pretrained(ENCODER, tmp_path / "model")
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        load(folder)
    one_clear_sentence(caught.value)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize(
    "content, message", [(b"", "is empty"), (b"{", "is corrupt"), (POINTER, "is a Git LFS pointer")]
)
def test_a_damaged_tokenizer_is_named(tmp_path, small_tokenizer, name, content, message):
    small_tokenizer.save_pretrained(tmp_path / "model")
    (tmp_path / "model" / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"model has no usable tokenizer: {name} in model {message}") as caught:
        load_tokenizer(tmp_path / "model")
    one_clear_sentence(caught.value)


@pytest.mark.parametrize("content, message", [(b"", "is empty"), (b'{"name"', "is corrupt"), (b"[1]", "holds a list")])
def test_a_damaged_record_is_named(tmp_path, monkeypatch, content, message):
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    (tmp_path / "study.json").write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        load_result("study")
    one_clear_sentence(caught.value)


@pytest.mark.parametrize("names", [{"0": "a", "2": "b", "3": "c"}, {"1": "a", "2": "b", "3": "c"}])
def test_classes_that_are_not_numbered_through_are_refused(tmp_path, names):
    folder = weights.save_pretrained(CLASSIFIER, tmp_path / "model")
    facts = results.read_json(folder / "config.json") | {"id2label": names}
    results.write_json(folder / "config.json", facts)
    with pytest.raises(ValueError, match="id2label in model names the classes .*; 0, 1, 2, … are needed") as caught:
        load_model(folder)
    one_clear_sentence(caught.value)


def test_labels_are_not_overwritten_by_masking():
    row = {"input_ids": [5, 6], "special_tokens_mask": [0, 0], "labels": 1}
    with pytest.raises(ValueError, match="have labels already, which masking would overwrite") as caught:
        collator()([row])
    one_clear_sentence(caught.value)


def test_what_holds_nan_is_neither_saved_nor_pooled_nor_asked(tmp_path, tokenizer):
    with pytest.raises(ValueError, match="output.weight holds nan") as caught:
        weights.save_pretrained(with_nan_weights(SequenceClassifier), tmp_path)
    one_clear_sentence(caught.value)
    encoder = with_nan_weights(SequenceClassifier).encoder
    with pytest.raises(FloatingPointError, match="vectors are not finite") as caught:
        transfer.text_vectors(encoder, [EXAMPLE], tokenizer)
    one_clear_sentence(caught.value)


@pytest.mark.parametrize(
    "rows, message",
    [
        ("b\0c,1\n", "Row 14 of a.csv holds a zero byte"),
        ("some words,n/a\n", "Row 14 of a.csv has no label"),
        ("some words,<NA>\n", "Row 14 of a.csv has no label"),
    ],
)
def test_a_csv_row_that_is_no_text_is_named(tmp_path, rows, message):
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "x" * 990 + ",1\n" + "some words,0\n" * 11 + rows, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        transfer.read_csv(path, "text", "label")
    one_clear_sentence(caught.value)


def test_one_number_is_one_class():
    with pytest.raises(ValueError, match="classes '1' and '1.0' of x are one number") as caught:
        transfer.class_names(["0", "1", "1.0"] * 3, "x")
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


def test_int32_ids_are_masked_and_scored_as_int64_ids_are():
    options = {"mask_token_id": 4, "replacement_ids": torch.arange(5, 9), "mask_probability": 0.6}
    found, expected = (
        mask_tokens(ids, torch.zeros_like(IDS), generator=generator(0), **options) for ids in (IDS.int(), IDS)
    )
    assert all(torch.equal(a, b) and a.dtype == torch.int64 for a, b in zip(found, expected, strict=True))
    narrow = {"input_ids": IDS.int(), "labels": MASKED[0]["labels"].int()}
    assert evaluate_mlm(PRETRAINER, [narrow], 4) == evaluate_mlm(PRETRAINER, MASKED, 4)
    logits, labels = predict(CLASSIFIER, [BATCH | {"labels": LABELS.int()}])
    assert torch.equal(labels, LABELS) and labels.dtype == torch.int64
    assert evaluation.fit_temperature(logits.numpy(), labels.int().numpy()) == evaluation.fit_temperature(
        logits, labels
    )


def test_similarities_vectors_and_verdicts_may_come_from_numpy():
    similarity = torch.tensor([[0.9, 0.1], [0.5, 0.4]])
    right = torch.arange(2)
    assert evaluation.ranks(similarity.numpy(), right.numpy()).tolist() == [1, 2]
    assert evaluation.ranks(similarity, right).tolist() == evaluation.ranks(similarity, right.int()).tolist() == [1, 2]
    labels = [0, 1] * 6
    assert transfer.probe(torch.tensor(VECTORS), torch.tensor(labels), VECTORS, labels).tolist() == (
        transfer.probe(VECTORS, labels, VECTORS, np.array(labels)).tolist()
    )
    assert evaluation.score(torch.tensor([True, False])) == evaluation.score(np.array([1, 0]))


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
