"""The studies behind the lessons, one function each. A notebook calls it at the class budget; the command line
records it at more.

    python -m helpers.experiments ladder --budget full --seeds 3

writes data/results/ladder-full.json: what was measured, with machine, versions, seeds, n and the command. Tables are
made from these files.
"""

import argparse
import copy
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from . import batching, evaluation, sentence_pairs, training
from .bert import Encoder, EncoderConfig, SequenceClassifier, pool
from .corpora import Review, load_documents, load_reviews
from .masking import MlmCollator
from .runtime import generator
from .tokenization import encode, load_tokenizer, train_wordpiece
from .weights import load_encoder

RESULTS = Path(__file__).parent.parent / "data" / "results"


# ---------------------------------------------------------------- records


def record(name: str, measured: dict, *, seeds: Iterable[int], n: int, seconds: float, command: str) -> Path:
    """Write one study's JSON into data/results/: `measured` and what it takes to trust it. Returns the path."""
    versions = {package: importlib.metadata.version(package) for package in ("torch", "transformers", "scikit-learn")}
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    machine = {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
        "python": platform.python_version(),
    }
    facts = {
        "name": name,
        "command": command,
        "machine": machine,
        "versions": versions,
        "seeds": list(seeds),
        "n": n,
        "seconds": round(seconds, 1),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(facts | {"measured": measured}, indent=2, default=float) + "\n", encoding="utf-8")
    return path


def load_result(name: str) -> dict:
    """Return a recorded study. Raises FileNotFoundError, naming those there are."""
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        recorded = ", ".join(sorted(p.stem for p in RESULTS.glob("*.json"))) or "none"
        raise FileNotFoundError(f"No recorded study {name!r}; there are: {recorded}.")
    return json.loads(path.read_text(encoding="utf-8"))


def markdown_table(rows: list[dict]) -> str:
    """Return rows of plain values as a Markdown table, the first row's keys as the header."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return "\n".join(lines + ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows])


def percent(share: float) -> str:
    """Return a share as text with one decimal, 0.8342 → 83.4 %."""
    return f"{100 * share:.1f} %"


# ---------------------------------------------------------------- classification


def classification_examples(
    reviews: list[Review], tokenizer, max_length: int = 128, truncate: bool = False
) -> list[dict]:
    """Return encoded reviews with `labels`, and `index`, the place in the list, to put predictions back in order."""
    examples = encode(tokenizer, [review.text for review in reviews], max_length, truncate)
    return [
        example | {"labels": review.label, "index": i}
        for i, (example, review) in enumerate(zip(examples, reviews, strict=True))
    ]


def length_batches(
    examples: list[dict], tokenizer, batch_size: int
) -> Callable[[torch.Generator | None], Iterable[dict[str, Tensor]]]:
    """Return a function that yields one epoch of padded batches of similar length; with None as its generator, in a
    fixed order."""
    lengths = [len(example["input_ids"]) for example in examples]

    def batches(generator: torch.Generator | None = None):
        for indices in batching.LengthBucketSampler(lengths, batch_size, generator):
            yield batching.pad([examples[i] for i in indices], tokenizer.pad_token_id)

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
) -> tuple[SequenceClassifier, training.History]:
    """Fine-tune a copy of `encoder` through its [CLS] and return the classifier and its history.

    `train_layers`: train only so many layers from the top, and the pooler; the rest stays frozen. None trains
    everything.
    """
    torch.manual_seed(seed)  # the new head and dropout draw from the global generator
    model = SequenceClassifier(copy.deepcopy(encoder), num_labels=2)
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
    )
    return model.eval(), history


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
) -> dict:
    """Climb from the majority class to full fine-tuning on Rotten Tomatoes; every rung is trained on the same rows.

    rows: the number of training sentences (None: all). name_or_path: the encoder, as in `weights.load_encoder`.
    Scores are on our held-out tenth, not on the official test set. Returns per rung `accuracy`, `interval`, `n`,
    `trained_parameters`, `right` (bool per test sentence, for paired tests) and, where one was fine-tuned, the `model`.
    """
    tokenizer, encoder = load_tokenizer(name_or_path), load_encoder(name_or_path).to(device)
    train, test = load_reviews("rotten_tomatoes", "train")[:rows], load_reviews("rotten_tomatoes", "test")
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
) -> dict:
    """Fine-tune at each learning rate on the same rows; score on as many of the validation tenth (a choice must not
    see the test tenth).

    Batches of 8, so that few rows still make a fair number of steps. Returns per rate `accuracy`, `interval`, `n` and
    the training `loss` of every step.
    """
    tokenizer, encoder = load_tokenizer(name_or_path), load_encoder(name_or_path).to(device)
    train = classification_examples(load_reviews("rotten_tomatoes", "train")[:rows], tokenizer)
    validation = classification_examples(load_reviews("rotten_tomatoes", "validation")[:rows], tokenizer)
    found = {}
    for rate in rates:
        model, history = fine_tuned(
            encoder, train, tokenizer, seed=seed, epochs=epochs, learning_rate=rate, batch_size=8, progress=progress
        )
        found[rate] = evaluation.score(right_in_order(model, validation, tokenizer, device)) | {"loss": history.loss}
    return found


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


def static_batches(batches: Callable, copies: int = 1) -> Callable[[torch.Generator], Iterable[dict[str, Tensor]]]:
    """Return a function that yields the same masked batches at every epoch: static masking, with so many masked
    copies of the data."""
    made = []

    def epoch(generator: torch.Generator):
        if len(made) < copies:
            made.append(list(batches(generator)))
            yield from made[-1]
        else:
            made.append(made.pop(0))
            yield from made[-1]

    return epoch


def own_vocabulary(documents: int = 2000, vocab_size: int = 8000):
    """Return a WordPiece tokenizer trained on the first IMDb train reviews, and those reviews tokenized by sentence."""
    texts = load_documents("imdb", "train")[:documents]
    tokenizer = train_wordpiece(texts, vocab_size)
    return tokenizer, sentence_pairs.tokenize_documents(texts, tokenizer)


def held_out_batches(
    tokenizer, documents: int, max_length: int, seed: int = 1234, **collator_options
) -> list[dict[str, Tensor]]:
    """Return frozen batches of pairs from held-out IMDb reviews: made once with their own seed."""
    held_out = sentence_pairs.tokenize_documents(load_documents("imdb", "validation")[:documents], tokenizer)
    return list(pretraining_batches(held_out, tokenizer, max_length, 64, **collator_options)(generator(seed)))


def tiny_config(tokenizer, max_length: int, hidden_size: int = 128, num_hidden_layers: int = 2) -> EncoderConfig:
    """Return the course's small BERT shape: heads of 64, a feed-forward part of four times the width."""
    return EncoderConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=hidden_size // 64,
        intermediate_size=4 * hidden_size,
        max_position_embeddings=max_length,
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


