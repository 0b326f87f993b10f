"""A race between our loop and transformers' Trainer is fair and is scored the same way on both sides."""

import pytest
import torch

from helpers.batching import own_vocabulary
from helpers.bert import PreTrainingModel
from helpers.lab.studies import race
from helpers.lab.studies.race import SIDES, MaskedOnly, wall_clock_race
from helpers.masking import IGNORE
from helpers.weights import load_model, save_pretrained


@pytest.fixture(scope="module")
def text():
    return own_vocabulary(40, 500)


@pytest.fixture(autouse=True)
def short_exam(monkeypatch):
    whole = race.frozen_windows
    monkeypatch.setattr(
        race, "frozen_windows", lambda tokenizer, _, *rest, **split: whole(tokenizer, 3, *rest, **split)
    )


@pytest.mark.parametrize("side", SIDES)
def test_both_sides_run_against_the_clock(side):
    found = wall_clock_race(side, seconds=2.0, seed=0, learning_rate=1e-3, documents=40, vocab_size=500)
    assert found["steps"] >= 1 and 0.5 < found["seconds"] < 8
    assert found["test"]["kinds"]["mask"]["slots"] > 50


def test_both_sides_have_the_same_shape_and_text(text):
    tokenizer, documents = text
    models = {side: train(documents, tokenizer, 1, 0, 1e-3)[0] for side, train in SIDES.items()}
    ours, theirs = models["ours"], models["Trainer"].model
    heads = {"pooler.weight", "pooler.bias"}
    shared = {name: p.numel() for name, p in ours.named_parameters()}
    left_out = sum(n for name, n in shared.items() if name.startswith("nsp_head") or name[8:] in heads)
    assert sum(shared.values()) - left_out == sum(p.numel() for p in theirs.parameters())
    dropouts = [m.p for model in models.values() for m in model.modules() if isinstance(m, torch.nn.Dropout)]
    assert set(dropouts) == {0.0}


@torch.no_grad()
def test_their_model_is_scored_as_ours_is(tiny_encoder, shaken, tmp_path):
    from transformers import BertForMaskedLM

    model = shaken(PreTrainingModel(tiny_encoder())).eval()
    theirs = BertForMaskedLM.from_pretrained(save_pretrained(model, tmp_path)).eval()
    batch = {"input_ids": torch.tensor([[2, 7, 8, 9, 3], [2, 7, 3, 0, 0]]), "labels": torch.full((2, 5), IGNORE)}
    batch |= {"attention_mask": (batch["input_ids"] > 0).long()}
    batch["labels"][0, 2], batch["labels"][1, 1] = 11, 12
    assert torch.allclose(MaskedOnly(theirs)(**batch).mlm_logits, load_model(tmp_path)(**batch).mlm_logits, atol=1e-5)
