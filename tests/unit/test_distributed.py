"""Many processes train as one would: same gradients, no row twice, one checkpoint, any number of them to go on."""

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

from helpers import experiments
from helpers.bert import IGNORE, Encoder, PreTrainingModel
from helpers.distributed import shard
from helpers.weights import load_model

ROOT = Path(__file__).parents[2]


def torchrun(processes: int, *command: str, **environment: str) -> str:
    """Run a command on so many processes and return what it printed."""
    launch = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={processes}", "--master_port=0"]
    done = subprocess.run(
        [*launch, "--rdzv_backend=c10d", "--rdzv_endpoint=127.0.0.1:0", *command],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


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


@pytest.mark.parametrize("rows, processes", [(5, 2), (2, 3)])
def test_the_gradient_is_that_of_one_process(tmp_path, rows, processes):
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
    batch["next_sentence_label"] = torch.arange(rows) % 2
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    save_file(batch, tmp_path / "batch.safetensors")
    torchrun(processes, str(Path(__file__).with_name("gradient_worker.py")), str(tmp_path))
    found = load_file(tmp_path / f"{processes}.safetensors")
    output = model(**batch)
    output.loss.backward()
    assert found.pop("loss").item() == pytest.approx(output.loss.item(), rel=1e-6)  # the loss is float32
    assert found.keys() == {name for name, p in model.named_parameters() if p.grad is not None}
    for name, parameter in model.named_parameters():
        assert (found[name] - parameter.grad).abs().max() <= 1e-6, name


def test_a_run_goes_on_with_another_number_of_processes(tmp_path, monkeypatch, capsys):
    sizes = ["--steps", "6", "--batch-size", "4", "--max-length", "16", "--hidden-size", "32"]
    sizes += ["--num-hidden-layers", "1", "--documents", "6", "--vocab-size", "200", "--save-every", "2"]

    def alone(name: str):
        """Here, as a group of one."""
        for key, value in (("RANK", "0"), ("WORLD_SIZE", "1"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "0")):
            monkeypatch.setenv(key, value)
        monkeypatch.setenv("COURSE_RUNS", str(tmp_path / "runs" / name))
        experiments.pretrain([*sizes, "--output", str(tmp_path / name)])
        return load_model(tmp_path / name).state_dict()

    whole = alone("whole")
    assert "6 steps" in capsys.readouterr().out
    command = ["-m", "helpers.experiments", "pretrain", *sizes, "--output", str(tmp_path / "halved")]
    # Two processes, killed after the checkpoint of step 4.
    torchrun(2, *command, "--stop-after", "5", COURSE_RUNS=str(tmp_path / "runs" / "halved"))
    assert len(list((tmp_path / "runs" / "halved").rglob("*.safetensors"))) == 1  # one checkpoint, by one process
    assert not (tmp_path / "halved").exists()
    halved = alone("halved")
    for name in whole:  # a key's bias has no effect and no gradient: AdamW makes steps of the rounding
        assert "key.bias" in name or (whole[name] - halved[name]).abs().max() <= 1e-4, name
