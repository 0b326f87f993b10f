"""Masking keeps BERT's rules: for every batch whatever its shape, and in the long run."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from helpers.batching import MlmCollator, pad
from helpers.masking import IGNORE, mask_positions, mask_tokens
from helpers.sentence_pairs import build_inputs, make_nsp_pairs
from helpers.tokenization import encode, ordinary_ids, special_ids

MASK, FIRST_WORD, FIRST_REPLACEMENT, VOCABULARY = 4, 5, 50, 90  # words of a text are 5 … 49, replacements 50 … 89
REPLACEMENTS = torch.arange(FIRST_REPLACEMENT, VOCABULARY)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mask(input_ids, special, seed=0, **options):
    return mask_tokens(
        input_ids, special, mask_token_id=MASK, replacement_ids=REPLACEMENTS, generator=seeded(seed), **options
    )


@st.composite
def rows(draw):
    """A batch and which of its slots are special: (input_ids, special_tokens_mask, seed)."""
    size, seq, seed = draw(st.integers(1, 6)), draw(st.integers(1, 24)), draw(st.integers(0, 10**6))
    generator = seeded(seed)
    special = (torch.rand(size, seq, generator=generator) < draw(st.sampled_from([0.0, 0.3, 0.9]))).long()
    words = torch.randint(FIRST_WORD, FIRST_REPLACEMENT, (size, seq), generator=generator)
    return torch.where(special.bool(), torch.randint(0, 4, (size, seq), generator=generator), words), special, seed


def check_rules(input_ids, special, masked, labels):
    """What holds however the slots were chosen."""
    chosen = labels != IGNORE
    assert not (chosen & special.bool()).any(), "a special token or padding was chosen"
    assert torch.equal(masked[~chosen], input_ids[~chosen]), "an unchosen slot was touched"
    assert torch.equal(labels[chosen], input_ids[chosen]), "a label is not the original id"
    drawn = masked[chosen & (masked != input_ids) & (masked != MASK)]
    assert torch.isin(drawn, REPLACEMENTS).all(), "something else than a replacement was drawn"
    return chosen


@given(rows(), st.floats(0.01, 1.0))
def test_the_rules_of_masking(batch, mask_probability):
    input_ids, special, seed = batch
    before = input_ids.clone(), torch.get_rng_state()
    masked, labels = mask(input_ids, special, seed, mask_probability=mask_probability)
    chosen = check_rules(input_ids, special, masked, labels)
    assert torch.equal(input_ids, before[0]), "the batch itself was changed"
    assert torch.equal(torch.get_rng_state(), before[1]), "the global generator was used"
    again, again_labels = mask(input_ids, special, seed, mask_probability=mask_probability)
    assert torch.equal(masked, again) and torch.equal(labels, again_labels)
    assert chosen.any() or special.all(), "there is a word, and nothing to learn from"
    if mask_probability == 1.0:
        assert torch.equal(chosen, ~special.bool())


@given(rows(), st.integers(1, 30))
def test_a_fixed_number_of_predictions(batch, predictions_per_row):
    """Exactly so many in every row, or all that a shorter row has; and read back from static shapes nothing is lost."""
    input_ids, special, seed = batch
    masked, labels = mask(input_ids, special, seed, predictions_per_row=predictions_per_row)
    chosen = check_rules(input_ids, special, masked, labels)
    assert torch.equal(chosen.sum(1), (special == 0).sum(1).clamp(max=predictions_per_row))
    positions, kept = mask_positions(labels, predictions_per_row)
    assert positions.shape == kept.shape == (len(input_ids), min(predictions_per_row, input_ids.shape[1]))
    restored = torch.full_like(labels, IGNORE).scatter(1, positions, kept)
    assert torch.equal(restored, labels)
    assert all(len(set(row)) == len(row) for row in positions.tolist())


def test_no_masked_slot_may_be_lost():
    labels = torch.tensor([[IGNORE, 7, 8, 9]])
    with pytest.raises(ValueError, match="3 masked slots, more than 2"):
        mask_positions(labels, 2)


@given(rows())
def test_whole_words_share_their_fate(batch):
    input_ids, special, seed = batch
    starts = torch.rand(input_ids.shape, generator=seeded(seed + 1)) < 0.5
    word_ids = ((starts | special.bool()).long().cumsum(1) - 1).clamp(min=0)
    masked, labels = mask(input_ids, special, seed, mask_probability=0.4, word_ids=word_ids)
    chosen = check_rules(input_ids, special, masked, labels)
    for row in range(len(input_ids)):
        for word in word_ids[row].unique():
            pieces = (word_ids[row] == word) & (special[row] == 0)
            assert chosen[row, pieces].all() or not chosen[row, pieces].any()


@pytest.mark.parametrize("how", ["each token", "whole words", "fixed number"])
def test_the_mix_in_the_long_run(how):
    """On more than 100,000 chosen slots: 15 % chosen, of them 80/10/10, replacements even over the vocabulary."""
    size, seq = 8000, 102
    input_ids = torch.randint(FIRST_WORD, FIRST_REPLACEMENT, (size, seq), generator=seeded(1))
    special = torch.zeros_like(input_ids)
    special[:, [0, -1]] = 1
    options = {
        "each token": {},
        "whole words": {"word_ids": (torch.arange(seq) // 2).expand(size, seq).contiguous()},
        "fixed number": {"predictions_per_row": 15},
    }[how]
    masked, labels = mask(input_ids, special, seed=2, **options)
    chosen = check_rules(input_ids, special, masked, labels)
    n = int(chosen.sum())
    assert n > 100_000
    if how == "each token":
        assert binomtest(n, size * (seq - 2), 0.15).pvalue > 1e-3
    assert n / (size * (seq - 2)) == pytest.approx(0.15, abs=0.003)
    new = masked[chosen]
    mix = [(new == MASK).sum(), (new >= FIRST_REPLACEMENT).sum(), (new == labels[chosen]).sum()]
    assert sum(mix) == n
    assert chisquare(torch.stack(mix), [0.8 * n, 0.1 * n, 0.1 * n]).pvalue > 1e-3
    drawn = torch.bincount(new[new >= FIRST_REPLACEMENT] - FIRST_REPLACEMENT, minlength=len(REPLACEMENTS))
    assert chisquare(drawn).pvalue > 1e-3
    if how == "fixed number":
        assert chisquare(chosen[:, 1:-1].sum(0)).pvalue > 1e-3  # every place alike


@pytest.mark.parametrize("mix, kind", [((1, 0, 0), "mask"), ((0, 1, 0), "random"), ((0, 0, 1), "kept")])
def test_a_pure_mix(mix, kind):
    input_ids = torch.randint(FIRST_WORD, FIRST_REPLACEMENT, (4, 50))
    masked, labels = mask(input_ids, torch.zeros_like(input_ids), mix=mix)
    chosen = labels != IGNORE
    new = masked[chosen]
    expected = {"mask": new == MASK, "random": new >= FIRST_REPLACEMENT, "kept": new == labels[chosen]}
    assert len(new) and expected[kind].all()


# ---------------------------------------------------------------- the collator, on real text


@pytest.fixture(scope="module")
def examples(documents, small_tokenizer):
    pairs, _ = make_nsp_pairs(documents, 48, seeded(0))
    return [build_inputs(pair, small_tokenizer.cls_token_id, small_tokenizer.sep_token_id) for pair in pairs]


@pytest.mark.parametrize("options", [{}, {"whole_word": True}, {"predictions_per_row": 7}], ids=str)
def test_special_tokens_and_padding_are_never_chosen_and_never_drawn(examples, small_tokenizer, options):
    collator = MlmCollator(small_tokenizer, seeded(3), mask_probability=0.5, mix=(0.0, 0.9, 0.1), **options)
    ordinary = torch.tensor(ordinary_ids(small_tokenizer))
    original = pad(examples, small_tokenizer.pad_token_id)
    for _ in range(5):
        batch = collator(examples)
        chosen = batch["labels"] != IGNORE
        assert not (chosen & original["special_tokens_mask"].bool()).any()
        assert not (chosen & (batch["attention_mask"] == 0)).any()
        assert torch.isin(batch["input_ids"][chosen & (batch["input_ids"] != batch["labels"])], ordinary).all()
        assert torch.equal(torch.where(chosen, batch["labels"], batch["input_ids"]), original["input_ids"])
        for key in ("token_type_ids", "attention_mask", "next_sentence_label"):
            assert torch.equal(batch[key], original[key])
        assert "special_tokens_mask" not in batch


def test_special_tokens_that_a_text_spells_out_are_not_chosen(small_tokenizer):
    """A review may contain the characters [SEP]; the tokenizer reads them as the token itself."""
    examples = encode(small_tokenizer, ["the film [SEP] the [MASK] film [PAD] ☃"], max_length=32)
    batch = MlmCollator(small_tokenizer, seeded(0), mask_probability=1.0)(examples)
    special = torch.isin(torch.tensor(examples[0]["input_ids"]), torch.tensor(special_ids(small_tokenizer)))
    assert torch.equal(batch["labels"][0] == IGNORE, special) and special.sum() == 6


def test_masks_are_fresh_at_every_call_and_repeat_with_the_seed(examples, small_tokenizer):
    collator = MlmCollator(small_tokenizer, seeded(4))
    first, second = collator(examples), collator(examples)
    assert not torch.equal(first["labels"], second["labels"])
    assert torch.equal(first["labels"], MlmCollator(small_tokenizer, seeded(4))(examples)["labels"])


def test_the_collator_knows_which_pieces_make_a_word(small_tokenizer):
    text = "unwatchable"
    assert len(small_tokenizer.tokenize(text)) > 2
    (example,) = encode(small_tokenizer, [f"the {text} film"], max_length=32)
    collator = MlmCollator(small_tokenizer, seeded(0), mask_probability=0.5, whole_word=True)
    word_ids = collator.word_ids(torch.tensor([example["input_ids"]]))[0].tolist()
    pieces = len(small_tokenizer.tokenize(text))
    assert word_ids[:2] + word_ids[2 : 2 + pieces] == [0, 1] + [2] * pieces
    assert word_ids[2 + pieces] == 3
    whole = [tuple((collator([example])["labels"][0, 2 : 2 + pieces] != IGNORE).tolist()) for _ in range(20)]
    assert set(whole) == {(True,) * pieces, (False,) * pieces}
