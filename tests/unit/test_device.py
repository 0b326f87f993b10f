"""Where a notebook runs: the same line everywhere, every generator seeded, and a check that says what to do."""

import random

import numpy as np
import pytest
import torch

from helpers import runtime
from helpers.runtime import choose_device, generator, setup


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    monkeypatch.delenv("COURSE_BUDGET", raising=False)
    monkeypatch.delenv("COURSE_DEVICE", raising=False)


@pytest.mark.parametrize("budget, expected", [(None, "class"), ("class", "class"), ("full", "full")])
def test_the_line_is_the_same_on_every_machine(monkeypatch, capsys, budget, expected):
    if budget:
        monkeypatch.setenv("COURSE_BUDGET", budget)
    run = setup(seed=3, device="cpu")
    assert capsys.readouterr().out == f"ready: seed 3, {expected} budget\n"
    assert (run.budget, run.device) == (expected, torch.device("cpu"))
    assert run.choose("small", "large") == {"class": "small", "full": "large"}[expected]


def test_every_global_generator_is_seeded():
    def draw(seed):
        setup(seed, device="cpu")
        return random.random(), np.random.rand(), torch.rand(()).item()

    first = draw(0)
    assert first == draw(0)
    assert all(a != b for a, b in zip(first, draw(1)))


def test_a_generator_of_its_own_leaves_the_global_one_alone():
    state = torch.get_rng_state()
    first = torch.rand(3, generator=generator(5))
    assert torch.equal(first, torch.rand(3, generator=generator(5)))
    assert not torch.equal(first, torch.rand(3, generator=generator(6)))
    assert torch.equal(state, torch.get_rng_state())


def test_the_best_device_is_chosen(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device() == choose_device("cuda") == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device() == torch.device("cpu"), "MPS is taken only when asked for"
    assert choose_device("mps") == torch.device("mps")


def test_the_environment_may_choose_the_device(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert setup().device == torch.device("cpu")
    assert capsys.readouterr().out == "ready: seed 0, class budget\n"


def test_the_check_has_a_line_for_each_requirement(capsys):
    holds = runtime.check()
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("ok ", "DO ")) for line in lines)
    assert holds == all(line.startswith("ok ") for line in lines)
    text = "\n".join(lines)
    for what in (
        "Python 3",
        "torch 2",
        "transformers",
        "jupyterlab",
        "reviews wheel",
        "encoder wheel",
        "GPU",
        "memory",
    ):
        assert what in text
    assert text.count("as pinned") == 2


def test_the_check_says_what_to_do(capsys):
    assert not runtime._check_package("no-such-package", "1.2.3")
    assert capsys.readouterr().out.split() == (
        "DO no-such-package is missing: python -m pip install no-such-package==1.2.3".split()
    )
