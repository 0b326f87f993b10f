"""What was recorded, read and shown: JSON in data/results/, and the tables that are made from it.

`helpers.lab` writes these files. A record names the command that made it, which may since have moved; the command that
works today follows from the record itself.
"""

import json
import os
import re
import statistics
from difflib import get_close_matches
from functools import reduce
from operator import getitem
from pathlib import Path

from .device import check_kind, check_number, check_text, shown

RESULTS = Path(__file__).parent.parent / "data" / "results"


def load_result(name: str) -> dict:
    """Return a recorded study. Raises FileNotFoundError, naming those whose names are nearest."""
    check_text(name, "The name of a study")
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        nearest = get_close_matches(name, sorted(p.stem for p in RESULTS.glob("*.json")), n=3, cutoff=0)
        raise FileNotFoundError(f"No recorded study {name!r}; the nearest are: {', '.join(nearest) or 'none'}.")
    return read_json(path)


def read_json(path: Path) -> dict:
    """Return the dictionary that a JSON file holds. Raises FileNotFoundError if it is missing, and ValueError, which
    says what to do, if it is cut short, no JSON, or holds something else."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no {path.name} in the folder {str(path.parent)!r}.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} in {path.parent.name} is {damage(path, type(error).__name__)}.") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} in {path.parent.name} holds a {type(found).__name__}, not a dictionary.")
    return found


def damage(path: Path, error: str, what: str = "the file") -> str:
    """Say what is wrong with a file that cannot be read, and what to do."""
    start = path.read_bytes()[:20]
    if not start:
        return "empty, so corrupt: get it again"
    pointer = start.startswith(b"version https://git")
    return f"a Git LFS pointer, not {what}: run git lfs pull" if pointer else f"corrupt ({error}): get it again"


def write_json(path: Path, facts: dict) -> None:
    """Write facts as JSON beside `path` and swap them in: an interrupted write leaves the old file whole."""
    try:
        text = json.dumps(facts, indent=2, default=float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{path.name} cannot hold these facts: {error}.") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.next")
    beside.write_text(text + "\n", encoding="utf-8")
    os.replace(beside, path)


def over_arms(result: dict, *keys: str) -> dict:
    """Return `mean`, `lowest`, `highest` and the standard deviation `sd` (None for a single run) of one value over the
    runs of a recorded study; `keys` lead to it inside `measured`, for example "full", "accuracy"."""
    check_record(result)
    values = [_value(name, arm["measured"], keys) for name, arm in result["arms"].items()]
    sd = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.mean(values), "sd": sd, "lowest": min(values), "highest": max(values)}


def _value(run: str, measured: dict, keys: tuple[str, ...]) -> float:
    try:
        value = reduce(getitem, keys, measured)
    except (KeyError, TypeError, IndexError):
        raise KeyError(f"The run {run!r} has no value under {' → '.join(map(str, keys))}.") from None
    check_number(value, f"{' → '.join(map(str, keys))} of the run {run!r}")
    return value


def check_record(result: dict, *keys: str) -> None:
    """Raise TypeError or ValueError unless this is a recorded study, with at least one run and these keys."""
    check_kind(result, "The record (what load_result returns)", dict)
    if not {"arms", *keys} <= result.keys() or not result["arms"]:
        raise ValueError(f"This is no record of a study with runs, as load_result returns: {shown(result)}.")


def origin(result: dict) -> str:
    """Return, in two lines, where a recorded study comes from: runs, machine, time; and the command that repeats it."""
    check_record(result, "name", "not_run")
    arms, waiting = list(result["arms"].values()), result["not_run"]
    machines = {f"{m['gpu'] or m['processor']}, threads: {m['threads']}" for m in (arm["machine"] for arm in arms)}
    seconds = [arm["seconds"] for arm in arms if arm["seconds"] is not None]
    time_taken = f", {time_of(statistics.mean(seconds))} an arm" if seconds else ""
    late = f", {len(waiting)} not run yet" if waiting else ""
    count = f"{len(arms)} arm{'s' * (len(arms) != 1)}"
    return f"recorded: {count}{late}{time_taken}, on {'; '.join(sorted(machines))}\n{command(result)}"


def command(result: dict) -> str:
    """Return the command that would make this record today: its name says which study and budget, its runs how many
    seeds. (`result["command"]` is the one that did.)"""
    check_record(result, "name")
    if result["name"] == "notebooks-class":  # no study: the notebooks' own run makes it
        return "python -m pytest notebooks --record-costs"
    study, budget = re.fullmatch(r"(.*?)(?:-(class|full))?", result["name"]).groups()
    seeds = {arm["settings"]["seed"] for arm in result["arms"].values() if "seed" in arm["settings"]}
    return f"python -m helpers.lab {study} --budget {budget or 'full'} --seeds {len(seeds) or 1}"


def time_of(seconds: float) -> str:
    """Return seconds as text, in minutes from two of them on."""
    check_number(seconds, "seconds", 0)
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


def markdown_table(rows: list[dict]) -> str:
    """Return rows of plain values as a Markdown table, the first row's keys as the header."""
    if not rows or any(row.keys() != rows[0].keys() for row in rows):
        raise ValueError("A table needs at least one row, and the same keys in every row.")
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return "\n".join(lines + ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows])


def percent(share: float) -> str:
    """Return a share as text with one decimal, 0.8342 → 83.4 %."""
    check_number(share, "share")
    return f"{100 * share:.1f} %"
