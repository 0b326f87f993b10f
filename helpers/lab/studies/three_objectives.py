"""One encoder, three objectives: causal, copying, masked words."""

import statistics
import time
from functools import partial

import torch

from ... import evaluation, toy
from ...device import generator
from ..study import Cost, Study, Unit


def three_objectives(seed: int, steps: int, sentences: int = 1000) -> dict:
    """Train the toy encoder three ways from the same start and score all three on the same sentences (notebook 02).

    Returns per objective the final `loss` (mean of the last 50 steps, nats) and the share of hidden words found, `noun`
    and `verb`, each as `evaluation.score` gives it; guessing finds one in eight.
    """
    test, _ = toy.toy_sentences(sentences, generator(1000 + seed))
    results = {}
    for objective, make_batch in toy.OBJECTIVES.items():
        torch.manual_seed(seed)
        model = toy.TinyEncoder(len(toy.VOCABULARY), toy.LENGTH)
        losses = toy.train_tiny(model, partial(make_batch, generator(seed)), steps, learning_rate=5e-3)
        found = toy.hidden_words_found(model, objective, test)
        shares = {word: evaluation.score(right.numpy()) for word, right in found.items()}
        results[objective] = {"loss": statistics.mean(losses[-50:])} | shares
    return results


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    return {f"seed {seed}": partial(three_objectives, seed=seed, steps=1000 if full else 350) for seed in seeds}


def seconds_per_step(steps: int = 5) -> float:
    """Return the seconds that one step of each objective takes, together."""
    seconds = 0.0
    for make_batch in toy.OBJECTIVES.values():
        model = toy.TinyEncoder(len(toy.VOCABULARY), toy.LENGTH)
        started = time.perf_counter()
        toy.train_tiny(model, partial(make_batch, generator(0)), steps, learning_rate=1e-3)
        seconds += (time.perf_counter() - started) / steps
    return seconds


STUDY = Study(
    title="One encoder, three objectives",
    notebook="02",
    runs=runs,
    seeds=5,
    cost=Cost(Unit("toy, three objectives", seconds_per_step)),
)
