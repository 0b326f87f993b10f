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
from helpers.device import generator
from helpers.lab.distributed import own_rows, shard
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


def test_every_process_drops_others_and_the_batches_stay_the_same():
    def batches(draws):
        for _ in range(3):
            yield {"input_ids": torch.randint(9, (4, 5), generator=draws)}

    def epoch(rank: int, draws: torch.Generator):
        return [(batch["input_ids"], torch.rand(4)) for batch in own_rows(batches, draws, rank, 2)]

    ranks = [epoch(rank, generator(0)) for rank in range(2)]
    plain = [batch["input_ids"] for batch in batches(generator(0))]
    for step, batch in enumerate(plain):
        assert all(torch.equal(ranks[rank][step][0], batch[rank::2]) for rank in range(2))
    drops = [drop for rank in ranks for _, drop in rank]
    assert all(not torch.equal(a, b) for i, a in enumerate(drops) for b in drops[:i])
    draws = generator(0)
    first, second = epoch(0, draws), epoch(0, draws)
    assert not torch.equal(first[0][1], second[0][1]), "another epoch, other dropout"
    assert torch.equal(first[2][1], ranks[0][2][1])


def test_two_processes_drop_others_and_go_on_bit_for_bit(tmp_path):
    worker = [sys.executable, str(Path(__file__).with_name("dropout_worker.py")), str(tmp_path)]
    done = subprocess.run(
        worker, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    whole, stopped = (
        [load_file(tmp_path / f"{name}-{rank}.safetensors") for rank in range(2)] for name in ("whole", "stopped")
    )
    ours, theirs = (found["dropped"] for found in whole)
    assert ours.shape == theirs.shape == (6, 2, 24, 32)
    assert all(0.4 < drop.float().mean() < 0.6 for drop in (*ours, *theirs))
    assert not any(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    for before, after in zip(whole, stopped, strict=True):
        assert torch.equal(before["dropped"], after["dropped"])  # steps 1 to 4, then 5 and 6
        assert all(torch.equal(before[key], after[key]) for key in before)
    assert all(torch.equal(whole[0][key], whole[1][key]) for key in whole[0] if key != "dropped")
