"""The studies behind the lessons, one function each. A notebook calls it at the class budget; the command line
records it at more.

    python -m helpers.experiments ladder --budget full --seeds 3

writes data/results/ladder-full.json, arm by arm: what was measured, with settings, machine, versions, seconds and the
command. Tables are made from these files.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Iterable, Mapping
from functools import partial, reduce
from operator import getitem
from pathlib import Path

import numpy as np
import torch

from . import evaluation, toy
from .bert import Encoder
from .corpora import load_reviews
from .recipes import classification_examples, fine_tuned, probe, right_in_order, text_vectors, tfidf_baseline
from .runtime import generator
from .tokenization import load_tokenizer
from .weights import load_encoder

RESULTS = Path(__file__).parent.parent / "data" / "results"


# ---------------------------------------------------------------- records


def record(name: str, arms: Mapping[str, partial], *, command: str) -> Path:
    """Run a study arm by arm and write its JSON after each, so that a study that was stopped goes on where it was.

    arms: name → a function with its arguments, which are recorded as the arm's `settings`; it returns what it measured,
    as plain values. An arm that the file holds already, with the same settings, is not run again; arms that have not
    run yet are listed under `not_run`. Delete the file to measure everything anew. Returns the path of the file.
    """
    path = RESULTS / f"{name}.json"
    held = load_result(name)["arms"] if path.is_file() else {}
    done = {arm: held[arm] for arm, run in arms.items() if arm in held and held[arm]["settings"] == run.keywords}
    for arm, run in arms.items():
        if arm in done:
            continue
        started = time.perf_counter()
        measured = run()
        seconds = round(time.perf_counter() - started, 1)
        done[arm] = {"settings": run.keywords, **circumstances(), "seconds": seconds, "measured": measured}
        waiting = [other for other in arms if other not in done]
        facts = {"name": name, "command": command, "not_run": waiting, "arms": done}
        RESULTS.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts, indent=2, default=float) + "\n", encoding="utf-8")
        print(f"{name}: {arm}, {seconds:.0f} s", flush=True)
    return path


def circumstances() -> dict:
    """Return the machine and the versions, for a record."""
    versions = {package: importlib.metadata.version(package) for package in ("torch", "transformers", "scikit-learn")}
    cpu = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.*)", cpu.read_text(encoding="utf-8")) if cpu.is_file() else []
    machine = {
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
    }
    return {"machine": machine, "versions": versions}


def load_result(name: str) -> dict:
    """Return a recorded study. Raises FileNotFoundError, naming those there are."""
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        recorded = ", ".join(sorted(p.stem for p in RESULTS.glob("*.json"))) or "none"
        raise FileNotFoundError(f"No recorded study {name!r}; there are: {recorded}.")
    return json.loads(path.read_text(encoding="utf-8"))


def over_arms(result: dict, *keys: str) -> dict:
    """Return `mean`, `lowest`, `highest` and the standard deviation `sd` (None for a single arm) of one value over the
    arms of a recorded study; `keys` lead to it inside `measured`, for example "full", "accuracy"."""
    values = [reduce(getitem, keys, arm["measured"]) for arm in result["arms"].values()]
    spread = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.mean(values), "sd": spread, "lowest": min(values), "highest": max(values)}


def markdown_table(rows: list[dict]) -> str:
    """Return rows of plain values as a Markdown table, the first row's keys as the header."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return "\n".join(lines + ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows])


def percent(share: float) -> str:
    """Return a share as text with one decimal, 0.8342 → 83.4 %."""
    return f"{100 * share:.1f} %"


# ---------------------------------------------------------------- three objectives


def three_objectives(seed: int, steps: int, sentences: int = 1000) -> dict:
    """Train the toy encoder three ways from the same start and set all three the same exam (notebook 02).

    Returns per objective the final `loss` (mean of the last 50 steps, nats) and the share of hidden words found, `noun`
    and `verb`, each as `evaluation.score` gives it; guessing finds one in eight.
    """
    exam, _ = toy.toy_sentences(sentences, generator(1000 + seed))
    results = {}
    for objective, make_batch in toy.OBJECTIVES.items():
        torch.manual_seed(seed)
        model = toy.TinyEncoder(len(toy.VOCABULARY), toy.LENGTH)
        losses = toy.train_tiny(model, partial(make_batch, generator(seed)), steps, learning_rate=5e-3)
        found = toy.hidden_words_found(model, objective, exam)
        shares = {word: evaluation.score(right.numpy()) for word, right in found.items()}
        results[objective] = {"loss": statistics.mean(losses[-50:])} | shares
    return results


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


def ladder_scores(**settings) -> dict:
    """Return the ladder's scores alone, as a record keeps them."""
    found = ladder(**settings, progress=False)
    return {rung: {k: v for k, v in score.items() if k not in ("right", "model")} for rung, score in found.items()}


def ladder_arms(budget: str, seeds: list[int]) -> dict[str, partial]:
    """The ladder for every seed; at the full budget over all training rows, one epoch."""
    size = {"rows": None, "epochs": 1, "batch_size": 32} if budget == "full" else {"rows": 300, "epochs": 3}
    return {f"seed {seed}": partial(ladder_scores, seed=seed, **size) for seed in seeds}


def three_objectives_arms(budget: str, seeds: list[int]) -> dict[str, partial]:
    """Three objectives for every seed."""
    steps = 1000 if budget == "full" else 350
    return {f"seed {seed}": partial(three_objectives, seed=seed, steps=steps) for seed in seeds}


STUDIES = {"ladder": ladder_arms, "three-objectives": three_objectives_arms}


def main(arguments: list[str] | None = None) -> None:
    """Run one study and record it."""
    parser = argparse.ArgumentParser(prog="python -m helpers.experiments", description=main.__doc__)
    parser.add_argument("study", choices=sorted(STUDIES))
    parser.add_argument("--budget", choices=("class", "full"), default="class")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds: 0, 1, …")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds is {options.seeds}; at least one seed must run")
    command = f"python -m helpers.experiments {options.study} --budget {options.budget} --seeds {options.seeds}"
    name = f"{options.study}-{options.budget}"
    record(name, STUDIES[options.study](options.budget, list(range(options.seeds))), command=command)
    print(f"recorded data/results/{name}.json")


if __name__ == "__main__":
    main(sys.argv[1:])
