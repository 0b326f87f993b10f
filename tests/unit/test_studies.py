"""The studies measure what they say, tried at a size that a test can wait for."""

import json
import math
from itertools import combinations

import pytest
import torch

from helpers import training, transfer
from helpers.bert import student_from
from helpers.corpora import load_documents, load_reviews, split_fold
from helpers.lab import tiny
from helpers.lab.studies import epochs, next_sentence, own_pretraining_folds
from helpers.lab.studies.distillation import distillation, times_as_fast
from helpers.lab.studies.imdb import imdb_fine_tuning
from helpers.lab.studies.ladder import ladder_scores
from helpers.lab.studies.three_objectives import three_objectives
from helpers.lab.studies.warmup_and_clipping import warmup_and_clipping
from helpers.lab.tiny import sentiment, tiny_start
from helpers.sentence_pairs import NEGATIVES

# ---------------------------------------------------------------- three objectives


def test_three_objectives_find_what_they_can():
    found = three_objectives(seed=1, steps=250, sentences=200)
    assert found.keys() == {"causal", "copying", "MLM"}
    assert all(scores["noun"]["n"] == scores["verb"]["n"] == 200 for scores in found.values())
    assert found["copying"]["loss"] < 0.1 and found["copying"]["noun"]["accuracy"] < 0.35
    assert found["causal"]["verb"]["accuracy"] > 0.5 > found["causal"]["noun"]["accuracy"] + 0.2
    assert found["MLM"]["noun"]["accuracy"] > 0.5


# ---------------------------------------------------------------- the others, a few steps each


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_the_verdict_on_next_sentence(negatives):
    sizes = {"steps": 2, "batch_size": 4, "judged": 12, "max_length": 32}
    found = next_sentence.next_sentence(seed=0, negatives=negatives, **sizes)
    assert {score["n"] for name, score in found.items() if name in ("majority", "word overlap", "NSP head")} == {12}
    assert 0 < found["order task: NSP head"]["n"] <= 12
    assert json.loads(json.dumps(found)).keys() == found.keys()


def test_few_reviews_are_walked_again_for_fresh_pairs(monkeypatch):
    seen, train = [], next_sentence.fine_tuned
    monkeypatch.setattr(next_sentence, "load_documents", lambda name, split: load_documents(name, split)[:6])

    def trained_on_few(encoder, rows, *args, **kwargs):
        seen.extend(rows)
        return train(encoder, rows[:4], *args, **kwargs)

    monkeypatch.setattr(next_sentence, "fine_tuned", trained_on_few)
    next_sentence.next_sentence(seed=0, negatives="another review", steps=30, batch_size=4, judged=12, max_length=32)
    assert len(seen) == 120 and len({tuple(row["input_ids"]) for row in seen}) > 90  # one walk gives 61


def test_whole_reviews():
    found = imdb_fine_tuning(seed=0, rows=8, judged=6, max_length=32, batch_size=4)
    assert {score["n"] for score in found.values() if isinstance(score, dict) and "n" in score} == {6}
    paired = found["full against TF-IDF"]
    assert abs(paired["only_a"] - paired["only_b"]) == round(
        6 * abs(found["full"]["accuracy"] - found["TF-IDF"]["accuracy"])
    )


def test_distillation_compares_three_students_with_their_teacher():
    found = distillation(seed=0, rows=16, judged=20, teacher_epochs=1, epochs=1, repeats=1)
    for name in ("distilled", "same start, labels", "labels"):
        assert found[name]["n"] == found["teacher"]["n"] == 20
        assert found[name]["kept"] == pytest.approx(found[name]["accuracy"] / found["teacher"]["accuracy"])
        assert found[name]["kept_interval"][0] <= found[name]["kept"] <= found[name]["kept_interval"][1]
    assert 0.75 < found["parameters"]["student"] / found["parameters"]["teacher"] < 0.8


def test_half_the_layers_are_faster(encoder):
    found = times_as_fast(student_from(encoder, (0,)), encoder, repeats=5)
    assert found.keys() == {"batch of 1", "batch of 16"} and found["batch of 16"] > 2


def test_a_small_encoder_reads_sentiment(tiny_encoder, small_tokenizer, monkeypatch):
    few = {
        split: load_reviews("rotten_tomatoes", split)[:count]
        for split, count in (("train", 12), ("validation", 9), ("test", 11))
    }
    monkeypatch.setattr(tiny, "load_reviews", lambda name, split: few[split])
    encoder = tiny_encoder(vocab_size=len(small_tokenizer), max_position_embeddings=16)
    found = sentiment(encoder, small_tokenizer, seed=0, epochs=1)
    assert found["n"] == 11 and 0 <= found["accuracy"] <= 1
    assert found["validation"]["n"] == 9 and 0 <= found["validation"]["accuracy"] <= 1
    again = sentiment(encoder, small_tokenizer, seed=0, epochs=1)
    assert again == found


