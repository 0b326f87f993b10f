"""What warm-up and clipping are worth."""

import math
from collections.abc import Sequence
from functools import partial

from ...training import Optimization
from ..study import ALL_LAYERS, Cost, Study
from .learning_rates import learning_rate_scores

VARIANTS = {
    "both": Optimization(),
    "no warm-up": Optimization(warmup_fraction=0.0),
    "no clipping": Optimization(max_grad_norm=math.inf),
    "neither": Optimization(warmup_fraction=0.0, max_grad_norm=math.inf),
}


def warmup_and_clipping(rows: int, rates: Sequence[float], seed: int) -> dict:
    """Repeat the sweep with and without warm-up and clipping; return the validation scores, as
    {"both, 0.0001": score, …}."""
    found = {}
    for name, optimization in VARIANTS.items():
        scores = learning_rate_scores(rates, rows=rows, seed=seed, optimization=optimization)
        found |= {f"{name}, {rate}": score for rate, score in scores.items()}
    return found


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    size = {"rows": 800, "rates": [1e-4, 3e-4]} if full else {"rows": 64, "rates": [1e-4]}
    return {f"seed {seed}": partial(warmup_and_clipping, seed=seed, **size) for seed in seeds}


STUDY = Study(title="What warm-up and clipping are worth", notebook="06", runs=runs, cost=Cost(ALL_LAYERS, 270))
