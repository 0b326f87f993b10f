"""Batches with little padding: every text comes once; epochs to pre-train on are fresh, or the same, as asked."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.batching import (
    LengthBucketSampler,
    held_out_batches,
    masked_batches,
    own_vocabulary,
    pad,
    padding_share,
    pretraining_batches,
    static_batches,
    window_batches,
)
from helpers.corpora import load_documents
from helpers.device import generator
from helpers.masking import IGNORE
from helpers.tokenization import encode

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=120)


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
    assert [batch.tolist() for batch in sampler(0).arrays()] == first
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


# ---------------------------------------------------------------- pre-training


def test_epochs_of_pairs_are_fresh_and_repeat_with_the_seed(documents, small_tokenizer):
    batches = pretraining_batches(documents[:4], small_tokenizer, max_length=32, batch_size=8)
    draw = generator(0)
    first, second = list(batches(draw)), list(batches(draw))
    again = list(batches(generator(0)))
    assert same(first, again) and not same(first, second)
    assert first[0].keys() == {"input_ids", "token_type_ids", "attention_mask", "labels", "next_sentence_label"}
    assert all(batch["input_ids"].shape[1] <= 32 for batch in first)
    without = next(iter(pretraining_batches(documents[:4], small_tokenizer, 32, 8, next_sentence=False)(generator(0))))
    assert "next_sentence_label" not in without


def same(epoch: list[dict], other: list[dict]) -> bool:
    return len(epoch) == len(other) and all(
        a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a) for a, b in zip(epoch, other)
    )


@pytest.mark.parametrize("copies", [1, 3])
def test_static_masks_come_back_and_dynamic_ones_do_not(documents, small_tokenizer, copies):
    dynamic = pretraining_batches(documents[:4], small_tokenizer, max_length=32, batch_size=8)
    static = static_batches(dynamic, copies)
    draw = generator(0)
    epochs = [list(static(draw)) for _ in range(3 * copies)]
    for i, epoch in enumerate(epochs):
        for j, other in enumerate(epochs):
            assert same(epoch, other) == (i % copies == j % copies)
    assert same(list(static_batches(dynamic, copies)(generator(7))), epochs[0])  # as another process makes them
    fresh = [list(dynamic(draw)) for _ in range(3)]
    assert not same(fresh[0], fresh[1]) and not same(fresh[1], fresh[2])


def test_held_out_batches_are_frozen(small_tokenizer):
    first = held_out_batches(small_tokenizer, documents=3, max_length=32)
    torch.manual_seed(99)
    assert same(first, held_out_batches(small_tokenizer, documents=3, max_length=32))
    assert all((batch["labels"] != IGNORE).any() for batch in first)


def test_windows_are_single_texts_with_nothing_special_masked(documents, small_tokenizer):
    epoch = list(window_batches(documents, small_tokenizer, 32, 8, mask_probability=0.3)(generator(0)))
    chosen = torch.cat([(batch["labels"] != IGNORE)[batch["attention_mask"].bool()] for batch in epoch])
    assert 0.2 < chosen.float().mean() < 0.35
    for batch in epoch:
        assert "next_sentence_label" not in batch and batch["input_ids"].shape[1] <= 32
        restored = batch["input_ids"].where(batch["labels"] == IGNORE, batch["labels"])
        assert (restored[:, 0] == small_tokenizer.cls_token_id).all()
        assert ((restored == small_tokenizer.sep_token_id).sum(1) == 1).all()
    assert not same(epoch, list(window_batches(documents, small_tokenizer, 32, 8)(generator(1))))


def test_an_own_vocabulary_is_learned_from_reviews_of_the_train_split():
    tokenizer, tokenized = own_vocabulary(documents=20, vocab_size=400)
    assert len(tokenizer) == 400 and len(tokenized) == 20
    words = tokenizer.decode(tokenized[0][0])
    start = "".join(load_documents("imdb", "train")[0].lower().split())
    assert start.startswith("".join(words.split())[:20])


def test_masked_batches_keep_the_order_of_the_texts(small_tokenizer):
    texts = ["a film", "a good film about a dog", "bad"]

    def batches(seed, size=2):
        return masked_batches(texts, small_tokenizer, 6, size, generator(seed))

    first, second = batches(0)
    assert [len(batch["input_ids"]) for batch in (first, second)] == [2, 1] and first["input_ids"].shape[1] <= 6
    whole = pad(encode(small_tokenizer, texts, 6, truncate=True), small_tokenizer.pad_token_id)["input_ids"]
    for seed in range(20):
        (batch,) = batches(seed, size=3)
        original = torch.where(batch["labels"] == IGNORE, batch["input_ids"], batch["labels"])
        assert torch.equal(original, whole)
    assert any(not torch.equal(batches(0, 3)[0]["labels"], batches(seed, 3)[0]["labels"]) for seed in range(1, 20))
    assert torch.equal(batches(0, 3)[0]["labels"], batches(0, 3)[0]["labels"])
    assert masked_batches([], small_tokenizer, 6, 2, generator(0)) == []
    with pytest.raises(ValueError, match="batch_size"):
        masked_batches(texts, small_tokenizer, 6, 0, generator(0))
