"""The laboratory: a study is one file, its command line records it, and every record is of a study as it stands."""

import inspect
import json
import sys
import textwrap
from functools import partial

import pytest

from helpers import results as read
from helpers.lab import studies as package
from helpers.lab.__main__ import main
from helpers.lab.study import ALL_LAYERS, FROM_SCRATCH, Cost, Study, Unit, seconds_per_step, studies
from helpers.results import command, load_result
from publish import results as page


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(read, "RESULTS", tmp_path / "data" / "results")
    return tmp_path / "data" / "results"


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


NEW = """
from functools import partial

from helpers.lab.study import Cost, Study, Unit


def answer(seed: int, steps: int) -> dict:
    return {"accuracy": 0.25, "interval": [0.2, 0.3], "n": 40}


def runs(full, seeds):
    return {f"seed {seed}": partial(answer, seed=seed, steps=12 if full else 2) for seed in seeds}


STUDY = Study(
    title="is six by nine forty-two?",
    notebook="07",
    runs=runs,
    details="Asked twice",
    seeds=2,
    cost=Cost(Unit("a moment", lambda: 0.5), extra_steps=3),
)
"""


@pytest.fixture
def new_study(tmp_path, monkeypatch):
    """A study in a folder of its own, beside the others: one file, and nothing else is touched."""
    folder = tmp_path / "studies"
    folder.mkdir()
    (folder / "six_by_nine.py").write_text(textwrap.dedent(NEW), encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    yield "six-by-nine"
    sys.modules.pop(f"{package.__name__}.six_by_nine", None)
    vars(package).pop("six_by_nine", None)


def test_a_study_is_added_by_one_file(results, new_study, capsys):
    assert new_study in studies()
    main([new_study, "--budget", "full", "--seeds", "3"])
    found = load_result("six-by-nine-full")
    assert list(found["arms"]) == ["seed 0", "seed 1", "seed 2"]
    assert found["arms"]["seed 2"]["settings"] == {"seed": 2, "steps": 12}
    assert found["command"] == command(found) == "python -m helpers.lab six-by-nine --budget full --seeds 3"
    assert capsys.readouterr().out.endswith("recorded data/results/six-by-nine-full.json\n")
    planned = studies()["plan"].runs(True, [0])[new_study]
    assert planned.keywords == {"unit": "a moment", "arms": 2, "seeds": 2, "steps": 2 * (12 + 3)}
    assert planned() == {"seconds_per_step": 0.5, "minutes": 0.25}
    section = page.page()
    assert "\n## Is six by nine forty-two?\n\nStudy `six-by-nine-full`. Notebook 07. Asked twice.\n" in section
    assert "25.0\u00a0%" in section and f"- **Command:** `{command(found)}`" in section


def test_the_new_study_is_gone_again():
    assert "six-by-nine" not in studies()


def test_the_class_budget_is_the_default(results, new_study):
    main([new_study])
    found = load_result("six-by-nine-class")
    assert found["arms"]["seed 0"]["settings"]["steps"] == 2 and list(found["arms"]) == ["seed 0"]
    assert command(found) == "python -m helpers.lab six-by-nine --budget class --seeds 1"


@pytest.mark.parametrize("study", studies())
@pytest.mark.parametrize("full", [False, True])
def test_every_study_has_runs_with_settings_that_json_keeps(study, full):
    runs = studies()[study].runs(full, [0, 1])
    assert all(json.loads(json.dumps(run.keywords)) == run.keywords and not run.args for run in runs.values())
    for run in runs.values():  # the function takes these settings, and has all it needs
        inspect.signature(run.func).bind(**run.keywords)
    seeds = [run.keywords["seed"] for run in runs.values() if "seed" in run.keywords]
    assert seeds == sorted(seeds) and set(seeds) in (set(), {0, 1})  # one seed is whole before the next begins


@pytest.mark.parametrize("study", studies())
def test_every_study_says_what_it_asks(study):
    found = studies()[study]
    assert isinstance(found, Study) and found.title and "\n" not in found.title and not found.title.endswith(".")
    assert all(part in [f"0{n}" for n in range(1, 9)] for part in found.notebook.split(" and ") if part)


def test_the_plan_has_every_study_that_trains():
    plan, found = load_result("plan")["arms"], studies()
    assert set(plan) == {name for name, study in found.items() if study.cost}
    for name in set(found) - {"shipped", "bench", "plan", "faults", "tokenizing", *plan}:  # they run on a GPU alone
        assert all("device" in run.keywords for run in found[name].runs(True, [0]).values())
    for name, run in plan.items():
        settings, measured = run["settings"], run["measured"]
        seeds = list(range(found[name].seeds))
        runs = [run for run in found[name].runs(True, seeds).values() if "device" not in run.keywords]
        assert (settings["arms"], settings["seeds"]) == (len(runs), len(seeds))
        assert settings["steps"] == found[name].cost.steps(runs) and settings["unit"] == found[name].cost.unit.name
        assert measured["minutes"] == pytest.approx(settings["steps"] * measured["seconds_per_step"] / 60)


def test_a_cost_adds_up_steps():
    runs = [partial(print, steps=10), partial(print, steps=5), partial(print)]
    assert Cost(Unit("any", lambda: 1.0), extra_steps=2).steps(runs) == 21


@pytest.mark.parametrize("unit", [FROM_SCRATCH, ALL_LAYERS, studies()["minilm-mlm"].cost.unit], ids=lambda u: u.name)
def test_a_step_of_a_unit_takes_time(unit):
    """At two rows of eight tokens: what it is a step of does not depend on them."""
    make, *_ = unit.seconds.args
    options = {key: value for key, value in unit.seconds.keywords.items() if key in ("masked", "frozen_layers")}
    assert 0 < seconds_per_step(make, 2, 8, repeats=1, **options) < 20


STUDIED = sorted(path for path in read.RESULTS.glob("*.json") if path.stem != "notebooks-class")  # not a study


@pytest.mark.parametrize("path", STUDIED, ids=lambda path: path.stem)
def test_every_record_is_of_a_study_as_it_stands(path):
    found = load_result(path.stem)
    today = command(found)
    assert today.startswith("python -m helpers.lab ")
    options = today.split()[3:]
    study, budget, seeds = options[0], options[2], list(range(int(options[4])))
    runs = studies()[study].runs(budget == "full", seeds)
    assert path.stem in (study, f"{study}-{budget}")
    assert set(runs) == set(found["arms"]) | set(found["not_run"])
    for name, run in found["arms"].items():
        assert run["settings"] == runs[name].keywords, name


def test_a_record_keeps_the_command_that_made_it():
    """Moved code does not change history: these were made before the laboratory had a room of its own."""
    made = {load_result(path.stem)["command"].split(" ")[2] for path in STUDIED}
    assert made <= {"helpers.experiments", "helpers.lab"}
