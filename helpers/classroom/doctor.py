"""What this machine has and what the course needs: `make check`, or `python -m helpers.classroom.doctor`."""

import importlib.metadata
import os
import platform
import re
import sys
from pathlib import Path

import torch

from .. import corpora, tokenization

PINS = Path(__file__).parents[2] / "requirements.txt"
NEEDED = ("torch", "transformers", "jupyterlab", "matplotlib", "scikit-learn", "tokenizers", "bertviz", "nbval")


def check() -> bool:
    """Print one line per requirement, "ok" or what to do, and return whether all hold."""
    results = [_check_python()]
    for name, pinned in re.findall(r"^([\w.-]+)==([^\s;]+)", PINS.read_text(encoding="utf-8"), flags=re.M):
        if name in NEEDED:
            results.append(_check_package(name, pinned))
    for what, verify in (("reviews wheel", corpora.verify_wheel), ("encoder wheel", tokenization.verify_wheel)):
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
