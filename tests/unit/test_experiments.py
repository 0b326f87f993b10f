"""The studies and their command line."""

import json
from functools import partial

import pytest

from helpers import experiments, records
from helpers.corpora import load_reviews
from helpers.experiments import ladder, main, three_objectives
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

    def arms(budget, seeds):
        asked.append((budget, seeds))
        return {f"seed {seed}": partial(one_number, seed=seed) for seed in seeds}

    monkeypatch.setitem(experiments.STUDIES, "tiny", arms)
    main(["tiny", "--budget", "full", "--seeds", "3"])
    assert asked == [("full", [0, 1, 2])]
    found = load_result("tiny-full")
    assert list(found["arms"]) == ["seed 0", "seed 1", "seed 2"]
    assert found["command"] == "python -m helpers.experiments tiny --budget full --seeds 3"
    assert capsys.readouterr().out.endswith("recorded data/results/tiny-full.json\n")


@pytest.mark.parametrize("study", experiments.STUDIES)
@pytest.mark.parametrize("budget", ["class", "full"])
def test_every_study_has_an_arm_for_each_seed_with_settings_that_json_keeps(study, budget):
    arms = experiments.STUDIES[study](budget, [0, 1])
    assert [run.keywords["seed"] for run in arms.values()] == [0, 1]
    assert all(json.loads(json.dumps(run.keywords)) == run.keywords and not run.args for run in arms.values())


# ---------------------------------------------------------------- three objectives


def test_three_objectives_find_what_they_can():
    found = three_objectives(seed=1, steps=250, sentences=200)
    assert found.keys() == {"causal", "copying", "MLM"}
    assert all(scores["noun"]["n"] == scores["verb"]["n"] == 200 for scores in found.values())
    assert found["copying"]["loss"] < 0.1 and found["copying"]["noun"]["accuracy"] < 0.35
    assert found["causal"]["verb"]["accuracy"] > 0.5 > found["causal"]["noun"]["accuracy"] + 0.2
    assert found["MLM"]["noun"]["accuracy"] > 0.5


# ---------------------------------------------------------------- the ladder


def test_the_ladders_first_rungs():
    found = ladder(rows=100, rungs=("majority", "TF-IDF + logistic regression"), progress=False)
    majority, tfidf = found.values()
    test = load_reviews("rotten_tomatoes", "test")
    assert majority["n"] == tfidf["n"] == len(test)
    positive = sum(review.label for review in test) / len(test)
    assert majority["accuracy"] in (pytest.approx(positive), pytest.approx(1 - positive))
    assert majority["trained_parameters"] == 0 and tfidf["accuracy"] == tfidf["right"].mean()
