"""A run that is killed with SIGKILL goes on and ends bit for bit as if nothing had happened; `make faults` kills it
twenty times, here once."""

from pathlib import Path

import pytest

from helpers import training
from helpers.lab.studies.faults import kill_and_go_on
from helpers.results import load_result

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found through /proc")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Let the killed processes use one thread: on so small a model, a second one only spins."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_a_killed_run_goes_on_bit_for_bit():
    found = kill_and_go_on(kills=1, steps=60)
    assert found["identical"] and found["kills"] == 1 and 0 < found["held"][0] < 60


def test_a_run_that_forgets_something_is_noticed(monkeypatch, tmp_path):
    """The bug planted: the optimizer's moments do not come back."""
    source = Path(training.__file__).read_text(encoding="utf-8")
    line = "        optimizer.load_state_dict("
    assert source.count(line) == 1
    copied = tmp_path / "course"
    helpers = Path(training.__file__).parent
    for path in helpers.rglob("*.py"):
        target = copied / "helpers" / path.relative_to(helpers)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        target.write_text(text.replace(line, "        dict(") if path.name == "training.py" else text, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(copied))
    monkeypatch.chdir(copied)
    assert not kill_and_go_on(kills=1, steps=60)["identical"]


def test_the_record_is_of_twenty_kills_each():
    for name, run in load_result("faults-full")["arms"].items():
        assert run["measured"]["identical"] and run["measured"]["kills"] >= 20, name
