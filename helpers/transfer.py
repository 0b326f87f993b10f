"""Put a pretrained encoder to use: fine-tune it, probe its frozen vectors, and hold both against TF-IDF."""

import copy
import statistics
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from . import evaluation, training
from .batching import length_batches
from .bert import Encoder, SequenceClassifier, evaluating, pool
from .corpora import Review, load_reviews
from .device import generator
from .tokenization import encode, load_tokenizer
from .weights import load_encoder

# ---------------------------------------------------------------- one encoder, one task


def classification_examples(
    reviews: list[Review], tokenizer, max_length: int = 128, truncate: bool = False
) -> list[dict]:
    """Return encoded reviews with `labels`."""
    examples = encode(tokenizer, [review.text for review in reviews], max_length, truncate)
    return [example | {"labels": review.label} for example, review in zip(examples, reviews, strict=True)]


def right_in_order(model, examples: list[dict], tokenizer, device="cpu") -> np.ndarray:
    """Return one bool per example, in the examples' order: did the classifier get it right?"""
    batches = list(length_batches(examples, tokenizer, 64))
    right = evaluation.evaluate_classifier(model, batches, device)["right"]
    ordered = np.empty(len(examples), dtype=bool)
    ordered[torch.cat([batch["index"] for batch in batches]).numpy()] = right
    return ordered


@torch.no_grad()
def text_vectors(
    encoder: Encoder, examples: list[dict], tokenizer, poolings=("cls", "mean"), layers=(-1,), device="cpu"
) -> dict:
    """Return {(layer, pooling): float array (texts, hidden)} of the frozen encoder, in the examples' order; layer 0
    is the embeddings. The encoder is put in eval mode and back."""
    found = {
        (layer, pooling): np.empty((len(examples), encoder.config.hidden_size), np.float32)
        for layer in layers
        for pooling in poolings
    }
    with evaluating(encoder):
        for batch in length_batches(examples, tokenizer, 64):
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
    everything, even if the encoder given is frozen: the copy is not. Raises ValueError for more layers than there are.
    `loop`: more settings of `training.fine_tune`.
    """
    if train_layers is not None and not 0 <= train_layers <= len(encoder.layers):
        raise ValueError(f"train_layers is {train_layers}; the encoder has {len(encoder.layers)} layers.")
    torch.manual_seed(seed)  # the new head and dropout draw from the global generator
    like = encoder.pooler.weight
    model = SequenceClassifier(copy.deepcopy(encoder), num_labels=2).to(like.device, like.dtype)
    model.requires_grad_(True)
    if train_layers is not None:
        training.freeze(model.encoder.embeddings)
        for layer in model.encoder.layers[: len(model.encoder.layers) - train_layers]:
            training.freeze(layer)
    history = training.fine_tune(
        model,
        length_batches(examples, tokenizer, batch_size, generator(seed)),
        epochs=epochs,
        learning_rate=learning_rate,
        evaluate=evaluate,
        progress=progress,
        **loop,
    )
    return model.eval(), history


# ---------------------------------------------------------------- ways to use it, side by side


RUNGS = (
    "majority",
    "TF-IDF + logistic regression",
    "frozen [CLS]",
    "frozen mean",
    "last layer",
    "full",
    "random initialisation",
)


def ladder(
    rows: int | None = 300,
    epochs: int = 3,
    batch_size: int = 8,
    seed: int = 0,
    rungs: Iterable[str] = RUNGS,
    name_or_path: str | Path | None = None,
    device="cpu",
    progress: bool = True,
    sentences: tuple[list[Review], list[Review]] | None = None,
) -> dict:
    """Climb from the majority class to full fine-tuning on Rotten Tomatoes; every rung is trained on the same rows.

    rows: how many of our train split's sentences to learn from (None: all). sentences: others in place of both splits,
    to learn from and to judge by, as in cross-validation. name_or_path: the encoder, as in `weights.load_encoder`.
    Scores are on our held-out tenth, not on the official test set. Returns per rung `accuracy`, `interval`, `n`,
    `trained_parameters`, `right` (bool per test sentence, for paired tests) and, where one was fine-tuned, the `model`.
    """
    rungs, tokenizer, encoder = tuple(rungs), load_tokenizer(name_or_path), load_encoder(name_or_path).to(device)
    train, test = sentences or [load_reviews("rotten_tomatoes", split) for split in ("train", "test")]
    train = train if sentences else train[:rows]
    train_examples, test_examples = (classification_examples(reviews, tokenizer) for reviews in (train, test))
    y_train, y_test = ([review.label for review in reviews] for reviews in (train, test))
    right, trained, models = {}, {}, {}
    if any(rung.startswith("frozen") for rung in rungs):
        train_vectors, test_vectors = (
            text_vectors(encoder, examples, tokenizer, device=device) for examples in (train_examples, test_examples)
        )
    for rung in rungs:
        if rung == "majority":
            right[rung], trained[rung] = np.array(y_test) == statistics.mode(y_train), 0
        elif rung.startswith("TF-IDF"):
            right[rung], trained[rung] = tfidf_baseline(train, test), None
        elif rung.startswith("frozen"):
            key = (-1, "cls" if "[CLS]" in rung else "mean")
            right[rung] = probe(train_vectors[key], y_train, test_vectors[key], y_test)
            trained[rung] = encoder.config.hidden_size + 1
        else:
            torch.manual_seed(seed)
            start = Encoder(encoder.config).to(device) if rung.startswith("random") else encoder
            options = {"train_layers": 1 if rung == "last layer" else None, "batch_size": batch_size}
            model, _ = fine_tuned(
                start, train_examples, tokenizer, seed=seed, epochs=epochs, progress=progress, **options
            )
            right[rung], models[rung] = right_in_order(model, test_examples, tokenizer, device), model
            trained[rung] = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return {
        rung: evaluation.score(r) | {"trained_parameters": trained[rung], "right": r, "model": models.get(rung)}
        for rung, r in right.items()
    }


def learning_rate_sweep(
    rows: int = 400,
    rates=(1e-5, 1e-4, 1e-3),
    epochs: int = 1,
    seed: int = 0,
    name_or_path: str | Path | None = None,
    device="cpu",
    progress: bool = True,
    **loop,
) -> dict:
    """Fine-tune at each learning rate on the same rows; score on as many of the validation tenth (a choice must not
    see the test tenth).

    Batches of 8, so that few rows still make a fair number of steps. `loop`: more settings of `training.fine_tune`.
    Returns per rate `accuracy`, `interval`, `n` and the training `loss` of every step.
    """
    tokenizer, encoder = load_tokenizer(name_or_path), load_encoder(name_or_path).to(device)
    train = classification_examples(load_reviews("rotten_tomatoes", "train")[:rows], tokenizer)
    validation = classification_examples(load_reviews("rotten_tomatoes", "validation")[:rows], tokenizer)
    found = {}
    for rate in rates:
        settings = {"seed": seed, "epochs": epochs, "learning_rate": rate, "batch_size": 8, "progress": progress}
        model, history = fine_tuned(encoder, train, tokenizer, **settings, **loop)
        found[rate] = evaluation.score(right_in_order(model, validation, tokenizer, device)) | {"loss": history.loss}
    return found
