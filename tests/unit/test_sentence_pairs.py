"""Sentence pairs: no text is lost, the label is true, and the input has the layout that BERT reads."""

import hashlib
import re
import time

import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st

from helpers import sentence_pairs
from helpers.corpora import load_documents
from helpers.sentence_pairs import (
    IN_ORDER,
    IS_NEXT,
    NEGATIVES,
    NOT_NEXT,
    SWAPPED,
    build_inputs,
    halves,
    joined,
    make_nsp_pairs,
    make_order_pairs,
    split_sentences,
    text_windows,
    tokenize_documents,
    truncate_pair,
)

SEEDS = st.integers(0, 10**6)
# documents → lengths of their sentences
SHAPES = st.lists(st.lists(st.integers(1, 12), max_size=9), min_size=2, max_size=8)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def number_tokens(shape: list[list[int]]) -> list[list[list[int]]]:
    """Documents of these lengths in which every token is a number of its own."""
    numbers = iter(range(10**6))
    return [[[next(numbers) for _ in range(n)] for n in document] for document in shape]


def flat(sentences) -> list[int]:
    return [token for sentence in sentences for token in sentence]


def is_slice(part, whole) -> bool:
    """Is `part` what is left of `whole` when its ends are cut? (Tokens are unique.)"""
    part = list(part)
    return bool(part) and part[0] in whole and whole[whole.index(part[0]) :][: len(part)] == part


# ---------------------------------------------------------------- draws


# Recorded results rest on these pairs: an earlier version drew them, slower.
@pytest.mark.parametrize(
    "negatives, digest",
    [*zip(NEGATIVES, ("f0b06159dd7aa149", "cd3212f787093822", "2472238e89a03118"))],
)
def test_the_pairs_of_a_seed_stay_as_they_were(negatives, digest):
    shape = [[1 + (7 * d + 5 * s * s) % 31 for s in range(d % 11)] for d in range(40)]
    documents, corpus = number_tokens(shape), [[[-1] * 9, [-2] * 4], [[-3]]]
    found = [make_nsp_pairs(documents, n, seeded(n), negatives=negatives, corpus=corpus) for n in (12, 40, 128)]
    known = [[(*p.tokens_a, -9, *p.tokens_b, p.label) for p in pairs] for pairs, _ in found]
    assert hashlib.sha256(str(known).encode()).hexdigest()[:16] == digest


