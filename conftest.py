"""Settings of the whole suite: a quiet, offline, CPU-only class run, measured notebook by notebook."""

import gc
import importlib.util
import json
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

# Workers share the cores. Set before anything imports torch; kernels inherit it.
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
if WORKERS > 1:
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, os.cpu_count() // WORKERS)))

# Kernels and subprocesses inherit all of this. `make outputs` sets the same, so stored and tested outputs agree.
os.environ.setdefault("COURSE_BUDGET", "class")
os.environ.setdefault("COURSE_STATIC", "1")
os.environ.setdefault("COURSE_STRICT", "1")  # a build cell that fails must not fall back
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
# nbval reads a cell's messages after its end; a bar sends thousands, the queue spills, the end itself may be lost.
os.environ.setdefault("TQDM_DISABLE", "1")
if not os.environ.get("COURSE_TEST_GPU"):
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_addoption(parser):
    parser.addoption("--record-costs", action="store_true", help="write what each notebook costs to data/results")


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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep the cells of a notebook on one worker, also with a plain `-n 2`: they share a kernel."""
    if config.option.dist in ("load", "worksteal"):
        from xdist.scheduler import LoadScopeScheduling

        return LoadScopeScheduling(config, log)


def pytest_collection_finish(session):
    """Spare later garbage collections what has been imported by now: it stays, and takes half a second to walk."""
    gc.collect()
    gc.freeze()


def is_notebook(node) -> bool:
    """Is `node` a notebook as nbval collects it?"""
    return hasattr(node, "skip_compare")


def pytest_collectstart(collector):
    if is_notebook(collector):
        # Measured values (HTML), scripts and warnings differ between machines; text/plain is what is compared.
        collector.skip_compare += ("text/html", "application/javascript", "stderr")


def pytest_itemcollected(item):
    if is_notebook(item.parent):
        item.output_timeout = 60  # nbval's 5 s between a cell's end and its messages is too short for a busy machine


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item, call):
    """Add up what each notebook costs: seconds of its cells and start-up, and the peak memory of its kernel."""
    if is_notebook(item.parent) and call.when in ("setup", "call"):
        cost = item.config.stash[COSTS].setdefault(item.path.stem, {"seconds": 0.0, "bytes": 0})
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


def judge(costs: dict[str, dict], attempts: str, workers: int = 1) -> list[str]:
    """Return what is wrong with a whole run: notebooks that took too long or too much memory, attempts to leave this
    machine. costs: notebook → {"seconds", "bytes"}. workers: how many share the cores; each is that much slower."""
    # A noisy neighbour halves a machine, so the limit is twice the budget; the printed table marks what is over it.
    one, all_of_them = 2 * workers * NOTEBOOK_SECONDS, 2 * workers * COURSE_SECONDS
    wrong = [f"{name} took over {one} s" for name, cost in costs.items() if cost["seconds"] > one]
    if sum(cost["seconds"] for cost in costs.values()) > all_of_them:
        wrong.append(f"together the notebooks took over {all_of_them} s")
    wrong += [f"{n} held over {PEAK_BYTES / GIB:.0f} GiB" for n, c in costs.items() if c["bytes"] > PEAK_BYTES]
    return wrong + [f"something tried to leave this machine: {line}" for line in attempts.splitlines()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take over what the notebooks of an xdist worker cost."""
    node.config.stash[COSTS].update(getattr(node, "workeroutput", {}).get("costs", {}))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session, exitstatus):
    """A worker hands over its costs; the run as a whole is red where `judge` finds something."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["costs"] = config.stash[COSTS]
    elif exitstatus == pytest.ExitCode.OK and verdict(config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def verdict(config) -> list[str]:
    attempts = config.stash[NETWORK_LOG].read_text(encoding="utf-8")
    return judge(config.stash[COSTS], attempts, workers_of(config))


def workers_of(config) -> int:
    """Return how many xdist workers share the machine; 1 without them."""
    return getattr(config.option, "numprocesses", None) or 1


def pytest_terminal_summary(terminalreporter, config):
    costs = config.stash[COSTS]
    if costs:
        total, workers = sum(cost["seconds"] for cost in costs.values()), workers_of(config)
        terminalreporter.section("notebooks" + f", {workers} workers sharing the cores" * (workers > 1))
        for name, cost in sorted(costs.items()):
            slow = cost["seconds"] > workers * NOTEBOOK_SECONDS
            note = "  over class budget" if slow or cost["bytes"] > PEAK_BYTES else ""
            terminalreporter.line(f"{name:24}{cost['seconds']:7.1f} s {cost['bytes'] / GIB:6.2f} GiB{note}")
        note = "  over class budget" if total > workers * COURSE_SECONDS else ""
        peak = max(cost["bytes"] for cost in costs.values())
        terminalreporter.line(f"{'all':24}{total:7.1f} s {peak / GIB:6.2f} GiB{note}")
        if config.getoption("--record-costs"):
            record_costs(costs)
    for line in verdict(config):
        terminalreporter.line(f"FAILED the run as a whole: {line}", red=True)


def record_costs(costs: dict[str, dict]) -> None:
    """Write seconds and bytes of each notebook, with the machine; notebooks that did not run now stay as they are."""
    from helpers.lab.recorder import circumstances  # not at the top: this file must load before torch does
    from helpers.results import RESULTS, write_json

    path = RESULTS / "notebooks-class.json"
    arms = json.loads(path.read_text(encoding="utf-8"))["arms"] if path.is_file() else {}
    for name, cost in costs.items():
        measured = {key: round(value) for key, value in cost.items()}
        arms[name] = {"settings": {}, **circumstances(), "seconds": measured["seconds"], "measured": measured}
    command = "python -m pytest notebooks --record-costs"
    write_json(path, {"name": path.stem, "command": command, "not_run": [], "arms": dict(sorted(arms.items()))})
