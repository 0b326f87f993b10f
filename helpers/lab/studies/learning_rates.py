"""Why the learning rate is low: the sweep."""

import statistics
from collections.abc import Sequence
from functools import partial

from ...transfer import learning_rate_sweep
from ..study import ALL_LAYERS, Cost, Study


def learning_rate_scores(rates: Sequence[float], **settings) -> dict:
    """Return the sweep's scores alone, as a record keeps them; the rates become text."""
    found = learning_rate_sweep(rates=tuple(rates), **settings, progress=False)
    return {f"{rate:g}": score | {"loss": statistics.mean(score["loss"][-20:])} for rate, score in found.items()}


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    sizes = {"rows": 800 if full else 400, "rates": [1e-5, 3e-5, 1e-4, 3e-4, 1e-3]}
    return {f"seed {seed}": partial(learning_rate_scores, seed=seed, **sizes) for seed in seeds}


# 100 steps of 8 sentences at each of five rates cost about as much as 125 of 32.
STUDY = Study(title="Why the learning rate is low", notebook="06", runs=runs, cost=Cost(ALL_LAYERS, 125))