# ---------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    "text, sentences",
    [
        ("It rained. We left! Why? Nobody knows", ["It rained.", "We left!", "Why?", "Nobody knows"]),
        ("Mr. Smith met Dr. Who. They left.", ["Mr. Smith met Dr. Who.", "They left."]),
        ("J. R. Hartley wrote it. I read it.", ["J. R. Hartley wrote it.", "I read it."]),
        ("J. R. R. Tolkien wrote it. I did not.", ["J. R. R. Tolkien wrote it.", "I did not."]),
        ("Read H.G. Wells, e.g. Kipps. He was right.", ["Read H.G. Wells, e.g. Kipps.", "He was right."]),
        ("The (U.S. Army) came. So did the U.S.S. Nimitz.", ["The (U.S. Army) came.", "So did the U.S.S. Nimitz."]),
        ("She is better than I. He agrees.", ["She is better than I.", "He agrees."]),
        ("É. Zola wrote it in 1898. We read it.", ["É. Zola wrote it in 1898.", "We read it."]),
        ('He said "Stop!" Then he left.', ['He said "Stop!"', "Then he left."]),
        ("It cost 3.50 dollars. 10 people paid.", ["It cost 3.50 dollars.", "10 people paid."]),
        ("First line\nsecond line. third", ["First line", "second line. third"]),
        ("Well... It ends.", ["Well...", "It ends."]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences(text, sentences):
    assert split_sentences(text) == sentences


@given(st.text(alphabet="aAbI19.!?\"')([ \n\t\r\x1c\x85\u00a0\u2028-é☃", max_size=60))
@example("Mr. A. (B.) c? 'D!' 1.")
def test_no_character_but_white_space_is_lost(text):
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence and sentence == sentence.strip() for sentence in sentences)


def test_documents_are_tokenized_sentence_by_sentence(small_tokenizer):
    texts = ["It was good. Was it? Yes!", "", "One \u200b\nTwo", "\u200b"]
    expected = [["It was good.", "Was it?", "Yes!"], [], ["One", "Two"], []]
    found = tokenize_documents(texts, small_tokenizer)
    assert found == [
        [small_tokenizer(sentence, add_special_tokens=False)["input_ids"] for sentence in document]
        for document in expected
    ]
    assert tokenize_documents([], small_tokenizer) == []


# ---------------------------------------------------------------- pairs


@given(SHAPES, st.integers(8, 60), SEEDS)
def test_the_rules_of_pairs(shape, max_length, seed):
    assume(sum(map(bool, shape)) >= 2)
    documents = number_tokens(shape)
    pairs, counts = make_nsp_pairs(documents, max_length, seeded(seed))
    cut = 0
    met = [set() for _ in documents]
    for pair in pairs:
        source_a, source_b = pair.source_a, pair.source_b
        a = documents[source_a.document][source_a.start : source_a.end]
        b = documents[source_b.document][source_b.start : source_b.end]
        assert is_slice(pair.tokens_a, flat(a)) and is_slice(pair.tokens_b, flat(b))
        assert len(pair.tokens_a) + len(pair.tokens_b) + 3 <= max_length
        met[source_a.document] |= set(range(source_a.start, source_a.end))
        if pair.label == IS_NEXT:
            assert (source_b.document, source_b.start) == (source_a.document, source_a.end), "B does not follow A"
            met[source_b.document] |= set(range(source_b.start, source_b.end))
        else:
            assert pair.label == NOT_NEXT and source_b.document != source_a.document
        cut += len(flat(a)) + len(flat(b)) - len(pair.tokens_a) - len(pair.tokens_b)
    for document, sentences in zip(documents, met):
        assert len(sentences) == (len(document) if len(document) >= 2 else 0), "a sentence was dropped"
    assert len(pairs) == counts["pairs"] == counts["positives"] + counts["negatives"]
    assert sum(pair.label == NOT_NEXT for pair in pairs) == counts["negatives"]
    assert cut == counts["cut_tokens"]
    assert sum(len(document) == 1 for document in documents) == counts["lone_documents"]


@given(SHAPES, SEEDS)
def test_with_room_enough_every_token_is_used(shape, seed):
    assume(sum(map(bool, shape)) >= 2)
    documents = number_tokens(shape)
    pairs, counts = make_nsp_pairs(documents, 10_000, seeded(seed))
    used = {token for pair in pairs for token in pair.tokens_a + pair.tokens_b}
    assert used >= {token for document in documents if len(document) >= 2 for token in flat(document)}
    assert counts["cut_tokens"] == 0


@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=8), min_size=1, max_size=6), SEEDS)
def test_a_negative_never_starts_with_the_true_next_sentence(shape, seed):
    """Not even with a copy of it: here all documents are made of the same four sentences, and one more."""
    sentences = [[10, 11], [20], [30, 31, 32], [40]]
    documents = [[sentences[i] for i in document] for document in shape] + [[[50, 51]]]
    pairs, _ = make_nsp_pairs(documents, 32, seeded(seed), negative_probability=0.8)
    for pair in pairs:
        a, b = pair.source_a, pair.source_b
        same = documents[b.document][b.start] == documents[a.document][a.end]
        assert same == (pair.label == IS_NEXT)


def test_half_of_the_pairs_are_true(documents):
    """Within four standard deviations of a fair coin, on real reviews and on documents of two sentences."""
    for texts in (documents, number_tokens([[3, 4]] * 300)):
        labels = []
        for seed in range(4):
            labels += [pair.label for pair in make_nsp_pairs(texts, 64, seeded(seed))[0]]
        assert abs(sum(labels) - len(labels) / 2) <= 4 * (len(labels) / 4) ** 0.5
        assert len(labels) > 500


def test_length_does_not_give_a_negative_away(documents):
    pairs = [pair for seed in range(4) for pair in make_nsp_pairs(documents, 64, seeded(seed))[0]]
    mean = {
        label: torch.tensor([len(pair.tokens_b) for pair in pairs if pair.label == label]).double().mean()
        for label in (IS_NEXT, NOT_NEXT)
    }
    assert mean[NOT_NEXT] / mean[IS_NEXT] == pytest.approx(1, abs=0.1)


def test_pairs_are_fresh_each_epoch_and_repeat_with_the_seed(documents):
    generator = seeded(1)
    first, second = (make_nsp_pairs(documents, 64, generator)[0] for _ in range(2))
    assert first != second
    again = seeded(1)
    assert [make_nsp_pairs(documents, 64, again)[0] for _ in range(2)] == [first, second]


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_the_share_of_negatives_can_be_set(documents, share):
    labels = [pair.label for seed in range(4) for pair in make_nsp_pairs(documents, 64, seeded(seed), share)[0]]
    assert sum(labels) / len(labels) == pytest.approx(share, abs=4 * (share * (1 - share) / len(labels)) ** 0.5)


# ---------------------------------------------------------------- truncation


