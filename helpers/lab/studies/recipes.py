"""RoBERTa's changes at our scale, ending in fine-tuned accuracy."""

from functools import partial

from ..study import FROM_SCRATCH, Cost, Study
from ..tiny import TINY, tiny_pretraining

CHANGES = {  # no pre-training, RoBERTa's changes in turn, then more text and more steps
    "not pre-trained": {"steps": 0},
    "prepared once, NSP": {"documents": 400, "static": True},
    "drawn anew, NSP": {"documents": 400},
    "drawn anew, no NSP loss": {"documents": 400, "next_sentence": False},
    "drawn anew, single texts": {"documents": 400, "pairs": False},
    "10 % of the text, long": {"documents": 1997, "pairs": False, "steps": 2000},
    "30 % of the text, long": {"documents": 5992, "pairs": False, "steps": 2000},
    "all of the text, long": {"pairs": False, "steps": 2000},
}


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    steps, epochs = (1000, 2) if full else (100, 1)
    found = {}
    for seed in seeds:
        for name, change in CHANGES.items():
            sizes = TINY | {"steps": steps, "fine_tuning_epochs": epochs, "evaluations": 6} | change
            found[f"{name}, seed {seed}"] = partial(tiny_pretraining, seed=seed, **sizes)
    return found


STUDY = Study(
    title="RoBERTa's changes at our scale, ending in fine-tuned accuracy",
    notebook="08",
    runs=runs,
    # Two epochs of fine-tuning; its steps are cheaper than those of the unit, and are counted as dear.
    cost=Cost(FROM_SCRATCH, 424),
)
