"""How far low-rank adapters get beside full fine-tuning (LoRA, Hu et al. 2021)."""

import math
import statistics
import time
from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor, nn

from ... import evaluation, training
from ...batching import length_batches
from ...bert import SequenceClassifier
from ...corpora import load_reviews
from ...device import generator
from ...results import percent
from ...tokenization import load_tokenizer
from ...transfer import classification_examples, right_in_order
from ...weights import load_encoder
from ..study import ALL_LAYERS, Cost, Study


class LoRALinear(nn.Module):
    """A frozen linear layer plus a trained low-rank one: W x + b + (alpha / r) B A x (Hu et al. 2021, section 4.1).

    A, (rank, in_features), starts random, and B, (out_features, rank), at zero, so the layer starts as the frozen one.
    `forward(x (…, in_features))` returns (…, out_features). Raises ValueError for a rank that is not at least 1 and
    below both sizes.
    """

    def __init__(self, linear: nn.Linear, rank: int, alpha: float):
        super().__init__()
        if not 1 <= rank < min(linear.in_features, linear.out_features):
            raise ValueError(f"rank is {rank}; it must be at least 1 and below {min(linear.weight.shape)}.")
        training.freeze(linear)
        self.linear, self.scale, like = linear, alpha / rank, linear.weight
        self.A = nn.Parameter(torch.randn(rank, linear.in_features).to(like) / math.sqrt(linear.in_features))
        self.B = nn.Parameter(torch.zeros(linear.out_features, rank).to(like))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + self.scale * (x @ self.A.T @ self.B.T)


def add_lora(model: SequenceClassifier, rank: int, alpha: float) -> SequenceClassifier:
    """Freeze the model's encoder except for its pooler, put LoRA on the query and value projections of every layer, and
    return the model; trained are A and B, the pooler, and the classifier.

    Hu et al. keep only the adapters and the head trained. Our encoder's pooler was never trained, so it counts as part
    of the head.
    """
    train_head_only(model)
    for layer in model.encoder.layers:
        for name in ("query", "value"):
            setattr(layer.attention, name, LoRALinear(getattr(layer.attention, name), rank, alpha))
    return model


def train_head_only(model: SequenceClassifier) -> SequenceClassifier:
    """Freeze all of the model but its pooler and classifier, and return it."""
    training.freeze(model)
    model.encoder.pooler.requires_grad_(True)
    model.classifier.requires_grad_(True)
    return model


FULL, LORA, HEAD = "full", "LoRA", "pooler and classifier"


def trained(kind: str, seed: int, rows: int, epochs: int, batch_size: int, learning_rate: float, rank: int) -> tuple:
    """Return a classifier trained in one of the three ways, with `trained_parameters` and the `seconds` that its
    training took; alpha is twice the rank."""
    tokenizer = load_tokenizer()
    examples = classification_examples(load_reviews("rotten_tomatoes", "train")[:rows], tokenizer)
    torch.manual_seed(seed)  # the head, A and dropout draw from the global generator
    model = SequenceClassifier(load_encoder(), num_labels=2)
    if kind == LORA:
        add_lora(model, rank, alpha=2 * rank)
    elif kind == HEAD:
        train_head_only(model)
    started = time.perf_counter()
    training.fine_tune(
        model,
        length_batches(examples, tokenizer, batch_size, generator(seed)),
        epochs=epochs,
        learning_rate=learning_rate,
        progress=False,
    )
    seconds = time.perf_counter() - started
    count = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return model.eval(), {"trained_parameters": count, "seconds": seconds}


def right_on(model: SequenceClassifier, split: str, judged: int | None) -> np.ndarray:
    tokenizer = load_tokenizer()
    reviews = load_reviews("rotten_tomatoes", split)[:judged]
    return right_in_order(model, classification_examples(reviews, tokenizer), tokenizer)


@lru_cache  # made once for all seeds
def sweep(kind: str, rates: tuple[float, ...], judged: int | None, **settings) -> dict[str, dict]:
    """Return rate → score on validation, of seed 0."""
    found = {}
    for rate in rates:
        model, _ = trained(kind, seed=0, learning_rate=rate, **settings)
        found[str(rate)] = evaluation.score(right_on(model, "validation", judged))
    return found


