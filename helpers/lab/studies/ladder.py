"""The ladder from the majority class to full fine-tuning, on our held-out tenth."""

from functools import partial

from ...transfer import ladder
from ..study import ALL_LAYERS, Cost, Study


def ladder_scores(**settings) -> dict:
    """Return the ladder's scores alone, as a record keeps them."""
    return scores(ladder(**settings, progress=False))


def scores(found: dict[str, dict]) -> dict[str, dict]:
    """Return what `transfer.ladder` found without models and single answers."""
    return {rung: {k: v for k, v in score.items() if k not in ("right", "model")} for rung, score in found.items()}


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    size = {"rows": None, "epochs": 1, "batch_size": 32} if full else {"rows": 300, "epochs": 3}
    return {f"seed {seed}": partial(ladder_scores, seed=seed, **size) for seed in seeds}


# 6,773 sentences make 212 steps; with the rungs that train a part or a random encoder they come to 520.
STUDY = Study(title="The ladder, on our held-out tenth", notebook="06", runs=runs, cost=Cost(ALL_LAYERS, 520))
