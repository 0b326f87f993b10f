"""Exercises of notebook 06 and its depth: the classifier, the loop, the prediction, which split decides, a head that
nothing uses, and two formulas."""

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ... import bert, evaluation
from ...bert import ClassifierOutput, initialize
from ...tokenization import train_wordpiece
from ..checks import compare, exercise

# ---------------------------------------------------------------- the classifier


class Classifier(nn.Module):
    def __init__(self, encoder, num_labels):
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(encoder.config.hidden_dropout_prob)
        self.classifier = nn.Linear(encoder.config.hidden_size, num_labels)
        initialize(self.classifier, encoder.config.initializer_range)

    def forward(self, input_ids, attention_mask, token_type_ids, labels=None):
        """Return a ClassifierOutput: the mean loss (None without labels) and the logits, (batch, num_labels)."""
        hidden_states = self.encoder(input_ids, attention_mask, token_type_ids).last_hidden_state
        pooled = self.encoder.pool(hidden_states)  # (batch, hidden)
        logits = self.classifier(self.dropout(pooled))
        loss = None if labels is None else F.cross_entropy(logits, labels)
        return ClassifierOutput(loss, logits)


class Doubled(nn.Module):
    """Stands in for dropout, to show where it is applied: it doubles what passes through."""

    def forward(self, x):
        return 2 * x


def small_encoder(**settings) -> bert.Encoder:
    """Return a small encoder whose weights are large enough for its inputs to matter."""
    sizes = {"vocab_size": 30, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 24, "max_position_embeddings": 8}
    torch.manual_seed(0)
    encoder = bert.Encoder(bert.EncoderConfig(**sizes | settings))
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return encoder


@exercise(
    Classifier,
    minutes=10,
    difficulty=2,
    build=True,
    hints=(
        "Four steps: the encoder, its pooler, dropout, the linear layer. self.encoder(…) returns an object; you need "
        "its last_hidden_state, (batch, seq, hidden).",
        "self.encoder.pool(hidden_states) picks the vector of [CLS] and passes it on, (batch, hidden). For the loss, "
        "F.cross_entropy(logits, labels) takes logits as they are, without softmax.",
    ),
)
def check_classifier(answer):
    encoder = small_encoder()
    ours, model = Classifier(encoder, 3).eval(), answer(encoder, 3).eval()
    model.load_state_dict(ours.state_dict())
    ids = torch.tensor([[1, 7, 4, 9, 2], [1, 5, 2, 0, 0], [1, 3, 8, 6, 2], [1, 9, 2, 0, 0]])
    mask, types = (ids != 0).long(), torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1], [0, 0, 1, 0, 0]])
    labels = torch.tensor([2, 0, 1, 1])
    pool, given = encoder.pool, []

    def pool_or_note(hidden_states):
        given.append(hidden_states.dim())
        return pool(hidden_states if hidden_states.dim() == 3 else hidden_states[:, None])

    encoder.pool = pool_or_note
    with torch.no_grad():
        output = model(ids, mask, types)
        whole = given in ([], [3])
        yield whole, "self.encoder.pool picks [CLS] itself: do you give it the whole last_hidden_state, once?"
        encoder.pool = pool
        expected = ours(ids, mask, types).logits
        yield isinstance(output, ClassifierOutput), "Do you return a ClassifierOutput, with the loss and the logits?"
        logits = output.logits
        fits = isinstance(logits, Tensor) and logits.shape == (4, 3)
        yield fits, "Are the logits (batch, num_labels), one row of three numbers for each of the four texts?"
        yield output.loss is None, "There are no labels here: is the loss None?"
        padded = ids.masked_fill(mask == 0, 29)
        same = torch.allclose(model(padded, mask, types).logits, logits, atol=1e-5)
        yield same, "Other tokens in the padding change the logits. Does the encoder get attention_mask?"
        types_matter = not torch.allclose(model(ids, mask, 0 * types).logits, logits, atol=1e-4)
        yield types_matter, "Other segments leave the logits as they are. Does the encoder get token_type_ids?"
        hidden = encoder(ids, mask, types).last_hidden_state
        bare = torch.allclose(logits, ours.classifier(hidden[:, 0]), atol=1e-5)
        yield not bare, "These logits come from the bare vector of [CLS]. Where is the pooler?"
        chances = torch.allclose(logits, expected.softmax(-1), atol=1e-5)
        yield not chances, "These are probabilities. Aren't logits the numbers before the softmax?"
        question = "Does the linear layer read the pooled vector of [CLS]?"
        yield compare(logits, expected, question, input_ids=ids, token_type_ids=types)
        model.dropout = ours.dropout = Doubled()
        doubled = ours(ids, mask, types).logits
        question = "Is dropout (here replaced by a doubling) applied once, between the pooler and the linear layer?"
        yield compare(model(ids, mask, types).logits, doubled, question)
    loss = model(ids, mask, types, labels=labels).loss
    yield isinstance(loss, Tensor) and loss.dim() == 0, "With labels, is the loss a single number, still a tensor?"
    expected_loss = F.cross_entropy(doubled, labels)
    yield compare(loss.detach(), expected_loss, "Is the loss the cross-entropy of the logits?", labels=labels)
    yield loss.requires_grad, "Nothing can be learned from this loss: did something cut it off from the graph?"


