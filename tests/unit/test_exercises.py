"""The exercises: enough of them, each stated in one notebook, solved by its reference, and hard to fool."""

import ast
import importlib.util
import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest
import torch

from helpers.attention import causal_mask
from helpers.classroom.checks import examine, exercises
from publish.notebooks import notebooks

ROOT = Path(__file__).parents[2]
EXERCISES = exercises()
HEADING = re.compile(
    r"^### Exercise \d+ · (?P<title>.+) \((?P<dots>[●○]{3}), (?P<minutes>\d+) minutes\)$", re.MULTILINE
)


def stated() -> dict[str, tuple[Path, str, nbformat.NotebookNode]]:
    """Exercise → its notebook, the markdown before its cell, and the cell."""
    found = {}
    for path in notebooks():
        cells = nbformat.read(path, as_version=4).cells
        for before, cell in zip(cells, cells[1:]):
            if {"exercise", "build"} & set(cell.metadata.get("tags", [])):
                for node in ast.parse(cell.source).body:
                    if isinstance(node, ast.FunctionDef | ast.ClassDef):
                        assert node.name not in found, f"{node.name} is stated twice"
                        found[node.name] = (path, before.source, cell)
    return found


STATED = stated()


def wrong_answers() -> list[tuple[str, object, str]]:
    """Every planted wrong answer: exercise, function, and what the message must say."""
    planted = []
    for path in sorted((ROOT / "tests" / "wrong_answers").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"wrong_answers_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        planted += [(name, wrong, says) for name, answers in module.WRONG.items() for wrong, says in answers]
    return planted


WRONG = wrong_answers()


def named(function, name):
    """Give a planted answer the name of its exercise, as a student's answer has it."""
    function.__name__ = name
    return function


def test_enough_in_all_and_in_each_notebook():
    assert set(STATED) == set(EXERCISES), "every exercise is stated in a notebook, and every stated one has a check"
    assert len(EXERCISES) >= 28
    counts = Counter(path for path, _, _ in STATED.values())
    assert [path.stem for path in notebooks("core") if not 3 <= counts[path] <= 6] == []
    assert sum(task.found is not None for task in EXERCISES.values()) >= 8, "spot the bug, eight times at least"
    assert {task.difficulty for task in EXERCISES.values()} == {1, 2, 3}
    assert f"{len(EXERCISES)} in all" in (ROOT / "README.md").read_text(encoding="utf-8")


SOLVED_LATER = [name for name, task in EXERCISES.items() if not task.build]  # a build holds its solution


@pytest.mark.parametrize("name", SOLVED_LATER)
def test_heading_agrees_with_the_register(name):
    task, (_, text, cell) = EXERCISES[name], STATED[name]
    heading = HEADING.search(text)
    assert heading, f"the cell before {name} needs a heading like ### Exercise 1 · Title (●●○, 10 minutes)"
    assert heading["dots"] == "●" * task.difficulty + "○" * (3 - task.difficulty)
    assert int(heading["minutes"]) == task.minutes
    assert cell.source.rstrip().splitlines()[-1] == f"{name} = check({name})"
    assert task.hints and all(len(text) > 20 for text in task.hints)


@pytest.mark.parametrize("name", [name for name in EXERCISES if name not in SOLVED_LATER])
def test_a_build_passes_where_it_stands(name):
    _, _, cell = STATED[name]
    shown = [output.data["text/plain"] for output in cell.outputs if "data" in output]
    assert any(re.fullmatch(rf"✓ {name}: all \d+ checks hold", text) for text in shown)
    assert EXERCISES[name].hints and all(len(text) > 20 for text in EXERCISES[name].hints)


@pytest.mark.parametrize("name", SOLVED_LATER)
def test_untouched_it_says_so(name):
    _, _, cell = STATED[name]
    shown = [output.data["text/plain"] for output in cell.outputs if "data" in output]
    bug = "; the bug is still there" if EXERCISES[name].found else ""
    assert shown == [f"○ {name}: not attempted{bug}. The notebook goes on with the course's version."]
    assert ast.get_docstring(ast.parse(cell.source).body[0]), "a stub says what it takes and returns"


@pytest.mark.parametrize("name", EXERCISES)
def test_the_reference_passes(name):
    result = examine(EXERCISES[name].reference)
    assert result.state == "passed", result


def padding_sees_itself_alone(attention_mask):
    real, seq = attention_mask.bool(), attention_mask.shape[1]
    both = causal_mask(seq)[0] & real[:, None, :] & real[:, :, None]
    return (both | torch.eye(seq, dtype=torch.bool))[:, None]


def maps_by_default(layers, hidden_states, mask):
    maps = []
    for layer in layers:
        hidden_states, weights = layer(hidden_states, mask)
        maps.append(weights)
    return maps


def flat_mask(model, prompt, length, temperature, draw):
    while prompt.shape[1] < length:
        logits = model(prompt, causal_mask(prompt.shape[1])[0, 0])[:, -1]
        prompt = torch.cat([prompt, torch.multinomial((logits / temperature).softmax(-1), 1, generator=draw)], 1)
    return prompt


def cosines_one_by_one(a, b):
    found = torch.zeros(len(a))  # float32, whatever the vectors are
    for i in range(len(a)):
        found[i] = a[i] @ b[i] / (a[i].norm() * b[i].norm())
    return found


def divergence_text_by_text(student_logits, teacher_logits, temperature):
    total = torch.zeros(())
    for student, teacher in zip(student_logits, teacher_logits):
        p, q = ((logits / temperature).softmax(-1) for logits in (teacher, student))
        total = total + (p * (p.log() - q.log())).sum().float()
    return total / len(student_logits) * temperature**2


@pytest.mark.parametrize(
    "name, answer",
    [
        ("causal_mask_with_padding", padding_sees_itself_alone),
        ("attention_maps", maps_by_default),
        ("write_on", flat_mask),
        ("cosine", cosines_one_by_one),
        ("soft_loss", divergence_text_by_text),
    ],
)
def test_another_right_answer_passes(name, answer):
    assert examine(named(answer, name)).state == "passed"


@pytest.mark.parametrize("name", EXERCISES)
def test_wrong_answers_fail_with_the_right_message(name):
    planted = [(wrong, says) for exercise, wrong, says in WRONG if exercise == name]
    assert len(planted) >= 3, f"{name} needs three wrong answers at least"
    for wrong, says in planted:
        result = examine(named(wrong, name))
        assert result.state == "failed", f"{name} lets this pass: {wrong.__qualname__}"
        assert says in result.text, f"{says!r} is not in {result.text!r}"
    assert len({says for _, says in planted}) >= 2, "the messages tell slips apart"


def failed_at(task, answer) -> int | None:
    """Return the number of the mechanism at which an answer fails; None if it stops with an error."""
    try:
        return next(i for i, (holds, *_) in enumerate(task.check(answer)) if not holds)
    except Exception:
        return None


@pytest.mark.parametrize("name", [name for name, task in EXERCISES.items() if task.build])
def test_each_mechanism_of_a_build_can_fail(name):
    task = EXERCISES[name]
    failed = {failed_at(task, wrong) for exercise, wrong, _ in WRONG if exercise == name}
    questions = [question for _, question, *_ in task.check(task.reference)]
    assert [question for i, question in enumerate(questions) if i not in failed] == []


@pytest.mark.parametrize("name", [name for name, task in EXERCISES.items() if task.found])
def test_the_bug_as_found_fails(name):
    task = EXERCISES[name]
    answers = [holds for holds, *_ in task.check(task.found)]
    assert not all(answers), f"the bug of {name} passes its own check"
    assert examine(named(task.found, name)).state == "not attempted"


def test_every_wrong_answer_belongs_to_an_exercise():
    assert {name for name, _, _ in WRONG} == set(EXERCISES)
