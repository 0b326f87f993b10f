"""What every notebook and every file of the repository must look like."""

import ast
import builtins
import json
import re
import subprocess
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from helpers.corpora import CORPORA, SPLITS, load_documents
from publish.notebooks import notebooks

ROOT = Path(__file__).parents[2]
MEGABYTE = 10**6
RUN = 6  # so many words in a row that stand in a review make an excerpt
MACHINE_PATH = re.compile(r"(?<![\w.])(/home/|/root/|/Users/|/tmp/|[A-Z]:\\+Users)")


@pytest.fixture(params=notebooks(), ids=lambda path: path.stem)
def path(request) -> Path:
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook) -> list:
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def texts(output) -> list[str]:
    """Every textual form of an output (images are not text)."""
    if output.output_type == "stream":
        return [output.text]
    return [str(data) for kind, data in output.get("data", {}).items() if not re.match(r"image/(png|jpeg)", kind)]


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def parse(cell) -> ast.Module:
    """Parse a cell as IPython does, so that magics do not disturb."""
    return ast.parse(TransformerManager().transform_cell(cell.source))


def claims(cell) -> list[ast.Call]:
    calls = [node for node in ast.walk(parse(cell)) if isinstance(node, ast.Call)]
    return [call for call in calls if getattr(call.func, "id", getattr(call.func, "attr", None)) == "claim"]


def argument(call: ast.Call, position: int, name: str) -> ast.expr:
    """Return an argument of a call, given by position or by name."""
    if position < len(call.args):
        return call.args[position]
    return next(keyword.value for keyword in call.keywords if keyword.arg == name)


def claim_id(call: ast.Call) -> str:
    node = argument(call, 0, "id")
    assert isinstance(node, ast.Constant), f"a claim's id must be written out: {ast.unparse(call)[:80]}"
    return node.value


# Notebooks


def test_the_eight_core_notebooks_are_there():
    assert [path.stem for path in notebooks("core")] == [
        "01_attention",
        "02_bidirectionality",
        "03_masking",
        "04_sentence_pairs",
        "05_encoder",
        "06_fine_tuning",
        "07_cls_token",
        "08_variants",
    ]


