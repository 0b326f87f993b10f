"""Where a notebook runs: the same line everywhere, every generator seeded."""

import random

import numpy as np
import pytest
import torch

from helpers.device import choose_device, generator, setup


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


def test_an_empty_choice_is_none(monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert setup().device.type == "cpu"


def test_the_environment_may_choose_the_device(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert setup().device == torch.device("cpu")
    assert capsys.readouterr().out == "ready: seed 0, class budget\n"
