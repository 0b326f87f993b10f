"""Is a fine-tuned classifier as often right as it says, and does one temperature help?"""

import statistics
from functools import lru_cache, partial

import torch
from torch import Tensor

from ... import evaluation
from ...bert import SequenceClassifier
from ...corpora import Review, load_reviews
from ...results import percent
from ...tokenization import load_tokenizer
from ...transfer import classification_examples, fine_tuned, logits_in_order
from ...weights import load_encoder
from ..study import ALL_LAYERS, Cost, Study

ALL_ROWS = {"rows": None, "epochs": 2, "batch_size": 32, "learning_rate": 1e-4}
MANY_EPOCHS = {"rows": 300, "epochs": 10, "batch_size": 8, "learning_rate": 1e-4}


@lru_cache(maxsize=6)  # the study of slices uses the same models
def classifier(
    seed: int, rows: int | None, epochs: int, batch_size: int, learning_rate: float
) -> tuple[SequenceClassifier, float]:
    """Return a classifier that was fine-tuned on so many of our train rows (None: all), and its last training loss."""
    tokenizer = load_tokenizer()
    model, history = fine_tuned(
        load_encoder(),
        classification_examples(load_reviews("rotten_tomatoes", "train")[:rows], tokenizer),
        tokenizer,
        seed=seed,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        progress=False,
    )
    return model, history.last_loss()


def logits_of(model: SequenceClassifier, reviews: list[Review]) -> Tensor:
    """Return the logits (n, classes) of the reviews, in their order."""
    tokenizer = load_tokenizer()
    return logits_in_order(model, classification_examples(reviews, tokenizer), tokenizer)


def calibration(
    seed: int, rows: int | None, epochs: int, batch_size: int, learning_rate: float, judged: int | None
) -> dict:
    """Fine-tune, fit one temperature on validation, and measure on test before and after it.

    judged: how many validation and test sentences (None: all). Returns accuracy with interval and n, `temperature`,
    and for `before` and `after`: mean `loss` (nats), `ece` (expected calibration error), and the bins of `reliability`.
    """
    model, train_loss = classifier(seed, rows, epochs, batch_size, learning_rate)
    validation, test = (load_reviews("rotten_tomatoes", split)[:judged] for split in ("validation", "test"))
    chosen_on, logits = logits_of(model, validation), logits_of(model, test)
    temperature = evaluation.fit_temperature(chosen_on, torch.tensor([review.label for review in validation]))
    labels = torch.tensor([review.label for review in test])
    right = (logits.argmax(-1) == labels).numpy()
    found = evaluation.score(right) | {"temperature": temperature, "train_loss": train_loss}
    for name, scores in (("before", logits.double()), ("after", logits.double() / temperature)):
        confidence = scores.softmax(-1).amax(-1).numpy()
        found[name] = {
            "loss": torch.nn.functional.cross_entropy(scores, labels).item(),
            "ece": evaluation.expected_calibration_error(confidence, right),
            "confidence": float(confidence.mean()),
            "reliability": evaluation.reliability(confidence, right),
        }
    return found


def table(record: dict) -> list[dict]:
    """Return a row for each training, before and after: means over the seeds."""
    trainings = {}
    for name, run in record["arms"].items():
        trainings.setdefault(name.rpartition(", ")[0], []).append(run["measured"])
    return [
        {
            "trained on": training,
            "temperature": "1.00"
            if when == "before"
            else f"{statistics.mean(run['temperature'] for run in found):.2f}",
            "accuracy": percent(statistics.mean(run["accuracy"] for run in found)),
            "mean confidence": percent(statistics.mean(run[when]["confidence"] for run in found)),
            "calibration error": percent(statistics.mean(run[when]["ece"] for run in found)),
            "loss": f"{statistics.mean(run[when]['loss'] for run in found):.3f}",
            "n": found[0]["n"],
            "runs": len(found),
        }
        for training, found in trainings.items()
        for when in ("before", "after")
    ]


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    tiny = {"rows": 64, "epochs": 1, "batch_size": 16, "learning_rate": 1e-4}
    trainings = {"all rows, 2 epochs": ALL_ROWS, "300 rows, 10 epochs": MANY_EPOCHS} if full else {"64 rows": tiny}
    return {
        f"{name}, seed {seed}": partial(calibration, seed=seed, **settings, judged=None if full else 40)
        for seed in seeds
        for name, settings in trainings.items()
    }


# 424 steps on all rows, 380 of a quarter's size on 300, and 1,757 sentences scored after each: 300 on average.
STUDY = Study(
    title="Is a fine-tuned classifier right as often as it says, and does one temperature help",
    notebook="06",
    runs=runs,
    details="The temperature is fitted on validation; everything is measured on our held-out tenth, in ten bins",
    cost=Cost(ALL_LAYERS, 300),
    table=table,
)
