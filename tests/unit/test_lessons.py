"""The lessons: their front matter, their parts, and key points and minutes that agree with the notebooks."""

import ast
import math
import re
from pathlib import Path

import nbformat
import pytest
import yaml

from helpers.classroom.checks import exercises
from helpers.results import load_result
from publish.notebooks import notebooks

ROOT = Path(__file__).parents[2]
NAMES = [path.stem for path in notebooks("core")]
PARTS = ["Questions", "Objectives", "Key points", "Misconceptions", "Discussion", "Quiz", "Instructor notes", "Sources"]


def read(name: str) -> tuple[dict, str]:
    """Return the front matter and the text of a lesson."""
    _, head, text = (ROOT / "lessons" / f"{name}.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def part(text: str, title: str) -> str:
    """Return what stands under `## title`."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"there is no part {title!r}"
    return found[1]


def notebook(name: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def claims(name: str) -> list[str]:
    """Return "id text" of every claim of a notebook, in order."""
    calls = []
    for cell in notebook(name).cells:
        if cell.cell_type == "code" and "claim(" in cell.source:
            nodes = sorted(
                (n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Call)), key=lambda n: n.lineno
            )
            calls += [n for n in nodes if getattr(n.func, "id", "") == "claim"]
    return [f"{call.args[0].value} {call.args[1].value}" for call in calls]


@pytest.mark.parametrize("name", NAMES)
def test_front_matter(name):
    head, _ = read(name)
    assert set(head) == {"title", "notebook", "teaching", "exercises", "run_minutes", "needs"}
    assert head["notebook"] == f"notebooks/{name}.ipynb"
    assert 30 <= head["teaching"] <= 120 and head["title"] and head["needs"]
    cells, numbers = notebook(name).cells, {task.name: task.minutes for task in exercises().values()}
    heading = re.compile(r"^### Exercise \d+ · .+ \([●○]{3}, (\d+) minutes\)$", re.MULTILINE)
    minutes = 0
    for before, cell in zip(cells, cells[1:]):
        if "build" in cell.metadata.get("tags", []):
            tree = ast.parse(cell.source)
            minutes += sum(numbers[n.name] for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef))
        else:
            minutes += sum(map(int, heading.findall(before.source)))
    assert head["exercises"] == minutes, "the minutes of the exercises, added up"


@pytest.mark.parametrize("name", NAMES)
def test_minutes_to_run_are_those_measured(name):
    """`python -m pytest notebooks --record-costs` measures; lesson and notebook say the same, in whole minutes."""
    head, _ = read(name)
    seconds = load_result("notebooks-class")["arms"][name]["seconds"]
    assert head["run_minutes"] == math.ceil(seconds / 60) < head["teaching"]
    said = re.search(
        r"^\*\*Minutes:\*\* (\d+) to read, predict,? and run; the cells alone take about (\d+) on two cores\.",
        notebook(name).cells[0].source,
        re.MULTILINE,
    )
    assert [int(minutes) for minutes in said.groups()] == [head["teaching"], head["run_minutes"]]


def test_minutes_are_the_same_everywhere():
    heads = {name: read(name)[0] for name in NAMES}
    syllabus, readme = ((ROOT / page).read_text(encoding="utf-8") for page in ("lessons/README.md", "README.md"))
    for name, head in heads.items():
        row = re.search(rf"^\| {name[:2]} \|.*\| (\d+) \| (\d+) \|$", syllabus, re.MULTILINE)
        assert [int(number) for number in row.groups()] == [head["teaching"], head["exercises"]]
        row = re.search(rf"^\| {name[:2]} \|.*\| (\d+) \|$", readme, re.MULTILINE)
        assert int(row[1]) == head["teaching"]
        row = re.search(rf"^\| \d? ?\| {name[:2]} [^|]+\| (\d+) \| (\d+) \|$", syllabus, re.MULTILINE)  # three weeks
        assert [int(number) for number in row.groups()] == [head["teaching"], head["exercises"]]
    total = re.search(r"^\| \| \*\*all\*\* \|.*\*\*(\d+)\*\* \| \*\*(\d+)\*\* \|$", syllabus, re.MULTILINE)
    sums = [sum(head[key] for head in heads.values()) for key in ("teaching", "exercises")]
    assert [int(number) for number in total.groups()] == sums


@pytest.mark.parametrize("name", NAMES)
def test_parts_in_order(name):
    _, text = read(name)
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert [title for title in titles if title in PARTS] == PARTS
    theory = titles[2 : titles.index("Key points")]
    assert len(theory) >= 3, "the theory stands between objectives and key points, in parts of its own"
    assert "$" in text, "equations"
    assert "### Plan B" in part(text, "Instructor notes")
    assert len(re.findall(r"^- ", part(text, "Sources"), re.MULTILINE)) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_key_points_are_the_claims(name):
    _, text = read(name)
    points = re.findall(r"^- \*\*(\d\d\.\d+)\*\* (.*)$", part(text, "Key points"), re.MULTILINE)
    assert [f"{id} {words.removesuffix('.')}" for id, words in points] == claims(name)


@pytest.mark.parametrize("name", NAMES)
def test_quiz_explains_every_option(name):
    questions = re.split(r"^### ", part(read(name)[1], "Quiz"), flags=re.MULTILINE)[1:]
    assert len(questions) >= 4
    for question in questions:
        asked, answered = question.split("<details><summary>Answer</summary>")
        options = re.findall(r"^- \*\*([A-D])\*\* ", asked, re.MULTILINE)
        answers = dict(re.findall(r"^- \*\*([A-D])\*\* (.*)$", answered, re.MULTILINE))
        assert len(options) >= 3 and options == list(answers), question[:60]
        assert sum(text.startswith("Right.") for text in answers.values()) == 1
        assert all(text.startswith(("Right. ", "No. ")) and len(text) > 30 for text in answers.values())


@pytest.mark.parametrize("name", NAMES)
def test_misconceptions_and_discussion_have_answers(name):
    _, text = read(name)
    assert len(re.findall(r"^- \*\*.+\*\* .+", part(text, "Misconceptions"), re.MULTILINE)) >= 3
    discussion = part(text, "Discussion")
    assert (
        discussion.count("<details><summary>Answer</summary>")
        == len(re.findall(r"^\d+\. ", discussion, re.MULTILINE))
        >= 3
    )


def links() -> list[tuple[str, str]]:
    """Every local link and picture of every page under lessons/, and of the README."""
    found = []
    for path in [*sorted((ROOT / "lessons").glob("*.md")), ROOT / "README.md"]:
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", target):
                found.append((path.relative_to(ROOT).as_posix(), target))
    return found


@pytest.mark.parametrize("page, target", links())
def test_links_lead_somewhere(page, target):
    assert (ROOT / page).parent.joinpath(target).exists()


def test_pictures_have_alt_text():
    for path in sorted((ROOT / "lessons").glob("*.md")):
        for alt in re.findall(r"!\[([^\]]*)\]\(", path.read_text(encoding="utf-8")):
            assert len(alt) >= 15, f"{path.name}: a picture needs alt text"
    for path in sorted((ROOT / "lessons" / "figures").glob("*.svg")):
        assert "<title>" in path.read_text(encoding="utf-8"), f"{path.name} has no title"
