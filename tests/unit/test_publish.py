"""Copies to hand out, slide types by rule, and the page of results."""

import json
import re

import nbformat
import pytest
from IPython.display import display
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers import results as records
from helpers.classroom.checks import Exercise, examine, exercises, submitted
from publish import FIGURE, ROOT, beside, copies, results, site, slides
from publish.notebooks import notebooks

NOTEBOOKS = notebooks()

STUB = '''import math


def doubled(x):
    """Return twice x."""
    raise NotImplementedError


doubled = check(doubled)'''


def doubled(x):
    return 2 * x  # the reference


REFERENCES = {"doubled": Exercise(doubled, check=None, minutes=1, difficulty=1, hints=("Add x to itself.",))}


def shown(**data) -> nbformat.NotebookNode:
    """A result with data of these kinds: text, html or png."""
    kinds = {"text": "text/plain", "html": "text/html", "png": "image/png"}
    return new_output("execute_result", {kinds[key]: value for key, value in data.items()}, execution_count=1)


def code(source: str, *outputs, **metadata) -> nbformat.NotebookNode:
    return new_code_cell(source, outputs=list(outputs), execution_count=1, metadata=metadata)


# Copies


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory) -> dict[str, list]:
    """Kind of copy → the notebooks that were written, in order."""
    found = {}
    for kind in ("student", "solutions"):
        folder = tmp_path_factory.mktemp(kind)
        written = copies.copy(kind, folder)
        assert written == [folder / copies.place(path) for path in NOTEBOOKS]
        assert sorted(path for path in folder.rglob("*") if path.suffix == ".ipynb") == sorted(written)
        found[kind] = [nbformat.read(path, as_version=nbformat.NO_CONVERT) for path in written]
    return found


@pytest.mark.parametrize("kind", ["student", "solutions"])
def test_copies_are_cleared(handed_out, kind):
    for notebook in handed_out[kind]:
        nbformat.validate(notebook)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def test_student_copies_are_the_notebooks_otherwise(handed_out):
    for path, copy in zip(NOTEBOOKS, handed_out["student"], strict=True):
        original = nbformat.read(path, as_version=nbformat.NO_CONVERT)
        copies.clear(original)
        for before, after in zip(original.cells, copy.cells, strict=True):
            if "build" in before.metadata.get("tags", []):
                assert after.source.count("raise NotImplementedError") == before.source.count(copies.BEGIN) > 0
                assert copies.BEGIN not in after.source and copies.END not in after.source
            else:
                assert FIGURE.sub("", after.source) == after.source, "the figures are beside the copy"
                assert without_paths(after.source) == without_paths(before.source)
            after.metadata.pop("jupyter", None)
            assert (after.id, after.metadata) == (before.id, before.metadata)
        assert copy.metadata == original.metadata


def without_paths(source: str) -> str:
    """Return a cell whose links name the page or the figure alone."""
    return re.sub(r"\]\((?:\.\./|[\w.-]+/)*([\w-]+\.(?:md|svg))\)", r"](\1)", source)


def test_links_of_copies_lead_to_the_pages_of_the_course(tmp_path):
    copies.copy("student", tmp_path / "a" / "b")
    followed = set()
    for path in (path for path in tmp_path.rglob("*") if path.suffix == ".ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            for target in re.findall(r"\]\(([^)]+\.md)\)", cell.source):
                assert (path.parent / target).is_file(), f"{path.name} links to {target}, which is not there"
                followed.add((path.parent / target).resolve())
    assert {page for page in followed if page.parent.name == "lessons"} == set((ROOT / "lessons").glob("0*.md"))


def test_figures_lie_beside_the_copies(tmp_path):
    copies.copy("student", tmp_path)
    for path in (path for path in tmp_path.rglob("*") if path.suffix == ".ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", cell.source):
                assert (path.parent / target).is_file(), f"{path.name} shows {target}, which is not there"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_site_folds_solutions_and_what_a_prediction_asks_for(path):
    notebook, asked = nbformat.read(path, as_version=4), False
    site.prepare(notebook)
    for cell in notebook.cells:
        asked = "**Predict.**" in cell.source if cell.cell_type == "markdown" else asked
        hidden = {"hide-input", "hide-output", "hide-cell"} & set(cell.metadata.get("tags", []))
        if copies.BEGIN in cell.source:
            assert hidden == {"hide-input"}
        elif cell.cell_type == "code" and asked and cell.outputs:
            assert hidden == ({"hide-cell"} if "claim(" in cell.source else hidden) and hidden, "the answer is in view"
        else:
            assert not hidden


