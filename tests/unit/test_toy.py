"""The toy language keeps its grammar, and the tiny encoder looks only where it may."""

import math
from collections import Counter

import pytest
import torch

from helpers.attention import causal_mask
from helpers.device import generator
from helpers.toy import (
    BOS_ID,
    FILLERS,
    FIRST_FILLER,
    FIRST_NOUN,
    FIRST_VERB,
    LENGTH,
    MASK_ID,
    NOUNS,
    VERBS,
    VOCABULARY,
    TinyEncoder,
    hidden_words_found,
    lowest_losses,
    to_words,
    toy_sentences,
    train_tiny,
)


def test_the_vocabulary():
    assert len(VOCABULARY) == len(set(VOCABULARY)) == 2 + len(NOUNS) + len(VERBS) + len(FILLERS) == 50
    assert len(NOUNS) == len(VERBS)
    assert (VOCABULARY[MASK_ID], VOCABULARY[BOS_ID]) == ("[MASK]", "[BOS]")
    assert (VOCABULARY[FIRST_NOUN], VOCABULARY[FIRST_VERB]) == (NOUNS[0], VERBS[0])
    assert VOCABULARY[FIRST_FILLER] == FILLERS[0]


def test_the_grammar_of_every_sentence():
    """[BOS], fillers, one noun, fillers, the verb that goes with it, fillers; the noun never comes after the verb."""
    input_ids, noun_position = toy_sentences(2000, generator(0))
    assert input_ids.shape == (2000, LENGTH) and input_ids.dtype == torch.int64
    for row, position in zip(input_ids.tolist(), noun_position.tolist()):
        nouns = [i for i, token in enumerate(row) if FIRST_NOUN <= token < FIRST_VERB]
        verbs = [i for i, token in enumerate(row) if FIRST_VERB <= token < FIRST_FILLER]
        assert row[0] == BOS_ID and nouns == [position] and len(verbs) == 1 and position < verbs[0]
        assert VERBS[row[verbs[0]] - FIRST_VERB] == VERBS[NOUNS.index(VOCABULARY[row[position]])]
        assert all(token >= FIRST_FILLER for i, token in enumerate(row) if i not in (0, position, verbs[0]))
    assert to_words(input_ids[0])[0] == "[BOS]" and to_words(input_ids[0])[noun_position[0]] in NOUNS


def test_every_noun_and_place_occurs():
    input_ids, noun_position = toy_sentences(4000, generator(1))
    nouns = Counter(input_ids[torch.arange(4000), noun_position].tolist())
    assert len(nouns) == len(NOUNS) and min(nouns.values()) > 4000 / len(NOUNS) / 1.5
    assert set(noun_position.tolist()) == set(range(1, 7))


def test_sentences_follow_from_the_generator_alone():
    state = torch.get_rng_state()
    first = toy_sentences(50, generator(0))[0]
    assert torch.equal(first, toy_sentences(50, generator(0))[0])
    assert not torch.equal(first, toy_sentences(50, generator(1))[0])
    assert torch.equal(state, torch.get_rng_state())


@pytest.fixture
def model():
    return TinyEncoder(len(VOCABULARY), LENGTH).eval()


@torch.no_grad()
def test_a_later_word_moves_earlier_outputs_only_without_the_causal_mask(model):
    input_ids, _ = toy_sentences(4, generator(0))
    changed = input_ids.clone()
    changed[:, 9] = FIRST_FILLER + (changed[:, 9] - FIRST_FILLER + 1) % len(FILLERS)
    for mask, moves in ((None, True), (causal_mask(LENGTH), False)):
        moved = (model(input_ids, mask) - model(changed, mask)).abs().amax(-1)  # (batch, seq)
        assert (moved[:, :9] > 0).all() == moves and (moved[:, :9] > 0).any() == moves
        assert (moved[:, 9:] > 0).all()


def test_the_lowest_losses_are_those_of_the_best_possible_models():
    """By simulation: the best model knows the rule, and spreads its guess over the positions that are left."""
    count, draw = 20_000, generator(7)
    input_ids, noun_position = toy_sentences(count, draw)
    masked = torch.rand(input_ids.shape, generator=draw) < 0.15
    masked[:, 0] = False
    rows = torch.arange(count)
    verb_position = ((input_ids >= FIRST_VERB) & (input_ids < FIRST_FILLER)).int().argmax(dim=1)
    loss = masked[:, 7].sum() * math.log(32)
    for position, partner, group in (
        (noun_position, verb_position, slice(1, 7)),
        (verb_position, noun_position, slice(8, 14)),
    ):
        hidden, m = masked[rows, position], masked[:, group].sum(dim=1).double()
        alone = math.log(8) * masked[rows, partner]  # which of the eight?
        others = torch.where(m > 1, (m - 1) * (math.log(32) - (1 - 1 / m).clamp_min(1e-9).log()), 0)
        loss = loss + torch.where(hidden, m.log() + alone + others, m * math.log(32)).sum()
    lowest = lowest_losses()
    assert lowest["MLM"] == pytest.approx((loss / masked.sum()).item(), abs=0.02)
    # a causal model predicts "no noun yet" or "no verb yet" with the chance that is left
    entropy = 11 * math.log(32) + math.log(8) - 2 * sum(math.log(1 - 1 / n) for n in range(6, 1, -1))
    assert lowest["causal"] == pytest.approx(entropy / 13) and lowest["copying"] == 0


@torch.no_grad()
def test_only_asked_slots_are_answered(model):
    input_ids, noun_position = toy_sentences(5, generator(0))
    labels = torch.full_like(input_ids, -100)
    labels[torch.arange(5), noun_position] = 3
    logits = model(input_ids)
    assert logits.shape == (5, LENGTH, 50)
    asked = model(input_ids, None, labels)
    torch.testing.assert_close(asked, logits[torch.arange(5), noun_position], rtol=0, atol=1e-5)


def test_training_makes_it_better(model):
    """Copying is the easiest task there is: without a mask every word is in plain sight."""
    draw = generator(0)

    def make_batch():
        input_ids, _ = toy_sentences(32, draw)
        return input_ids, None, input_ids

    losses = train_tiny(model, make_batch, steps=60, learning_rate=3e-3)
    assert len(losses) == 60 and not model.training
    assert losses[0] > 3.5 and losses[-1] < 0.5


def test_the_exam_is_marked_by_who_knows_the_answer():
    """Who has seen the sentences knows every word and gets the full mark; who says the opposite gets none."""
    input_ids, noun_position = toy_sentences(300, generator(2))
    asked = []

    def oracle(gap, mask=None):
        asked.append((gap, mask))
        known = torch.nn.functional.one_hot(input_ids, len(VOCABULARY)).float()
        return known if mask is None else known.roll(-1, dims=1)  # a causal model says what comes next

    for objective in ("MLM", "copying", "causal"):
        found = hidden_words_found(oracle, objective, input_ids)
        assert found["noun"].all() and found["verb"].all() and found["noun"].shape == (300,)
        assert (asked[-1][1] is not None) == (objective == "causal")
    hidden = [(gap != input_ids).nonzero() for gap, _ in asked[:2]]
    assert all(len(places) == 300 for places in hidden) and torch.equal(hidden[0][:, 1], noun_position)
    wrong = hidden_words_found(lambda gap, mask=None: -oracle(gap, mask), "MLM", input_ids)
    assert not wrong["noun"].any() and not wrong["verb"].any()
