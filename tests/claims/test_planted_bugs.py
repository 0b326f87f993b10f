"""Plant a bug in a copy of helpers, run a notebook's cells that do not train, and see the named claim go red.

A claim that no bug can turn red asserts nothing. Everything runs in this process: torch is imported once.
"""

import ast
import contextlib
import dis
import importlib
import inspect
import re
import runpy
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from transformers import BertModel  # noqa: F401 - its first import is not the time of a notebook's cells

from helpers import corpora
from publish.notebooks import notebooks

ROOT = Path(__file__).parents[2]
NOTEBOOKS = {path.stem: path for path in notebooks()}
PLANT_FILES = sorted(Path(__file__).parent.glob("plants_*.py"))
PLANTS = [plant for path in PLANT_FILES for plant in runpy.run_path(path)["PLANTS"]]


@contextlib.contextmanager
def helpers_from(folder: Path, planted: str | None = None):
    """Let `import helpers` find the copy in `folder`, and put everything back after.

    Unless the bug is planted in corpora itself, the copy is given the reviews that this process has already read.
    """
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "helpers"}
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    if planted != "corpora":
        importlib.import_module("helpers.corpora")._splits = corpora._splits
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] == "helpers"]:
            del sys.modules[name]
        sys.modules.update(kept)


def untagged(stem: str) -> list:
    """Return a notebook's code cells that do not train."""
    cells = nbformat.read(NOTEBOOKS[stem], as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code" and "trains" not in cell.metadata.get("tags", [])]


def home(claim: str) -> str:
    """Return the stem of the notebook that makes a claim."""
    (stem,) = (stem for stem in NOTEBOOKS if any(f'"{claim}"' in cell.source for cell in untagged(stem)))
    return stem


def plant_in_build(cells: list, plant: dict) -> None:
    """Plant a bug in the build cell that holds `old`. Its check, which would put the course's own in its place, is
    skipped: the claim has to find the bug."""
    (cell,) = (c for c in cells if "build" in c.metadata.get("tags", []) and plant["old"] in c.source)
    assert cell.source.count(plant["old"]) == 1, "the planted bug's place has moved: update the plant"
    cell.source = re.sub(
        r"^(\w+) = check\(\1\)$", "", cell.source.replace(plant["old"], plant["new"]), flags=re.MULTILINE
    )


def names(source: str) -> tuple[set[str], set[str], set[str]]:
    """Return the global names that a cell reads, those that it binds, and those whose objects it may change."""
    code, reads, binds, changes = [compile(source, "cell", "exec")], set(), set(), set()
    for block in code:  # grows: functions and comprehensions are code inside code
        code += [constant for constant in block.co_consts if inspect.iscode(constant)]
        for step in dis.get_instructions(block):
            if step.opname in ("LOAD_NAME", "LOAD_GLOBAL"):
                reads.add(step.argval)
            elif step.opname == "STORE_NAME" and block is code[0]:
                binds.add(step.argval)
    for node in ast.walk(ast.parse(source)):  # x.y = ..., x[y] = ..., x.y(...) on a line of its own
        stored = isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store)
        called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        changed = node if stored else node.value.func if called else None
        if isinstance(changed, (ast.Attribute, ast.Subscript)):
            changes |= {name.id for name in ast.walk(changed.value) if isinstance(name, ast.Name)}
    return reads, binds, changes


def cells_before(cells: list, claim: str) -> list:
    """Return the cell that makes the claim and, of those before it, the ones that it builds on."""
    last = next(i for i, cell in enumerate(cells) if f'"{claim}"' in cell.source)
    kept, needed = [cells[last]], names(cells[last].source)[0]
    for cell in reversed(cells[:last]):
        reads, binds, changes = names(cell.source)
        if (binds | changes) & needed:
            kept.insert(0, cell)
            needed = needed - binds | reads
    return kept


def run(cells: list) -> tuple[list[str], list[str]]:
    """Run cells as nbval does, on after a failing one; return the ids of claims that went red, and other errors."""
    namespace = {"__name__": "__main__", "display": lambda *shown: None}
    red, errors = [], []
    for cell in cells:
        try:
            exec(compile(cell.source, cell.id, "exec"), namespace)
        except AssertionError as failed:
            (red if hasattr(failed, "id") else errors).append(getattr(failed, "id", repr(failed)))
        except Exception as error:  # noqa: BLE001 - a planted bug may break anything; what counts is the claim
            errors.append(repr(error))
    return red, errors


@pytest.fixture
def in_notebooks(monkeypatch, tmp_path):
    """Work where a kernel would, with checkpoints in a folder of this test."""
    monkeypatch.chdir(ROOT / "notebooks")
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path / "runs"))


def test_a_claim_gets_the_cells_that_it_builds_on():
    sources = ["x = 9", "x, unused = [1], 2", "x.append(y)", "y = 3", "x[0] = y", "print(x)", 'claim("00.1", f(x))']
    cells = [nbformat.v4.new_code_cell(source) for source in ("z = 1", "def f(a):\n    return a + z", *sources)]
    kept = [cell.source for cell in cells_before(cells, "00.1")]
    assert kept == [cell.source for cell in cells if cell.source not in ("x = 9", "print(x)")]


@pytest.mark.parametrize("plant", PLANTS, ids=[f"{p['claim']}-{p['module']}-{i}" for i, p in enumerate(PLANTS)])
def test_planted_bug_turns_its_claim_red(plant, in_notebooks, tmp_path):
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    # Helpers look for records, checkpoints and diagrams beside themselves.
    shutil.copytree(ROOT / "data", tmp_path / "data")
    shutil.copytree(ROOT / "lessons" / "figures", tmp_path / "lessons" / "figures")
    cells = untagged(home(plant["claim"]))
    if plant["module"] == "build":
        plant_in_build(cells, plant)
    else:
        source = tmp_path / "helpers" / f"{plant['module']}.py"
        text = source.read_text(encoding="utf-8")
        assert text.count(plant["old"]) == 1, "the planted bug's place has moved: update the plant"
        source.write_text(text.replace(plant["old"], plant["new"]), encoding="utf-8")
    with helpers_from(tmp_path, plant["module"]):
        red, errors = run(cells_before(cells, plant["claim"]))
    assert plant["claim"] in red, f"red: {red}, other errors: {errors}"


def test_every_notebook_has_a_plant_and_fifteen_claims_are_proven():
    proven = {plant["claim"] for plant in PLANTS}
    assert len(proven) >= 15
    assert {claim[:2] for claim in proven} == {stem[:2] for stem in NOTEBOOKS}
