"""Batches with little padding: every text comes once, and no text sees another."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.batching import LengthBucketSampler, pack, pad, pad_packed, padding_share
from helpers.corpora import load_documents
from helpers.tokenization import encode

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=120)


def make_examples(lengths: list[int]) -> list[dict]:
    """Examples of these lengths; every token is a number of its own."""
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    return [
        {"input_ids": list(range(start, start + n)), "token_type_ids": [0] * (n - n // 2) + [1] * (n // 2)}
        for start, n in zip(starts, lengths)
    ]


@pytest.fixture(scope="module")
def real_lengths(tokenizer):
    texts = load_documents("rotten_tomatoes", "train")
    return [len(example["input_ids"]) for example in encode(tokenizer, texts, max_length=128)]


def test_pad_by_hand():
    examples = [
        {"input_ids": [5, 6, 7], "special_tokens_mask": [1, 0, 1], "labels": [-100, 6, -100], "index": 4},
        {"input_ids": [8], "special_tokens_mask": [0], "labels": [8], "index": 2},
    ]
    expected = {
        "input_ids": [[5, 6, 7], [8, 9, 9]],
        "attention_mask": [[1, 1, 1], [1, 0, 0]],
        "special_tokens_mask": [[1, 0, 1], [0, 1, 1]],  # padding is special too
        "labels": [[-100, 6, -100], [8, -100, -100]],  # and the loss does not see it
        "index": [4, 2],
    }
    batch = pad(examples, pad_token_id=9)
    assert {key: tensor.tolist() for key, tensor in batch.items()} == expected
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}
    assert pad(examples, pad_token_id=9, length=5)["input_ids"].tolist() == [[5, 6, 7, 9, 9], [8, 9, 9, 9, 9]]


def test_a_list_that_does_not_fit_its_row_is_refused():
    examples = [{"input_ids": [1, 2, 3], "labels": [1, 2]}, {"input_ids": [4, 5], "labels": [3, 4, 5]}]
    with pytest.raises(ValueError, match="'labels' must have one value for each token"):
        pad(examples, pad_token_id=0)  # five values for five tokens, but one would slip into the other row


@given(LENGTHS, st.integers(1, 9), st.integers(0, 5), st.integers(1, 4))
def test_each_index_comes_once_an_epoch(lengths, batch_size, seed, pool_batches):
    sampler = LengthBucketSampler(lengths, batch_size, torch.Generator().manual_seed(seed), pool_batches)
    for batches in (list(sampler), list(sampler), list(LengthBucketSampler(lengths, batch_size))):
        assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
        assert len(batches) == len(sampler)
        assert sum(len(batch) != batch_size for batch in batches) <= 1


def test_epochs_differ_and_repeat_with_the_seed(real_lengths):
    def sampler(seed):
        return LengthBucketSampler(real_lengths, 32, torch.Generator().manual_seed(seed))

    epochs = sampler(0)
    first = list(epochs)
    assert first == list(sampler(0))
    assert first != list(epochs) and first != list(sampler(1))
    longest = [max(real_lengths[i] for i in batch) for batch in first]
    assert longest != sorted(longest), "training must not go from short texts to long ones"
    fixed = list(LengthBucketSampler(real_lengths, 32))
    assert fixed == list(LengthBucketSampler(real_lengths, 32))
    assert [real_lengths[i] for batch in fixed for i in batch] == sorted(real_lengths)


def test_at_most_eight_percent_of_rotten_tomatoes_is_padding(real_lengths):
    for seed in range(3):
        batches = list(LengthBucketSampler(real_lengths, 32, torch.Generator().manual_seed(seed)))
        assert 0 < padding_share(real_lengths, batches) <= 0.08
    unsorted = torch.randperm(len(real_lengths)).split(32)
    assert padding_share(real_lengths, [batch.tolist() for batch in unsorted]) > 0.3


def test_padding_share_by_hand():
    assert padding_share([4, 2, 3, 3], [[0, 1], [2, 3]]) == pytest.approx(2 / 14)
    assert padding_share([4, 4], [[0], [1]]) == 0


@given(LENGTHS)
def test_packing_takes_each_example_once_and_fills_no_row_too_far(lengths):
    rows = pack(make_examples(lengths), length=40)
    packed = [token for row in rows for example in row for token in example["input_ids"]]
    assert sorted(packed) == list(range(sum(lengths)))
    fill = [sum(len(example["input_ids"]) for example in row) for row in rows]
    assert all(0 < used <= 40 for used in fill)
    assert sum(used <= 20 for used in fill) <= 1  # two rows that are half empty would have been one


def test_packing_fills_rows_of_real_text(real_lengths):
    rows = pack([{"input_ids": [0] * n} for n in real_lengths], length=128)
    assert sum(real_lengths) / (128 * len(rows)) > 0.97


@given(st.lists(st.integers(1, 12), min_size=1, max_size=20))
def test_packed_masks_and_positions(lengths):
    rows = pack(make_examples(lengths), length=12)
    batch = pad_packed(rows, pad_token_id=-1, length=12)
    assert batch["attention_mask"].dtype == torch.bool
    for r, row in enumerate(rows):
        owner = [n for n, example in enumerate(row) for _ in example["input_ids"]]
        owner += [None] * (12 - len(owner))
        for i in range(12):
            for j in range(12):
                sees = i == j or (owner[i] is not None and owner[i] == owner[j])
                assert bool(batch["attention_mask"][r, i, j]) == sees
        used = sum(len(example["input_ids"]) for example in row)
        assert batch["input_ids"][r].tolist() == sum((e["input_ids"] for e in row), []) + [-1] * (12 - used)
        assert batch["token_type_ids"][r, :used].tolist() == sum((e["token_type_ids"] for e in row), [])
        positions = [i for example in row for i in range(len(example["input_ids"]))]
        assert batch["position_ids"][r, :used].tolist() == positions


@torch.no_grad()
def test_packed_texts_do_not_see_each_other(tiny_encoder):
    """Encoding packed equals encoding alone, and a change in one text moves no other: in float64, so that a small leak
    cannot hide behind rounding."""
    encoder = tiny_encoder().double()
    generator = torch.Generator().manual_seed(3)
    examples = [
        {"input_ids": torch.randint(5, 50, (n,), generator=generator).tolist(), "token_type_ids": [0] + [1] * (n - 1)}
        for n in (3, 9, 4, 12, 6, 1, 7, 5)
    ]
    rows = pack(examples, length=20)
    assert max(len(row) for row in rows) >= 3
    batch = pad_packed(rows, pad_token_id=0, length=20)
    hidden = encoder(**batch).last_hidden_state
    seen = Counter()
    for r, row in enumerate(rows):
        start = 0
        for example in row:
            here = slice(start, start := start + len(example["input_ids"]))
            alone = encoder(**pad([example], pad_token_id=0)).last_hidden_state[0]
            torch.testing.assert_close(hidden[r, here], alone, rtol=0, atol=1e-12)
            changed = batch | {"input_ids": batch["input_ids"].clone()}
            changed["input_ids"][r, here] = torch.randint(5, 50, (len(alone),), generator=generator)
            moved = (encoder(**changed).last_hidden_state - hidden).abs().amax(-1) > 1e-6  # (batch, seq)
            assert moved[r, here].all()
            moved[r, here] = False
            assert not moved.any()
            seen[r] += 1
    assert sum(seen.values()) == len(examples)
