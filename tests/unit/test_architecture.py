"""The rooms of the house: what may import what, one list of notebooks, and habits that keep a reader's first guess
right."""

import ast
import graphlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from publish.notebooks import notebooks

ROOT = Path(__file__).parents[2]
# The core, in the order of the data: each module imports from those before it.
CORE = (
    "device",
    "results",
    "corpora",
    "tokenization",
    "masking",
    "sentence_pairs",
    "batching",
    "attention",
    "bert",
    "weights",
    "training",
    "evaluation",
    "transfer",
    "toy",
    "costs",
)
ROOMS = {  # room → the rooms that it may import
    "core": {"core"},
    "classroom": {"core", "classroom"},
    "lab": {"core", "lab"},
    "core notebook": {"core", "classroom"},
    "depth notebook": {"core", "classroom", "lab"},
}
OUTSIDE = {"notebooks", "publish", "tests", "lessons", "conftest"}  # nothing in helpers knows of them
MOST_PARAMETERS = 10


def room_of(path: Path) -> str:
    """Return the room of a file, given relative to the repository."""
    if path.suffix == ".ipynb":
        return "depth notebook" if "depth" in path.parts else "core notebook"
    return path.parts[1] if len(path.parts) > 2 else "core"


def source_of(path: Path) -> str:
    """Return the code of a module, or of a notebook's cells one after the other."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(TransformerManager().transform_cell(c.source) for c in cells if c.cell_type == "code")


def imports(root: Path, path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, full name) for every module that a file imports; of `from helpers.lab import timing`, the latter."""
    for node in ast.walk(ast.parse(source_of(root / path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.parts[: -node.level] if node.level else ()
            origin = ".".join([*package, *filter(None, [node.module])])
            inside = root / origin.replace(".", "/")
            for alias in node.names:
                module = (inside / f"{alias.name}.py").is_file() or (inside / alias.name).is_dir()
                yield node.lineno, f"{origin}.{alias.name}" if module else origin


def broken_rules(root: Path, files: list[Path]) -> list[str]:
    """Return a line for every import that breaks a rule: file, line, what is wrong."""
    found = []
    for path in files:
        room = room_of(path)
        for line, name in imports(root, path):
            where, (package, *rest) = f"{path.as_posix()}:{line}", name.split(".")
            if package in OUTSIDE and path.suffix == ".py":
                found.append(f"{where}: helpers must not know of {package}")
            if package != "helpers" or not rest:
                continue
            other = rest[0] if rest[0] in ROOMS else "core"
            if other not in ROOMS[room]:
                found.append(f"{where}: {room} imports {name}, and may import {', '.join(sorted(ROOMS[room]))} only")
            elif room == other == "core" and CORE.index(rest[0]) >= CORE.index(path.stem):
                found.append(f"{where}: {path.stem} imports {rest[0]}, which comes after it")
    return found


def everything() -> list[Path]:
    modules = sorted(path for path in (ROOT / "helpers").rglob("*.py") if path != ROOT / "helpers" / "__init__.py")
    return [path.relative_to(ROOT) for path in (*modules, *notebooks())]


MODULES = [path for path in everything() if path.suffix == ".py"]


# ---------------------------------------------------------------- rooms


def test_the_core_has_fifteen_modules():
    found = {path.stem for path in MODULES if len(path.parts) == 2}
    assert found == set(CORE) and len(CORE) == 15


def test_every_import_keeps_to_its_rooms():
    assert broken_rules(ROOT, everything()) == []


@pytest.mark.parametrize(
    "place, line, complaint",
    [
        ("helpers/bert.py", "from .lab import timing", "core imports helpers.lab.timing, and may import core only"),
        ("helpers/bert.py", "import helpers.classroom.plots", "core imports helpers.classroom.plots"),
        ("helpers/bert.py", "from . import training", "bert imports training, which comes after it"),
        ("helpers/masking.py", "from .bert import Encoder", "masking imports bert, which comes after it"),
        (
            "helpers/bert.py",
            "def f():\n    from helpers.bert import Encoder",
            "bert imports bert, which comes after it",
        ),
        ("helpers/classroom/plots.py", "from ..lab.recorder import record", "classroom imports helpers.lab.recorder"),
        ("helpers/classroom/exercises/encoder.py", "from ...lab import tiny", "classroom imports helpers.lab.tiny"),
        ("helpers/lab/tiny.py", "from ..classroom import plots", "lab imports helpers.classroom.plots"),
        ("helpers/lab/studies/ladder.py", "from ...classroom.claims import claim", "lab imports helpers.classroom"),
        ("helpers/lab/tiny.py", "from publish import copies", "helpers must not know of publish"),
        ("helpers/device.py", "import tests.unit.conftest", "helpers must not know of tests"),
        ("notebooks/01_a.ipynb", "from helpers.lab import timing", "core notebook imports helpers.lab.timing"),
    ],
)
def test_a_broken_rule_is_named_with_its_line(tmp_path, place, line, complaint):
    write_tree(tmp_path, place, f"import math\n\n{line}\n")
    (found,) = broken_rules(tmp_path, [Path(place)])
    number = 3 + line.count("\n")
    assert found.startswith(f"{place}:{number}: ") and complaint in found


@pytest.mark.parametrize(
    "place, line",
    [
        ("helpers/training.py", "from . import attention, batching"),
        ("helpers/classroom/plots.py", "from ..bert import Encoder"),
        ("helpers/classroom/exercises/encoder.py", "from ..checks import exercise"),
        ("helpers/lab/studies/ladder.py", "from ..study import Study\nfrom ...transfer import ladder"),
        ("notebooks/01_a.ipynb", "from helpers.classroom import claim\nfrom helpers import bert"),
        ("notebooks/depth/01_b.ipynb", "from helpers.lab.timing import ratio\nfrom helpers.classroom import claim"),
    ],
)
def test_what_is_allowed_is_not_named(tmp_path, place, line):
    write_tree(tmp_path, place, line)
    assert broken_rules(tmp_path, [Path(place)]) == []


def write_tree(root: Path, place: str, source: str) -> None:
    """Write the modules of the house, empty, and one file with this code."""
    for path in MODULES:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".ipynb":
        cells = [nbformat.v4.new_code_cell(source)]
        source = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
    path.write_text(source, encoding="utf-8")


def test_modules_import_each_other_without_a_cycle():
    graph = {
        ".".join(path.with_suffix("").parts).removesuffix(".__init__"): {
            name for _, name in imports(ROOT, path) if name.startswith("helpers.")
        }
        for path in MODULES
    }
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


def test_helpers_import_only_what_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    distributions = importlib.metadata.packages_distributions()
    for path in MODULES:
        used = {name.partition(".")[0] for _, name in imports(ROOT, path)} - sys.stdlib_module_names - {"helpers"}
        for name in used:
            owners = {canonicalize_name(owner) for owner in distributions.get(name, [])}
            assert owners & declared, f"{path} imports {name}, which pyproject.toml does not declare"


def test_every_room_is_installed():
    """A package without an __init__.py would be left out of a wheel."""
    folders = {path.parent for path in MODULES}
    assert [folder for folder in folders if not (ROOT / folder / "__init__.py").is_file()] == []


# ---------------------------------------------------------------- one list of notebooks


def test_the_list_of_notebooks_is_in_reading_order_core_first(tmp_path):
    for name in ("02_b", "01_a", "depth/01_more", "depth/01_also"):
        path = tmp_path / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert [p.stem for p in notebooks(root=tmp_path)] == ["01_a", "02_b", "01_also", "01_more"]
    assert [p.stem for p in notebooks("core", tmp_path)] == ["01_a", "02_b"]
    assert [p.stem for p in notebooks("depth", tmp_path)] == ["01_also", "01_more"]
    with pytest.raises(ValueError, match="Unknown kind of notebook 'deep'; choose one of core, depth"):
        notebooks("deep", tmp_path)
    (tmp_path / "notebooks" / "depth" / "01_a.ipynb").touch()
    with pytest.raises(ValueError, match="Two notebooks are called 01_a: rename one"):
        notebooks(root=tmp_path)


def test_the_makefile_uses_the_list():
    done = subprocess.run(["make", "-pn", "clean"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert re.search(r"^NB = \$\(shell .* -m publish\.notebooks\)", done.stdout, re.MULTILINE)
    printed = subprocess.run(
        [sys.executable, "-m", "publish.notebooks"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert printed.stdout.split() == [path.relative_to(ROOT).as_posix() for path in notebooks()]


def test_nobody_else_looks_for_notebooks():
    """Else a depth notebook would be forgotten by one of copies, site, hygiene, plants, costs."""
    files = [
        ROOT / "Makefile",
        ROOT / "conftest.py",
        *(ROOT / "publish").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
    ]
    searches = re.compile(r"glob\([^)]*ipynb|wildcard [^)]*ipynb")
    found = [path.relative_to(ROOT).as_posix() for path in files if searches.search(path.read_text(encoding="utf-8"))]
    assert found == ["publish/notebooks.py"]


# ---------------------------------------------------------------- habits


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def habits(source: str) -> list[str]:
    """Return what a module does that makes it harder to read: long parameter lists, `locals()`, -100 for IGNORE, and
    the ceiling of a quotient in disguise."""
    tree, found = ast.parse(source), []
    for function in functions(tree):
        arguments = function.args
        count = sum(map(len, (arguments.posonlyargs, arguments.args, arguments.kwonlyargs)))
        count -= bool(arguments.args) and arguments.args[0].arg in ("self", "cls")
        if count > MOST_PARAMETERS:
            found.append(f"{function.name} has {count} parameters: make a dataclass of them")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "locals":
            found.append("locals(): name what is meant")
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            operand = node.operand
            if isinstance(operand, ast.Constant) and operand.value == 100:
                found.append("-100: write IGNORE")
            if isinstance(operand, ast.BinOp) and isinstance(operand.op, ast.FloorDiv):
                found.append("-(-a // b): write math.ceil")
    return found


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_modules_keep_good_habits(path):
    found = habits(source_of(ROOT / path))
    if path == Path("helpers/masking.py"):
        found.remove("-100: write IGNORE")  # its definition
    if "exercises" in path.parts:  # their references are shown to students alone, without the module around them
        found = [line for line in found if line != "-100: write IGNORE"]
    assert found == []


@pytest.mark.parametrize(
    "source, complaint",
    [
        ("def f(a, b, c, d, e, *, f, g, h, i, j, k): ...", "f has 11 parameters"),
        ("class A:\n    def f(self, a, b, c, d, e, f, g, h, i, j, k): ...", "f has 11 parameters"),
        ("settings = locals()", "locals()"),
        ("labels[mask] = -100", "-100: write IGNORE"),
        ("steps = -(-len(rows) // 8)", "-(-a // b)"),
    ],
)
def test_bad_habits_are_found(source, complaint):
    (found,) = habits(source)
    assert complaint in found


def test_good_habits_are_not_named():
    assert habits("class A:\n    def f(self, a, b, c, d, e, f, g, h, i, j): return -1 * 100 - 10 // 3") == []