def bert_truncate(tokens_a, tokens_b, max_num_tokens, rng):
    """truncate_seq_pair of BERT's create_pretraining_data.py, as it stands there."""
    while True:
        total_length = len(tokens_a) + len(tokens_b)
        if total_length <= max_num_tokens:
            break
        trunc_tokens = tokens_a if len(tokens_a) > len(tokens_b) else tokens_b
        if rng.uniform() < 0.5:
            del trunc_tokens[0]
        else:
            trunc_tokens.pop()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 60), SEEDS)
def test_truncation_leaves_the_lengths_that_berts_loop_leaves(length_a, length_b, budget, seed):
    tokens_a, tokens_b = list(range(length_a)), list(range(100, 100 + length_b))
    expected_a, expected_b = tokens_a.copy(), tokens_b.copy()
    bert_truncate(expected_a, expected_b, budget, sentence_pairs._Draws(seeded(seed)))
    cut_a, cut_b = truncate_pair(tokens_a, tokens_b, budget, sentence_pairs._Draws(seeded(seed)))
    assert (len(cut_a), len(cut_b)) == (len(expected_a), len(expected_b))
    assert is_slice(cut_a, tokens_a) and is_slice(cut_b, tokens_b)


def test_truncation_cuts_front_and_back_alike():
    rng = sentence_pairs._Draws(seeded(0))
    fronts = torch.tensor([truncate_pair(list(range(40)), [0] * 10, 30, rng)[0][0] for _ in range(2000)]).double()
    assert fronts.mean().item() == pytest.approx(10, abs=4 * (5 / 2000) ** 0.5)  # 20 tokens go: binomial(20, 1/2)
    assert fronts.var().item() == pytest.approx(5, rel=0.15)


# ---------------------------------------------------------------- the order task, and the input


def test_order_pairs_are_the_true_pairs_half_of_them_swapped(documents):
    pairs = [pair for seed in range(8) for pair in make_nsp_pairs(documents, 64, seeded(seed))[0]]
    true_pairs = [pair for pair in pairs if pair.label == IS_NEXT]
    ordered = make_order_pairs(pairs, seeded(5))
    assert len(ordered) == len(true_pairs)
    for pair, original in zip(ordered, true_pairs):
        if pair.label == IN_ORDER:
            assert pair == original
        else:
            assert pair.label == SWAPPED
            assert (pair.tokens_a, pair.tokens_b) == (original.tokens_b, original.tokens_a)
            assert (pair.source_a, pair.source_b) == (original.source_b, original.source_a)
    swapped = sum(pair.label for pair in ordered)
    assert abs(swapped - len(ordered) / 2) <= 4 * (len(ordered) / 4) ** 0.5
    assert make_order_pairs(pairs, seeded(5)) == ordered != make_order_pairs(pairs, seeded(6))


# ---------------------------------------------------------------- windows and known negatives


@given(SHAPES, st.integers(1, 30), SEEDS)
def test_windows_hold_every_token_once_and_whole_sentences_where_they_fit(shape, length, seed):
    documents = number_tokens(shape)
    windows = text_windows(documents, length, seeded(seed))
    assert [token for window in windows for token in window] == flat(flat(documents))
    assert all(0 < len(window) <= length for window in windows)
    place = {token: d for d, document in enumerate(documents) for token in flat(document)}
    assert all(len({place[token] for token in window}) == 1 for window in windows)  # one document each
    starts = {sentence[0] for document in documents for sentence in document}
    long = {token for document in documents for sentence in document if len(sentence) > length for token in sentence}
    assert all(window[0] in starts | long for window in windows)


def test_some_windows_are_short_and_the_rest_are_full(documents):
    lengths = [len(window) for window in text_windows(documents, 64, seeded(0), short_probability=0.0)]
    assert sum(lengths) / len(lengths) > sum(map(len, text_windows(documents, 64, seeded(0), 0.5))) / len(
        text_windows(documents, 64, seeded(0), 0.5)
    )


@given(SHAPES, SEEDS, st.sampled_from(NEGATIVES))
def test_a_negative_is_of_the_kind_that_was_asked_for(shape, seed, kind):
    assume(sum(map(bool, shape)) > 1)
    documents = number_tokens(shape)
    corpus = [[[-n - i for i in range(5)] for n in range(1, 99, 5)]]
    pairs, counts = make_nsp_pairs(documents, 20, seeded(seed), 0.9, negatives=kind, corpus=corpus)
    assert counts["pairs"] == len(pairs)
    for pair in pairs:
        a, b = pair.source_a, pair.source_b
        pool = corpus if kind == "another corpus" and pair.label == NOT_NEXT else documents
        assert is_slice(pair.tokens_b, flat(pool[b.document][b.start : b.end]))
        if pair.label == IS_NEXT:
            assert (b.document, b.start) == (a.document, a.end)
        elif kind == "same review":
            assert b.document == a.document and (b.end <= a.start or b.start > a.end)
        elif kind == "another review":
            assert b.document != a.document


