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

RESULTS = Path(__file__).parent.parent / "data" / "results"


def load_result(name: str) -> dict:
    """Return a recorded study. Raises FileNotFoundError, naming those whose names are nearest."""
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        nearest = get_close_matches(name, sorted(p.stem for p in RESULTS.glob("*.json")), n=3, cutoff=0)
        raise FileNotFoundError(f"No recorded study {name!r}; the nearest are: {', '.join(nearest) or 'none'}.")
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, facts: dict) -> None:
    """Write facts as JSON beside `path` and swap them in: an interrupted write leaves the old file whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.next")
    beside.write_text(json.dumps(facts, indent=2, default=float) + "\n", encoding="utf-8")
    os.replace(beside, path)


def over_arms(result: dict, *keys: str) -> dict:
    """Return `mean`, `lowest`, `highest` and the standard deviation `sd` (None for a single run) of one value over the
    runs of a recorded study; `keys` lead to it inside `measured`, for example "full", "accuracy"."""
    values = [reduce(getitem, keys, arm["measured"]) for arm in result["arms"].values()]
    sd = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.mean(values), "sd": sd, "lowest": min(values), "highest": max(values)}


def origin(result: dict) -> str:
    """Return, in two lines, where a recorded study comes from: runs, machine, time; and the command that repeats it."""
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
    if result["name"] == "notebooks-class":  # no study: the notebooks' own run makes it
        return "python -m pytest notebooks --record-costs"
    study, budget = re.fullmatch(r"(.*?)(?:-(class|full))?", result["name"]).groups()
    seeds = {arm["settings"]["seed"] for arm in result["arms"].values() if "seed" in arm["settings"]}
    return f"python -m helpers.lab {study} --budget {budget or 'full'} --seeds {len(seeds) or 1}"


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
