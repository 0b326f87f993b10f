"""Training killed with SIGKILL at random moments: does it end as if nothing had happened?"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from ..recorder import NotHere
from ..study import Study

PLAIN = ["-m", "helpers.lab.killed"]
SHARED = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "helpers.lab.pretrain"]
SHARED += "--hidden-size 64 --num-hidden-layers 1 --documents 200 --vocab-size 600".split()
SHARED += "--batch-size 8 --max-length 64 --save-every 1".split()


def kill_and_go_on(kills: int, steps: int, seed: int = 0, torchrun: bool = False) -> dict:
    """Train once undisturbed and once killed so many times, each time at a random moment after the first checkpoint,
    and started again.

    Returns `kills`, the step that the last checkpoint `held` at each, and whether the weights (and, in the plain loop,
    all losses) are `identical` to the last bit. Raises NotHere where processes cannot be found through /proc.
    """
    if not Path("/proc/self/environ").exists():
        raise NotHere("no /proc, through which the processes of a run are found")
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        ends = {}
        for name in ("undisturbed", "killed"):
            runs, output = Path(folder) / name, Path(folder) / f"{name}.out"
            held, waits = (
                [],
                [rng.uniform(0.0, min(0.4, 0.003 * steps)) for _ in range(kills if name == "killed" else 0)],
            )
            for wait in waits:
                child = start(torchrun, steps, runs, output)
                before = last_step(runs)
                while child.poll() is None and last_step(runs) == before:  # a step further than the last time
                    time.sleep(0.01)
                time.sleep(wait)
                kill(runs)
                child.wait()
                if output.exists():
                    raise RuntimeError(f"The run ended before kill {len(held) + 1} of {kills}: give it more steps.")
                held.append(last_step(runs))
            child = start(torchrun, steps, runs, output)
            if child.wait():
                raise RuntimeError(f"The run does not go on: {child.stderr.read().decode()[-500:]}")
            ends[name] = digest(output)
    return {"kills": len(held), "held": held, "identical": ends["killed"] == ends["undisturbed"]}


def start(torchrun: bool, steps: int, runs: Path, output: Path) -> subprocess.Popen:
    environment = os.environ | {"COURSE_RUNS": str(runs), "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        *([*SHARED, "--steps", str(steps), "--output"] if torchrun else [*PLAIN, str(steps)]),
        str(output),
    ]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def kill(runs: Path) -> None:
    """Send SIGKILL to every process that trains into this folder: torchrun's children have a session of their own."""
    mark = f"COURSE_RUNS={runs}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:  # another user's, or gone
            continue


def last_step(runs: Path) -> int:
    return max((int(path.name[4:].partition("-")[0]) for path in runs.glob("*/step*-*.safetensors")), default=0)


def digest(output: Path) -> str:
    path = output / "model.safetensors" if output.is_dir() else output
    return hashlib.sha256(path.read_bytes()).hexdigest()


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    size = {"kills": 20, "steps": 600} if full else {"kills": 1, "steps": 40}
    found = {}
    for seed in seeds:
        found[f"plain loop, seed {seed}"] = partial(kill_and_go_on, seed=seed, **size)
        found[f"torchrun, 2 processes, seed {seed}"] = partial(kill_and_go_on, seed=seed, torchrun=True, **size)
    return found


STUDY = Study(
    title="Training killed with SIGKILL at random moments: does it end as if nothing had happened?",
    notebook="05",
    runs=runs,
)
