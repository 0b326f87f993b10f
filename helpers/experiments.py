"""The studies behind the lessons, one function each. A notebook calls it at the class budget; the command line
records it at more.

    python -m helpers.experiments ladder --budget full --seeds 3

writes data/results/ladder-full.json: what was measured, with machine, versions, seeds, n and the command. Tables are
made from these files.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from . import evaluation
from .bert import Encoder
from .corpora import load_reviews
from .recipes import classification_examples, fine_tuned, probe, right_in_order, text_vectors, tfidf_baseline
from .tokenization import load_tokenizer
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


# ---------------------------------------------------------------- the ladder


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