def test_an_assistant_is_asked_to_tutor(tmp_path):
    copies.copy("student", tmp_path / "student")
    copies.copy("solutions", tmp_path / "solutions")
    assert "Do not write the body of a cell" in (tmp_path / "student" / "AGENTS.md").read_text(encoding="utf-8")
    assert not (tmp_path / "solutions" / "AGENTS.md").exists()


def test_solutions_differ_in_the_stubs_alone(handed_out):
    references, solved = exercises(), set()
    for path, solution in zip(NOTEBOOKS, handed_out["solutions"], strict=True):
        original = nbformat.read(path, as_version=4)
        for before, after in zip(original.cells, solution.cells, strict=True):
            if "exercise" not in before.metadata.get("tags", []):
                figures = beside(before.source, "../" if path.parent.name == "depth" else "")
                assert copies.PAGE.sub("", after.source) == copies.PAGE.sub("", figures)
                continue
            namespace = {"check": lambda answer: solved.add(answer.__name__)}
            exec(after.source, namespace)
            (name,) = namespace.keys() & references
            assert after.source != before.source and after.source.endswith(f"check({name})")
    assert solved == {name for name, task in references.items() if not task.build}


def test_somebodys_work_is_left_alone(tmp_path, capsys):
    copies.copy("student", tmp_path)
    mine, missing = (tmp_path / path.name for path in NOTEBOOKS[:2])
    mine.write_text(mine.read_text(encoding="utf-8").replace("NotImplementedError", "ValueError"), encoding="utf-8")
    kept = mine.read_text(encoding="utf-8")
    missing.unlink()
    copies.main(["student", str(tmp_path)])
    assert mine.read_text(encoding="utf-8") == kept and missing.is_file()
    said = f"1 notebooks written; {len(NOTEBOOKS) - 1} were there and are as you left them"
    assert said in capsys.readouterr().out
    assert copies.copy("student", tmp_path) == []


def test_solutions_do_not_replace_other_notebooks(tmp_path):
    copies.copy("solutions", tmp_path)
    copies.copy("solutions", tmp_path)  # nothing was changed: the same again
    mine = tmp_path / NOTEBOOKS[0].name
    kept = mine.read_text(encoding="utf-8").replace("import", "import ", 1)
    mine.write_text(kept, encoding="utf-8")
    with pytest.raises(FileExistsError, match=f"perhaps your work: {mine.name}"):
        copies.copy("solutions", tmp_path)
    assert mine.read_text(encoding="utf-8") == kept


BUILD = '''def doubled(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    half = x / 2
    return 4 * half
    ### END SOLUTION


doubled = check(doubled)'''


def test_a_build_cell_is_blanked():
    assert copies.blank(BUILD) == (
        'def doubled(x):\n    """Return twice x."""\n    raise NotImplementedError\n\n\ndoubled = check(doubled)'
    )
    two = f"{BUILD}\n\n\n{BUILD}"
    assert copies.blank(two).count("raise NotImplementedError") == 2 and "half" not in copies.blank(two)


@pytest.mark.parametrize(
    "source",
    [
        STUB,
        BUILD.replace("    ### END SOLUTION\n", ""),
        BUILD.replace("    ### BEGIN SOLUTION\n", ""),
        BUILD.replace("END", "BEGIN"),
    ],
)
def test_a_build_cell_without_a_whole_solution_is_refused(source):
    with pytest.raises(ValueError, match="holds no solution|do not pair up"):
        copies.blank(source)


