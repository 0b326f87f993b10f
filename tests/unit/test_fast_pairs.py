"""Pairs drawn in bulk obey the rules of pairs drawn one by one."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from helpers.batching import MlmCollator, pretraining_batches
from helpers.lab.fast_pairs import (
    BulkCollator,
    _heads,
    bulk_batches,
    draw_spans,
    lay_out,
    numpy_generator,
    pad_spans,
    windows,
)
from helpers.masking import IGNORE
from helpers.sentence_pairs import IS_NEXT, NOT_NEXT, Pair, build_inputs, make_nsp_pairs
from helpers.tokenization import ordinary_ids

SEEDS = st.integers(0, 10**6)
SHAPES = st.lists(st.lists(st.integers(1, 12), max_size=9), min_size=2, max_size=8)  # documents → sentence lengths


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def number_tokens(shape: list[list[int]]) -> list[list[list[int]]]:
    """Documents of these lengths in which token i of the whole text is the number i."""
    numbers = iter(range(10**6))
    return [[[next(numbers) for _ in range(n)] for n in document] for document in shape]


def rows_of(spans):
    return zip(*(part.tolist() for part in spans), strict=True)


@given(SHAPES, st.integers(8, 60), SEEDS)
def test_the_rules_of_pairs(shape, max_length, seed):
    assume(sum(map(bool, shape)) >= 2)
    text = lay_out(number_tokens(shape))
    spans = draw_spans(text, max_length, seeded(seed))
    document = np.repeat(np.arange(len(text.firsts) - 1), np.diff(text.edges[text.firsts]))  # of each token
    sentence = np.repeat(np.arange(len(text.edges) - 1), np.diff(text.edges))
    for start_a, length_a, start_b, length_b, label in rows_of(spans):
        assert length_a >= 1 and length_b >= 1 and length_a + length_b + 3 <= max_length
        a, b = range(start_a, start_a + length_a), range(start_b, start_b + length_b)
        home_a, home_b = ({int(d) for d in document[list(part)]} for part in (a, b))
        assert len(home_a) == len(home_b) == 1
        assert (label == IS_NEXT) == (home_a == home_b) and label in (IS_NEXT, NOT_NEXT)
        if label == IS_NEXT:  # nothing but what was cut lies between the two
            assert a[-1] < b[0] and sentence[b[0]] - sentence[a[-1]] <= 1 + (length_a + length_b + 3 == max_length) * 9


@given(SHAPES, SEEDS)
def test_with_room_enough_every_token_is_used_and_true_pairs_touch(shape, seed):
    assume(sum(map(bool, shape)) >= 2)
    documents = number_tokens(shape)
    text = lay_out(documents)
    used = set()
    for start_a, length_a, start_b, length_b, label in rows_of(draw_spans(text, 10_000, seeded(seed))):
        assert (start_a + length_a == start_b) == (label == IS_NEXT) or label == NOT_NEXT
        assert start_a in text.edges and start_a + length_a in text.edges  # whole sentences
        assert start_b in text.edges and start_b + length_b in text.edges
        used |= {*range(start_a, start_a + length_a), *range(start_b, start_b + length_b)}
    assert used >= {token for document in documents if len(document) >= 2 for s in document for token in s}


@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=8), min_size=1, max_size=6), SEEDS)
def test_a_negative_never_starts_with_the_true_next_sentence(shape, seed):
    """Not even with a copy of it: here all documents are made of the same four sentences, and one more."""
    sentences = [[10, 11], [20], [30, 31, 32], [40]]
    documents = [[sentences[i] for i in document] for document in shape] + [[[50, 51]]]
    text = lay_out(documents)
    starts = dict(zip(text.edges.tolist(), range(len(text.edges))))
    flat = [sentence for document in documents for sentence in document]
    spans = draw_spans(text, 10_000, seeded(seed), negative_probability=0.8)
    for start_a, length_a, start_b, _, label in rows_of(spans):
        if label == NOT_NEXT:
            assert flat[starts[start_b]] != flat[starts[start_a + length_a]]


def test_pairs_are_like_those_drawn_one_by_one(documents):
    """As many, as long, as often true, and a negative is no longer or shorter than a true one."""
    text = lay_out(documents)
    bulk = [row for seed in range(8) for row in rows_of(draw_spans(text, 64, seeded(seed)))]
    single = [pair for seed in range(8) for pair in make_nsp_pairs(documents, 64, seeded(seed))[0]]
    rows = {
        "bulk": np.array([(length_a, length_b, label) for _, length_a, _, length_b, label in bulk]),
        "single": np.array([(len(pair.tokens_a), len(pair.tokens_b), pair.label) for pair in single]),
    }
    assert len(bulk) == pytest.approx(len(single), rel=0.03) and len(bulk) > 1000
    assert rows["bulk"][:, :2].mean(0) == pytest.approx(rows["single"][:, :2].mean(0), rel=0.06)
    assert rows["bulk"][:, :2].std(0) == pytest.approx(rows["single"][:, :2].std(0), rel=0.1)
    labels = rows["bulk"][:, 2]
    assert abs(labels.mean() - 0.5) < 4 * 0.5 / len(labels) ** 0.5
    b = rows["bulk"][:, 1]
    assert b[labels == NOT_NEXT].mean() == pytest.approx(b[labels == IS_NEXT].mean(), rel=0.1)
    assert max(sum(row) + 3 for row in rows["bulk"][:, :2]) == 64


def test_rows_are_laid_out_as_build_inputs_lays_them_out(documents, small_tokenizer):
    text = lay_out([[[5], [6]], *documents, [[7], [8]]])  # pairs reach to both ends of the text
    spans = draw_spans(text, 48, seeded(3))
    ids = small_tokenizer.cls_token_id, small_tokenizer.sep_token_id, small_tokenizer.pad_token_id
    batch = pad_spans(windows(text, 48, len(small_tokenizer)), spans, slice(None), ids)
    assert {0, len(text.tokens)} <= {*spans.start_a.tolist(), *(spans.start_b + spans.length_b).tolist()}
    for place, row in enumerate(rows_of(spans)):
        start_a, length_a, start_b, length_b, label = row
        tokens = text.tokens.tolist()
        pair = Pair(tokens[start_a : start_a + length_a], tokens[start_b : start_b + length_b], label)
        expected = build_inputs(pair, *ids[:2])
        length = len(expected["input_ids"])
        for key in ("input_ids", "token_type_ids"):
            assert batch[key][place, :length].tolist() == expected[key], key
        assert batch["input_ids"][place, length:].eq(ids[2]).all() and not batch["token_type_ids"][place, length:].any()
        assert batch["attention_mask"][place].tolist() == [1] * length + [0] * (batch["input_ids"].shape[1] - length)
        assert batch["next_sentence_label"][place] == label


def test_batches_have_the_keys_and_types_of_those_made_one_by_one(documents, small_tokenizer):
    bulk, single = (
        next(iter(make(documents, small_tokenizer, 48, 16)(seeded(0)))) for make in (bulk_batches, pretraining_batches)
    )
    assert {k: (t.dtype, t.dim()) for k, t in bulk.items()} == {k: (t.dtype, t.dim()) for k, t in single.items()}
    special = torch.tensor(sorted(small_tokenizer.all_special_ids))
    original = torch.where(bulk["labels"] == IGNORE, bulk["input_ids"], bulk["labels"])
    assert not torch.isin(bulk["labels"], special).any()  # neither [CLS] nor [SEP] nor padding is ever masked
    assert (original == small_tokenizer.sep_token_id).sum(1).tolist() == [2] * 16


def test_an_epoch_follows_from_the_generator(documents, small_tokenizer):
    batches = bulk_batches(documents, small_tokenizer, 48, 16)

    def epoch(generator):
        return [batch["input_ids"].tolist() for batch in batches(generator)]

    draws = seeded(0)
    first, second = epoch(draws), epoch(draws)
    assert first != second and epoch(seeded(0)) == first
    both = [(a["input_ids"].tolist(), b["input_ids"].tolist()) for a, b in zip(batches(seeded(0)), batches(seeded(1)))]
    assert [a for a, _ in both] == first[: len(both)]  # two epochs at once do not disturb each other


def test_stretches_of_the_text():
    documents = [[[7, 70_000, 9], [3]], [[4, 5]]]
    found = windows(lay_out(documents), 4, 70_001)
    assert found.dtype == np.uint32 and windows(lay_out(documents), 4, 30_522).dtype == np.uint16
    assert found[4].tolist() == [7, 70_000, 9, 3] and found[8].tolist() == [4, 5, 0, 0] and len(found) == 11


@pytest.mark.parametrize("coins", [0, 1, 7, 63, 64, 65, 300])
def test_heads_are_half_of_the_coins(coins):
    heads = _heads(np.full(20_000, coins), numpy_generator(seeded(coins)))
    assert heads.min() >= 0 and heads.max() <= coins
    assert heads.mean() == pytest.approx(coins / 2, abs=4 * (coins / 80_000) ** 0.5)
    assert heads.var() == pytest.approx(coins / 4, rel=0.06)


def ordinary_batch(tokenizer, rows: int, seq: int) -> dict[str, torch.Tensor]:
    """Rows as `pad_spans` makes them, of random words; every third row is padded by half."""
    ids = torch.tensor(ordinary_ids(tokenizer))
    ids = ids[torch.randint(len(ids), (rows, seq), generator=seeded(1))]
    ids[:, 0], ids[:, seq // 3], ids[:, -1] = tokenizer.cls_token_id, tokenizer.unk_token_id, tokenizer.sep_token_id
    ids[::3, seq // 2 :] = tokenizer.pad_token_id
    return {"input_ids": ids, "special_tokens_mask": ids == tokenizer.pad_token_id}


def masked(tokenizer, batch: dict, seed: int = 0, **options) -> dict[str, torch.Tensor]:
    fresh = {key: tensor.clone() for key, tensor in batch.items()}
    return BulkCollator(tokenizer, seeded(seed), **options).mask(fresh)


def neighbours(which: torch.Tensor) -> torch.Tensor:
    return which[:, 1:] & which[:, :-1]


@pytest.mark.parametrize("share, mix", [(0.15, (0.8, 0.1, 0.1)), (0.02, (0.5, 0.3, 0.2)), (1.0, (0.0, 0.4, 0.6))])
def test_masks_in_the_long_run(small_tokenizer, share, mix):
    """Each word is chosen on its own, and of the chosen ones each share of the mix is met within four errors."""
    batch = ordinary_batch(small_tokenizer, 6000, 60)
    found = masked(small_tokenizer, batch, mask_probability=share, mix=mix)
    chosen, ids, words = found["labels"] != IGNORE, found["input_ids"], set(ordinary_ids(small_tokenizer))
    eligible, total = torch.isin(batch["input_ids"], torch.tensor(sorted(words))), int(chosen.sum())
    for picked, of, rate in ((chosen, eligible, share), (neighbours(chosen), neighbours(eligible), share**2)):
        expected = rate * int(of.sum())
        assert abs(int(picked.sum()) - expected) <= 4 * (expected * (1 - rate)) ** 0.5
    kept = chosen & (ids == batch["input_ids"])
    fates = (
        chosen & (ids == small_tokenizer.mask_token_id),
        chosen & ~kept & (ids != small_tokenizer.mask_token_id),
        kept,
    )
    mix = mix[0], mix[1] * (1 - 1 / len(words)), mix[2] + mix[1] / len(words)  # a random word may be the word itself
    for fate, expected in zip(fates, mix, strict=True):
        assert abs(int(fate.sum()) - expected * total) <= 4 * (expected * (1 - expected) * total) ** 0.5
    if total * mix[1] > 20 * len(words):
        assert set(ids[fates[1]].tolist()) == words


@pytest.mark.parametrize("options", [{}, {"mask_probability": 0.6}, {"whole_word": True}, {"predictions_per_row": 4}])
def test_masking_leaves_everything_but_the_chosen_words_alone(small_tokenizer, options):
    batch = ordinary_batch(small_tokenizer, 40, 30)
    found = masked(small_tokenizer, batch, **options)
    assert sorted(found) == ["input_ids", "labels"] and found["labels"].dtype == torch.int64
    chosen = found["labels"] != IGNORE
    assert chosen.any() and torch.equal(torch.where(chosen, found["labels"], found["input_ids"]), batch["input_ids"])
    assert not torch.isin(batch["input_ids"][chosen], torch.tensor(small_tokenizer.all_special_ids)).any()
    if "predictions_per_row" in options:
        assert chosen.sum(1).tolist() == [4] * 40
    if "whole_word" in options:
        words = MlmCollator(small_tokenizer, seeded(0)).word_ids(batch["input_ids"])
        real = ~torch.isin(batch["input_ids"], torch.tensor(small_tokenizer.all_special_ids))
        for row, of_row, free in zip(chosen, words, real, strict=True):
            for word in of_row[free].unique():
                assert len(set(row[free & (of_row == word)].tolist())) == 1


def test_a_batch_always_has_a_word_to_learn_if_it_has_any(small_tokenizer):
    word = ordinary_ids(small_tokenizer)[0]
    ids = torch.tensor([[small_tokenizer.cls_token_id, word, small_tokenizer.sep_token_id, word, word]])
    places = []
    for seed in range(300):
        batch = {"input_ids": ids, "special_tokens_mask": torch.zeros_like(ids)}
        found = masked(small_tokenizer, batch, seed, mask_probability=1e-4, mix=(1.0, 0.0, 0.0))
        places += (found["labels"][0] != IGNORE).nonzero().flatten().tolist()
        assert (found["input_ids"] == small_tokenizer.mask_token_id).sum() == 1
    assert len(places) == 300 and [abs(places.count(i) - 100) < 35 for i in (1, 3, 4)] == [True] * 3
    none = torch.full((2, 3), small_tokenizer.pad_token_id)
    found = masked(small_tokenizer, {"input_ids": none, "special_tokens_mask": torch.ones_like(none)})
    assert found["labels"].eq(IGNORE).all() and torch.equal(found["input_ids"], none)


def test_batches_are_contiguous_and_their_own(documents, small_tokenizer):
    batches = bulk_batches(documents, small_tokenizer, 48, 16)
    kept = list(batches(seeded(0)))
    assert all(tensor.is_contiguous() for batch in kept for tensor in batch.values())
    assert len({tensor.data_ptr() for batch in kept for tensor in batch.values()}) == sum(map(len, kept))
    for batch, again in zip(kept, batches(seeded(0)), strict=True):  # none was written to afterwards
        assert all(torch.equal(batch[key], again[key]) for key in batch)
        assert batch["attention_mask"].sum(1).max() == batch["input_ids"].shape[1], "padded to the longest, no further"


def test_options_of_the_collator_reach_the_batches(documents, small_tokenizer):
    batches = bulk_batches(documents, small_tokenizer, 48, 16, predictions_per_row=2)(seeded(0))
    assert all(((batch["labels"] != IGNORE).sum(1) == 2).all() for batch in batches)
    shares = []
    for options in ({}, {"mask_probability": 0.5, "mix": (0.0, 0.0, 1.0)}):
        batches = list(bulk_batches(documents, small_tokenizer, 48, 16, **options)(seeded(0)))
        chosen = sum(int((batch["labels"] != IGNORE).sum()) for batch in batches)
        shares.append(chosen / sum(int(batch["attention_mask"].sum()) - 3 * len(batch["labels"]) for batch in batches))
    assert shares == pytest.approx([0.15, 0.5], abs=0.02)
    masks = sum(int((batch["input_ids"] == small_tokenizer.mask_token_id).sum()) for batch in batches)
    assert masks == 0, "all that is chosen is kept"


@pytest.mark.parametrize("wrong", [10**6, -1])
def test_ids_of_another_tokenizer_are_refused(small_tokenizer, wrong):
    with pytest.raises(ValueError, match=f"input_ids holds {wrong}; this tokenizer has"):
        bulk_batches([[[5], [6, wrong]], [[7], [8]]], small_tokenizer, 16, 2)


@pytest.mark.parametrize(
    "run, message",
    [
        (lambda: lay_out([[[5], [6]], []]), "at least two documents"),
        (lambda: draw_spans(lay_out([[[5], [6]], [[7]]]), 7, seeded(0)), "at least 8"),
        (lambda: draw_spans(lay_out([[[5], [6]], [[7]]]), 32, seeded(0), 1.0), r"\[0, 1\)"),
    ],
)
def test_wrong_input_is_refused(run, message):
    with pytest.raises(ValueError, match=message):
        run()
