"""The studies and their command line."""

import inspect
import json
from functools import partial

import pytest

from helpers import experiments, records
from helpers.experiments import main
from helpers.records import load_result


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RESULTS", tmp_path / "data" / "results")
    return tmp_path / "data" / "results"


def one_number(seed=0):
    return {"accuracy": 0.5}


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "required: study"),
        (["nothing"], "invalid choice: 'nothing'"),
        (["ladder", "--budget", "huge"], "invalid choice: 'huge'"),
        (["ladder", "--seeds", "many"], "invalid int value: 'many'"),
        (["ladder", "--seeds", "0"], "at least one seed"),
    ],
)
def test_wrong_arguments_are_refused(results, capsys, arguments, message):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not results.exists()


def test_the_command_line_records_the_arms_of_a_study(results, monkeypatch, capsys):
    asked = []

    def arms(full, seeds):
        asked.append((full, seeds))
        return {f"seed {seed}": partial(one_number, seed=seed) for seed in seeds}

    monkeypatch.setitem(experiments.STUDIES, "tiny", arms)
    main(["tiny", "--budget", "full", "--seeds", "3"])
    assert asked == [(True, [0, 1, 2])]
    found = load_result("tiny-full")
    assert list(found["arms"]) == ["seed 0", "seed 1", "seed 2"]
    assert found["command"] == "python -m helpers.experiments tiny --budget full --seeds 3"
    assert capsys.readouterr().out.endswith("recorded data/results/tiny-full.json\n")


@pytest.mark.parametrize("study", experiments.STUDIES)
@pytest.mark.parametrize("full", [False, True])
def test_every_study_has_arms_with_settings_that_json_keeps(study, full):
    arms = experiments.STUDIES[study](full, [0, 1])
    assert all(json.loads(json.dumps(run.keywords)) == run.keywords and not run.args for run in arms.values())
    for run in arms.values():  # the function takes these settings, and has all it needs
        inspect.signature(run.func).bind(**run.keywords)
    seeds = [run.keywords["seed"] for run in arms.values() if "seed" in run.keywords]
    assert seeds == sorted(seeds) and set(seeds) in (set(), {0, 1})  # one seed is whole before the next begins


def test_the_plan_has_every_study_that_trains():
    plan = load_result("plan")["arms"]
    assert set(plan) == set(experiments.UNITS)
    for name in set(experiments.STUDIES) - {"shipped", "bench", "plan", *plan}:  # they run on a GPU alone
        assert all("device" in run.keywords for run in experiments.STUDIES[name](True, [0]).values())
    for name, arm in plan.items():
        settings, measured = arm["settings"], arm["measured"]
        seeds = list(range(experiments.SEEDS.get(name, 3)))
        arms = [run for run in experiments.STUDIES[name](True, seeds).values() if "device" not in run.keywords]
        assert (settings["arms"], settings["seeds"]) == (len(arms), len(seeds))
        assert measured["minutes"] == pytest.approx(settings["steps"] * measured["seconds_per_step"] / 60)


STUDIED = sorted(path for path in records.RESULTS.glob("*.json") if path.stem != "notebooks-class")  # not a study


@pytest.mark.parametrize("path", STUDIED, ids=lambda path: path.stem)
def test_every_record_is_of_a_study_as_it_stands(path):
    found = load_result(path.stem)
    study, _, budget = path.stem.rpartition("-")
    if path.stem == "plan":
        study, budget = "plan", "full"
    assert found["command"].startswith(f"python -m helpers.experiments {study} --budget {budget} --seeds ")
    seeds = list(range(int(found["command"].rsplit(" ", 1)[1])))
    arms = experiments.STUDIES[study](budget == "full", seeds)
    assert set(arms) == set(found["arms"]) | set(found["not_run"])
    for name, arm in found["arms"].items():
        assert arm["settings"] == arms[name].keywords, name