def test_cells_that_answer_a_prediction_are_folded():
    cells = [
        code("claim('00.1', 'Before', holds)"),
        new_markdown_cell("**Predict.** Which one?"),
        code("x = 1"),
        code("claim('00.2', 'The second', holds)"),
        code("curves(data, alt='The second rises.')"),
        code("recorded('00.3', 'The second', record, holds)"),
        new_markdown_cell("The second."),
        code("claim('00.4', 'After', holds)"),
    ]
    notebook = new_notebook(cells=cells)
    copies.fold(notebook)
    folded = [cell.metadata.get("jupyter", {}).get("source_hidden", False) for cell in notebook.cells]
    assert folded == [False, False, False, True, True, True, False, False]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_solutions_run_and_pass(handed_out, path, tmp_path, monkeypatch, capsys):
    """Every cell that does not train, away from the repository and without those that train; then each exercise says
    that it is solved, and the notebook has gone on with what the student built. The conftest limits the time: each
    planted bug runs these cells."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path / "runs"))
    notebook, builds = handed_out["solutions"][NOTEBOOKS.index(path)], []
    namespace = {"__name__": "__main__", "display": display}
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code" and "trains" not in tags:
            exec(compile(cell.source, f"{path.name}:{cell.id}", "exec"), namespace)
            if "exercise" in tags:
                name = cell.source.rpartition("check(")[2].rstrip(")")
                assert examine(namespace[name]).state == "passed"
            elif "build" in tags:
                builds += re.findall(r"^(\w+) = check\(\1\)$", cell.source, re.MULTILINE)
    shown = capsys.readouterr().out
    assert builds or path.parent.name == "depth"
    for name in builds:
        assert f"✓ {name}: all" in shown
        assert namespace[name] is submitted[name] is not exercises()[name].reference
        assert namespace[name].__module__ == "__main__"


def test_a_stub_is_filled_and_the_rest_of_its_cell_stays():
    notebook = new_notebook(cells=[code(STUB, tags=["exercise"]), code(STUB)])
    copies.solve(notebook, REFERENCES)
    filled, untouched = (cell.source for cell in notebook.cells)
    assert filled == "import math\n\n\ndef doubled(x):\n    return 2 * x  # the reference\n\n\ndoubled = check(doubled)"
    assert untouched == STUB, "only cells tagged as exercises are filled"


def test_a_stub_without_a_reference_is_refused():
    with pytest.raises(KeyError, match="No reference for the exercise 'doubled'"):
        copies.solve(new_notebook(cells=[code(STUB, tags=["exercise"])]), {})


def test_an_exercise_without_a_stub_is_refused():
    with pytest.raises(ValueError, match="defines no function"):
        copies.solve(new_notebook(cells=[code("check(doubled)", tags=["exercise"])]), REFERENCES)


# Slides


CLAIM = shown(text="✓ 00.1 It holds", html="<div>✓ 00.1 It holds</div>")
RECORDED = shown(
    text="recorded 00.2 It held", html="<div>recorded 00.2 It held<div style='font-size:90%'>A machine</div></div>"
)
PICTURE = "![A picture.](../lessons/figures/00_picture.svg)"
DOUBLER = '''class Doubler:
    def __init__(self, factor):
        self.factor = factor

    def double(
        self,
        x,
    ):
        """Return twice x.

        x: a number.
        """
        ### BEGIN SOLUTION
        return self.factor * x
        ### END SOLUTION


Doubler = check(Doubler)'''
LECTURE = [  # cell, its slide type
    (new_markdown_cell(f"# 00 · Title\n\n{PICTURE}\n\nA first sentence. A question?\n\n**Minutes:** 45."), "slide"),
    (code("import math\n\nfrom helpers.device import setup\n\nruntime = setup(seed=0)"), "skip"),
    (new_markdown_cell("## 1. Section"), "slide"),
    (new_markdown_cell("Prose leads. It goes on. (By the way.)\n\nMore prose."), "-"),
    (code("1 + 1", shown(text="2")), "-"),
    (new_markdown_cell("This is only said."), "notes"),
    (new_markdown_cell("Once more. It was seen.\n\n**Predict.** How large is it?"), "subslide"),
    (code("\n".join(f"x{i} = {i}" for i in range(20))), "skip"),
    (code("plot()", shown(png="aGk=", text="[figure] A line."), new_output("stream", text="printed, too")), "fragment"),
    (code("claim(...)", CLAIM, RECORDED), "fragment"),
    (code("train()", new_output("stream", text="trained\n"), tags=["trains"]), "skip"),
    (new_markdown_cell("## 2. A picture, and a task"), "slide"),
    (new_markdown_cell(f"{PICTURE}\n\nSee above.\n\n**Write `Doubler`** (●○○, 1 minute)."), "-"),
    (code(DOUBLER, shown(text="✓ Doubler: all 2 checks hold"), tags=["build"]), "fragment"),
    (new_markdown_cell("Next.\n\n### Exercise 1 · Double (●○○, 1 minute)\n\nFix it."), "subslide"),
    (code(STUB, shown(text="○ doubled: not attempted"), tags=["exercise"]), "-"),
    (new_markdown_cell("## What you know now"), "slide"),
    (new_markdown_cell(f"{PICTURE}\n\nWhat now?\n\nFirst. Second.\n\n**More:** a page."), "-"),
]
TEACHER = {"start": "The main idea.", "1": "Vote.", "end": "Close."}


def lecture() -> nbformat.NotebookNode:
    return new_notebook(cells=[cell.copy() for cell, _ in LECTURE])


@pytest.fixture
def pages() -> list[list[tuple[str, str, str]]]:
    """The lecture's deck, page by page: slide type, role, text; the role of notes is "notes"."""
    notebook, found = lecture(), []
    slides.mark(notebook)
    for cell in slides.deck(notebook, TEACHER).cells:
        kind = cell.metadata.slideshow.slide_type
        found += [[]] if kind in ("slide", "subslide") else []
        found[-1].append((kind, *cell.metadata.get("tags", ["notes"]), cell.source))
    return found