# ---------------------------------------------------------------- command line


def record_ladder(budget: str, seeds: list[int]) -> dict:
    """The ladder for every seed, over all training rows at the full budget; one epoch."""
    rows = None if budget == "full" else 300
    runs = []
    for seed in seeds:
        runs.append(
            {
                rung: {k: v for k, v in found.items() if k not in ("right", "model")}
                for rung, found in ladder(rows, epochs=1, batch_size=32, seed=seed, progress=False).items()
            }
        )
        print(seed, {rung: percent(found["accuracy"]) for rung, found in runs[-1].items()}, flush=True)
    means = {rung: statistics.mean(run[rung]["accuracy"] for run in runs) for rung in runs[0]}
    spread = {
        rung: statistics.stdev([run[rung]["accuracy"] for run in runs]) if len(runs) > 1 else None for rung in runs[0]
    }
    train_rows = len(load_reviews("rotten_tomatoes", "train")[:rows])
    return {
        "n": runs[0]["full"]["n"],
        "train_rows": train_rows,
        "epochs": 1,
        "mean": means,
        "standard_deviation": spread,
        "runs": runs,
    }


STUDIES = {"ladder": record_ladder}


def main(arguments: list[str] | None = None) -> None:
    """Run one study and record it."""
    parser = argparse.ArgumentParser(prog="python -m helpers.experiments", description=main.__doc__)
    parser.add_argument("study", choices=sorted(STUDIES))
    parser.add_argument("--budget", choices=("class", "full"), default="class")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds: 0, 1, …")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds is {options.seeds}; at least one seed must run")
    seeds = list(range(options.seeds))
    started = time.perf_counter()
    measured = STUDIES[options.study](options.budget, seeds)
    command = f"python -m helpers.experiments {options.study} --budget {options.budget} --seeds {options.seeds}"
    name = f"{options.study}-{options.budget}"
    record(name, measured, seeds=seeds, n=measured["n"], seconds=time.perf_counter() - started, command=command)
    print(f"recorded data/results/{name}.json")


if __name__ == "__main__":
    main(sys.argv[1:])
