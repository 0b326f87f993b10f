"""Many processes train as one would: same gradients, no row twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from gradient_worker import SHAPE
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from helpers.bert import Encoder, PreTrainingModel
from helpers.lab.distributed import shard
from helpers.masking import IGNORE


@given(st.integers(1, 12), st.integers(1, 5))
def test_shards_share_a_batch_out(rows, world_size):
    batch = {
        "input_ids": torch.arange(rows)[:, None].repeat(1, 3),
        "labels": torch.arange(rows)[:, None].repeat(1, 3),
        "next_sentence_label": torch.zeros(rows, dtype=torch.long),
    }
    shards = [shard(batch, rank, world_size) for rank in range(world_size)]
    labelled = [
        int(row) for part in shards for row, label in zip(part["input_ids"][:, 0], part["labels"][:, 0]) if label >= 0
    ]
    assert sorted(labelled) == list(range(rows))  # every row once
    assert all(len(part["input_ids"]) >= 1 for part in shards)
    blank = [part for part in shards if (part["labels"] == IGNORE).all()]
    assert all((part["next_sentence_label"] == IGNORE).all() for part in blank) and len(blank) == max(
        0, world_size - rows
    )


@pytest.mark.parametrize("rows, processes, pairs", [(5, 2, True), (2, 3, True), (2, 3, False)])
def test_the_gradient_is_that_of_one_process(tmp_path, rows, processes, pairs):
    torch.manual_seed(rows)
    model = PreTrainingModel(Encoder(SHAPE)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    lengths = torch.tensor([9, 3, 7, 5, 8])[:rows]
    mask = (torch.arange(9) < lengths[:, None]).long()
    ids = torch.randint(5, 50, (rows, 9)) * mask
    labels = torch.where((torch.rand(rows, 9) < 0.4) & mask.bool(), ids, IGNORE)
    labels[0] = IGNORE  # a shard may hold no masked slot at all
    labels[1, 1] = ids[1, 1]
    batch = {"input_ids": ids, "attention_mask": mask, "labels": labels, "token_type_ids": torch.zeros_like(ids)}
    if pairs:
        batch["next_sentence_label"] = torch.arange(rows) % 2
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    save_file(batch, tmp_path / "batch.safetensors")
    worker = [sys.executable, str(Path(__file__).with_name("gradient_worker.py")), str(tmp_path), str(processes)]
    done = subprocess.run(
        worker, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = load_file(tmp_path / f"{processes}.safetensors")
    output = model(**batch)
    output.loss.backward()
    assert found.pop("loss").item() == pytest.approx(output.loss.item(), rel=1e-6)  # the loss is float32
    assert found.keys() == dict(model.named_parameters()).keys()
    for name, parameter in model.named_parameters():
        expected = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad  # None without pairs
        assert (parameter.grad is None) == (not pairs and name.startswith(("nsp_head", "encoder.pooler"))), name
        assert (found[name] - expected).abs().max() <= 1e-6, name
