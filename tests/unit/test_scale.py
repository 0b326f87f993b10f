"""A hundred thousand reviews are tokenized in linear time and under 4 GiB; here the record is read, and a few are."""

import sys

import pytest

from helpers.lab.studies import tokenizing
from helpers.results import load_result
from helpers.sentence_pairs import tokenize_documents


def test_a_hundred_thousand_reviews_take_linear_time_and_under_four_gib():
    runs = {run["settings"]["reviews"]: run["measured"] for run in load_result("tokenizing-full")["arms"].values()}
    assert set(runs) == {25_000, 50_000, 100_000}
    assert runs[100_000]["peak_gib"] < 4
    each = {reviews: found["processor_seconds"] / reviews for reviews, found in runs.items()}
    assert each[100_000] < 1.3 * each[25_000] and each[50_000] < 1.3 * each[25_000]
    assert runs[100_000]["tokens"] == pytest.approx(4 * runs[25_000]["tokens"], rel=0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell a process its peak memory this way")
def test_the_study_measures_a_process_of_its_own():
    held = bytearray(5 * 2**29)  # 2.5 GiB of this process, which the other one must not be charged for
    held[:: 2**12] = b"\1" * len(held[:: 2**12])
    found = tokenizing.tokenize(reviews=30)
    del held
    assert found["seconds"] > 0 and found["tokens"] > 30 * 50 and 0.1 < found["peak_gib"] < 2


def test_the_tokenizer_gets_so_many_documents_at_a_time():
    """What it keeps of a text takes far more memory than its ids."""
    given = []

    class Counting:
        pad_token_id = 0

        def __call__(self, sentences, **options):
            given.append(len(sentences))
            return {"input_ids": [[1, 2]] * len(sentences)}

    found = tokenize_documents(["It rained."] * 2500, Counting())
    assert given == [1000, 1000, 500] and found == [[[1, 2]]] * 2500