def test_slide_types_by_rule():
    assert slides.slide_types(lecture()) == [kind for _, kind in LECTURE]


def test_marks_are_where_jupyter_looks_for_them():
    notebook = lecture()
    slides.mark(notebook)
    nbformat.validate(notebook)
    assert [cell.metadata.slideshow.slide_type for cell in notebook.cells] == [kind for _, kind in LECTURE]


def test_a_page_shows_little_and_its_notes_hold_the_rest(pages):
    title, section, predict, task, exercise, end = pages
    picture = beside(PICTURE)
    assert title == [
        ("slide", "head", "# 00 · Title"),
        ("notes", "notes", "The main idea.\n\n**Minutes:** 45."),
        ("-", "setup", "A first sentence. A question?"),
        ("-", "look", picture),
    ]
    assert section == [
        ("slide", "head", "## 1. Section"),
        ("notes", "notes", "Vote.\n\nProse leads. It goes on. (By the way.)\n\nMore prose.\n\nThis is only said."),
        ("-", "setup", "Prose leads. It goes on."),
        ("-", "look", "```text\n2\n```"),
    ]
    assert end == [
        ("slide", "head", "## What you know now"),
        ("notes", "notes", "Close.\n\nWhat now?\n\n**More:** a page."),
        ("-", "setup", "First. Second."),
        ("-", "look", picture),
    ]


def test_an_answer_and_its_claims_come_up(pages):
    assert pages[2] == [
        ("subslide", "head", "## 1. Section"),
        ("notes", "notes", "A machine"),
        ("-", "setup", "Once more. It was seen."),
        ("-", "prompt", "**Predict.** How large is it?"),
        ("fragment", "look", '<img src="data:image/png;base64,aGk=" alt="">'),
        ("fragment", "claim", "<div>✓ 00.1 It holds</div>"),
        ("-", "claim", "<div>recorded 00.2 It held</div>"),
    ]


def test_what_students_write_is_shown_without_solution_and_check(pages):
    *_, task, stub = pages[3]
    assert task == ("fragment", "task", "**Write `Doubler`** (●○○, 1 minute).")
    lines = [
        "class Doubler:",
        "    def double(self, x):",
        '        """Return twice x.',
        '        x: a number."""',
        "        ...",
    ]
    assert stub == ("-", "look", "\n".join(["```python", *lines, "```"]))
    assert pages[4] == [
        ("subslide", "head", "## 2. A picture, and a task"),
        ("notes", "notes", "Next."),
        ("-", "task", "### Exercise 1 · Double (●○○, 1 minute)"),
        ("-", "task", "Fix it."),
        ("-", "look", f"```python\n{STUB.partition(chr(10) * 3 + 'doubled')[0]}\n```"),
    ]


def test_a_long_table_is_cut_and_the_notes_have_it_whole():
    rows = ["| a | b |", "|---|---|", *(f"| {i} | {i} |" for i in range(slides.ROWS + 1))]
    table = new_output("display_data", {"text/markdown": "\n".join(rows)})
    look, _, said = slides.outcome(code("table()", table))
    assert look.splitlines() == [*rows[:-1], "| … | … |"] and said == ["\n".join(rows)]


@pytest.mark.parametrize(
    "prose, parts",
    [
        ("One. Two? Three", ["One.", "Two?", "Three"]),
        ("See *a b*. `x` is y.", ["See *a b*.", "`x` is y."]),
        ("Vaswani et al. (2017) say so. 1.5 of 2.", ["Vaswani et al. (2017) say so. 1.5 of 2."]),
        ('*"Not good."* It is. (It is not.)', ['*"Not good."*', "It is."]),
    ],
)
def test_prose_is_parted_into_sentences(prose, parts):
    assert slides.sentences(prose) == parts


def test_an_excerpt_is_short():
    long = "A" + "a" * slides.SHORT + "."
    assert slides.excerpt(f"{long} Two. Three.") == long and slides.excerpt(f"{long} Two.", end=True) == "Two."
    assert slides.excerpt("One. Two. Three. Four.") == "One. Two. Three."
    assert slides.excerpt("One. Two. Three. Four.", end=True) == "Two. Three. Four."


def test_gaps_between_columns_are_narrowed():
    assert slides.squeeze("a      b c\naaa    b\n") == "a    b c\naaa  b"