# ---------------------------------------------------------------- the loop


def fine_tune(model, batches, optimizer, schedule, epochs, after_epoch=None):
    """Train for all epochs, with gradients clipped to norm 1; return the losses, one float per step."""
    losses = []
    for _ in range(epochs):
        model.train()
        for batch in batches:
            output = model(batch["input_ids"], batch["attention_mask"], batch["token_type_ids"], labels=batch["labels"])
            optimizer.zero_grad()
            output.loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(output.loss.item())
        if after_epoch:
            after_epoch(model)
    return losses


class Slopes(nn.Module):
    """Stands in for a classifier: two weights whose gradients are 0.3 and 0.4 times the batch's label, and 0.5 times
    together."""

    def __init__(self):
        super().__init__()
        self.three, self.four = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))
        self.calls = []

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, labels=None) -> ClassifierOutput:
        given = {"attention_mask": attention_mask, "token_type_ids": token_type_ids, "labels": labels}
        self.calls.append({"training": self.training, **given})
        score = 0.3 * self.three + 0.4 * self.four
        loss = None if labels is None else (labels * score).mean()
        return ClassifierOutput(loss, score)

    def moved(self) -> Tensor:
        return -torch.stack([self.three, self.four]).detach()


@exercise(
    fine_tune,
    minutes=15,
    difficulty=2,
    build=True,
    hints=(
        "For each batch: forward with labels, forget the old gradients, backward, clip, optimizer, schedule; note the "
        "loss.",
        "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) changes the gradients in place. They must exist by "
        "then, and not have been used.",
        "model.train() belongs inside the loop over epochs, since after_epoch may leave the model in eval mode. "
        "output.loss.item() is a plain number, which keeps no graph alive.",
    ),
)
def check_fine_tune(answer):
    def train(labels, rates=(1.0,) * 9, epochs=1, left=None, after_epoch=None):
        """Run the answer with batches whose labels are these; return the stand-in and the losses."""
        model = Slopes().eval()
        if left is not None:
            model.three.grad, model.four.grad = torch.tensor([left, left]).unbind()
        ones = torch.ones(1, 2, dtype=torch.int64)
        batches = [
            {"input_ids": ones, "attention_mask": ones, "token_type_ids": ones, "labels": torch.tensor([y])}
            for y in labels
        ]
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rates[step])
        return model, answer(model, batches, optimizer, schedule, epochs, after_epoch)

    direction = torch.tensor([0.3, 0.4])
    model, losses = train([1.0])
    yield model.calls != [], "The model was never called: is there a loop over the batches?"
    yield model.calls[0]["training"], "The model comes in eval mode: do you switch dropout on before you train?"
    yield model.calls[0]["attention_mask"] is not None, "Without its mask, padding is read: do you pass it on?"
    yield model.calls[0]["token_type_ids"] is not None, "For a pair, segments matter: do you pass token_type_ids on?"
    yield model.moved().any(), "Nothing has moved: is there a step, and are the gradients still there when it comes?"
    question = "Is a step one backward and one step, with no clipping of a short gradient?"
    yield compare(model.moved(), direction, question, gradient=direction)
    model, losses = train([1.0, 1.0])
    yield len(model.calls) > 1, "Of two batches, only the first is read: does the loop end early?"
    question = "In the second step, the first batch's gradient counts again: where are old gradients forgotten?"
    yield compare(model.moved(), 2 * direction, question)
    yield isinstance(losses, list | tuple), "Do you return a list, with one loss for each step?"
    plain = [isinstance(loss, float) for loss in losses]
    yield plain == [True, True], "One plain number per step: does a tensor in your list keep its graph alive?"
    yield [round(x, 4) for x in losses] == [0.0, -0.25], "Are the losses those that the steps were taken from?"
    model, _ = train([10.0])
    question = "A gradient of norm 5 must be cut to norm 1. Is it clipped after backward, before the step, all as one?"
    yield compare(model.moved(), 2 * direction, question)
    model, _ = train([1.0, 1.0, 1.0], rates=(0.5, 0.25, 0.125, 0.0))
    yield compare(model.moved(), 0.875 * direction, "Does the schedule move after each step, and not before it?")
    model, _ = train([1.0], left=100.0)
    yield compare(model.moved(), direction, "Old gradients were left in the model: does your first step use them?")
    seen = []
    model, losses = train([1.0, 1.0], epochs=3, after_epoch=lambda model: seen.append(len(model.calls)) or model.eval())
    yield len(losses) == 6, "Two batches and three epochs make six steps: is one list kept over all epochs?"
    yield seen == [2, 4, 6], "Is after_epoch called with the model once after each epoch?"
    yield (
        all(call["training"] for call in model.calls),
        "after_epoch left the model in eval mode: does the next epoch train without dropout?",
    )


