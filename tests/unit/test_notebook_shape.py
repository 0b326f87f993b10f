"""The shape of a rebuilt core notebook: the student writes it, pictures carry it, and predictions stay sealed."""

import ast
import importlib.util
import inspect
import re
from pathlib import Path

import nbformat
import pytest
import yaml
from IPython.display import display
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers.classroom import plots, views
from helpers.classroom.checks import exercises, submitted
from publish import FIGURE, copies, site, slides
from publish.notebooks import notebooks

ROOT = Path(__file__).parents[2]
LEDGER = yaml.safe_load((ROOT / "tests" / "claims" / "ledger.yaml").read_text(encoding="utf-8"))
REBUILT = [path for path in notebooks("core") if path.name[:2] in LEDGER["rebuilt"]]
BUILDS = {  # what the student writes in each core notebook
    "01": ["scaled_dot_product_attention", "padding_mask", "causal_mask", "MultiHeadAttention", "best_head"],
    "02": ["sees_later_words", "next_word_labels", "next_word_loss", "hide_targets"],
    "03": ["mark_specials", "mask_tokens", "mlm_loss"],
    "04": ["build_inputs", "truncate_pair", "make_pairs"],
    "05": ["Embeddings", "EncoderLayer", "Encoder", "load_by_name", "MaskedLMHead"],
    "06": ["Classifier", "fine_tune", "predict"],
    "07": ["pool", "cut_off_cls", "cosine", "linear_probe", "contrastive_loss"],
    "08": ["distillation_loss", "rotate", "unpad", "modern_attention"],
}
DRAWN = [  # what draws a figure, and tells in its alt text what the figure shows
    name
    for module in (plots, views)
    for name, kind in vars(module).items()
    if inspect.isfunction(kind) and "alt" in inspect.signature(kind).parameters
]
SHOWN = {"claim", "recorded", *DRAWN}  # what a cell shows, if it's the value of its last line
PREDICT = "**Predict.**"
# Words and turns that the style guide replaces; a hit is quoted with its neighborhood.
AVOIDED = re.compile(
    r"\banew\b|\bafresh\b|\bthe coin\b|\bfull mask\b|unigram floor|\basked for\b|\bslots?\b|\bbrakes\b|"
    r"\d %|nobody's business|, too[,.]|\btoo\.|\bstands? (?:in|at|on|beside)\b|\bgoes? along\b|\btrained along\b|"
    r"\bwhoever\b|\bby far more\b|\bhardly further\b|\bdrawn anew\b|\blearned by heart\b|\bnormed\b|\bverdict\b|"
    r"\bway out\b|\bthe wheel\b|\breal BERT\b|\blet's dive\b|\bworth noting\b|\b(?:crucial|delve|leverage|robust)\b|"
    r"\blooked at\b|\bmay look\b|!(?!\[)",
    re.IGNORECASE,
)


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def code(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook) -> list[str]:
    """Return the text of each Markdown cell, without code and the targets of links."""
    cells = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return [
        re.sub(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)", "", source, flags=re.DOTALL) for source in cells
    ]


def called(cell, *names: str) -> list[ast.Call]:
    calls = (node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call))
    return [call for call in calls if getattr(call.func, "id", getattr(call.func, "attr", "")) in names]


