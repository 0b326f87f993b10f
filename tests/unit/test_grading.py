"""The guide's grading line ends, even if a submission does not."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[2]
LIMIT = "timeout=300"  # seconds a cell, in the guide


def grading_line() -> list[str]:
    """Return the command in the guide, without its environment, and with a limit that a test can wait for."""
    guide = (ROOT / "lessons" / "instructor-guide.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"`COURSE_GRADED=1 (python -m jupyter nbconvert [^`]*)`", guide)
    assert line.count(LIMIT) == 1 and f"after {LIMIT.partition('=')[2]} seconds" in guide
    return [sys.executable, *shlex.split(line.replace(LIMIT, "timeout=3"))[1:]]


def test_a_submission_that_never_ends_is_stopped_and_the_rest_is_graded(tmp_path):
    cells = [nbformat.v4.new_code_cell(source) for source in ("print('before')", "while True: pass", "print('after')")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "THEIRS.ipynb")
    done = subprocess.run(
        grading_line(),
        cwd=tmp_path,
        env=os.environ | {"COURSE_GRADED": "1", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    before, stopped, after = nbformat.read(tmp_path / "graded.ipynb", as_version=4).cells
    assert stopped.outputs[0]["ename"] == "KeyboardInterrupt"
    assert [cell.outputs[0]["text"] for cell in (before, after)] == ["before\n", "after\n"]
