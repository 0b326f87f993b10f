"""What our own pre-training is worth, cross-validated."""

from collections.abc import Mapping
from functools import partial

from ... import evaluation
from ...bert import SequenceClassifier
from ...corpora import FOLDS, split_fold
from ...tokenization import load_tokenizer
from ...transfer import classification_examples, fine_tuned, right_in_order
from ...weights import CHECKPOINTS, load_checkpoint
from ..study import Cost, Study, Unit, seconds_per_step
from ..tiny import tiny_start


def own_pretraining_fold(fold: int, seed: int, rates: Mapping[str, float], epochs: int) -> dict:
    """Fine-tune tiny-bert and the same network from its fresh start with one fold of all 8,530 Rotten Tomatoes
    sentences held out.

    rates: the learning rate of each start, "pre-trained" and "fresh". Returns the score of each on the fold, and
    McNemar's test of the first against the second, `paired`.
    """
    tokenizer, right = load_tokenizer(CHECKPOINTS / "tiny-bert"), {}
    train, inside = (classification_examples(reviews, tokenizer) for reviews in split_fold(fold))
    for start, rate in rates.items():
        encoder = tiny_start(start == "pre-trained", seed)
        model, _ = fine_tuned(encoder, train, tokenizer, seed=seed, epochs=epochs, learning_rate=rate, progress=False)
        right[start] = right_in_order(model, inside, tokenizer)
    scores = {start: evaluation.score(found) for start, found in right.items()}
    return scores | {"paired": evaluation.mcnemar(right["pre-trained"], right["fresh"])}


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    rates = {"pre-trained": 1e-3, "fresh": 3e-4}  # those that `own_pretraining` chose
    return {
        f"fold {fold}, seed {seed}": partial(
            own_pretraining_fold, fold=fold, seed=seed, rates=rates, epochs=3 if full else 1
        )
        for seed in seeds
        for fold in range(FOLDS)
    }


def tiny_classifier() -> SequenceClassifier:
    return SequenceClassifier(load_checkpoint("tiny-bert").encoder)


STUDY = Study(
    title="What our own pre-training is worth, cross-validated, at the rates that `own_pretraining` chose",
    notebook="05",
    runs=runs,
    # Two starts, three epochs each, of 6,824 sentences.
    cost=Cost(Unit("4 × 256, 32 sentences × 28", partial(seconds_per_step, tiny_classifier, 32, 28)), 1284),
)
