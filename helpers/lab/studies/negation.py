"""*Not bad at all*: do more labels teach a classifier what *not* does, or do a few phrases?"""

import statistics
from functools import partial

import numpy as np

from ... import evaluation
from ...corpora import load_negations, load_reviews
from ...results import percent
from ...tokenization import load_tokenizer
from ...transfer import classification_examples, fine_tuned, right_in_order
from ...weights import load_encoder
from ..study import ALL_LAYERS, Cost, Study
from .slices import has_negation, score_part

LEAST = {"rows": 300, "epochs": 2}
FEW, ALL = {"rows": 600, "epochs": 6}, {"rows": None, "epochs": 2}
RUNS = {
    "300 sentences": LEAST | {"copies": 0, "epochs": 4},  # as many steps as with phrases
    "300 sentences and 24 phrases": LEAST | {"copies": 12},
    "300 sentences and 8 phrases": LEAST | {"copies": 36, "words": 2},
    "300 sentences and 12 negated phrases": LEAST | {"copies": 24, "kinds": ["not good", "not bad"]},
    "300 sentences and 6 not bad phrases": LEAST | {"copies": 48, "kinds": ["not bad"]},
    "600 sentences": FEW | {"copies": 0},
    "600 sentences and 24 phrases": FEW | {"copies": 12, "epochs": 4},
    "all sentences": ALL | {"copies": 0},
    "all sentences and 24 phrases": ALL | {"copies": 12},
}


def negation(
    seed: int,
    rows: int | None,
    epochs: int,
    copies: int,
    judged: int | None,
    kinds: list[str] | None = None,
    words: int | None = None,
) -> dict:
    """Fine-tune on Rotten Tomatoes sentences, and on copies of the phrases to learn from in `data/negations.json`;
    return what is right of its test phrases, kind by kind, and of the test sentences.

    rows: so many train sentences (None: all). copies: how often each phrase is among them. kinds, words: the phrases of
    these kinds (None: of all four), and of so many pairs of words (None: of all six). judged: so many test sentences
    (None: all). `negated` scores the test sentences with a negation.
    """
    tokenizer, test = load_tokenizer(), load_reviews("rotten_tomatoes", "test")[:judged]
    learn = load_negations("learn")
    phrases = [review for kind in kinds or learn for review in learn[kind][:words]]
    train = load_reviews("rotten_tomatoes", "train")[:rows] + copies * phrases
    model, _ = fine_tuned(
        load_encoder(), classification_examples(train, tokenizer), tokenizer, seed=seed, epochs=epochs, progress=False
    )

    def right(reviews) -> np.ndarray:
        return right_in_order(model, classification_examples(reviews, tokenizer), tokenizer)

    found = {kind: right(reviews) for kind, reviews in load_negations("test").items()}
    on_test, negated = right(test), np.array([has_negation(review.text) for review in test])
    return {
        "phrases": {kind: {"right": int(hits.sum()), "n": len(hits)} for kind, hits in found.items()},
        "test": evaluation.score(on_test),
        "negated": score_part(on_test, negated),
    }


def table(record: dict) -> list[dict]:
    """Return a row for each training: the phrases of each kind that are right, and the accuracy on test sentences."""
    rows = []
    for name in RUNS:
        runs = [run["measured"] for arm, run in record["arms"].items() if arm.startswith(f"{name}, seed ")]
        if runs:
            row = {"trained on": name}
            for kind, found in runs[0]["phrases"].items():
                row[f"{kind}, of {found['n']}"] = (
                    f"{statistics.mean(run['phrases'][kind]['right'] for run in runs):.1f}"
                )
            for part in ("test", "negated"):
                row[f"{part}, n = {runs[0][part]['n']}"] = percent(
                    statistics.mean(run[part]["accuracy"] for run in runs)
                )
            rows.append(row | {"runs": len(runs)})
    return rows


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    small = {} if full else {"rows": 32, "epochs": 1}
    return {
        f"{name}, seed {seed}": partial(negation, seed=seed, judged=None if full else 40, **settings | small)
        for seed in seeds
        for name, settings in RUNS.items()
    }


# Up to 440 steps of 32 sentences, most of them of 20 to 30 tokens.
STUDY = Study(
    title="*Not bad at all*: more labels, or a few phrases?",
    notebook="06",
    runs=runs,
    details="twelve pairs of opposite words, plain and negated; fine-tuned on 300, 600 or all 6,773 Rotten Tomatoes "
    "sentences, with or without phrases of other words",
    cost=Cost(ALL_LAYERS, 250),
    table=table,
)
