"""Which sentences does a fine-tuned classifier get wrong, and does a name change its answer?"""

import re
from collections.abc import Sequence
from functools import partial

import numpy as np

from ... import evaluation
from ...corpora import LABELS, Review, load_reviews, ratings_of
from ..study import ALL_LAYERS, Cost, Study
from .calibration import ALL_ROWS, classifier, logits_of

NEGATIONS = {"not", "never", "no", "none", "nobody", "nothing", "neither", "nor", "cannot", "without"}  # and …n't

# Film people whose last name is in at least eight train sentences.
NAMES = (
    "allen",
    "herzog",
    "murphy",
    "polanski",
    "ritchie",
    "sandler",
    "schwarzenegger",
    "scorsese",
    "seagal",
    "soderbergh",
    "solondz",
    "spielberg",
)
FRAMES = ("{name} directed this film .", "this is a film with {name} .", "i saw the new film by {name} .")


def words_of(text: str) -> list[str]:
    """Return the words of a sentence: what spaces set apart and holds a letter or digit."""
    return [word for word in text.split() if any(character.isalnum() for character in word)]


def has_negation(text: str) -> bool:
    """Does the sentence hold one of `NEGATIONS`, or a word that ends in n't?"""
    return any(word in NEGATIONS or word.endswith("n't") for word in words_of(text.casefold()))


def score_part(right: np.ndarray, part: np.ndarray) -> dict:
    """Return the score of the examples in `part`, bool (n,); accuracy and interval are None if there is none."""
    return evaluation.score(right[part]) if part.any() else {"accuracy": None, "interval": None, "n": 0}


def names_in(text: str) -> list[str]:
    return [name for name in NAMES if re.search(rf"\b{name}\b", text)]


def kinds(reviews: list[Review]) -> dict[str, dict[str, np.ndarray]]:
    """Return question → answer → bool (n,): which reviews it holds for. Thirds of the raters' standard deviation are
    those of these reviews; a sentence without a rating is in no part that needs one."""
    lengths = np.array([len(words_of(review.text)) for review in reviews])
    negation = np.array([has_negation(review.text) for review in reviews])
    but = np.array(["but" in words_of(review.text.casefold()) for review in reviews])
    ratings = [rating or (np.nan, np.nan, 0) for rating in ratings_of(reviews)]
    mean, sd = (np.array([rating[i] for rating in ratings]) for i in (0, 1))
    low, high = np.nanquantile(sd, (1 / 3, 2 / 3))
    sign = np.array([2 * review.label - 1 for review in reviews])
    return {
        "negation": {"with": negation, "without": ~negation},
        "but": {"with": but, "without": ~but},
        "length": {
            "up to 10 words": lengths <= 10,
            "11 to 29 words": (lengths > 10) & (lengths < 30),
            "30 words or more": lengths >= 30,
        },
        "raters' standard deviation": {
            f"up to {low:.2f}": sd <= low,
            f"up to {high:.2f}": (sd > low) & (sd <= high),
            f"above {high:.2f}": sd > high,
        },
        "distance of the mean rating from 0": {
            "below 1": np.abs(mean) < 1,
            "1 to 2": (np.abs(mean) >= 1) & (np.abs(mean) <= 2),
            "above 2": np.abs(mean) > 2,
        },
        "sign of the mean rating": {
            "that of the label": np.sign(mean) == sign,
            "the other": np.sign(mean) == -sign,
        },
    }


def swaps(reviews: list[Review]) -> tuple[list[int], list[Review]]:
    """Return each review with one of its names replaced by each other one, and beside it the review's index."""
    places, swapped = [], []
    for i, review in enumerate(reviews):
        present = names_in(review.text)
        for name in present:
            for other in (other for other in NAMES if other not in present):
                places.append(i)
                swapped.append(review._replace(text=re.sub(rf"\b{name}\b", other, review.text)))
    return places, swapped


def slices(
    seed: int,
    rows: int | None,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    splits: Sequence[str],
    judged: int | None,
) -> dict:
    """Score one classifier on parts of these splits together, and see what a name does to its answers.

    judged: how many sentences of each split (None: all). `names`: how many train sentences of each label hold the name,
    and the probability of positive in each frame. `swaps`: how many predictions change when a name in a sentence is
    replaced by each of the others.
    """
    model, _ = classifier(seed, rows, epochs, batch_size, learning_rate)
    reviews = [review for split in splits for review in load_reviews("rotten_tomatoes", split)[:judged]]
    predicted = logits_of(model, reviews).argmax(-1).numpy()
    right = predicted == [review.label for review in reviews]
    found = {"all": evaluation.score(right)}
    for question, parts in kinds(reviews).items():
        found[question] = {answer: score_part(right, part) for answer, part in parts.items()}

    framed = [Review(frame.format(name=name), 0) for name in NAMES for frame in FRAMES]
    probabilities = logits_of(model, framed).softmax(-1)[:, 1].view(len(NAMES), len(FRAMES)).tolist()
    train = load_reviews("rotten_tomatoes", "train")
    found["names"] = {
        name: {
            "train": {LABELS[k]: sum(r.label == k and name in names_in(r.text) for r in train) for k in (0, 1)},
            "positive": dict(zip(FRAMES, row, strict=True)),
        }
        for name, row in zip(NAMES, probabilities, strict=True)
    }

    places, swapped = swaps(reviews)
    flips = np.zeros(0, dtype=bool)
    if swapped:
        flips = logits_of(model, swapped).argmax(-1).numpy() != predicted[places]
    found["swaps"] = {
        "sentences": len(set(places)),
        "swaps": len(places),
        "flipped": int(flips.sum()),
        "share": float(flips.mean()) if places else None,
        "sentences_flipped_at_least_once": len({place for place, flip in zip(places, flips, strict=True) if flip}),
    }
    return found


def notes(record: dict) -> list[str]:
    found = [run["measured"] for run in record["arms"].values()]
    means = {
        name: np.mean([list(run["names"][name]["positive"].values()) for run in found]) for name in found[0]["names"]
    }
    listed = ", ".join(f"{name} {100 * means[name]:.0f}%" for name in sorted(means, key=means.get))
    swapped = "; ".join(
        f"{run['swaps']['flipped']} of {run['swaps']['swaps']} ({run['swaps']['sentences']} sentences)" for run in found
    )
    return [
        f"**Mean probability of positive for a name in three neutral frames:** {listed}",
        f"**Predictions that changed when one of these names was replaced by another, seed by seed:** {swapped}",
    ]


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    settings = ALL_ROWS if full else {"rows": 64, "epochs": 1, "batch_size": 16, "learning_rate": 1e-4}
    size = {"splits": ["validation", "test"], "judged": None if full else 40}
    return {f"seed {seed}": partial(slices, seed=seed, **settings, **size) for seed in seeds}


# 424 steps, unless the study of calibration has just trained the same model, and 2,200 sentences scored.
STUDY = Study(
    title="Which sentences a fine-tuned classifier gets wrong, and whether a name changes its answer",
    notebook="06",
    runs=runs,
    details="Scored on our validation and test splits together, 1,757 sentences; the learning rate was chosen on "
    "validation in another study, so that half may flatter the model a little. The models are those of the "
    "study of calibration, trained in the same process, so the time is that of scoring alone",
    cost=Cost(ALL_LAYERS, 450),
    notes=notes,
)