def test_fenced_code_is_one_block():
    assert slides.blocks("One.\n\n```python\na\n\nb\n```\n\nTwo.") == ["One.", "```python\na\n\nb\n```", "Two."]


def test_a_lesson_has_notes_for_each_section():
    lesson = (
        "# Lesson\n\n## Instructor notes\n\n**The main idea.** One.\n\n| minutes | section | what you do | write |\n"
        "|---|---|---|---|\n| 5 | 1 | Vote. | |\n| 3 | 1 | Draw. | `f`, 2 minutes |\n| 1 | end | Close. | |\n"
    )
    assert slides.lesson_notes(lesson) == {
        "start": "**The main idea.** One.",
        "1": "**5 minutes.** Vote.\n\n**3 minutes.** Draw. Students write: `f`, 2 minutes.",
        "end": "**1 minutes.** Close.",
    }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_has_a_slide_type_and_a_deck_is_short(path):
    notebook = nbformat.read(path, as_version=4)
    types = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in notebook.cells]
    assert set(types) <= {"slide", "subslide", "fragment", "skip", "notes", "-"}, (
        "a cell has no slide type: run python -m publish.slides mark"
    )
    least = 10 if path in notebooks("core") else 5
    assert types[0] == "slide" and types.count("slide") >= 5
    assert least <= types.count("slide") + types.count("subslide") <= 20, "run python -m publish.slides mark"
    assert types.count("skip") <= len(types) / 5


# Results


def study(**arms) -> dict:
    """A recorded study: name of an arm (`_` for a blank) → what it measured."""
    about = {
        "settings": {"seed": 0, "steps": 1000},
        "machine": {"processor": "CPU", "cores": 2, "threads": 1, "gpu": None, "python": "3.11"},
        "versions": {"torch": "2.13.0"},
        "seconds": 120.0,
    }
    measured = {name.replace("_", " "): about | {"measured": found} for name, found in arms.items()}
    return {"name": "new-full", "command": "python -m new", "not_run": ["b, seed 1"], "arms": measured}


def test_runs_of_an_arm_are_put_together():
    score = {"accuracy": 0.5, "interval": [0.4, 0.6], "n": 100}
    found = study(**{"a,_seed_0": score, "a,_seed_1": score | {"accuracy": 0.6}, "b,_seed_0": score})
    assert results.table(found) == [
        {"arm": "a", "accuracy": "55.0\u00a0%", "around": "50.0\u00a0–\u00a060.0\u00a0%", "n": "100", "runs": "2"},
        {"arm": "b", "accuracy": "50.0\u00a0%", "around": "\\[40.0,\u00a060.0\\]\u00a0%", "n": "100", "runs": "1"},
    ]


def test_a_score_is_found_wherever_it_is_and_masks_alone_count():
    masked = {"accuracy": 0.3, "loss": 4.0, "slots": 50}
    measured = {"loss": 1.0, "test": {"accuracy": 0.9, "kinds": {"mask": masked, "kept": masked}}, "x": {"y": masked}}
    assert results.figures(measured) == {
        "test · [MASK] slots": {"accuracy": 0.3, "interval": None, "n": 50},
        "x · y": {"accuracy": 0.3, "interval": None, "n": None},
    }


def test_without_scores_the_plain_numbers_are_shown():
    assert results.table(study(a={"minutes": 44.3555, "fast": True}, b={"minutes": 1234})) == [
        {"arm": "a", "minutes": "44.36"},
        {"arm": "b", "minutes": "1,234"},
    ]


def test_a_section_says_how_it_was_measured():
    text = results.section(study(a={"accuracy": 0.5}))
    for fact in (
        "New-full",
        "`python -m helpers.lab new --budget full --seeds 1`",
        "steps 1000",
        "CPU, 2 cores",
        "torch 2.13.0",
        "2.0 minutes a run",
    ):
        assert fact in text
    assert "**Not run yet:** b, seed 1" in text


def test_a_new_study_appears_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    (tmp_path / "new-full.json").write_text(json.dumps(study(a={"accuracy": 0.5})), encoding="utf-8")
    assert "Study `new-full`" in results.page()


def test_the_benchmark_has_its_own_table():
    text = results.section(records.load_result("bench-full"))
    assert "| goal | result |" in text and "fine-tuning: accuracy of ours" in text


def test_the_results_page_has_a_section_for_every_record():
    page = results.page()
    assert page.count("\n## ") == len(list(records.RESULTS.glob("*.json")))
    # This study's description has two lines.
    assert "\n## The checkpoint from scratch, what dropout does to it, and a smaller one for a CPU\n" in page
