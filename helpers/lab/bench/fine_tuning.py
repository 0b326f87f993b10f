"""The row of the bench on fine-tuning: one epoch, and whether accuracy was the price of speed."""

import copy
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ... import training
from ...batching import length_batches
from ...bert import SequenceClassifier
from ...corpora import load_reviews
from ...device import generator
from ...evaluation import score
from ...tokenization import load_tokenizer
from ...transfer import classification_examples, right_in_order
from ...weights import load_encoder
from ..timing import alternate, ratio, speed_of, step_profile, summary
from . import hf_baselines


def fine_tuning(
    rows: int,
    judged: int | None,
    batch_size: int,
    repeats: int,
    learning_rate: float = 1e-4,
    name_or_path: str | Path | None = None,
) -> dict:
    """Fine-tune the pretrained encoder for one epoch on so many Rotten Tomatoes sentences; every turn is another seed.

    Both sides start from the same weights, the head's among them. `accuracy`: on the validation tenth (or so many of
    it), over all turns; `no_worse` unless the 95 % interval of the difference, by sentence, lies below zero.
    name_or_path: the encoder, as in `weights.load_encoder`.
    """
    tokenizer, pretrained = load_tokenizer(name_or_path), load_encoder(name_or_path)
    examples = classification_examples(load_reviews("rotten_tomatoes", "train")[:rows], tokenizer)
    exam = classification_examples(load_reviews("rotten_tomatoes", "validation")[:judged], tokenizer)
    right = {"ours": [], "Trainer": [], "Trainer, by length": []}

    def start(turn: int) -> tuple[SequenceClassifier, list[dict]]:
        torch.manual_seed(turn)  # of the head
        return SequenceClassifier(copy.deepcopy(pretrained)), examples if turn else examples[: 2 * batch_size]

    def finish(side: str, turn: int, model: nn.Module, job: Callable[[], float]) -> float:
        speed = speed_of(job)
        if turn:
            right[side].append(right_in_order(model, exam, tokenizer))
        return speed

    def ours(turn: int) -> float:
        model, seen = start(turn)

        def job() -> int:
            training.fine_tune(
                model,
                length_batches(seen, tokenizer, batch_size, generator(turn)),
                epochs=1,
                learning_rate=learning_rate,
                progress=False,
            )
            return len(seen)

        return finish("ours", turn, model, job)

    def theirs(side: str, turn: int) -> float:
        model, seen = start(turn)
        settings = {"batch_size": batch_size, "learning_rate": learning_rate, "by_length": "by length" in side}
        with tempfile.TemporaryDirectory() as folder:
            trainer = hf_baselines.fine_tuning_trainer(
                hf_baselines.twin(model), seen, tokenizer, folder, seed=turn, **settings
            )

            def job() -> int:
                trainer.train()
                return len(seen)

            return finish(side, turn, trainer.model, job)

    sides = {side: lambda turn, side=side: theirs(side, turn) for side in right if side != "ours"} | {"ours": ours}
    speeds = alternate(sides, repeats)
    others = [side for side in right if side != "ours"]
    found = {side: ratio(speeds, "ours", side) for side in others}
    accuracy = {"ours": score(np.concatenate(right["ours"]))}
    for side in others:
        accuracy[side] = score(np.concatenate(right[side])) | difference(right["ours"], right[side])
    compared = f"{len(examples)} sentences, the same start, batches of {batch_size}, the same rate and warm-up"
    few = islice(length_batches(examples, tokenizer, batch_size, generator(0)), 11)
    profile = step_profile(start(1)[0], few)
    return summary(speeds, "sentences/s", found, profile, compared) | {"accuracy": accuracy}


def difference(right_a: list[np.ndarray], right_b: list[np.ndarray]) -> dict:
    """Return accuracy a - accuracy b and its 95 % interval over sentences, each one's mean over the turns (normal
    approximation); `no_worse`: the interval does not lie below zero."""
    by_sentence = np.mean(right_a, axis=0, dtype=float) - np.mean(right_b, axis=0, dtype=float)
    mean, margin = by_sentence.mean(), 1.96 * by_sentence.std(ddof=1) / len(by_sentence) ** 0.5
    return {
        "difference": float(mean),
        "difference_interval": [float(mean - margin), float(mean + margin)],
        "no_worse": bool(mean + margin >= 0),
    }