def strings(call: ast.Call) -> list[str]:
    return [node.value for node in ast.walk(call) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


# ---------------------------------------------------------------- what is wrong with a notebook


def wrong_shape(notebook) -> list[str]:
    """Return what is wrong with the size, the headings and the pictures of a notebook."""
    found, cells = [], notebook.cells
    if not 40 <= len(cells) <= 55:
        found.append(f"{len(cells)} cells, not 40 to 55")
    claims = [call for cell in code(notebook) for call in called(cell, "claim")]
    if not 1 <= len(claims) <= 8:
        found.append(f"{len(claims)} claims, not 1 to 8")
    if not any("![" in cell.source for cell in cells[:3] if cell.cell_type == "markdown"):
        found.append("no picture in the first three cells")
    if "lessons/figures/map_" not in cells[0].source:
        found.append("the first cell has no map of the course")
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    shown = [strings(call)[0] for cell in code(notebook) for call in called(cell, "Diagram")]
    diagrams = {f"{name}.svg" for name in shown} | {name for name in FIGURE.findall(text) if not name.startswith("map")}
    if len(diagrams) < 4:
        found.append(f"{len(diagrams)} explanatory diagrams, fewer than 4")
    for cell in cells[1:]:
        heading = re.search(r"^#{1,2} .*$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if heading and cell.source.strip() != heading[0]:
            found.append(f"the heading {heading[0]!r} has no cell of its own")
    if not re.match(r"!\[", cells[-1].source):
        found.append("the last cell does not begin with a picture")
    return found


def wrong_builds(notebook, names: list[str]) -> list[str]:
    """Return what is wrong with the cells that the student writes: builds by name and order, one bug to spot."""
    found, built = [], []
    for cell in (cell for cell in code(notebook) if "build" in tags(cell)):
        kinds = (ast.FunctionDef, ast.ClassDef)
        defined = [node.name for node in ast.parse(cell.source).body if isinstance(node, kinds)]
        built += defined
        if len(cell.source.splitlines()) > 35:
            found.append(f"{defined}: over 35 lines")
        ends = [f"{name} = check({name})" for name in defined]
        if cell.source.splitlines()[-len(ends) :] != ends:
            found.append(f"{defined}: the cell does not end in {ends}")
        stub = ast.parse(copies.blank(cell.source))
        bare = [node.name for node in stub.body if isinstance(node, kinds) and "Raise" not in ast.dump(node)]
        bare += [
            node.name
            for node in ast.walk(stub)
            if isinstance(node, ast.FunctionDef) and node.name != "__init__" and not ast.get_docstring(node)
        ]
        if bare:
            found.append(f"{bare}: blanked, this has no NotImplementedError or no docstring")
    if built != names:
        found.append(f"built are {built}, not {names}")
    bugs = [cell for cell in code(notebook) if "exercise" in tags(cell)]
    if sum(exercises()[called(cell, "check")[0].args[0].id].found is not None for cell in bugs) != 1:
        found.append("not exactly one bug to spot")
    return found


def avoided(notebook) -> list[str]:
    """Return the words and turns that the style guide replaces, with what stands around them."""
    texts = prose(notebook)
    texts += [
        text for cell in code(notebook) for call in called(cell, "claim", "recorded") for text in strings(call)[1:2]
    ]
    texts += re.findall(r"#+ (.*)", "\n".join(cell.source for cell in code(notebook)))
    return [text[max(0, m.start() - 25) : m.end() + 25] for text in texts for m in AVOIDED.finditer(text)]


def unsealed(student) -> list[str]:
    """Return what a student sees of an answer before running the cell, in a blank copy: after each Predict, claims and
    alt texts in cells that are not folded; before it, the same words in prose."""
    found, seen, asked = [], "", None
    for cell in student.cells:
        if cell.cell_type == "markdown":
            asked = cell.source if PREDICT in cell.source else None
            seen += cell.source
            continue
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        answers = [text for call in called(cell, "claim", "recorded") for text in strings(call)[1:2]]
        answers += re.findall(r'alt ?= ?"([^"]{15,})', cell.source)
        answers += [text for call in called(cell, "Diagram") for text in strings(call)[1:2]]
        answers += [text for call in called(cell, *DRAWN) for text in strings(call) if len(text) >= 60]
        if asked:
            found += [f"not folded: {text}" for text in answers if not hidden]
            found += [f"told before: {text}" for text in answers if text in seen]
        if cell.outputs:
            found.append("a copy with outputs")
        seen += "" if hidden else cell.source
    return found


# ---------------------------------------------------------------- the rebuilt notebooks


@pytest.fixture(params=REBUILT, ids=lambda path: path.stem)
def path(request) -> Path:
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def student(path):
    return nbformat.reads(copies.made("student", path), as_version=4)


def test_size_headings_and_pictures(notebook):
    assert wrong_shape(notebook) == []


def test_the_student_writes_it(path, notebook):
    assert wrong_builds(notebook, BUILDS[path.name[:2]]) == []
    registered = {name for name, task in exercises().items() if task.build}
    assert set(BUILDS[path.name[:2]]) <= registered


def test_words_are_those_of_the_style_guide(notebook):
    assert avoided(notebook) == []


def test_predictions_stay_sealed(notebook, student):
    assert sum(PREDICT in cell.source for cell in notebook.cells) >= 5
    assert unsealed(student) == []


def lost(notebook) -> list[str]:
    """Return the lines that make a claim or a figure that nobody sees: a cell shows the value of its last line only."""
    lines = []
    for cell in code(notebook):
        for node in ast.parse(cell.source).body[:-1]:
            call = node.value if isinstance(node, ast.Expr) else None
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in SHOWN:
                lines.append(ast.unparse(node)[:60])
    return lines


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_every_claim_and_every_figure_is_shown(path):
    assert lost(nbformat.read(path, as_version=4)) == []


def test_copies_know_all_that_draws():
    assert sorted(set(DRAWN)) == sorted(copies.PLOTS)


def test_every_prediction_asks_one_thing_and_is_answered(notebook):
    for before, after in zip(notebook.cells, notebook.cells[1:]):
        if PREDICT in before.source:
            assert before.source.count(PREDICT) == 1 and "?" in before.source.partition(PREDICT)[2]
            assert after.cell_type == "code"


def test_its_depth_says_what_it_needs(path):
    depth = [p for p in notebooks("depth") if p.name[:2] == path.name[:2]]
    assert depth, "what left the core notebook has a home"
    for p in depth:
        first = nbformat.read(p, as_version=4).cells[0].source
        assert f"You need core notebook {path.name[:2]}; no core notebook needs this." in first


def test_every_picture_is_found_in_all_five_products(path, notebook, student, tmp_path):
    """In the notebook, the lesson's folder, the student copy, the slides and the site."""
    names = [name for cell in notebook.cells for name in FIGURE.findall(cell.source)]
    assert names
    for name in names:
        assert (path.parent / ".." / "lessons" / "figures" / name).is_file()
    copies.copy("student", tmp_path / "student")
    slides.copy_figures(tmp_path / "slides")
    site.stage(tmp_path / "site")
    deck = slides.deck(marked(notebook))
    page = nbformat.read(tmp_path / "site" / "notebooks" / path.name, as_version=4)
    texts = {"student": student, "slides": deck, "site/notebooks": page}
    for folder, product in texts.items():
        targets = [t for c in product.cells for t in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", c.source)]
        wanted = [n for n in names if folder != "slides" or not n.startswith("map_")]  # slides go without the map
        assert [Path(target).name for target in targets] == wanted, folder
        for target in targets:
            assert (tmp_path / folder / target).resolve().is_file(), f"{folder} shows {target}, which is not there"


def marked(notebook):
    slides.mark(notebook)
    return notebook


def test_every_page_of_the_slides_has_a_look_or_a_question(notebook):
    pages = []
    for cell in slides.deck(marked(notebook)).cells:
        kind = cell.metadata.slideshow.slide_type
        if kind in ("slide", "subslide"):
            pages.append([])
            fragment = False
        fragment = fragment or kind == "fragment"
        pages[-1] += [] if fragment else cell.metadata.get("tags", [])
    assert 10 <= len(pages) <= 20
    for page in pages:
        assert page[0] == "head" and {"look", "prompt"} & set(page), "nothing but a title and text"


# ---------------------------------------------------------------- student copies run


def wrong_answers(name: str):
    """Return the wrong answers to the exercises of one module."""
    (source,) = (p for p in (ROOT / "tests" / "wrong_answers").glob("*.py") if f'"{name}": [' in p.read_text("utf-8"))
    spec = importlib.util.spec_from_file_location(f"wrong_{source.stem}", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.WRONG


def run_copy(notebook, capsys, wrong=None) -> tuple[dict, str]:
    """Run a student copy's cells that do not train, as a kernel would, one after the other; return its names, and what
    was shown. wrong: name → an answer that is put in the place of the build."""
    namespace = {"__name__": "__main__", "display": display}
    for cell in code(notebook):
        if "trains" in tags(cell):
            continue
        source = cell.source
        for name in wrong or ():
            source = source.replace(f"{name} = check({name})", f"{name} = check(WRONG_{name})")
            namespace[f"WRONG_{name}"] = wrong[name]
        exec(compile(source, cell.id, "exec"), namespace)
    return namespace, capsys.readouterr().out


@pytest.fixture
def as_a_student(monkeypatch, tmp_path):
    """Away from the repository, and without the strictness of the tests: what fails falls back."""
    monkeypatch.delenv("COURSE_STRICT", raising=False)
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)


def test_an_untouched_copy_runs_from_top_to_bottom(path, student, as_a_student, capsys):
    namespace, shown = run_copy(student, capsys)
    for name in BUILDS[path.name[:2]]:
        assert f"○ {name}: not attempted. The notebook goes on with the course's version." in shown
        assert namespace[name] is exercises()[name].reference


def test_a_copy_with_a_wrong_answer_in_each_build_runs_on(path, student, as_a_student, capsys):
    names = BUILDS[path.name[:2]]
    wrong = {name: wrong_answers(name)[name][0][0] for name in names}
    for name, answer in wrong.items():
        answer.__name__ = name
    namespace, shown = run_copy(student, capsys, wrong)
    for name in names:
        assert re.search(rf"^✗ {name}: .+", shown, re.MULTILINE) and namespace[name] is exercises()[name].reference
        assert submitted[name] is wrong[name], "what the student wrote is kept for grading"


# ---------------------------------------------------------------- each check can fail


@pytest.fixture
def first():
    return nbformat.read(REBUILT[0], as_version=4)


def plant(notebook, old: str, new: str):
    hits = [cell for cell in notebook.cells if old in cell.source]
    assert hits, f"{old!r} is not in the notebook"
    hits[0].source = hits[0].source.replace(old, new, 1)
    return notebook


def test_a_wrong_shape_is_found(first):
    few = new_notebook(cells=first.cells[:5])
    assert any("5 cells" in line for line in wrong_shape(few)) and any("diagrams" in line for line in wrong_shape(few))
    plant(first, "lessons/figures/map_01", "lessons/figures/atlas_01")
    assert wrong_shape(first) == ["the first cell has no map of the course"]
    heading = next(cell for cell in first.cells if cell.source.startswith("## "))
    heading.source += "\n\nText below."
    assert any("no cell of its own" in line for line in wrong_shape(first))
    first.cells += [new_code_cell('claim("01.99", "It holds", x)')] * 9
    assert any("claims, not 1 to 8" in line for line in wrong_shape(first))
    assert "the last cell does not begin with a picture" in wrong_shape(first)
    assert "no picture in the first three cells" in wrong_shape(new_notebook(cells=first.cells[1:]))


def test_a_wrong_build_is_found(first):
    names = BUILDS[REBUILT[0].name[:2]]
    assert wrong_builds(first, names[:-1]) == [f"built are {names}, not {names[:-1]}"]
    plant(first, f"{names[0]} = check({names[0]})", f"check({names[0]})")
    assert any("does not end in" in line for line in wrong_builds(first, names))
    without_bug = new_notebook(cells=[cell for cell in first.cells if "exercise" not in tags(cell)])
    assert "not exactly one bug to spot" in wrong_builds(without_bug, names)


@pytest.mark.parametrize("turn", ["drawn anew", "95 %", "It does, too.", "the asked slot", "whoever reads", "Good!"])
def test_an_avoided_turn_is_found(first, turn):
    assert avoided(first) == []
    first.cells.append(new_markdown_cell(f"Here is {turn} once"))
    assert len(avoided(first)) >= 1


def test_an_answer_in_view_is_found():
    asked = new_markdown_cell("**Predict.** Which one?")
    claim = new_code_cell('claim("01.1", "The second one is larger", a < b)')
    figure = new_code_cell('curves(x, alt="The second one rises above the first.")')
    assert len(unsealed(new_notebook(cells=[asked, claim]))) == 1
    assert len(unsealed(new_notebook(cells=[asked, figure]))) == 1
    copy = new_notebook(cells=[asked, claim, figure])
    copies.fold(copy)
    assert unsealed(copy) == []
    told = new_notebook(cells=[new_markdown_cell("The second one is larger, as we will see."), *copy.cells])
    assert unsealed(told) == ["told before: The second one is larger"]
