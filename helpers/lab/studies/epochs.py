"""How many epochs are too many."""

import statistics
from functools import partial
from itertools import pairwise

from ... import evaluation
from ...batching import length_batches
from ...corpora import load_reviews
from ...tokenization import load_tokenizer
from ...transfer import classification_examples, fine_tuned
from ...weights import load_encoder
from ..study import ALL_LAYERS, Cost, Study


def epoch_by_epoch(rows: int, epochs: int, seed: int) -> dict:
    """Fine-tune on few sentences for many epochs, in batches of 8, and look after each one: at the mean training loss
    of its steps (dropout on), and at the whole validation tenth.

    Returns `curve`, one entry an epoch: `train_loss`, `loss` (nats), `accuracy`, `interval`, `n`.
    """
    tokenizer, encoder = load_tokenizer(), load_encoder()
    train = classification_examples(load_reviews("rotten_tomatoes", "train")[:rows], tokenizer)
    validation = classification_examples(load_reviews("rotten_tomatoes", "validation"), tokenizer)
    batches = list(length_batches(validation, tokenizer, 64))

    def evaluate(model) -> dict:
        found = evaluation.evaluate_classifier(model, batches)
        return {key: found[key] for key in ("loss", "accuracy", "interval", "n")}

    _, history = fine_tuned(
        encoder, train, tokenizer, seed=seed, epochs=epochs, batch_size=8, evaluate=evaluate, progress=False
    )
    ends = [0, *(step for step, _ in history.evaluations)]
    losses = [statistics.mean(history.loss[start:end]) for start, end in pairwise(ends)]
    found = [result for _, result in history.evaluations]
    return {"curve": [{"train_loss": loss} | result for loss, result in zip(losses, found, strict=True)]}


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    size = {"rows": 300, "epochs": 10} if full else {"rows": 64, "epochs": 2}
    return {f"seed {seed}": partial(epoch_by_epoch, seed=seed, **size) for seed in seeds}


# 380 steps of 8 sentences, and ten evaluations on the validation tenth.
STUDY = Study(title="How many epochs are too many", notebook="06", runs=runs, cost=Cost(ALL_LAYERS, 190))