# ---------------------------------------------------------------- the prediction


def predict(model, tokenizer, texts, batch_size=32):
    """Return the classes' probabilities for each text, (texts, num_labels), in the order of the texts."""
    model.eval()
    found = []
    for start in range(0, len(texts), batch_size):
        chunk = texts[start : start + batch_size]
        batch = tokenizer(chunk, padding=True, truncation=True, return_tensors="pt")
        batch = batch.to(next(model.parameters()).device)
        with torch.no_grad():
            found.append(model(**batch).logits.softmax(-1))
    return torch.cat(found)


@exercise(
    predict,
    minutes=10,
    difficulty=2,
    build=True,
    hints=(
        'For each chunk of texts: tokenizer(chunk, padding=True, truncation=True, return_tensors="pt"), then the '
        "model without gradients, then softmax over the classes.",
        "range(0, len(texts), batch_size) gives the start of each chunk, the last and shorter one included. "
        "torch.cat puts the pieces together.",
    ),
)
def check_predict(answer):
    words = ["good", "bad", "film", "the", "was", "not", "very", "a"]
    tokenizer = train_wordpiece([" ".join(words)] * 2, vocab_size=50)
    tokenizer.model_max_length = 16
    encoder = small_encoder(vocab_size=50, max_position_embeddings=16, hidden_dropout_prob=0.5)
    torch.manual_seed(1)
    model = Classifier(encoder, 3)
    nn.init.normal_(model.classifier.weight)
    sizes = []
    model.encoder.register_forward_hook(lambda module, inputs, output: sizes.append(len(output.last_hidden_state)))
    texts = ["good film", "the film was not very good", "bad", "a bad film", "was the film good"]
    found = answer(model.train(), tokenizer, texts, 2)
    fits = isinstance(found, Tensor) and found.shape == (5, 3)
    yield fits, "For five texts and three classes, do you return a tensor (5, 3), the last, shorter batch included?"
    yield not found.requires_grad, "The probabilities carry a graph: is the model called under torch.no_grad()?"
    ones = torch.allclose(found.sum(-1), torch.ones(5), atol=1e-5)
    yield ones, "The numbers of one text don't add up to 1. Over which dimension is the softmax?"
    yield not model.training, "The model came in training mode: do you switch dropout off?"
    yield max(sizes) == 2, "batch_size is 2: do you give the model two texts at a time?"
    with torch.no_grad():
        model.eval()
        alone = [model(**tokenizer(text, return_tensors="pt")).logits.softmax(-1) for text in texts]
    question = "Each text alone gives other numbers. Is padding masked, and are the rows in the order of the texts?"
    yield compare(found, torch.cat(alone), question, texts=texts)
    long = ["good film " * 9]
    limit = f"A text of 20 tokens, but the model has {encoder.config.max_position_embeddings} positions"
    try:
        fits = answer(model, tokenizer, long, 2).shape == (1, 3)
    except (ValueError, IndexError, RuntimeError):
        fits = False
    yield fits, f"{limit}: do you truncate?"


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
