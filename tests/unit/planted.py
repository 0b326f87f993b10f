"""Run named unit tests against a copy of helpers with a bug in it, each time in a process of its own.

The processes are forked from one that has imported the libraries already, so that a bug costs a second, not ten.
"""

import multiprocessing
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
FORK = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
LIBRARIES = """torch torch._dynamo transformers transformers.models.auto.tokenization_auto tokenizers safetensors.torch
sklearn.linear_model sklearn.pipeline sklearn.feature_extraction.text scipy.stats scipy.optimize matplotlib.figure
IPython.display tqdm.auto filelock bertviz pytest hypothesis""".split()


def copy_of_helpers(folder: Path) -> Path:
    """Copy helpers, with the data that it looks for beside itself, into a folder; return the folder."""
    shutil.copytree(ROOT / "helpers", folder / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "data", folder / "data")
    return folder


def processes() -> ProcessPoolExecutor:
    """Return a pool that makes a new process for each call."""
    context = multiprocessing.get_context(FORK)
    if FORK == "forkserver":
        context.set_forkserver_preload(LIBRARIES)
    return ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1)


def run(folder: str, tests: list[str]) -> tuple[int, str]:
    """Run tests, such as "test_masking.py::test_shares", on the helpers in the folder; return pytest's exit status and
    what it printed."""
    import contextlib
    import io

    import pytest

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # those of the notebooks take longer to load than a test to run
    sys.path.insert(0, folder)
    import helpers

    assert helpers.__file__.startswith(folder)
    os.chdir(folder)
    printed = io.StringIO()
    here = Path(__file__).parent
    options = [
        "-x",
        "-q",
        "--assert=plain",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        f"--confcutdir={here}",
    ]
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status = pytest.main([*options, f"--rootdir={here}", *(str(here / test) for test in tests)])
    return int(status), printed.getvalue()
