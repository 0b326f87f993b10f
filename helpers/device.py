"""Where a notebook runs: seed, device, budget. At the end, the checks of arguments that all modules share."""

import importlib.util
import math
import os
import random
from collections.abc import Sequence
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
    device name or a seed outside 0 … 2³² - 1, TypeError for a seed that is no whole number, and RuntimeError when the
    device asked for is absent.
    """
    budget = os.environ.get("COURSE_BUDGET", "class")
    if budget not in BUDGETS:
        raise ValueError(f"COURSE_BUDGET is {budget!r}; it must be one of {', '.join(BUDGETS)}.")
    check_int(seed, "seed", 0, 2**32 - 1)
    chosen = choose_device(device or os.environ.get("COURSE_DEVICE") or None)
    seed = int(seed)
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
    check_int(seed, "seed", 0, 2**63 - 1)
    return torch.Generator().manual_seed(int(seed))


def _quiet_transformers():
    # Loading bars and load reports are noise in a lesson; errors still show.
    if importlib.util.find_spec("transformers"):
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()


# ---------------------------------------------------------------- checks of arguments

WHOLE = (int, np.integer)  # named once: to build the union of two types takes longer than to check a number


def shown(value) -> str:
    """Return a value on one short line, for a message."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 40 else f"{text[:39]}…"


def check_int(value, name: str, least: int | None = None, most: int | None = None) -> None:
    """Raise TypeError unless this is a whole number, Python's or NumPy's but no bool, and ValueError unless it lies in
    `least` … `most`."""
    if not isinstance(value, WHOLE) or isinstance(value, bool):
        raise TypeError(f"{name} is {shown(value)}; it must be a whole number.")
    _check_range(value, name, least, most)


def check_number(value, name: str, least: float | None = None, most: float | None = None) -> None:
    """Raise TypeError unless this is a number and no bool, and ValueError unless it is finite and in `least` …
    `most`."""
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        raise TypeError(f"{name} is {shown(value)}; it must be a number.")
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}; it must be a finite number.")
    _check_range(value, name, least, most)


def _check_range(value, name: str, least, most) -> None:
    if least is not None and value < least or most is not None and value > most:
        allowed = f"be at least {least}" if most is None else f"lie in {least} … {most}"
        raise ValueError(f"{name} is {value}; it must {allowed}.")


KINDS = {
    "whole": ((torch.int64, torch.int32), "whole numbers", "whole numbers are torch.int64, as in {name}.long()"),
    "float": (
        (torch.float32, torch.float64, torch.bfloat16, torch.float16),
        "floating-point numbers",
        "it must be floating point, as in {name}.float()",
    ),
    "bool": ((torch.bool,), "bools", "it must be bool"),
    "any": (None, "numbers", ""),
}


def check_tensor(
    value, name: str, kind: str = "any", shape: Sequence[int] | None = None, dims: Sequence[str] = ()
) -> None:
    """Raise TypeError unless this is a tensor of one of the `KINDS`, and ValueError unless it has the shape, or as many
    dimensions as are named."""
    dtypes, what, remedy = KINDS[kind]
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} is {type(value).__name__}; give a tensor of {what}, torch.tensor(…).")
    if dtypes and value.dtype not in dtypes:
        raise TypeError(f"{name} has dtype {value.dtype}; {remedy.format(name=name)}.")
    if shape is not None and tuple(value.shape) != tuple(shape):
        raise ValueError(f"{name} has shape {tuple(value.shape)}; this batch needs {tuple(shape)}.")
    if dims and value.dim() != len(dims):
        raise ValueError(f"{name} has shape {tuple(value.shape)}; it must be ({', '.join(dims)}).")


def check_generator(value, name: str = "generator") -> None:
    """Raise TypeError unless this is a torch.Generator: a seed, or None, would leave the draws to chance."""
    if not isinstance(value, torch.Generator):
        raise TypeError(f"{name} is {shown(value)}; give a torch.Generator, such as helpers.device.generator(0).")


def check_kind(value, name: str, *kinds: type) -> None:
    """Raise TypeError unless this is an instance of one of these classes."""
    if not isinstance(value, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"{name} is {type(value).__name__}; it must be {wanted}.")


def check_callable(value, name: str, example: str) -> None:
    """Raise TypeError unless this can be called."""
    if not callable(value):
        raise TypeError(f"{name} is {type(value).__name__}; give a function, such as {example}.")


def check_text(value, name: str) -> None:
    """Raise TypeError unless this is one string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {shown(value)}; it must be one string.")


def check_list(value, name: str, of: str) -> None:
    """Raise TypeError for a single string or dictionary, or what has no length, in place of a list."""
    if isinstance(value, str | bytes | dict) or hasattr(value, "items"):
        raise TypeError(f"{name} is one {type(value).__name__}, {shown(value)}: give a list of {of}.")
    if not hasattr(value, "__len__") or not hasattr(value, "__getitem__"):
        raise TypeError(f"{name} is {type(value).__name__}; give a list of {of}.")
