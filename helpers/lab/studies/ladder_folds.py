"""The ladder, cross-validated over all sentences."""

from functools import partial
from itertools import pairwise

from ... import evaluation
from ...corpora import FOLDS, split_fold
from ...transfer import RUNGS, ladder
from ..study import ALL_LAYERS, Cost, Study
from .ladder import scores


def ladder_fold(fold: int, epochs: int, seed: int) -> dict:
    """Climb the ladder with one fold of all 8,530 Rotten Tomatoes sentences held out (folds by the hash of the text).

    Returns the scores of each rung and, for neighbours, McNemar's test. The mean over the folds is the cross-validated
    accuracy.
    """
    found = ladder(sentences=split_fold(fold), epochs=epochs, batch_size=32, seed=seed, progress=False)
    paired = {
        f"{lower} | {upper}": evaluation.mcnemar(found[lower]["right"], found[upper]["right"])
        for lower, upper in pairwise(RUNGS[:6])
    }
    return scores(found) | {"neighbours": paired}


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    return {
        f"fold {fold}, seed {seed}": partial(ladder_fold, fold=fold, seed=seed, epochs=2 if full else 1)
        for seed in seeds
        for fold in range(FOLDS)
    }


STUDY = Study(
    title="The ladder, cross-validated over all sentences",
    notebook="06",
    runs=runs,
    seeds=1,
    cost=Cost(ALL_LAYERS, 1040),  # two epochs, twice the steps of `ladder`
)
