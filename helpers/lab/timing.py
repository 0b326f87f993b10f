"""Speeds that can be compared: sides that take turns, medians and their ratio, and where the time of a job goes."""

import gc
import statistics
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .. import training


def alternate(sides: dict[str, Callable[[int], float]], repeats: int) -> dict[str, list[float]]:
    """Call each side with the number of the turn; return the speeds that they return, by side, without turn 0."""
    speeds = {side: [] for side in sides}
    for turn in range(repeats + 1):
        for side in sides if turn % 2 else reversed(sides):  # who goes first takes turns, too
            speed = sides[side](turn)
            if turn:
                speeds[side].append(speed)
    return speeds


def speed_of(job: Callable[[], float]) -> float:
    """Run the job, which returns how much it has done; return how much that is a second."""
    gc.collect()  # else one side pays for the other's garbage
    started = time.perf_counter()
    return job() / (time.perf_counter() - started)


def timed(job: Callable[[], float]) -> Callable[[int], float]:
    """Return a side of `alternate` that does the same job at every turn."""
    return lambda turn: speed_of(job)


def ratio(speeds: dict[str, list[float]], ours: str, theirs: str) -> dict:
    """Return how many times as fast `ours` is: `value`, by medians, and the `lowest` and `highest` of a single turn."""
    turns = [a / b for a, b in zip(speeds[ours], speeds[theirs], strict=True)]
    value = statistics.median(speeds[ours]) / statistics.median(speeds[theirs])
    return {"value": value, "lowest": min(turns), "highest": max(turns)}


def summary(speeds: dict[str, list[float]], unit: str, found: dict, profile: dict[str, float], compared: str) -> dict:
    """Return what a row records. `profile`: the seconds of our side by part, which say where the time goes."""
    return {
        "found": found,
        "speeds": {side: statistics.median(values) for side, values in speeds.items()},
        "unit": unit,
        "repeats": len(next(iter(speeds.values()))),
        "threads": torch.get_num_threads(),
        "profile": profile,
        "compared": " ".join(compared.split()),
    }


class Stopwatch:
    """Adds up the seconds spent in each named part."""

    def __init__(self, device: torch.device | str = "cpu"):
        self.seconds, self.device = {}, torch.device(device)

    @contextmanager
    def part(self, name: str):
        started = time.perf_counter()
        yield
        synchronise(self.device)
        self.add(name, time.perf_counter() - started)

    def add(self, name: str, seconds: float) -> None:
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds


def synchronise(device: torch.device) -> None:
    """Wait for a GPU to finish: it works on while Python goes on."""
    if device.type == "cuda":
        torch.cuda.synchronize()


@contextmanager
def one_thread():
    """Let torch use one thread for a while."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def step_profile(model: nn.Module, batches: Iterable[dict[str, Tensor]]) -> dict[str, float]:
    """Train on the batches as the loops do; return the seconds of all steps but the first, by part."""
    device = next(model.parameters()).device
    optimizer, watch = training.make_optimizer(model, 1e-4), Stopwatch(device)
    marks = {}  # when a part of the step under way ended

    def mark(name: str) -> None:
        synchronise(device)
        marks[name] = time.perf_counter()

    def timed_loss(model: nn.Module, batch: dict[str, Tensor]) -> training.Losses:
        losses = training.classification_loss(model, batch)
        mark("forward")
        return losses

    optimizer.register_step_pre_hook(lambda *_: mark("backward and clipping"))
    optimizer.register_step_post_hook(lambda *_: mark("optimizer"))
    model.train()
    mark("optimizer")
    for number, batch in enumerate(batches):
        started = marks["optimizer"]
        mark("data")
        training.training_step(model, optimizer, batch, timed_loss, max_grad_norm=1.0)
        for part in ("data", "forward", "backward and clipping", "optimizer") if number else ():
            watch.add(part, marks[part] - started)
            started = marks[part]
    return watch.seconds


def by_operation(job: Callable[[], float]) -> dict[str, float]:
    """Run the job under PyTorch's profiler; return its seconds by kind of operation."""
    kinds = {"mm": "matrix products", "addmm": "matrix products", "bmm": "matrix products", "bernoulli_": "dropout"}
    seconds = {}
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        job()
    for event in profiler.key_averages():
        kind = kinds.get(event.key.removeprefix("aten::"), "everything else")
        seconds[kind] = seconds.get(kind, 0.0) + event.self_cpu_time_total / 1e6
    return seconds
