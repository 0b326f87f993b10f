"""A real `torchrun` of two processes: one checkpoint, and any number of processes goes on from it."""

import os
import subprocess
import sys
from pathlib import Path

from helpers.lab import pretrain
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


def test_a_run_goes_on_with_another_number_of_processes(tmp_path, monkeypatch, capsys):
    sizes = ["--steps", "6", "--batch-size", "4", "--max-length", "16", "--hidden-size", "32"]
    sizes += ["--num-hidden-layers", "1", "--documents", "6", "--vocab-size", "200", "--save-every", "2"]

    def alone(name: str):
        """Here, as a group of one."""
        for key, value in (("RANK", "0"), ("WORLD_SIZE", "1"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "0")):
            monkeypatch.setenv(key, value)
        monkeypatch.setenv("COURSE_RUNS", str(tmp_path / "runs" / name))
        pretrain.main([*sizes, "--output", str(tmp_path / name)])
        return load_model(tmp_path / name).state_dict()

    whole = alone("whole")
    assert "6 steps" in capsys.readouterr().out
    command = ["-m", "helpers.lab.pretrain", *sizes, "--output", str(tmp_path / "halved")]
    # Two processes, killed after the checkpoint of step 4.
    torchrun(2, *command, "--stop-after", "5", COURSE_RUNS=str(tmp_path / "runs" / "halved"))
    # The last two checkpoints, each written by one process.
    kept = (tmp_path / "runs" / "halved").rglob("*.safetensors")
    assert sorted(path.name.partition("-")[0] for path in kept) == ["step2", "step4"]
    assert not (tmp_path / "halved").exists()
    halved = alone("halved")
    for name in whole:  # a key's bias has no effect and no gradient: AdamW makes steps of the rounding
        assert "key.bias" in name or (whole[name] - halved[name]).abs().max() <= 1e-4, name
