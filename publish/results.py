"""Recorded studies as a page of tables: one section per file in data/results/, in plain Markdown."""

import re
import statistics

from helpers import results
from helpers.lab.study import studies

INTRODUCTION = """# Results

What the course measured beforehand, study by study. The tables are made from the files in `data/results/` when this
site is built; no figure is typed by hand. Scores are on our own held-out tenth, cross-validated over all sentences
(the studies named folds), or on validation (learning rates). One study, named official, scores on what are very
probably the official validation and test rows of Rotten Tomatoes.

Several runs (seeds or folds) come as their mean, and around it the lowest and the highest. A single run, or runs that
all agree, come with the 95 % Wilson interval of one, in brackets, where it was recorded.
"""


def page() -> str:
    """Return the page: a section for each recorded study; those without a score, such as the plan, come last."""
    recorded = [results.load_result(path.stem) for path in sorted(results.RESULTS.glob("*.json"))]
    recorded.sort(key=lambda record: not any(figures(run["measured"]) for run in record["arms"].values()))
    recorded.sort(key=lambda record: record["name"].startswith("bench"))  # speed comes last
    return "\n".join([INTRODUCTION, *map(section, recorded)])


def section(record: dict) -> str:
    """Return one record: its study's title, its table, and under which circumstances it was measured."""
    study = studies().get(re.sub(r"-(class|full)$", "", record["name"]))
    where = f"Notebook{'s' * (' ' in study.notebook)} {study.notebook}" if study and study.notebook else ""
    lead = ". ".join(filter(None, [f"Study `{record['name']}`", where, study and study.details])) + "."
    title = study.title if study else record["name"]
    facts = "\n".join(f"- **{name}:** {text}" for name, text in circumstances(record).items())
    facts += "".join(f"\n- {note}" for note in study.notes(record)) if study and study.notes else ""
    rows = study.table(record) if study and study.table else table(record)
    return f"## {title[0].upper() + title[1:]}\n\n{lead}\n\n{results.markdown_table(rows)}\n\n{facts}\n"


def figures(measured: dict, path: tuple[str, ...] = ()) -> dict[str, dict]:
    """Return the scores inside what an arm measured: what was judged → `accuracy`, `interval` or None, `n`.

    Of an exam on masked words only the [MASK] slots count: at the others the model is shown a word.
    """
    if "kinds" in measured:
        masked = measured["kinds"]["mask"]
        score = {"accuracy": masked["accuracy"], "interval": None, "n": masked["slots"]}
        return {" · ".join([*path, "[MASK] slots"]): score}
    if is_number(measured.get("accuracy")):
        score = {"accuracy": measured["accuracy"], "interval": measured.get("interval"), "n": measured.get("n")}
        return {" · ".join(path): score}
    inside = {key: value for key, value in measured.items() if isinstance(value, dict)}
    return {what: score for key, value in inside.items() for what, score in figures(value, (*path, key)).items()}


def table(study: dict) -> list[dict]:
    """Return the rows of a study's table: one for each arm and each thing judged, over its runs; without scores, one
    for each arm with the plain numbers that it measured."""
    groups = {}
    for name, arm in study["arms"].items():
        groups.setdefault(re.sub(r"(, )?\b(seed|fold) \d+", "", name), []).append(arm["measured"])
    rows = []
    for arm, runs in groups.items():
        scores = [figures(run) for run in runs]
        for what in scores[0]:
            found = [score[what] for score in scores]
            rows.append({"arm": arm, "judged": what, **summary(found), "runs": len(found)})
        if not scores[0]:
            rows.append({"arm": arm, **{key: number(runs, key) for key in runs[0] if is_number(runs[0][key])}})
    same = {key for key in ("arm", "judged") if not any(row.get(key) for row in rows)}
    return [{cell(key): cell(value) for key, value in row.items() if key not in same} for row in rows]


def summary(scores: list[dict]) -> dict:
    """Return mean accuracy, its range over the runs (or one run's interval, in brackets) and n, as text."""
    shares = [score["accuracy"] for score in scores]
    low, high = min(shares), max(shares)
    around = f"{100 * low:.1f} – {100 * high:.1f} %"
    if low == high:  # one run, or nothing here depends on the seed
        interval = scores[0]["interval"]
        around = f"[{100 * interval[0]:.1f}, {100 * interval[1]:.1f}] %" if interval else "–"
    sizes = sorted({score["n"] for score in scores if score["n"]})
    n = " – ".join(f"{size:,}" for size in dict.fromkeys(sizes[:1] + sizes[-1:])) or "–"
    return {"accuracy": results.percent(statistics.mean(shares)), "around": around, "n": n}


def is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def number(runs: list[dict], key: str) -> str:
    return f"{statistics.mean(run[key] for run in runs):,.4g}"


def cell(value) -> str:
    """Return a table cell: a bar would end it, brackets would make a link."""
    text = re.sub(r"([|\[\]])", r"\\\1", str(value)).replace("_", " ")
    # No line break inside a range.
    return re.sub(r"(?<=\d) (?=[–%])|(?<=[–\]]) (?=[\d%])|(?<=,) (?=\d)", "\u00a0", text)


def circumstances(study: dict) -> dict[str, str]:
    """Return command, settings that all arms share, machine, versions and time, each as a line of text."""
    arms = list(study["arms"].values())
    settings = [arm["settings"] for arm in arms]
    shared = {
        key: value
        for key, value in settings[0].items()
        if key != "seed" and value is not None and all(other.get(key) == value for other in settings)
    }
    seconds = [arm["seconds"] for arm in arms if arm["seconds"]]
    found = {
        "Command": f"`{results.command(study)}`",
        "Settings": ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in shared.items()),
        "Machine": "; ".join(sorted({machine(arm["machine"]) for arm in arms})),
        "Versions": "; ".join(sorted({versions(arm) for arm in arms})),
        "Time": f"{statistics.mean(seconds) / 60:,.1f} minutes a run" if seconds else "",
        "Not run yet": "; ".join(study["not_run"]),
    }
    return {name: text for name, text in found.items() if text}


def machine(facts: dict) -> str:
    return f"{facts['gpu'] or facts['processor']}, {facts['cores']} cores, threads: {facts['threads']}"


def versions(arm: dict) -> str:
    packages = {"Python": arm["machine"]["python"], **arm["versions"]}
    return ", ".join(f"{name} {version}" for name, version in packages.items())