def test_format(path, notebook):
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)
    nbformat.validate(notebook)
    ids = [cell["id"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]  # nbformat would mend them
    assert len(ids) == len(set(ids)), "cell ids must be unique"
    assert notebook.metadata.kernelspec.name == "python3"
    assert path.stat().st_size < 1.5 * MEGABYTE


def test_executed_from_top_to_bottom(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_no_error_and_no_stderr(notebook):
    bad = [output for output in outputs(notebook) if output.output_type == "error" or output.get("name") == "stderr"]
    assert not bad


def test_no_stored_widget(notebook):
    """Without a kernel a widget is an error box: pictures stand in its place (COURSE_STATIC), bars are off."""
    assert not [output for output in outputs(notebook) if "widget" in " ".join(output.get("data", {}))]


def test_no_path_of_a_machine(notebook):
    everything = [cell.source for cell in notebook.cells] + [
        text for output in outputs(notebook) for text in texts(output)
    ]
    found = [match[0] for text in everything for match in MACHINE_PATH.finditer(text)]
    assert not found


def test_figures_have_alt_text(notebook):
    figures = [output for output in outputs(notebook) if "image/png" in output.get("data", {})]
    without = [output for output in figures if len(output.metadata.get("image/png", {}).get("alt", "").strip()) < 15]
    assert not without, f"{len(without)} of {len(figures)} figures have no (or hardly any) alt text"


def test_few_outputs_are_ignored(notebook):
    cells = code_cells(notebook)
    ignored = [cell for cell in cells if "nbval-ignore-output" in tags(cell)]
    assert len(ignored) <= len(cells) / 4
    assert not [cell for cell in cells if "nbval-skip" in tags(cell)]
    assert not [cell for cell in cells if re.search(r"#\s*(NBVAL|PYTEST_VALIDATE)_", cell.source)], (
        "use tags, not comments"
    )


def test_no_trained_score_is_compared_as_text(notebook):
    """On another machine one sentence may flip: a score that was trained is claimed with a band."""
    for cell in code_cells(notebook):
        if "trains" in tags(cell) and "nbval-ignore-output" not in tags(cell):
            printed = [output.text for output in cell.outputs if output.output_type == "stream"]
            assert not re.search(r"\d ?%", "".join(printed)), f"ignore this output, and claim it: {printed}"


def test_cells_are_short_and_show_what_they_compute(notebook):
    for cell in code_cells(notebook):
        most = 35 if "build" in tags(cell) else 25
        assert len(cell.source.splitlines()) <= most, f"over {most} lines: {cell.source[:80]}"
        assert not cell.source.rstrip().endswith(";"), (
            f"a trailing `;` hides a value from nbval's comparison: {cell.source[-80:]}"
        )


def test_claims_are_checked_shown_and_compared(path, notebook):
    number = path.stem[:2]
    for cell in code_cells(notebook):
        shown = "\n".join(text for output in cell.outputs for text in texts(output))
        for call in claims(cell):
            name = claim_id(call)
            assert name.startswith(f"{number}."), f"{name} does not carry the number of its notebook"
            used = {node.id for node in ast.walk(argument(call, 2, "holds")) if isinstance(node, ast.Name)}
            assert used - set(dir(builtins)), f"the condition of {name} is a literal"
            assert "nbval-ignore-output" not in tags(cell), f"the output of {name} is not compared"
            assert f"✓ {name} " in shown, f"{name} is not shown: make it the last value of its cell, or display() it"


def test_claims_of_the_course():
    read = [nbformat.read(path, as_version=4) for path in notebooks()]
    ids = [[claim_id(call) for cell in code_cells(notebook) for call in claims(cell)] for notebook in read]
    assert all(ids), "every notebook claims something"
    flat = sum(ids, [])
    assert len(flat) == len(set(flat)), "claim ids must be unique"
    assert len(flat) >= 40


def words_of(text: str) -> list[re.Match]:
    return list(re.finditer(r"[a-z0-9]+", text.lower()))


@pytest.fixture(scope="module")
def excerpts() -> dict[str, list[str]]:
    """Notebook → every run of at least RUN words in its outputs that stands in a review: longest first."""
    shown = {}
    for path in notebooks():
        notebook, name = nbformat.read(path, as_version=4), path.stem
        shown[name] = [re.sub(r"<[^>]*>", "", text) for output in outputs(notebook) for text in texts(output)]
    wanted = {}  # a run of words → where it is shown: notebook, text, first word
    for name, lines in shown.items():
        for place, text in enumerate(lines):
            found = [match[0] for match in words_of(text)]
            for start in range(len(found) - RUN + 1):
                wanted.setdefault(" ".join(found[start : start + RUN]), []).append((name, place, start))
    quoted = {}
    reviews = [text for corpus in CORPORA for split in SPLITS for text in load_documents(corpus, split)]
    for review in reviews:
        found = re.findall(r"[a-z0-9]+", review.lower())
        for run in map(" ".join, zip(*(found[i:] for i in range(RUN)))):
            for name, place, start in wanted.get(run, ()):
                quoted.setdefault((name, place), set()).update(range(start, start + RUN))
    result = {name: [] for name in shown}
    for (name, place), indices in quoted.items():
        spans, ordered = words_of(shown[name][place]), sorted(indices)
        breaks = [0, *(i for i in range(1, len(ordered)) if ordered[i] > ordered[i - 1] + 1), len(ordered)]
        for first, last in zip(breaks, breaks[1:]):
            result[name].append(shown[name][place][spans[ordered[first]].start() : spans[ordered[last - 1]].end()])
    return {name: sorted(found, key=len, reverse=True) for name, found in result.items()}


def test_quotes_are_short_and_few(excerpts):
    """The reviews are others' text: at most 300 characters at a time and 40 excerpts in a notebook."""
    assert any(excerpts.values()), "nothing is quoted: the search for excerpts is broken"
    for name, found in excerpts.items():
        assert len(found) <= 40, f"{name} quotes {len(found)} excerpts"
        assert not found or len(found[0]) <= 300, f"{name} quotes {len(found[0])} characters: {found[0][:80]}"


# The repository


def files() -> list[Path]:
    """Every file that git tracks; without git (an unpacked archive) every file outside of hidden folders."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not path.relative_to(ROOT).parts[0].startswith(".")]
    return [path for path in found if path.is_file()]


def test_no_large_file():
    own = ROOT / "data" / "checkpoints"  # what the course trained may be large: together at most 25 MB
    assert not [path for path in files() if path.stat().st_size > 5 * MEGABYTE and not path.is_relative_to(own)]
    assert sum(path.stat().st_size for path in files() if path.is_relative_to(own)) <= 25 * MEGABYTE


def test_no_data_and_no_weights_of_others():
    data = {
        ".csv",
        ".tsv",
        ".parquet",
        ".arrow",
        ".bin",
        ".pt",
        ".pth",
        ".pkl",
        ".pickle",
        ".npy",
        ".npz",
        ".onnx",
        ".zip",
        ".gz",
    }
    ratings = ROOT / "data" / "human_ratings.csv"  # hashes and numbers alone: test_ratings
    assert not [path for path in files() if path.suffix in data and path != ratings]
    weights = [path for path in files() if path.suffix == ".safetensors"]
    assert all(path.is_relative_to(ROOT / "data" / "checkpoints") for path in weights)


def test_no_path_of_a_machine_in_any_file():
    for path in files():
        if path.suffix in {".safetensors", ".png", ".ipynb"} or path == Path(__file__):
            continue  # binary; notebooks are tested above; this file holds the pattern itself
        found = MACHINE_PATH.search(path.read_text(encoding="utf-8", errors="ignore"))
        assert not found, f"{path.relative_to(ROOT)} names a path of a machine: {found[0]}"
