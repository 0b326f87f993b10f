"""Exercises of notebook 06: one epoch from memory, a head that nothing uses, which split decides, and two formulas."""

import copy
import math

import torch
from torch import Tensor, nn

from ... import bert, evaluation
from ..checks import exercise

# ---------------------------------------------------------------- one epoch


def fine_tune_epoch(model, batches, optimizer, schedule, max_norm=1.0):
    """Train for one epoch and return the losses, one float per batch.

    model: called with input_ids, attention_mask and labels, it returns an output with `loss`. It may come in eval mode,
    and with gradients that somebody left behind. batches: dictionaries of tensors with those three names. optimizer,
    schedule: as PyTorch makes them; `schedule.step()` moves the learning rate. max_norm: the largest norm that all
    gradients together may have.
    """
    losses = []
    model.train()
    for batch in batches:
        optimizer.zero_grad()
        output = model(batch["input_ids"], attention_mask=batch["attention_mask"], labels=batch["labels"])
        output.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        schedule.step()
        losses.append(output.loss.item())
    return losses


class Slopes(nn.Module):
    """Stands in for a classifier: two weights whose gradients are 3 and 4 times the batch's label, 5 times together."""

    def __init__(self):
        super().__init__()
        self.three, self.four = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))
        self.calls = []

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, labels=None) -> bert.ClassifierOutput:
        self.calls.append({"training": self.training, "attention_mask": attention_mask, "labels": labels})
        score = 3 * self.three + 4 * self.four
        loss = None if labels is None else (labels * score).mean()
        return bert.ClassifierOutput(loss, score)

    def moved(self) -> Tensor:
        return -torch.stack([self.three, self.four]).detach()


@exercise(
    fine_tune_epoch,
    minutes=25,
    difficulty=3,
    hints=(
        "For each batch: forget old gradients, forward with labels, backward, clip, step, schedule; note the loss.",
        "torch.nn.utils.clip_grad_norm_(parameters, max_norm) changes the gradients in place: it stands where they "
        "exist and have not been used.",
        "model.train() before the loop; output.loss.item() for the note, so that no graph is kept.",
    ),
)
def check_fine_tune_epoch(answer):
    def train(labels, rates=(1.0, 1.0, 1.0, 1.0), max_norm=1e9, left=None):
        """Run the answer with batches whose labels are these; return the stand-in and the losses."""
        model = Slopes().eval()
        if left is not None:
            model.three.grad, model.four.grad = torch.tensor([left, left]).unbind()
        ones = torch.ones(1, 2, dtype=torch.int64)
        batches = [{"input_ids": ones, "attention_mask": ones, "labels": torch.tensor([y])} for y in labels]
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rates[step])
        return model, answer(model, batches, optimizer, schedule, max_norm)

    direction = torch.tensor([3.0, 4.0])
    model, losses = train([1.0])
    yield model.calls[0]["training"], "The model comes in eval mode: do you switch dropout on before you train?"
    yield model.calls[0]["attention_mask"] is not None, "Without the attention mask padding is read: do you pass it on?"
    yield model.moved().any(), "Nothing has moved: is there a step, and are the gradients still there when it comes?"
    yield torch.allclose(model.moved(), direction), "Is a step one backward, one step, and no clipping below max_norm?"
    model, losses = train([1.0, 2.0])
    yield len(model.calls) > 1, "Of two batches only the first is read: does the loop end too early?"
    yield torch.allclose(model.moved(), 3 * direction), "In the second step the first batch counts again: zero_grad?"
    yield isinstance(losses, (list, tuple)), "Do you return a list, with one loss for each batch?"
    plain = [isinstance(loss, float) for loss in losses]
    yield plain == [True, True], "One plain number a batch: does a tensor in your list keep its graph alive?"
    yield list(losses) == [0.0, -50.0], "Are the losses those that the steps were taken from, batch by batch?"
    model, _ = train([1.0], max_norm=2.5)
    yield (
        torch.allclose(model.moved(), direction / 2),
        "Are all gradients clipped as one, after backward, before the step?",
    )
    model, _ = train([1.0, 1.0, 1.0], rates=(0.5, 0.25, 0.125, 0.0))
    yield torch.allclose(model.moved(), 0.875 * direction), "Does the schedule move after each step, and not before it?"
    model, _ = train([1.0], left=100.0)
    yield torch.allclose(model.moved(), direction), "Somebody left gradients behind: does your first step use them?"