def lora(
    seed: int,
    rows: int,
    epochs: int,
    batch_size: int,
    rank: int,
    full_rate: float,
    rates: Sequence[float],
    judged: int | None,
) -> dict:
    """Train all of the model at one rate, LoRA, and the pooler and classifier alone, side by side on the same rows.

    The rates of the last two are chosen among `rates` on validation with seed 0, whatever the seed. judged: how many
    validation and test sentences (None: all). Returns `test` scores with `trained_parameters`, `seconds` of training,
    and `learning_rate`; the `sweep` (on validation); and two paired tests.
    """
    settings = {"rows": rows, "epochs": epochs, "batch_size": batch_size, "rank": rank}
    swept = {kind: sweep(kind, tuple(rates), judged, **settings) for kind in (LORA, HEAD)}
    chosen = {kind: float(max(found, key=lambda rate: found[rate]["accuracy"])) for kind, found in swept.items()}
    right, found = {}, {}
    for kind, rate in ({FULL: full_rate} | chosen).items():
        model, facts = trained(kind, seed, learning_rate=rate, **settings)
        right[kind] = right_on(model, "test", judged)
        found[kind] = evaluation.score(right[kind]) | facts | {"learning_rate": rate}
    return {
        "test": found,
        "sweep": swept,
        "LoRA against full": evaluation.mcnemar(right[LORA], right[FULL]),
        "LoRA against pooler and classifier": evaluation.mcnemar(right[LORA], right[HEAD]),
    }


def table(record: dict) -> list[dict]:
    """Return a row for each way to train: means over the seeds, and the lowest and highest accuracy."""
    found = [run["measured"]["test"] for run in record["arms"].values()]
    rows = []
    for kind in found[0]:
        runs = [run[kind] for run in found]
        shares = [run["accuracy"] for run in runs]
        rows.append(
            {
                "trained": kind,
                "parameters": f"{runs[0]['trained_parameters']:,}",
                "learning rate": f"{runs[0]['learning_rate']:g}",
                "accuracy": percent(statistics.mean(shares)),
                "around": f"{100 * min(shares):.1f}–{100 * max(shares):.1f}%",
                "seconds of training": f"{statistics.mean(run['seconds'] for run in runs):.0f}",
                "n": runs[0]["n"],
                "runs": len(runs),
            }
        )
    return rows


def notes(record: dict) -> list[str]:
    found = [run["measured"] for run in record["arms"].values()]
    rates = "; ".join(
        f"{kind}: " + ", ".join(f"{float(rate):g} {percent(score['accuracy'])}" for rate, score in scores.items())
        for kind, scores in found[0]["sweep"].items()
    )
    pairs = "; ".join(f"{run['LoRA against full']['only_a']} and {run['LoRA against full']['only_b']}" for run in found)
    return [
        f"**Learning rates on validation, seed 0:** {rates}",
        f"**Sentences that only LoRA, and only full fine-tuning, gets right, seed by seed:** {pairs}",
    ]


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    if full:
        size = {"rows": 2000, "epochs": 2, "rates": [3e-4, 1e-3, 3e-3], "judged": None}
    else:
        size = {"rows": 64, "epochs": 1, "rates": [1e-3], "judged": 40}
    return {f"seed {seed}": partial(lora, seed=seed, **size, batch_size=16, rank=8, full_rate=1e-4) for seed in seeds}


# 250 steps of half a batch for each way, and its score: 280 together; the sweep of both, made once, adds 140 a seed.
STUDY = Study(
    title="How far low-rank adapters (LoRA) get beside full fine-tuning",
    notebook="06",
    runs=runs,
    details="Rank 8 on query and value of every layer; LoRA also trains the pooler and the classifier, since this "
    "encoder's pooler was never trained",
    cost=Cost(ALL_LAYERS, 420),
    table=table,
    notes=notes,
)
