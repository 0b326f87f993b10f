"""Record a study run by run, with settings, machine, versions, and seconds, so that its figures can be trusted."""

import importlib.metadata
import os
import platform
import re
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch

from .. import results
from ..results import load_result, write_json
from ..training import SOURCE


class NotHere(Exception):
    """This machine lacks what a run needs, such as a GPU; the message says what."""


def record(name: str, runs: Mapping[str, partial], *, command: str) -> Path:
    """Make the runs of a study and write its JSON after each, so that a study that was stopped goes on where it was.

    runs: name → a function with its arguments, which are recorded as the run's `settings`; it returns what it measured,
    as plain values. A run that the file holds already, with the same settings, is not made again; runs that are still
    to come, or raise NotHere, are listed under `not_run`. Delete the file to measure everything again. Returns the path
    of the file; its key "arms" holds the runs. Raises ValueError, and runs nothing, if the file holds runs that are not
    wanted: they would be lost.
    """
    path = results.RESULTS / f"{name}.json"
    held = load_result(name)["arms"] if path.is_file() else {}
    if lost := held.keys() - runs.keys():
        raise ValueError(
            f"{path.name} holds runs that this call does not ask for: {', '.join(sorted(lost))}. "
            "Ask for all seeds that it holds, or delete it to measure again."
        )
    done = {key: held[key] for key, run in runs.items() if key in held and held[key]["settings"] == run.keywords}
    if len(done) == len(runs):
        print(f"{name}: all {len(runs)} runs are recorded already; delete the file to measure again", flush=True)
    for key, run in runs.items():
        if key in done:
            continue
        started = time.perf_counter()
        try:
            if run.keywords.get("device") == "cuda" and not torch.cuda.is_available():
                raise NotHere("no CUDA device")
            measured = run()
        except NotHere as reason:
            print(f"{name}: {key} not run: {reason}", flush=True)
            continue
        seconds = round(time.perf_counter() - started, 1)
        today = {"date": time.strftime("%Y-%m-%d", time.gmtime())}
        done[key] = {"settings": run.keywords, **today, **circumstances(), "seconds": seconds, "measured": measured}
        waiting = [other for other in runs if other not in done]
        write_json(path, {"name": name, "command": command, "not_run": waiting, "arms": done})
        print(f"{name}: {key}, {seconds:.0f} s", flush=True)
    return path


def circumstances() -> dict:
    """Return the machine, the versions, and the digest of helpers' source as it was imported, for a record."""
    versions = {package: importlib.metadata.version(package) for package in ("torch", "transformers", "scikit-learn")}
    cpu = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.*)", cpu.read_text(encoding="utf-8")) if cpu.is_file() else []
    machine = {
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
    }
    return {"machine": machine, "versions": versions, "source": SOURCE[:12]}