# ---------------------------------------------------------------- spot the bug: the head that nothing uses


def last_layer_only(model):
    """Return the classifier ready to train its last layer and a fresh output layer; all else is frozen.

    model: a `bert.SequenceClassifier` with two labels; it is changed in place.
    """
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model.classifier = torch.nn.Linear(model.encoder.config.hidden_size, 2)  # the name that forward calls
    for parameter in model.encoder.layers[-1].parameters():
        parameter.requires_grad_(True)
    return model


def found_last_layer_only(model):
    """Return the classifier ready to train its last layer and a fresh output layer; all else is frozen."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model.out_head = torch.nn.Linear(model.encoder.config.hidden_size, 2)
    for parameter in model.encoder.layers[-1].parameters():
        parameter.requires_grad_(True)
    return model


@exercise(
    last_layer_only,
    minutes=10,
    difficulty=2,
    hints=(
        "Run backward once and list the parameters that require a gradient and have none.",
        "PyTorch lets you give a module any new attribute. Which name does forward of `bert.SequenceClassifier` call?",
    ),
    found=found_last_layer_only,
)
def check_last_layer_only(answer):
    torch.manual_seed(0)
    given = bert.SequenceClassifier(bert.Encoder(bert.EncoderConfig(20, 12, 3, 2, 24, max_position_embeddings=4)))
    before = copy.deepcopy(given.state_dict())
    model = answer(given)
    output = model(torch.tensor([[1, 5, 6, 2], [1, 7, 8, 2]]), labels=torch.tensor([0, 1]))
    yield output.logits.shape == (2, 2), "The logits have another shape: is it still two labels?"
    yield output.loss.requires_grad, "Nothing can be trained: do you unfreeze after you froze?"
    output.loss.backward()
    grads = {name: parameter.grad is not None for name, parameter in model.named_parameters()}
    yield (
        grads["classifier.weight"],
        "The layer that forward calls gets no gradient: which do you train, which answers?",
    )
    idle = [name for name, parameter in model.named_parameters() if parameter.requires_grad and not grads[name]]
    yield not idle, f"{', '.join(idle)} would be trained and never gets a gradient: does forward use it?"
    fresh = not torch.equal(model.classifier.weight, before["classifier.weight"])
    yield fresh, "The output layer is the old one: should it not be fresh?"
    yield (
        all(grads[name] for name in grads if name.startswith(("encoder.layers.2.", "classifier."))),
        "Is all of the last layer trained, and all of the output layer?",
    )
    others = [name for name in grads if not name.startswith(("encoder.layers.2.", "classifier."))]
    yield (
        not any(grads[name] for name in others),
        "More is trained than the last layer and the output layer: what did you freeze?",
    )
    kept = all(torch.equal(tensor, before[f"encoder.{name}"]) for name, tensor in model.encoder.state_dict().items())
    yield kept, "Does the encoder still hold the weights that it came with?"
    yield model is given, "Do you change the model that you were given, or a copy of it?"


# ---------------------------------------------------------------- spot the bug: the split that decides


def reported_accuracy(validation, test):
    """Return the accuracy to report: that of the chosen epoch, the first best one, on the test split.

    validation, test: the accuracies after each epoch, lists of equal length.
    """
    best = 0
    for epoch in range(len(validation)):
        if validation[epoch] > validation[best]:
            best = epoch
    return test[best]


def found_reported_accuracy(validation, test):
    """Return the accuracy to report: that of the chosen epoch, the first best one, on the test split."""
    best = 0
    for epoch in range(len(test)):
        if test[epoch] > test[best]:
            best = epoch
    return test[best]


@exercise(
    reported_accuracy,
    minutes=5,
    difficulty=1,
    hints=(
        "Imagine ten epochs of pure coin flips. Which number does the code report, and what is the honest one?",
        "One split chooses, the other is asked once. Which of the two lists may the comparison see?",
    ),
    found=found_reported_accuracy,
)
def check_reported_accuracy(answer):
    yield answer([0.7], [0.6]) == 0.6, "With one epoch there is nothing to choose: do you report the test split?"
    validation = [0.5, 0.8, 0.6, 0.7, 0.55]
    yield answer(validation, [0.90, 0.91, 0.92, 0.93, 0.94]) == 0.91, "Which split chose the epoch?"
    yield (
        answer(validation, [0.95, 0.6, 0.7, 0.8, 0.75]) == 0.6,
        "Does the choice change when only the test scores do?",
    )
    yield answer([0.7, 0.6, 0.65, 0.8], [0.9, 0.8, 0.7, 0.6]) == 0.6, "Do you look at every epoch, up to the last?"
    yield answer([0.6, 0.8, 0.8], [0.7, 0.5, 0.9]) == 0.5, "Two epochs are equally good: do you take the first?"


# ---------------------------------------------------------------- two formulas


def wilson(successes, n, z=1.96):
    """Return the Wilson interval (low, high) of a share, as floats.

    successes, n: counts, n at least 1. The ends are the two p with |successes / n - p| = z √(p (1 - p) / n).
    """
    share = successes / n
    centre = share + z**2 / (2 * n)
    half = z * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)


@exercise(
    wilson,
    minutes=15,
    difficulty=2,
    hints=(
        "Square both sides; it becomes a quadratic equation: (1 + z²/n) p² - (2 share + z²/n) p + share² = 0.",
        "Its solutions are (share + z²/2n ± z √(share (1 - share)/n + z²/4n²)) / (1 + z²/n).",
    ),
)
def check_wilson(answer):
    def ends(successes, n, z=1.959964):
        return evaluation.wilson_interval(successes, n, math.erf(z / 2**0.5))

    def close(ours, ready):
        return all(abs(a - b) < 1e-5 for a, b in zip(ours, ready, strict=True))

    low, high = answer(5, 10)
    yield low < 0.5 < high, "Five of ten: does the interval hold one half, the lower end first?"
    yield abs(low + high - 1) < 1e-6, "Five of ten: does it reach as far down as up?"
    yield high < 0.82, "Five of ten: it is too wide. Is the half width divided as well, and n squared where it must be?"
    low, high = answer(0, 10)
    yield (
        abs(low) < 1e-6 and high > 0.05,
        "None of ten: it starts at 0, with a width. Does your root hold the seen share?",
    )
    yield 0 <= answer(10, 10)[0] and answer(10, 10)[1] <= 1 + 1e-6, "Ten of ten: an end lies outside of 0 … 1?"
    yield close(answer(0, 10, 1.0), (0.0, 1 / 11)), "None of ten with z = 1: it ends at z² / (n + z²). Do you use z?"
    middle = sum(answer(7, 10, 2.0)) / 2
    yield abs(middle - sum(ends(7, 10, 2.0)) / 2) < 1e-5, "Seven of ten: is the centre share + z²/2n, over 1 + z²/n?"
    yield close(answer(64, 87, 1.959964), ends(64, 87)), "64 of 87: is it n in every place where it belongs, not n - 1?"


def mcnemar_p(only_a, only_b):
    """Return the exact two-sided p-value of McNemar's test, a float.

    only_a, only_b: how many texts only the one, and only the other classifier got right. It is the probability that as
    many fair coins split as unevenly as this or more so, to either side; 1 when there is no such text.
    """
    from math import comb

    n, fewer = only_a + only_b, min(only_a, only_b)
    tail = sum(comb(n, k) for k in range(fewer + 1)) / 2**n
    return min(1.0, 2 * tail)


@exercise(
    mcnemar_p,
    minutes=10,
    difficulty=2,
    hints=(
        "Of 2ⁿ ways in which n coins can fall, math.comb(n, k) show k heads.",
        "Add up k = 0 … min(only_a, only_b), divide by 2ⁿ, and double it for the other side. A probability ends at 1.",
    ),
)
def check_mcnemar_p(answer):
    def close(only_a, only_b, p):
        return abs(answer(only_a, only_b) - p) < 1e-9

    yield close(0, 5, 2 / 2**5), "0 to 5: all five one way, or all five the other. Do you count both sides, exactly?"
    yield close(5, 0, 2 / 2**5), "5 to 0 must give what 0 to 5 gives: does the order matter?"
    yield close(1, 5, 2 * 7 / 2**6), "1 to 5: do the splits that are more uneven still, 0 to 6, count too?"
    yield close(3, 3, 1.0), "3 to 3: can a probability be above 1? Both tails hold the middle."
    yield close(0, 0, 1.0), "0 to 0: nothing speaks against equally good. What is p then?"
    right_a, right_b = [True] * 8 + [False] * 20, [False] * 8 + [True] * 20
    yield close(8, 20, evaluation.mcnemar(right_a, right_b)["p_value"]), "8 to 20 goes wrong: is the sum complete?"
