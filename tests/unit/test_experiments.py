"""The studies: what is recorded can be trusted."""

import json

import numpy as np
import pytest

from helpers import experiments
from helpers.corpora import load_reviews
from helpers.experiments import ladder, load_result, main, markdown_table, percent, record


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "RESULTS", tmp_path / "data" / "results")
    return tmp_path / "data" / "results"


# ---------------------------------------------------------------- records


def test_a_record_says_what_it_takes_to_trust_it(results):
    measured = {"accuracy": np.float32(0.5), "interval": (0.4, 0.6)}
    path = record("study-class", measured, seeds=range(2), n=870, seconds=12.345, command="python -m …")
    assert path == results / "study-class.json"
    found = load_result("study-class")
    assert found == json.loads(path.read_text(encoding="utf-8"))
    assert found["measured"] == {"accuracy": 0.5, "interval": [0.4, 0.6]}
    assert (found["seeds"], found["n"], found["seconds"], found["command"]) == ([0, 1], 870, 12.3, "python -m …")
    assert found["machine"].keys() == {"processor", "cores", "threads", "gpu", "python"}
    assert found["versions"]["torch"].startswith("2.") and "transformers" in found["versions"]


def test_a_missing_record_names_those_there_are(results):
    with pytest.raises(FileNotFoundError, match="No recorded study 'ladder-full'; there are: none"):
        load_result("ladder-full")
    record("b-class", {}, seeds=[0], n=1, seconds=0, command="")
    record("a-class", {}, seeds=[0], n=1, seconds=0, command="")
    with pytest.raises(FileNotFoundError, match="there are: a-class, b-class"):
        load_result("ladder-full")


def test_tables():
    rows = [{"rung": "majority", "accuracy": percent(0.5)}, {"rung": "full", "accuracy": percent(0.83449)}]
    assert markdown_table(rows).splitlines() == [
        "| rung | accuracy |",
        "|---|---|",
        "| majority | 50.0 % |",
        "| full | 83.4 % |",
    ]


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


def test_the_command_line_records_what_a_study_returns(results, monkeypatch, capsys):
    asked = []
    monkeypatch.setitem(experiments.STUDIES, "tiny", lambda *arguments: asked.append(arguments) or {"n": 5, "mean": 1})
    main(["tiny", "--budget", "full", "--seeds", "3"])
    assert asked == [("full", [0, 1, 2])]
    found = load_result("tiny-full")
    assert (found["n"], found["seeds"], found["measured"]["mean"]) == (5, [0, 1, 2], 1)
    assert found["command"] == "python -m helpers.experiments tiny --budget full --seeds 3"
    assert capsys.readouterr().out == "recorded data/results/tiny-full.json\n"


# ---------------------------------------------------------------- the ladder


def test_the_ladders_first_rungs():
    found = ladder(rows=100, rungs=("majority", "TF-IDF + logistic regression"), progress=False)
    majority, tfidf = found.values()
    test = load_reviews("rotten_tomatoes", "test")
    assert majority["n"] == tfidf["n"] == len(test)
    positive = sum(review.label for review in test) / len(test)
    assert majority["accuracy"] in (pytest.approx(positive), pytest.approx(1 - positive))
    assert majority["trained_parameters"] == 0 and tfidf["accuracy"] == tfidf["right"].mean()
