"""Where a notebook runs: seed, device, budget."""

import importlib.util
import os
import random
from dataclasses import dataclass

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
    chosen = choose_device(device or os.environ.get("COURSE_DEVICE") or None)
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
    """Return a CPU generator with its own seed: data, masks, and pairs never sample from the global one."""
    return torch.Generator().manual_seed(seed)


def _quiet_transformers():
    # Loading bars and load reports are noise in a lesson; errors still show.
    if importlib.util.find_spec("transformers"):
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
