"""What the notebooks and the studies share: from text to batches, and the standard runs, each a few lines long."""

import copy
import itertools
import statistics
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from . import batching, evaluation, sentence_pairs, training
from .attention import MultiHeadAttention
from .bert import Encoder, EncoderConfig, SequenceClassifier, pool
from .corpora import Review, load_documents
from .masking import MlmCollator
from .runtime import generator
from .tokenization import encode, train_wordpiece

# ---------------------------------------------------------------- classification


def classification_examples(
    reviews: list[Review], tokenizer, max_length: int = 128, truncate: bool = False
) -> list[dict]:
    """Return encoded reviews with `labels`."""
    examples = encode(tokenizer, [review.text for review in reviews], max_length, truncate)
    return [example | {"labels": review.label} for example, review in zip(examples, reviews, strict=True)]


def length_batches(
    examples: list[dict], tokenizer, batch_size: int
) -> Callable[[torch.Generator | None], Iterable[dict[str, Tensor]]]:
    """Return a function that yields one epoch of padded batches of similar length; with None as its generator, in a
    fixed order. Each batch says in `index` where in the list its examples stand, to put predictions back in order."""
    lengths = [len(example["input_ids"]) for example in examples]

    def batches(generator: torch.Generator | None = None):
        for indices in batching.LengthBucketSampler(lengths, batch_size, generator):
            yield batching.pad([examples[i] | {"index": i} for i in indices], tokenizer.pad_token_id)

    return batches


def right_in_order(model, examples: list[dict], tokenizer, device="cpu") -> np.ndarray:
    """Return one bool per example, in the examples' order: did the classifier get it right?"""
    batches = list(length_batches(examples, tokenizer, 64)())
    right = evaluation.evaluate_classifier(model, batches, device)["right"]
    ordered = np.empty(len(examples), dtype=bool)
    ordered[torch.cat([batch["index"] for batch in batches]).numpy()] = right
    return ordered


@torch.no_grad()
def text_vectors(
    encoder: Encoder, examples: list[dict], tokenizer, poolings=("cls", "mean"), layers=(-1,), device="cpu"
) -> dict:
    """Return {(layer, pooling): float array (texts, hidden)} of the frozen encoder, in the examples' order; layer 0
    is the embeddings."""
    found = {
        (layer, pooling): np.empty((len(examples), encoder.config.hidden_size), np.float32)
        for layer in layers
        for pooling in poolings
    }
    encoder.eval()
    for batch in length_batches(examples, tokenizer, 64)():
        batch = {key: tensor.to(device) for key, tensor in batch.items()}
        states = encoder(
            batch["input_ids"], batch["attention_mask"], batch["token_type_ids"], output_hidden_states=True
        ).hidden_states
        for layer, pooling in found:
            found[layer, pooling][batch["index"].cpu()] = (
                pool(states[layer], batch["attention_mask"], pooling, encoder).float().cpu().numpy()
            )
    return found


def probe(train_vectors: np.ndarray, train_labels, test_vectors: np.ndarray, test_labels) -> np.ndarray:
    """Fit a logistic regression on frozen vectors; return one bool per test text."""
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    return classifier.fit(train_vectors, train_labels).predict(test_vectors) == np.asarray(test_labels)


def tfidf_baseline(train: list[Review], test: list[Review]) -> np.ndarray:
    """Fit TF-IDF over words and word pairs + logistic regression; return one bool per test text."""
    classifier = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10.0, max_iter=1000)
    )
    classifier.fit([r.text for r in train], [r.label for r in train])
    return classifier.predict([r.text for r in test]) == np.array([r.label for r in test])


