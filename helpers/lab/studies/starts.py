"""How a small encoder leaves the plateau: five starts."""

from functools import partial

from ...bert import STARTS
from ..study import FROM_SCRATCH, Cost, Study
from ..tiny import TINY, tiny_pretraining


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    steps = 1000 if full else 100
    return {
        f"{start}, seed {seed}": partial(tiny_pretraining, seed=seed, steps=steps, start=start, **TINY)
        for seed in seeds
        for start in STARTS
    }


STUDY = Study(title="How a small encoder leaves the plateau", notebook="05", runs=runs, cost=Cost(FROM_SCRATCH))
