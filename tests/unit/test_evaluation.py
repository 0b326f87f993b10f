"""Scores, intervals and paired tests, against naive loops, formulas and published values."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from helpers.bert import PreTrainingModel, SequenceClassifier
from helpers.device import generator
from helpers.evaluation import (
    bootstrap_interval,
    bootstrap_ratio,
    evaluate_classifier,
    evaluate_mlm,
    expected_calibration_error,
    fill_mask,
    fit_temperature,
    mcnemar,
    neighbour_guesses,
    nsp_baselines,
    nsp_features,
    predict,
    ranks,
    reliability,
    right_at_masks,
    score,
    sign_test,
    unigram_baseline,
    wilson_interval,
)
from helpers.masking import IGNORE
from helpers.sentence_pairs import Pair, make_nsp_pairs

Z = 1.959963984540054  # 97.5 % of a standard normal lie below it


@pytest.mark.parametrize(
    "successes, n, low, high",
    [  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_equals_the_published_values(successes, n, low, high):
    assert wilson_interval(successes, n) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


@given(st.integers(1, 5000), st.data())
def test_wilson_equals_its_formula(n, data):
    k = data.draw(st.integers(0, n))
    p = k / n
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    low, high = wilson_interval(k, n)
    assert (low, high) == (pytest.approx(centre - half, abs=1e-9), pytest.approx(centre + half, abs=1e-9))
    assert -1e-12 <= low <= p <= high <= 1 + 1e-12


def test_score():
    found = score(np.array([True] * 81 + [False] * 182))
    assert found == {"accuracy": 81 / 263, "interval": wilson_interval(81, 263), "n": 263}


@pytest.mark.parametrize("both, only_a, only_b", [(5, 3, 9), (0, 1, 7), (2, 6, 6), (4, 0, 3), (3, 0, 0)])
def test_mcnemar_equals_the_binomial_by_hand(both, only_a, only_b):
    """Twice the smaller tail of a fair coin."""
    n = only_a + only_b
    tail = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1)) / 2**n
    right_a = np.array([True] * (both + only_a) + [False] * only_b)
    right_b = np.array([True] * both + [False] * only_a + [True] * only_b)
    found = mcnemar(right_a, right_b)
    assert (found["only_a"], found["only_b"]) == (only_a, only_b)
    assert found["p_value"] == pytest.approx(min(1.0, 2 * tail), abs=1e-12)
    assert mcnemar(right_b, right_a)["p_value"] == pytest.approx(found["p_value"], abs=1e-12)


def test_sign_test_counts_the_lower_ones_and_leaves_out_ties():
    found = sign_test(torch.tensor([1, 1, 1, 5, 2, 7]), np.array([2, 3, 9, 4, 2, 7]))
    assert found == {"lower_a": 3, "lower_b": 1, "p_value": pytest.approx(2 * 5 / 16)}
    assert sign_test([1, 2], [1, 2]) == {"lower_a": 0, "lower_b": 0, "p_value": 1.0}


def test_unigram_baseline_by_hand():
    train_ids = torch.tensor([1, 1, 1, 2, 3, 3])  # with one added to each: 1, 4, 2, 3 of 10
    labels = torch.tensor([[IGNORE, 1, 3], [2, 1, IGNORE]])
    floor = unigram_baseline(train_ids, labels, vocab_size=4)
    expected = -(math.log(0.4) + math.log(0.3) + math.log(0.2) + math.log(0.4)) / 4
    assert floor == {"loss": pytest.approx(expected, abs=1e-12), "accuracy": 0.5, "slots": 4}


MASK = 4


def test_neighbours_are_asked_from_the_surest_to_the_vaguest():
    mask, text = 9, [1, 2, 3, 1, 2, 3, 1, 4, 3, 5, 2, 6, 5, 7, 6, 2, 2]
    asked = [
        ([1, mask, 3], 2),  # between 1 and 3: twice 2, once 4
        ([7, mask, 3], 2),  # 7 ? 3 was never seen; before 3 mostly 2
        ([5, mask, 8], 2),  # nothing was seen before 8; after 5: 2 and 7, once each
        ([8, mask, 8], 2),  # neither neighbour is known: 2 is the commonest
    ]
    batch = {
        "input_ids": torch.tensor([row for row, _ in asked]),
        "labels": torch.tensor([[IGNORE, word, IGNORE] for _, word in asked]),
    }
    found = neighbour_guesses(torch.tensor(text), [batch], mask, [0])
    assert found[[0, 1, 3]].all() and found.shape == (4,)
    batch["labels"][0, 1] = 4
    batch["input_ids"][3, 1] = 5  # not a [MASK] slot: not asked
    again = neighbour_guesses(torch.tensor(text), [batch], mask, [0])
    assert again.tolist() == [False, *found[1:3].tolist()]


def test_neighbours_never_guess_a_special_token():
    text = torch.tensor([5, 0, 6, 5, 0, 6, 5, 7, 6])  # 0 parts the texts; between 5 and 6 it stands most often
    batch = {"input_ids": torch.tensor([[5, 9, 6]]), "labels": torch.tensor([[IGNORE, 7, IGNORE]])}
    assert neighbour_guesses(text, [batch], 9, [0]).all()
    assert not neighbour_guesses(text, [batch], 9, []).any()


def test_right_at_masks_agrees_with_the_score(model):
    batches = frozen_batches()
    right = right_at_masks(model, batches, MASK)
    scored = evaluate_mlm(model, batches, MASK)["kinds"]["mask"]
    assert (len(right), right.mean()) == (scored["slots"], pytest.approx(scored["accuracy"]))


def test_a_ratio_of_accuracies_has_an_interval():
    rng = np.random.default_rng(0)
    right = rng.random(1000) < 0.8
    assert bootstrap_ratio(right, right) == (1.0, 1.0)
    worse = right & (rng.random(1000) < 0.9)
    low, high = bootstrap_ratio(worse, right)
    assert low < worse.mean() / right.mean() < high and high - low < 0.06
    assert bootstrap_ratio(worse, right, seed=1) != (low, high) == bootstrap_ratio(worse, right)


def frozen_batches() -> list[dict]:
    """Two batches whose masked slots are of every kind: [MASK], another word, and left as it was."""
    generator = torch.Generator().manual_seed(5)
    batches = []
    for size, follows in ((4, [0, 1, 1, 0]), (2, [1, 0])):
        original = torch.randint(5, 50, (size, 10), generator=generator)
        inputs, labels = original.clone(), torch.full_like(original, IGNORE)
        for row in range(size):
            labels[row, 1:7] = original[row, 1:7]
            inputs[row, 1:4] = MASK
            inputs[row, 4:6] = (original[row, 4:6] - 5 + 7) % 45 + 5
        attention_mask = (torch.arange(10) < torch.tensor([10, 9, 8, 10])[:size, None]).long()
        batches.append(
            {
                "input_ids": inputs,
                "labels": labels,
                "attention_mask": attention_mask,
                "next_sentence_label": torch.tensor(follows),
            }
        )
    return batches


@pytest.fixture
def model(tiny_encoder, shaken):
    return shaken(PreTrainingModel(tiny_encoder()))


def test_masked_words_are_scored_as_in_a_naive_loop(model):
    batches = frozen_batches()
    found = evaluate_mlm(model, batches, MASK)
    slots = {"mask": [], "random": [], "kept": []}
    nsp = []
    with torch.no_grad():
        for batch in batches:
            for row in range(len(batch["labels"])):
                inputs, attention_mask = batch["input_ids"][row : row + 1], batch["attention_mask"][row : row + 1]
                output = model(inputs, attention_mask)
                nsp.append(output.nsp_logits[0].argmax().item() == batch["next_sentence_label"][row].item())
                for column, label in enumerate(batch["labels"][row].tolist()):
                    if label == IGNORE:
                        continue
                    token = inputs[0, column].item()
                    kind = "mask" if token == MASK else "kept" if token == label else "random"
                    logits = output.mlm_logits[0, column]
                    slots[kind].append((-F.log_softmax(logits, -1)[label].item(), logits.argmax().item() == label))
    assert {kind: len(entries) for kind, entries in slots.items()} == {"mask": 18, "random": 12, "kept": 6}
    for kind, entries in [*slots.items(), ("all", sum(slots.values(), []))]:
        part = found if kind == "all" else found["kinds"][kind]
        assert part["slots"] == len(entries)
        assert part["loss"] == pytest.approx(np.mean([loss for loss, _ in entries]), abs=1e-5)
        assert part["accuracy"] == pytest.approx(np.mean([right for _, right in entries]))
    assert found["pairs"] == 6 and found["nsp_accuracy"] == pytest.approx(np.mean(nsp))


def test_a_kind_that_does_not_occur_has_no_score(model):
    batch = {key: tensor for key, tensor in frozen_batches()[0].items() if key != "next_sentence_label"}
    batch["labels"][:, 4:] = IGNORE
    found = evaluate_mlm(model, [batch], MASK)
    assert found["kinds"]["kept"] == {"loss": None, "accuracy": None, "slots": 0}
    assert "nsp_accuracy" not in found and found["slots"] == 12


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_is_without_dropout_and_leaves_the_mode_as_it_was(model, tiny_encoder, batch, training):
    classifier = SequenceClassifier(tiny_encoder(), num_labels=2)
    for evaluated, score_it in (
        (model, lambda: evaluate_mlm(model, frozen_batches(), MASK)),
        (classifier, lambda: evaluate_classifier(classifier, [batch | {"labels": torch.tensor([0, 1, 0])}])["loss"]),
    ):
        evaluated.train(training)
        assert score_it() == score_it()
        assert evaluated.training == evaluated.encoder.training == training
        assert all(p.grad is None for p in evaluated.parameters())


def test_predictions_come_in_the_batches_order(tiny_encoder, batch):
    model = SequenceClassifier(tiny_encoder(), num_labels=3).eval()
    labels = torch.tensor([2, 0, 1])
    rows = [{key: tensor[[i]] for key, tensor in batch.items()} | {"labels": labels[[i]]} for i in range(3)]
    extra = {"index": torch.arange(3), "special_tokens_mask": torch.zeros(3, 9)}
    with torch.no_grad():
        expected = model(**batch).logits
    for batches in ([batch | extra | {"labels": labels}], rows):
        logits, found = predict(model, batches)
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
        assert torch.equal(found, labels)
        result = evaluate_classifier(model, batches)
        assert result["right"].tolist() == (expected.argmax(-1) == labels).tolist()
        assert result["loss"] == pytest.approx(F.cross_entropy(expected, labels).item(), abs=1e-5)
        assert (result["n"], result["accuracy"]) == (3, pytest.approx(result["right"].mean()))


# ---------------------------------------------------------------- next sentence


def test_what_can_be_seen_of_a_pair_without_reading_it():
    pair = Pair((1, 2, 2, 3), (3, 4), 0)
    features = nsp_features([pair])
    assert features["overlap"].tolist() == [[pytest.approx(1 / 4)]] and features["lengths"].tolist() == [[4, 2]]


def test_baselines_without_reading(documents):
    train, test = (make_nsp_pairs(documents, 64, generator(seed))[0] for seed in (0, 1))
    found = nsp_baselines(train, test)
    assert found.keys() == {"majority", "lengths only", "word overlap"}
    assert all(right.dtype == bool and right.shape == (len(test),) for right in found.values())
    assert found["lengths only"].mean() < 0.62, "the label can be read off the lengths"


def test_fill_mask_wants_one_mask(small_tokenizer, tiny_encoder):
    model = PreTrainingModel(tiny_encoder(vocab_size=len(small_tokenizer))).eval()
    found = fill_mask(model, small_tokenizer, "the [MASK] was good", top=3)
    assert len(found) == 3 and found[0][1] >= found[1][1] >= found[2][1] > 0
    model.train()  # as a training loop leaves it: dropout must not choose the words
    assert fill_mask(model, small_tokenizer, "the [MASK] was good", top=3) == found
    for text, count in (("no gap", 0), ("[MASK] and [MASK]", 2)):
        with pytest.raises(ValueError, match=f"has {count} "):
            fill_mask(model, small_tokenizer, text)


def test_the_bootstrap_resamples_whole_groups():
    """Twenty groups of fifty equal values say as much as twenty values, not as a thousand."""
    draws = np.random.default_rng(0)
    each = draws.random(20) < 0.5
    values, groups = np.repeat(each, 50), np.repeat(np.arange(20), 50)
    low, high = bootstrap_interval(values, groups)
    alone = bootstrap_interval(each, range(20))
    assert low < values.mean() < high and (low, high) == alone
    scattered = bootstrap_interval(values, np.arange(1000))
    assert high - low > 5 * (scattered[1] - scattered[0])
    order = draws.permutation(1000)
    assert bootstrap_interval(values[order], groups[order]) == (low, high)
    many, of = draws.random(1000), np.repeat(np.arange(200), 5)
    assert bootstrap_interval(many, of) == bootstrap_interval(many, of) != bootstrap_interval(many, of, seed=1)
    assert bootstrap_interval([1.0, -1.0, 0.0, 0.0], ["a", "a", "b", "b"]) == (0.0, 0.0)


def test_the_bootstrap_weighs_groups_by_their_size():
    values, groups = np.array([1.0] * 90 + [0.0] * 10), np.array([0] * 90 + [1] * 10)
    low, high = bootstrap_interval(values, groups)
    assert (low, high) == (0.0, 1.0)
    even = bootstrap_interval(np.tile([1.0, 0.0], 200), np.repeat(np.arange(200), 2))
    assert even == (0.5, 0.5)


# Calibration


def test_one_temperature_makes_confidence_match_the_accuracy():
    """Logits ±2 with three of four right: the best loss says 75%, so 2 x 2 / T = ln 3."""
    logits = torch.tensor([[2.0, -2.0]] * 4)
    found = fit_temperature(logits, torch.tensor([0, 0, 0, 1]))
    assert found == pytest.approx(4 / math.log(3), rel=1e-4)
    assert (logits / found).softmax(-1)[0, 0].item() == pytest.approx(0.75, abs=1e-4)


def test_a_doubt_too_many_gives_a_temperature_below_one():
    logits = torch.tensor([[0.1, -0.1]] * 10)
    assert fit_temperature(logits, torch.tensor([0] * 9 + [1])) == pytest.approx(0.2 / math.log(9), rel=1e-4)


@given(st.integers(0, 2**16))
def test_the_fitted_temperature_has_the_lowest_loss(seed):
    numbers = generator(seed)
    logits = 3 * torch.randn(40, 3, generator=numbers)
    labels = torch.randint(3, (40,), generator=numbers)
    best = F.cross_entropy(logits.double() / fit_temperature(logits, labels), labels)
    others = [F.cross_entropy(logits.double() / t, labels) for t in np.geomspace(0.05, 20, 50)]
    assert best <= min(others) + 1e-6


def test_reliability_by_hand():
    confidence, right = [0.55, 0.6, 0.61, 0.95, 1.0], [True, False, True, True, False]
    found = reliability(confidence, right)
    assert [(round(b["low"], 9), round(b["high"], 9), b["n"]) for b in found] == [
        (0.5, 0.6, 2),
        (0.6, 0.7, 1),
        (0.9, 1.0, 2),
    ]
    assert [b["confidence"] for b in found] == pytest.approx([0.575, 0.61, 0.975])
    assert [b["accuracy"] for b in found] == [0.5, 1.0, 0.5]
    expected = (2 * 0.075 + 1 * 0.39 + 2 * 0.475) / 5
    assert expected_calibration_error(confidence, right) == pytest.approx(expected)


def test_one_bin_compares_the_means_alone():
    assert expected_calibration_error([0.6, 1.0], [True, False], bins=1) == pytest.approx(0.3)
    assert expected_calibration_error([1.0, 1.0], [True, True]) == 0


@pytest.mark.parametrize(
    "confidence, right, message",
    [
        ([], [], "not empty"),
        ([0.5], [True, False], "equally long"),
        ([1.2], [True], "probability"),
        ([0.0], [True], "probab"),
    ],
)
def test_reliability_refuses_what_is_no_confidence(confidence, right, message):
    for measure in (reliability, expected_calibration_error):
        with pytest.raises(ValueError, match=message):
            measure(confidence, right)


@pytest.mark.parametrize("logits, labels", [((0, 2), (0,)), ((3, 2), (2,)), ((4,), (4,))])
def test_a_temperature_needs_a_label_for_each_row(logits, labels):
    with pytest.raises(ValueError, match="must be"):
        fit_temperature(torch.zeros(logits), torch.zeros(labels, dtype=torch.int64))


# ---------------------------------------------------------------- retrieval


def test_a_rank_counts_the_candidates_that_are_at_least_as_similar():
    similarity = torch.tensor([[0.9, 0.1, 0.5, 0.2], [0.8, 0.3, 0.2, 0.9], [0.1, 0.7, 0.6, 0.0]])
    assert ranks(similarity, torch.arange(3)).tolist() == [1, 3, 2]
    assert ranks(similarity, torch.tensor([2, 3, 2])).tolist() == [2, 1, 2]  # two queries, one right candidate


def test_ranks_agree_with_sorting():
    similarity = torch.randn(7, 11, generator=torch.Generator().manual_seed(0))
    places = similarity.argsort(dim=1, descending=True)
    for right in (torch.arange(7), torch.tensor([10, 3, 3, 0, 8, 9, 1])):
        expected = [places[i].tolist().index(right[i]) + 1 for i in range(7)]
        assert ranks(similarity, right).tolist() == expected


def test_vectors_that_are_all_alike_find_nothing():
    assert ranks(torch.ones(3, 5), torch.arange(3)).tolist() == [5, 5, 5]


def test_ranks_refuse_what_has_no_right_candidate():
    with pytest.raises(ValueError, match="outside of 0 to 1"):
        ranks(torch.ones(3, 2), torch.arange(3))
    with pytest.raises(ValueError, match="not finite"):
        ranks(torch.tensor([[0.5, torch.nan]]), torch.tensor([0]))
