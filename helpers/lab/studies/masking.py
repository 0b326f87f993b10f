"""What of the masking matters: the rate, whole words, the mix, fresh masks."""

from functools import partial

from ..study import FROM_SCRATCH, Cost, Study
from ..tiny import TINY, tiny_pretraining

CHANGES = {  # name of the run: what differs from 15 % of the tokens, 80/10/10, sampled again every time
    "15 %, dynamic": {},
    "30 %": {"mask_probability": 0.3},
    "40 %": {"mask_probability": 0.4},
    "whole words": {"whole_word": True},
    "[MASK] only": {"mix": [1.0, 0.0, 0.0]},
    "400 reviews, dynamic": {"documents": 400},
    "400 reviews, static": {"documents": 400, "static": True},
}


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    steps = 1000 if full else 100
    return {
        f"{name}, seed {seed}": partial(tiny_pretraining, seed=seed, steps=steps, **TINY, **change)
        for seed in seeds
        for name, change in CHANGES.items()
    }


STUDY = Study(title="What of the masking matters", notebook="03", runs=runs, cost=Cost(FROM_SCRATCH))