def test_a_fold_judges_both_starts_on_the_same_sentences(monkeypatch):
    train, inside = split_fold(0)
    monkeypatch.setattr(own_pretraining_folds, "split_fold", lambda fold: (train[:40], inside[:30]))
    rates, seen, fine_tuned = {"pre-trained": 1e-3, "fresh": 1e-4}, [], own_pretraining_folds.fine_tuned

    def watched(encoder, examples, tokenizer, **options):
        seen.append((encoder.embeddings.word.weight, options["learning_rate"], options["seed"], options["epochs"]))
        return fine_tuned(encoder, examples, tokenizer, **options)

    monkeypatch.setattr(own_pretraining_folds, "fine_tuned", watched)
    found = own_pretraining_folds.own_pretraining_fold(fold=0, seed=0, rates=rates, epochs=1)
    for (weight, *how), start in zip(seen, rates, strict=True):
        expected = tiny_start(start == "pre-trained", seed=0).embeddings.word.weight
        assert torch.equal(weight, expected) and how == [rates[start], 0, 1]
    assert found["pre-trained"]["n"] == found["fresh"]["n"] == 30
    ahead = found["paired"]["only_a"] - found["paired"]["only_b"]
    assert ahead == round(30 * (found["pre-trained"]["accuracy"] - found["fresh"]["accuracy"]))
    assert json.loads(json.dumps(found)).keys() == found.keys()


def test_every_epoch_is_looked_at(monkeypatch):
    monkeypatch.setattr(epochs, "load_reviews", lambda name, split: load_reviews(name, split)[:20])
    seen, fine_tuned = [], epochs.fine_tuned

    def watched(*args, **options):
        model, history = fine_tuned(*args, **options)
        seen.append(history)
        return model, history

    monkeypatch.setattr(epochs, "fine_tuned", watched)
    curve = epochs.epoch_by_epoch(rows=16, epochs=3, seed=0)["curve"]
    losses = seen[0].loss  # two steps an epoch
    assert [epoch["train_loss"] for epoch in curve] == pytest.approx([sum(losses[i : i + 2]) / 2 for i in (0, 2, 4)])
    assert [epoch["n"] for epoch in curve] == [20, 20, 20]
    assert len({epoch["loss"] for epoch in curve}) == 3  # the model went on learning in between
    assert json.loads(json.dumps(curve)) == [epoch | {"interval": list(epoch["interval"])} for epoch in curve]


def test_without_warm_up_and_clipping_the_first_steps_are_long(monkeypatch):
    seen, set_learning_rate = [], training.set_learning_rate

    def watched(optimizer, learning_rate):
        seen.append(learning_rate)
        set_learning_rate(optimizer, learning_rate)

    def short(name, split):
        return [review._replace(text="a joy") for review in load_reviews(name, split)]

    norms = []
    monkeypatch.setattr(transfer, "load_reviews", short)
    monkeypatch.setattr(training, "set_learning_rate", watched)
    clip = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(
        torch.nn.utils, "clip_grad_norm_", lambda parameters, most: norms.append(most) or clip(parameters, most)
    )
    found = warmup_and_clipping(rows=160, rates=[1e-4], seed=0)
    assert list(found) == [f"{name}, 0.0001" for name in ("both", "no warm-up", "no clipping", "neither")]
    assert {score["n"] for score in found.values()} == {160}
    runs = [(seen[i], norms[i]) for i in range(0, len(seen), 20)]  # the first of each run's twenty steps
    assert runs == [(5e-5, 1.0), (1e-4, 1.0), (5e-5, math.inf), (1e-4, math.inf)]


def test_the_fresh_start_has_the_shape_of_tiny_bert_and_none_of_its_weights():
    trained, fresh, other = (tiny_start(*which) for which in ((True, 0), (False, 0), (False, 1)))
    assert trained.config == fresh.config
    weights = [encoder.embeddings.word.weight for encoder in (trained, fresh, other)]
    assert not any(torch.equal(a, b) for a, b in combinations(weights, 2))


def test_a_record_of_the_ladder_keeps_scores_alone():
    found = ladder_scores(rows=20, rungs=("majority",), seed=0)
    assert found["majority"].keys() == {"accuracy", "interval", "n", "trained_parameters"}
    assert json.loads(json.dumps(found)).keys() == found.keys()
