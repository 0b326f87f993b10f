"""Settings of the whole suite: a quiet, offline, CPU-only class run, measured notebook by notebook."""

import importlib.util
import os
import tempfile
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parent
OFFLINE = ROOT / "tests" / "offline"
GIB = 2**30

# The class budget on two quiet cores, for one notebook and for all.
NOTEBOOK_SECONDS, COURSE_SECONDS, PEAK_BYTES = 3 * 60, 10 * 60, 4 * GIB

NETWORK_LOG = pytest.StashKey[Path]()
COSTS = pytest.StashKey[dict]()

# Kernels and subprocesses inherit all of this. `make outputs` sets the same, so stored and tested outputs agree.
os.environ.setdefault("COURSE_BUDGET", "class")
os.environ.setdefault("COURSE_STATIC", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
if not os.environ.get("COURSE_TEST_GPU"):
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_configure(config):
    """Give the run a fresh folder for checkpoints, and cut the network off here, in kernels and in subprocesses."""
    folder = tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    os.environ["COURSE_RUNS"] = str(Path(folder.name) / "runs")
    log = Path(os.environ.setdefault("COURSE_NETWORK_LOG", str(Path(folder.name) / "network.log")))
    log.touch()
    config.stash[NETWORK_LOG], config.stash[COSTS] = log, {}

    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(OFFLINE), os.environ.get("PYTHONPATH")]))
    spec = importlib.util.spec_from_file_location("offline_guard", OFFLINE / "sitecustomize.py")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def is_notebook(node) -> bool:
    """Is `node` a notebook as nbval collects it?"""
    return hasattr(node, "skip_compare")


def pytest_collectstart(collector):
    if is_notebook(collector):
        # Measured values (HTML), scripts and warnings differ between machines; text/plain is what is compared.
        collector.skip_compare += ("text/html", "application/javascript", "stderr")


def pytest_collection_modifyitems(items):
    # tests/last judges the whole run: its time, its memory and its network log.
    items.sort(
        key=lambda item: "last" in item.path.relative_to(ROOT).parts if item.path.is_relative_to(ROOT) else False
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item, call):
    """Add up what each notebook costs: seconds of its cells and start-up, and the peak memory of its kernel."""
    if is_notebook(item.parent) and call.when in ("setup", "call"):
        cost = item.config.stash[COSTS].setdefault(item.path, {"seconds": 0.0, "bytes": 0})
        cost["seconds"] += call.duration
        cost["bytes"] = max(cost["bytes"], peak_memory(item.parent.kernel))


def peak_memory(kernel) -> int:
    """Return the largest resident size, in bytes, that the process of nbval's running kernel has had."""
    try:
        pid = kernel.km.provisioner.pid
        memory = psutil.Process(pid).memory_info()
    except (AttributeError, psutil.Error):  # the kernel did not start, or is gone
        return 0
    status = Path(f"/proc/{pid}/status")
    if status.exists():  # Linux keeps the high-water mark here, in KiB
        marks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return 1024 * int(marks[0]) if marks else 0
    return getattr(memory, "peak_wset", memory.rss)  # Windows keeps it too; elsewhere: the size after each cell


@pytest.fixture
def notebook_costs(request) -> dict:
    """Path -> {"seconds", "bytes"} of every notebook that has run."""
    return request.config.stash[COSTS]


@pytest.fixture
def class_budget() -> tuple[int, int, int]:
    """Seconds for one notebook, seconds for all of them, bytes for one kernel."""
    return NOTEBOOK_SECONDS, COURSE_SECONDS, PEAK_BYTES


@pytest.fixture
def network_log(request) -> Path:
    """The file that lists every attempt to leave this machine."""
    return request.config.stash[NETWORK_LOG]


def pytest_terminal_summary(terminalreporter, config):
    costs = config.stash[COSTS]
    if not costs:
        return
    total = sum(cost["seconds"] for cost in costs.values())
    terminalreporter.section("notebooks")
    for path, cost in costs.items():
        note = "  over class budget" if cost["seconds"] > NOTEBOOK_SECONDS or cost["bytes"] > PEAK_BYTES else ""
        terminalreporter.line(f"{path.stem:24}{cost['seconds']:7.1f} s {cost['bytes'] / GIB:6.2f} GiB{note}")
    note = "  over class budget" if total > COURSE_SECONDS else ""
    peak = max(cost["bytes"] for cost in costs.values())
    terminalreporter.line(f"{'all':24}{total:7.1f} s {peak / GIB:6.2f} GiB{note}")