def fine_tuned(
    encoder: Encoder,
    examples: list[dict],
    tokenizer,
    *,
    seed: int,
    epochs: int,
    learning_rate: float = 1e-4,
    batch_size: int = 32,
    train_layers: int | None = None,
    evaluate=None,
    progress: bool = True,
    **loop,
) -> tuple[SequenceClassifier, training.History]:
    """Fine-tune a copy of `encoder` through its [CLS] and return the classifier and its history.

    `train_layers`: train only so many layers from the top, and the pooler; the rest stays frozen. None trains
    everything. Raises ValueError for more layers than there are. `loop`: more settings of `training.fine_tune`.
    """
    if train_layers is not None and not 0 <= train_layers <= len(encoder.layers):
        raise ValueError(f"train_layers is {train_layers}; the encoder has {len(encoder.layers)} layers.")
    torch.manual_seed(seed)  # the new head and dropout draw from the global generator
    model = SequenceClassifier(copy.deepcopy(encoder), num_labels=2).to(encoder.pooler.weight.device)
    if train_layers is not None:
        training.freeze(model.encoder.embeddings)
        for layer in model.encoder.layers[: len(model.encoder.layers) - train_layers]:
            training.freeze(layer)
    steps = -(-len(examples) // batch_size)
    history = training.fine_tune(
        model,
        length_batches(examples, tokenizer, batch_size),
        epochs=epochs,
        steps_per_epoch=steps,
        learning_rate=learning_rate,
        generator=generator(seed),
        evaluate=evaluate,
        progress=progress,
        **loop,
    )
    return model.eval(), history


# ---------------------------------------------------------------- pre-training


def pretraining_batches(
    documents: list[list[list[int]]],
    tokenizer,
    max_length: int,
    batch_size: int,
    next_sentence: bool = True,
    **collator_options,
) -> Callable[[torch.Generator], Iterable[dict[str, Tensor]]]:
    """Return a function that yields one epoch: fresh pairs, fresh masks, batches of similar length.
    `next_sentence=False` leaves the label out."""

    def batches(generator: torch.Generator):
        pairs, _ = sentence_pairs.make_nsp_pairs(documents, max_length, generator)
        examples = [sentence_pairs.build_inputs(pair, tokenizer.cls_token_id, tokenizer.sep_token_id) for pair in pairs]
        if not next_sentence:
            examples = [
                {key: value for key, value in example.items() if key != "next_sentence_label"} for example in examples
            ]
        collator = MlmCollator(tokenizer, generator, **collator_options)
        for indices in batching.LengthBucketSampler(
            [len(example["input_ids"]) for example in examples], batch_size, generator
        ):
            yield collator([examples[i] for i in indices])

    return batches


def static_batches(
    batches: Callable, copies: int = 1, seed: int = 0
) -> Callable[[torch.Generator], Iterable[dict[str, Tensor]]]:
    """Return a function that yields the same batches at every epoch, pairs and masks alike: data prepared once, in so
    many copies that take turns.

    The copies come from generators of their own (seed, seed + 1, …), not from the one that an epoch is given: another
    process sees the same copies. Whose turn it is, is kept in memory alone: resume only runs of one copy.
    """
    turn = itertools.cycle(range(copies))

    def epoch(_: torch.Generator):
        yield from batches(generator(seed + next(turn)))

    return epoch


def window_batches(
    documents: list[list[list[int]]], tokenizer, max_length: int, batch_size: int, **collator_options
) -> Callable[[torch.Generator], Iterable[dict[str, Tensor]]]:
    """Return a function that yields one epoch of single windows of text, freshly cut and masked, in batches of similar
    length."""

    def batches(generator: torch.Generator):
        examples = [
            {
                "input_ids": [tokenizer.cls_token_id, *window, tokenizer.sep_token_id],
                "special_tokens_mask": [1] + [0] * len(window) + [1],
            }
            for window in sentence_pairs.text_windows(documents, max_length - 2, generator)
        ]
        collator = MlmCollator(tokenizer, generator, **collator_options)
        lengths = [len(example["input_ids"]) for example in examples]
        for indices in batching.LengthBucketSampler(lengths, batch_size, generator):
            yield collator([examples[i] for i in indices])

    return batches


def frozen_windows(
    tokenizer, documents: int, max_length: int, seed: int = 1234, split: str = "validation"
) -> list[dict[str, Tensor]]:
    """Return frozen batches of windows from held-out IMDb reviews, 15 % masked: made once with their own seed."""
    held_out = sentence_pairs.tokenize_documents(load_documents("imdb", split)[:documents], tokenizer)
    return list(window_batches(held_out, tokenizer, max_length, 32)(generator(seed)))


def all_tokens(documents: list[list[list[int]]]) -> Tensor:
    """Return every token of the documents in one row, int64 (n,)."""
    return torch.tensor([token for document in documents for sentence in document for token in sentence])


def without_dropout(model: nn.Module) -> nn.Module:
    """Switch every dropout of the model off, in place, and return it: for runs so short that nothing is seen often."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, MultiHeadAttention):
            module.dropout = 0.0
    return model


@lru_cache(maxsize=1)
def own_vocabulary(documents: int | None = 2000, vocab_size: int = 8000):
    """Return a WordPiece tokenizer trained on the first IMDb train reviews (None: all), and those reviews tokenized by
    sentence. The last answer is kept: do not change it."""
    texts = load_documents("imdb", "train")[:documents]
    tokenizer = train_wordpiece(texts, vocab_size)
    return tokenizer, sentence_pairs.tokenize_documents(texts, tokenizer)


def held_out_batches(
    tokenizer, documents: int, max_length: int, seed: int = 1234, split: str = "validation", **collator_options
) -> list[dict[str, Tensor]]:
    """Return frozen batches of pairs from held-out IMDb reviews: made once with their own seed."""
    held_out = sentence_pairs.tokenize_documents(load_documents("imdb", split)[:documents], tokenizer)
    return list(pretraining_batches(held_out, tokenizer, max_length, 64, **collator_options)(generator(seed)))


def tiny_config(
    tokenizer,
    max_length: int,
    hidden_size: int = 128,
    num_hidden_layers: int = 2,
    head_size: int = 64,
    initializer_range: float = 0.02,
    dropout: float = 0.1,
) -> EncoderConfig:
    """Return the course's small BERT shape: heads of 64, a feed-forward part of four times the width."""
    return EncoderConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=hidden_size // head_size,
        intermediate_size=4 * hidden_size,
        max_position_embeddings=max_length,
        initializer_range=initializer_range,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        pad_token_id=tokenizer.pad_token_id,
    )


# ---------------------------------------------------------------- next sentence


def nsp_features(pairs: list[sentence_pairs.Pair]) -> dict[str, np.ndarray]:
    """Return what can be seen without reading: word overlap (Jaccard) and the two lengths, arrays (pairs, features)."""
    overlap = [[len(set(p.tokens_a) & set(p.tokens_b)) / max(1, len(set(p.tokens_a) | set(p.tokens_b)))] for p in pairs]
    lengths = [[len(p.tokens_a), len(p.tokens_b)] for p in pairs]
    return {"overlap": np.array(overlap), "lengths": np.array(lengths, dtype=float)}


def nsp_baselines(train: list[sentence_pairs.Pair], test: list[sentence_pairs.Pair]) -> dict[str, np.ndarray]:
    """Return one bool per test pair for majority, length only, and word overlap."""
    y_train, y_test = (np.array([pair.label for pair in pairs]) for pairs in (train, test))
    found = {"majority": y_test == statistics.mode(y_train.tolist())}
    features_train, features_test = nsp_features(train), nsp_features(test)
    for name, key in (("lengths only", "lengths"), ("word overlap", "overlap")):
        classifier = make_pipeline(StandardScaler(), LogisticRegression()).fit(features_train[key], y_train)
        found[name] = classifier.predict(features_test[key]) == y_test
    return found
