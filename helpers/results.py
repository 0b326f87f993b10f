"""What a study measured, kept as JSON with settings, machine, versions and seconds; tables are made from it."""

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import statistics
import time
from collections.abc import Mapping
from difflib import get_close_matches
from functools import partial, reduce
from operator import getitem
from pathlib import Path

import torch

RESULTS = Path(__file__).parent.parent / "data" / "results"


class NotHere(Exception):
    """This machine lacks what an arm needs, such as a GPU; the message says what."""


def record(name: str, arms: Mapping[str, partial], *, command: str) -> Path:
    """Run a study arm by arm and write its JSON after each, so that a study that was stopped goes on where it was.

    arms: name → a function with its arguments, which are recorded as the arm's `settings`; it returns what it measured,
    as plain values. An arm that the file holds already, with the same settings, is not run again; arms that have not
    run yet, or raise NotHere, are listed under `not_run`. Delete the file to measure everything anew. Returns the path
    of the file. Raises ValueError, and runs nothing, if the file holds arms that are not asked for: they would be lost.
    """
    path = RESULTS / f"{name}.json"
    held = load_result(name)["arms"] if path.is_file() else {}
    if lost := held.keys() - arms.keys():
        raise ValueError(
            f"{path.name} holds arms that this call does not ask for: {', '.join(sorted(lost))}. "
            "Ask for all seeds that it holds, or delete it to measure anew."
        )
    done = {arm: held[arm] for arm, run in arms.items() if arm in held and held[arm]["settings"] == run.keywords}
    if len(done) == len(arms):
        print(f"{name}: all {len(arms)} arms are recorded already; delete the file to measure anew", flush=True)
    for arm, run in arms.items():
        if arm in done:
            continue
        started = time.perf_counter()
        try:
            if run.keywords.get("device") == "cuda" and not torch.cuda.is_available():
                raise NotHere("no CUDA device")
            measured = run()
        except NotHere as reason:
            print(f"{name}: {arm} not run: {reason}", flush=True)
            continue
        seconds = round(time.perf_counter() - started, 1)
        done[arm] = {"settings": run.keywords, **circumstances(), "seconds": seconds, "measured": measured}
        waiting = [other for other in arms if other not in done]
        facts = {"name": name, "command": command, "not_run": waiting, "arms": done}
        RESULTS.mkdir(parents=True, exist_ok=True)
        # Written beside and swapped in: whatever interrupts this, the arms before it are still there.
        path.with_suffix(".next").write_text(json.dumps(facts, indent=2, default=float) + "\n", encoding="utf-8")
        os.replace(path.with_suffix(".next"), path)
        print(f"{name}: {arm}, {seconds:.0f} s", flush=True)
    return path


def circumstances() -> dict:
    """Return the machine, the versions, and a digest of helpers' source, for a record."""
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
    source = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py"))))
    return {"machine": machine, "versions": versions, "source": source.hexdigest()[:12]}


def load_result(name: str) -> dict:
    """Return a recorded study. Raises FileNotFoundError, naming those whose names are nearest."""
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        nearest = get_close_matches(name, sorted(p.stem for p in RESULTS.glob("*.json")), n=3, cutoff=0)
        raise FileNotFoundError(f"No recorded study {name!r}; the nearest are: {', '.join(nearest) or 'none'}.")
    return json.loads(path.read_text(encoding="utf-8"))


def over_arms(result: dict, *keys: str) -> dict:
    """Return `mean`, `lowest`, `highest` and the standard deviation `sd` (None for a single arm) of one value over the
    arms of a recorded study; `keys` lead to it inside `measured`, for example "full", "accuracy"."""
    values = [reduce(getitem, keys, arm["measured"]) for arm in result["arms"].values()]
    spread = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.mean(values), "sd": spread, "lowest": min(values), "highest": max(values)}


def origin(result: dict) -> str:
    """Return, in two lines, where a recorded study comes from: arms, machine, time, command."""
    arms, waiting = list(result["arms"].values()), result["not_run"]
    machines = {f"{m['gpu'] or m['processor']}, threads: {m['threads']}" for m in (arm["machine"] for arm in arms)}
    seconds = [arm["seconds"] for arm in arms if arm["seconds"] is not None]
    time_taken = f", {time_of(statistics.mean(seconds))} an arm" if seconds else ""
    late = f", {len(waiting)} not run yet" if waiting else ""
    count = f"{len(arms)} arm{'s' * (len(arms) != 1)}"
    return f"recorded: {count}{late}{time_taken}, on {'; '.join(sorted(machines))}\n{result['command']}"


def time_of(seconds: float) -> str:
    """Return seconds as text, in minutes from two of them on."""
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


def markdown_table(rows: list[dict]) -> str:
    """Return rows of plain values as a Markdown table, the first row's keys as the header."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return "\n".join(lines + ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows])


def percent(share: float) -> str:
    """Return a share as text with one decimal, 0.8342 → 83.4 %."""
    return f"{100 * share:.1f} %"
