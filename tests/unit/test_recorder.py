"""Records: what a study measured can be trusted, and a study that was stopped goes on."""

import json
from functools import partial

import numpy as np
import pytest
import torch

from helpers import results as read
from helpers.lab.recorder import record
from helpers.results import command, load_result, markdown_table, origin, over_arms, percent


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(read, "RESULTS", tmp_path / "data" / "results")
    return tmp_path / "data" / "results"


def arm(log=None, value=0.5, seed=0):
    if log is not None:
        log.append(seed)
    if value is None:
        raise RuntimeError("the machine went to sleep")
    return {"accuracy": np.float32(value), "interval": (0.4, 0.6)}


def test_a_record_says_what_it_takes_to_trust_it(results):
    path = record("study-class", {"seed 3": partial(arm, value=0.25, seed=3)}, command="python -m …")
    assert path == results / "study-class.json"
    found = load_result("study-class")
    assert found == json.loads(path.read_text(encoding="utf-8"))
    assert found.keys() == {"name", "command", "not_run", "arms"}
    assert (found["name"], found["command"], found["not_run"]) == ("study-class", "python -m …", [])
    (only,) = found["arms"].values()
    assert only["settings"] == {"value": 0.25, "seed": 3}
    assert only["measured"] == {"accuracy": 0.25, "interval": [0.4, 0.6]} and 0 <= only["seconds"] < 5
    assert only["machine"].keys() == {"processor", "cores", "threads", "gpu", "python"}
    assert len(only["source"]) == 12
    assert only["versions"]["torch"].startswith("2.") and "transformers" in only["versions"]


def test_a_stopped_study_goes_on_where_it_was(results, capsys):
    log = []
    runs = {f"seed {seed}": partial(arm, seed=seed) for seed in range(3)}
    watched = {name: partial(lambda seed: arm(log, seed=seed), **run.keywords) for name, run in runs.items()}
    with pytest.raises(RuntimeError):
        record("study", watched | {"seed 1": partial(arm, value=None)}, command="")
    assert load_result("study")["arms"].keys() == {"seed 0"}
    assert load_result("study")["not_run"] == ["seed 1", "seed 2"]
    record("study", watched, command="")
    assert log == [0, 1, 2] and load_result("study")["not_run"] == []
    record("study", watched, command="")
    assert log == [0, 1, 2] and "all 3 runs are recorded already" in capsys.readouterr().out
    record("study", watched | {"seed 1": partial(arm, value=0.75, seed=1)}, command="")  # other settings: run again
    assert log == [0, 1, 2] and load_result("study")["arms"]["seed 1"]["measured"]["accuracy"] == 0.75


def test_arms_that_are_not_asked_for_are_not_lost(results):
    runs = {f"seed {seed}": partial(arm, seed=seed) for seed in range(3)}
    before = record("study", runs, command="--seeds 3").read_text(encoding="utf-8")
    log = []
    with pytest.raises(ValueError, match="not ask for: seed 1, seed 2"):
        record("study", {"seed 0": runs["seed 0"], "new": partial(arm, log)}, command="--seeds 1")
    assert log == [] and (results / "study.json").read_text(encoding="utf-8") == before


def test_a_value_over_arms(results):
    record("study", {f"{v}": partial(arm, value=v) for v in (0.25, 0.5, 1.0)}, command="")
    found = over_arms(load_result("study"), "accuracy")
    assert found == {"mean": pytest.approx(7 / 12), "sd": pytest.approx(0.3819, abs=1e-4), "lowest": 0.25, "highest": 1}
    one = {"arms": {"only": {"measured": {"full": {"accuracy": 0.5}}}}}
    assert over_arms(one, "full", "accuracy") == {"mean": 0.5, "sd": None, "lowest": 0.5, "highest": 0.5}


def test_a_missing_record_names_the_nearest_three(results):
    with pytest.raises(FileNotFoundError, match="No recorded study 'ladder-full'; the nearest are: none"):
        load_result("ladder-full")
    for name in ("masking-class", "ladder-class", "imdb-full", "ladder-folds-full"):
        record(name, {"seed 0": partial(arm)}, command="")
    with pytest.raises(FileNotFoundError, match="nearest are: ladder-folds-full, ladder-class, imdb-full[.]"):
        load_result("ladder-full")


def test_an_arm_for_a_gpu_waits_for_one(results, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    def on_device(device="cpu"):
        return {"device": device}

    record("study", {"a": partial(on_device), "b": partial(on_device, device="cuda")}, command="python -m …")
    found = load_result("study")
    assert list(found["arms"]) == ["a"] and found["not_run"] == ["b"]
    assert "study: b not run: no CUDA device" in capsys.readouterr().out


def test_where_a_study_comes_from(results):
    with pytest.raises(RuntimeError):
        record("study", {"a": partial(arm), "b": partial(arm, value=None), "c": partial(arm)}, command="python -m …")
    found = load_result("study")
    first, today = origin(found).splitlines()
    assert first.startswith("recorded: 1 arm, 2 not run yet, 0 seconds an arm, on ") and "threads: " in first
    assert today == command(found) == "python -m helpers.lab study --budget full --seeds 1" != found["command"]
    found["not_run"], found["arms"]["a"]["seconds"], found["arms"]["a"]["machine"]["gpu"] = [], None, "a big one"
    assert origin(found).startswith("recorded: 1 arm, on a big one, threads: ")


def test_tables():
    rows = [{"rung": "majority", "accuracy": percent(0.5)}, {"rung": "full", "accuracy": percent(0.83449)}]
    assert markdown_table(rows).splitlines() == [
        "| rung | accuracy |",
        "|---|---|",
        "| majority | 50.0 % |",
        "| full | 83.4 % |",
    ]


@pytest.mark.parametrize(
    "name, seeds, expected",
    [
        ("ladder-full", 3, "python -m helpers.lab ladder --budget full --seeds 3"),
        ("own-pretraining-folds-class", 1, "python -m helpers.lab own-pretraining-folds --budget class --seeds 1"),
        ("plan", 0, "python -m helpers.lab plan --budget full --seeds 1"),
        ("notebooks-class", 0, "python -m pytest notebooks --record-costs"),
    ],
)
def test_the_command_of_today_follows_from_the_record(name, seeds, expected):
    arms = {f"fold {f}, seed {s}": {"settings": {"seed": s}} for s in range(seeds) for f in range(2)}
    record = {"name": name, "command": "python -m somewhere.else", "arms": arms or {"a": {"settings": {}}}}
    assert command(record) == expected
