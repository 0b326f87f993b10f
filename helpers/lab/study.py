"""What a study is, and where they are found: each file in `studies` defines one, as `STUDY`."""

import importlib
import pkgutil
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
from torch import nn

from .. import training
from ..bert import Encoder, PreTrainingModel, SequenceClassifier, make_config
from ..device import generator
from ..masking import IGNORE
from ..weights import load_encoder


@dataclass(frozen=True)
class Unit:
    """A training step to plan with: its name, and a function that returns the seconds of one, measured here."""

    name: str
    seconds: Callable[[], float]


@dataclass(frozen=True)
class Cost:
    """What each run of a study costs on a CPU: steps of one unit, as many as its setting `steps` says (if it has one)
    and `extra_steps` more."""

    unit: Unit
    extra_steps: int = 0

    def steps(self, runs: Sequence[partial]) -> int:
        """Return the steps of these runs together."""
        return sum(run.keywords.get("steps", 0) + self.extra_steps for run in runs)


@dataclass(frozen=True)
class Study:
    """A question that is answered by recorded runs.

    title: the question, on one line. notebook: the core notebook that it belongs to, such as "06". runs: given whether
    the budget is full, and the seeds, returns name → a function with its arguments. details: more on what is compared.
    seeds: how many seeds the plan counts. cost: of a run that needs no GPU, for the plan (None: all need one, or it is
    cheap). table, notes: where the results page needs a table of its own, made from the record, and lines under it.
    """

    title: str
    notebook: str
    runs: Callable[[bool, list[int]], dict[str, partial]]
    details: str = ""
    seeds: int = 3
    cost: Cost | None = None
    table: Callable[[dict], list[dict]] | None = None
    notes: Callable[[dict], list[str]] | None = None


def studies() -> dict[str, Study]:
    """Return all studies by name: that of the file, with hyphens."""
    package = importlib.import_module(f"{__package__}.studies")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return {name.replace("_", "-"): importlib.import_module(f"{package.__name__}.{name}").STUDY for name in names}


# Runs with this setting need a GPU: without one they are listed as not run.
GPU = {"device": "cuda"}


# ---------------------------------------------------------------- units


@lru_cache  # several studies count in the same unit
def seconds_per_step(
    make: Callable[[], nn.Module],
    batch_size: int,
    length: int,
    masked: float | None = None,
    frozen_layers: int = 0,
    repeats: int = 5,
) -> float:
    """Return the median seconds of a training step of the model that `make` returns, on random ids.

    masked: the share of the tokens that are targets, for a pre-training model; None for a classifier. frozen_layers:
    so many of the lowest layers, and the embeddings, are not trained.
    """
    model, numbers = make(), generator(0)
    if frozen_layers:
        for part in (model.encoder.embeddings, *model.encoder.layers[:frozen_layers]):
            training.freeze(part)
    input_ids = torch.randint(1000, 8000, (batch_size, length), generator=numbers)  # any ids: the time is the same
    hidden = torch.rand(input_ids.shape, generator=numbers) >= (masked or 0)
    labels = torch.arange(batch_size) % 2 if masked is None else input_ids.masked_fill(hidden, IGNORE)
    loss = training.classification_loss if masked is None else training.pretraining_loss
    optimizer, seconds = training.make_optimizer(model, 1e-4), []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        training.training_step(model, optimizer, {"input_ids": input_ids, "labels": labels}, loss, 1.0)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


def pretrained_classifier() -> nn.Module:
    return SequenceClassifier(load_encoder())


def small_pretraining_model(hidden_size: int, num_hidden_layers: int) -> nn.Module:
    config = make_config(8000, hidden_size, num_hidden_layers, head_size=32, max_position_embeddings=128)
    return PreTrainingModel(Encoder(config))


ALL_LAYERS = Unit("all layers, 32 sentences × 28", partial(seconds_per_step, pretrained_classifier, 32, 28))
FROM_SCRATCH = Unit(
    "2 × 128 from scratch, 32 × 64",
    partial(seconds_per_step, partial(small_pretraining_model, 128, 2), 32, 64, masked=0.15),
)
