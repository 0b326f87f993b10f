"""An altered stored output turns the suite red, and so does a claim that does not hold."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
SOURCES = [
    "from helpers.classroom import claim\n\nwords = 'the cat sat'.split()\nprint(len(words))",
    "claim('00.1', 'there are three words', len(words) == 3, value=len(words))",
    "words",
]


@pytest.fixture(scope="module")
def executed() -> str:
    """A small notebook with its true outputs."""
    cells = [nbformat.v4.new_code_cell(source) for source in SOURCES]
    notebook = nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )
    NotebookClient(notebook, kernel_name="python3").execute()
    return nbformat.writes(notebook)


def run_suite(folder: Path, notebook: str, *options: str) -> subprocess.CompletedProcess:
    """Run the suite, with its own settings, over one notebook in a folder of its own."""
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(
        ROOT / "tests" / "offline", folder / "tests" / "offline", ignore=shutil.ignore_patterns("__pycache__")
    )
    (folder / "small.ipynb").write_text(notebook, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "small.ipynb", *options]
    own = {**os.environ, "COURSE_NETWORK_LOG": str(folder / "network.log")}
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("dist", [("--dist", "loadscope"), ()], ids=["as make test runs it", "workers alone"])
def test_true_outputs_pass(tmp_path, executed, dist):
    """However the work is shared out, the cells of a notebook stay on one worker: they share a kernel."""
    done = run_suite(tmp_path, executed, "-n", "2", *dist)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
    assert "small " in done.stdout.partition("notebooks, 2 workers sharing")[2], (
        "the table of seconds and memory is missing"
    )


def test_altered_outputs_fail(tmp_path, executed):
    for true, altered in [("3\\n", "4\\n"), ("✓ 00.1 there are three", "✓ 00.1 there are four"), ("'sat'", "'mat'")]:
        assert executed.count(true) == 1
        executed = executed.replace(true, altered)
    done = run_suite(tmp_path, executed)
    assert done.returncode == 1, done.stdout
    assert "3 failed" in done.stdout


def test_altered_output_of_the_course_fails(tmp_path):
    """The same for the first cell of the first notebook, as it is stored."""
    notebook = nbformat.read(ROOT / "notebooks" / "01_attention.ipynb", as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"][:1]
    text = nbformat.writes(notebook)
    assert text.count("ready: seed") == 1
    done = run_suite(tmp_path, text.replace("ready: seed", "ready: need"))
    assert done.returncode == 1, done.stdout
    assert "1 failed" in done.stdout


def test_broken_claim_fails(tmp_path, executed):
    done = run_suite(tmp_path, executed.replace("len(words) == 3", "len(words) == 4"))
    assert done.returncode == 1, done.stdout
    assert "✗ 00.1 there are three words" in done.stdout


def test_a_swallowed_attempt_to_connect_turns_the_whole_run_red(tmp_path):
    source = "import socket\ntry:\n    socket.gethostbyname('example.org')\nexcept OSError:\n    pass"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, execution_count=1)])
    done = run_suite(tmp_path, nbformat.writes(notebook))
    assert "1 passed" in done.stdout
    assert done.returncode == 1
    assert "FAILED the run as a whole: something tried to leave this machine" in done.stdout


def test_outputs_are_made_as_they_are_tested():
    """What `make outputs` sets, the suite sets too: else stored and tested outputs differ, or bars drown nbval."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    made = dict(re.findall(r"^outputs: export (\w+) = ?([^#\n]*)", makefile, re.MULTILINE))
    assert {"COURSE_BUDGET", "COURSE_STATIC", "TQDM_DISABLE"} <= set(made)
    assert made == {name: os.environ.get(name) for name in made}


def test_the_whole_run_is_judged():
    spec = importlib.util.spec_from_file_location("course_conftest", ROOT / "conftest.py")
    course = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(course)
    good = {"seconds": 100.0, "bytes": 10**9}
    assert course.judge({"01": good, "02": good}, "") == []
    assert course.judge({"01": good | {"seconds": 361.0}}, "") == ["01 took over 360 s"]
    assert course.judge({"01": good | {"seconds": 719.0}}, "", workers=2) == []  # each has one core of two
    assert course.judge({"01": good | {"seconds": 721.0}}, "", workers=2) == ["01 took over 720 s"]
    assert course.judge({"01": good | {"bytes": 5 * 2**30}}, "") == ["01 held over 4 GiB"]
    assert course.judge({str(i): good | {"seconds": 200.0} for i in range(7)}, "") == [
        "together the notebooks took over 1200 s"
    ]
    assert course.judge({}, "kernel: example.org") == ["something tried to leave this machine: kernel: example.org"]