@pytest.mark.parametrize("kind", NEGATIVES)
def test_neither_length_nor_edges_nor_balance_give_a_negative_away(kind, small_tokenizer):
    texts = load_documents("imdb", "train")[:150]
    documents = tokenize_documents(texts, small_tokenizer)
    loose = tokenize_documents(load_documents("rotten_tomatoes", "train")[:600], small_tokenizer)
    corpus = joined(loose, 10)
    pairs, _ = make_nsp_pairs(documents, 64, seeded(0), negatives=kind, corpus=corpus)
    assert 0.44 < sum(pair.label for pair in pairs) / len(pairs) < 0.56
    starts = {pair.label: [] for pair in pairs}
    lengths = {pair.label: [] for pair in pairs}
    for pair in pairs:
        pool = corpus if kind == "another corpus" and pair.label == NOT_NEXT else documents
        first = pool[pair.source_b.document][pair.source_b.start]
        starts[pair.label].append(list(pair.tokens_b[: len(first)]) == first[: len(pair.tokens_b)])
        lengths[pair.label].append(len(pair.tokens_b))
    share = {label: sum(found) / len(found) for label, found in starts.items()}
    mean = {label: sum(found) / len(found) for label, found in lengths.items()}
    assert abs(share[IS_NEXT] - share[NOT_NEXT]) < 0.12  # B begins with a whole sentence about as often
    assert abs(mean[IS_NEXT] / mean[NOT_NEXT] - 1) < 0.12


def test_loose_sentences_are_joined():
    assert joined([[[1]], [[2], [3]], [], [[4]], [[5]]], 2) == [[[1], [2]], [[3], [4]], [[5]]]


# ---------------------------------------------------------------- the input


def test_the_input_is_laid_out_as_the_tokenizer_does(small_tokenizer):
    texts = "a fine film .", "it is not ."
    documents = tokenize_documents(["\n".join(texts), "Another one"], small_tokenizer)
    pairs, _ = make_nsp_pairs(documents, 64, seeded(0), negative_probability=0.0)
    found = build_inputs(pairs[0], small_tokenizer.cls_token_id, small_tokenizer.sep_token_id)
    expected = small_tokenizer(*texts, return_special_tokens_mask=True)
    assert found.pop("next_sentence_label") == IS_NEXT
    assert found == {key: expected[key] for key in ("input_ids", "token_type_ids", "special_tokens_mask")}
    assert re.fullmatch("0+1+", "".join(map(str, found["token_type_ids"])))


def test_splitting_takes_time_in_proportion_to_the_text():
    """Initials do not end a sentence: a line of them was read again from its start at every full stop."""

    def seconds(letters: int) -> float:
        started = time.process_time()
        assert len(split_sentences("A. " * letters)) == len(split_sentences("U.S. " * letters)) == 1
        return time.process_time() - started

    seconds(2000)
    assert seconds(32000) < 40 * max(seconds(2000), 1e-3)


def test_chunks_change_nothing(small_tokenizer):
    documents = ["It rained. We left at 5.", "", "A film! A second sentence? A third."] * 3
    whole = tokenize_documents(documents, small_tokenizer)
    assert tokenize_documents(documents, small_tokenizer, chunk=2) == whole and len(whole) == 9 and whole[1] == []


# ---------------------------------------------------------------- halves


def test_halves_are_cut_between_two_sentences_and_lose_nothing():
    text = "It is a gem. I saw it twice. Nobody plays a tired detective like her, in any film that I know."
    assert halves(text) == (
        "It is a gem. I saw it twice.",
        "Nobody plays a tired detective like her, in any film that I know.",
    )
    assert halves("One. Two.") == ("One.", "Two.")
    for review in load_documents("imdb", "test")[:200]:
        if len(split_sentences(review)) > 1:
            first, second = halves(review)
            assert " ".join([first, second]).split() == review.split()


def test_the_cut_is_the_one_nearest_to_the_middle():
    sentences = [f"{'Word ' * n}end." for n in (9, 1, 1, 8)]
    first, second = halves(" ".join(sentences))
    assert abs(len(first) - len(second)) == min(
        abs(len(" ".join(sentences[:i])) - len(" ".join(sentences[i:]))) for i in (1, 2, 3)
    )


@pytest.mark.parametrize("text", ["One sentence only.", "no capital. after the period", ""])
def test_one_sentence_has_no_halves(text):
    with pytest.raises(ValueError, match="two halves need at least two"):
        halves(text)
