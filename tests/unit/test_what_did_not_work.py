"""The page of negative results: every number on it is the one in data/results/."""

import re
import statistics
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest

from helpers.results import load_result

PAGE = (Path(__file__).parents[2] / "lessons" / "what-did-not-work.md").read_text(encoding="utf-8")
MASK = ("test", "kinds", "mask", "accuracy")
SENTIMENT = ("rotten_tomatoes", "accuracy")


def mean(study: str, *path: str, run: str = "") -> float:
    """Return the percentage at a place in a study, averaged over the seeds; `run` is the name before the seed."""
    arms = load_result(f"{study}-full")["arms"]
    chosen = [arm for name, arm in arms.items() if name == f"{run}, seed {name.split()[-1]}".removeprefix(", ")]
    assert chosen, f"{study} has no run {run!r}"
    return 100 * statistics.mean(reduce(getitem, path, arm["measured"]) for arm in chosen)


def short_pretrainings() -> list[float]:
    runs = {name.rpartition(", seed")[0] for name in load_result("recipes-full")["arms"]} - {"not pre-trained"}
    assert len(runs) == 7
    return [mean("recipes", *SENTIMENT, run=run) for run in runs]


def other_starts() -> list[float]:
    return [mean("starts", *MASK, run=run) for run in ("random", "sine", "waves")]


def gain_of_pretraining() -> float:
    folds = [arm["measured"] for arm in load_result("own-pretraining-folds-full")["arms"].values()]
    assert len(folds) == 15
    return 100 * statistics.mean(fold["pre-trained"]["accuracy"] - fold["fresh"]["accuracy"] for fold in folds)


def lead_of_bulk_pairs() -> list[float]:
    pairs = load_result("bench-full")["arms"]["pairs"]["measured"]["found"]
    lead = pairs["per token"]["value"]
    return [lead, lead / pairs["one by one"]["value"]]


def speedup_on_gpu() -> float:
    return load_result("bench-full")["arms"]["GPU, 4 × 256"]["measured"]["found"]["eager"]["value"]


NUMBERS = {
    "starts as BERT does fills {:.1f}%": lambda: [mean("starts", *MASK, run="BERT")],
    "to between {:.1f}% and {:.1f}%": lambda: [min(other_starts()), max(other_starts())],
    "leaves the plateau: {:.1f}%": lambda: [mean("starts", *MASK, run="neighbours")],
    "wasn't pretrained is right on {:.1f}%": lambda: [mean("recipes", *SENTIMENT, run="not pre-trained")],
    "it's right on {:.1f}% to {:.1f}%": lambda: [min(short_pretrainings()), max(short_pretrainings())],
    "it's {:.1f}% without pretraining and {:.1f}% after 2,000 steps": lambda: [
        mean("short-pretraining", *SENTIMENT, run=run) for run in ("not pretrained", "2,000 steps")
    ],
    "gains {:.1f} points (15 folds)": lambda: [gain_of_pretraining()],
    "2,000 steps end at {:.1f}%, {:.1f}%, and {:.1f}%": lambda: [
        mean("recipes", *SENTIMENT, run=f"{share} of the text, long") for share in ("10 %", "30 %", "all")
    ],
    "`tiny-bert` fell from {:.1f}% to {:.1f}%": lambda: [
        mean("tiny-bert", *MASK),
        mean("tiny-bert", *MASK, run="with dropout"),
    ],
    "the MLM head on MiniLM from {:.1f}% to {:.1f}%": lambda: [
        mean("minilm-mlm", *MASK),
        mean("minilm-mlm", *MASK, run="with dropout"),
    ],
    "on movie reviews it falls from {:.1f}% to {:.1f}%": lambda: [
        mean("minilm-mlm", *MASK),
        mean("minilm-mlm", *MASK, run="general English"),
    ],
    "change nothing there ({:.1f}%)": lambda: [mean("minilm-mlm", *MASK, run="general English, 11,000 steps")],
    "with {:.1f}% on reviews": lambda: [mean("minilm-mlm", *MASK, run="general English, averaged")],
    "whole-word masking fills {:.1f}%": lambda: [mean("masking", *MASK, run="whole words")],
    "kept tokens {:.1f}%, against {:.1f}%": lambda: [
        mean("masking", *MASK, run="[MASK] only"),
        mean("masking", *MASK, run="15 %, dynamic"),
    ],
    "true from false pairs in {:.1f}%": lambda: [mean("next-sentence", "NSP head", "accuracy", run="another review")],
    "is right on {:.1f}% when asked": lambda: [
        mean("next-sentence", "order task: NSP head", "accuracy", run="another review")
    ],
    "scores {:.1f}% with both and {:.1f}% with neither": lambda: [
        mean("warmup-and-clipping", f"{name}, 0.0001", "accuracy") for name in ("both", "neither")
    ],
    "it's {:.1f}% against {:.1f}%": lambda: [
        mean("warmup-and-clipping", f"{name}, 0.0003", "accuracy") for name in ("both", "neither")
    ],
    "it gets {:.1f}%; training all of them gets {:.1f}%": lambda: [
        mean("lora", "test", name, "accuracy") for name in ("LoRA", "full")
    ],
    "reaches {:.1f}% through `[CLS]` and {:.1f}% through the mean": lambda: [
        mean("official", "full", "accuracy"),
        mean("official", "full", "accuracy", run="mean pooling"),
    ],
    "claims {:.1f}% confidence on average": lambda: [
        mean("calibration", "before", "confidence", run="300 rows, 10 epochs")
    ],
    "on average and is right on {:.1f}%": lambda: [mean("calibration", "accuracy", run="300 rows, 10 epochs")],
    "reaches {:.1f}%, and TF-IDF {:.1f}%": lambda: [mean("imdb", name, "accuracy") for name in ("full", "TF-IDF")],
    "among 1,000 in {:.1f}%": lambda: [mean("retrieval", "before", "mean", "accuracy")],
    "sentiment, it's {:.1f}%": lambda: [mean("retrieval", "after", "mean", "accuracy")],
    "with shuffled labels, it's {:.1f}%": lambda: [mean("retrieval", "after, shuffled labels", "mean", "accuracy")],
    "either vector, at {:.1f}%": lambda: [mean("retrieval", "TF-IDF", "accuracy")],
    "is now {:.1f} times as fast as the better reference, and the readable one {:.1f} times": lead_of_bulk_pairs,
    "in eager mode, and measured {:.1f} times": lambda: [speedup_on_gpu()],
    "reaches {:.1f}% with a teacher's answers and labels, and {:.1f}% with labels alone": lambda: [
        mean("distillation", name, "accuracy") for name in ("distilled", "same start, labels")
    ],
    "vectors, {:.2f} without the cosine, and {:.2f} without the soft targets": lambda: [
        mean("masked-word-students", "test", "loss", run=f"without the {part} part") / 100
        for part in ("cosine", "soft")
    ],
    "a student's loss is {:.2f} with": lambda: [mean("masked-word-students", "test", "loss", run="ours") / 100],
}


@pytest.mark.parametrize("sentence", NUMBERS)
def test_number_is_the_recorded_one(sentence):
    assert sentence.format(*NUMBERS[sentence]()) in " ".join(PAGE.split())


def test_no_percentage_is_left_out():
    known = {f"{value:.1f}%" for numbers in NUMBERS.values() for value in numbers()}
    assert set(re.findall(r"\d+\.\d+%", PAGE)) <= known
