"""Exercises of notebook 07: compare vectors, pool them, and read out what they hold without fooling yourself."""

import torch

from ..checks import exercise
from . import close

# ---------------------------------------------------------------- 1: cosine


def cosine(a, b):
    """Return the cosine of each row of `a` with the same row of `b`: (rows, hidden) twice → (rows,)."""
    return (a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1))


@exercise(
    cosine,
    minutes=5,
    difficulty=1,
    hints=(
        "A dot product grows with the length of both vectors. Divide what should not count away.",
        "The dot product of two rows is (a * b).sum(-1); the length of a row is a.norm(dim=-1).",
    ),
)
def check_cosine(answer):
    generator = torch.Generator().manual_seed(0)
    a, b = given = torch.randn(2, 5, 7, generator=generator)
    before = given.clone()
    yield answer(a, b).shape == (5,), "Do you return one number for each row, comparing row 0 with row 0 only?"
    one = torch.tensor([[1.0, 0.0]])
    yield close(answer(one, -one), torch.tensor([-1.0])), "Do two opposite vectors of length 1 get -1?"
    half = answer(one, torch.tensor([[0.5, 0.75**0.5]]))
    yield close(half, torch.tensor([0.5])), "Is it a cosine? At 60 degrees it is a half."
    first = a[:1]  # one row, so that rows cannot get mixed up
    yield close(answer(first, 3 * first), torch.ones(1)), "Does the length of the second vector still count?"
    yield close(answer(3 * first, b[:1]), answer(first, b[:1])), "Does the length of the first still count?"
    expected = [torch.nn.functional.cosine_similarity(a[i], b[i], dim=0) for i in range(5)]
    yield close(answer(a, b), torch.stack(expected)), "Is each row divided by its own two lengths?"
    yield torch.equal(given, before), "Do you change the vectors that you were given?"


# ---------------------------------------------------------------- 2: mean pooling


def mean_pooling(hidden_states, attention_mask):
    """Return the mean over each row's real tokens, (batch, hidden)."""
    real = attention_mask[:, :, None].to(hidden_states.dtype)  # (batch, seq, 1)
    return (hidden_states * real).sum(1) / real.sum(1)


def found_mean_pooling(hidden_states, attention_mask):
    """Return the mean over each row's real tokens, (batch, hidden)."""
    real = attention_mask[:, :, None].to(hidden_states.dtype)
    return (hidden_states * real).mean(1)


@exercise(
    mean_pooling,
    minutes=10,
    difficulty=2,
    found=found_mean_pooling,
    hints=(
        "Take one row by hand: two real tokens, two of padding. What is the sum, and what is it divided by?",
        "mean(1) divides by the length of the padded row. How many real tokens a row has, its mask knows.",
    ),
)
def check_mean_pooling(answer):
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(3, 5, 4, generator=generator)
    full = torch.ones(3, 5, dtype=torch.long)
    before = states.clone()
    whole = answer(states, full)
    yield whole.shape == (3, 4), "Do you return one vector for each row, (batch, hidden)?"
    yield close(whole, states.mean(1)), "Without padding, is it the plain mean over the tokens?"
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1]])
    noise = torch.where(mask[:, :, None].bool(), states, 1000.0)
    yield close(answer(noise, mask), answer(states, mask)), "Does what stands in padding get in?"
    two = answer(states[1:2], mask[1:2])
    right = (states[1:2, 0] + states[1:2, 1]) / 2
    yield close(two, right), "Do you divide by the number of all slots, or by that of real ones?"
    by_row = torch.cat([answer(states[i : i + 1], mask[i : i + 1]) for i in range(3)])
    yield close(answer(states, mask), by_row), "Does each row divide by its own number of tokens?"
    yield torch.equal(states, before), "Do you change the hidden states that you were given?"


# ---------------------------------------------------------------- 3: a probe


def linear_probe(train_vectors, train_labels, test_vectors, test_labels):
    """Fit a linear classifier on the training rows; return one bool per test row: was it right?"""
    mean, spread = train_vectors.mean(0), train_vectors.std(0).clamp(min=1e-6)  # of the training rows alone
    train, test = (train_vectors - mean) / spread, (test_vectors - mean) / spread
    target = 2.0 * train_labels - 1  # -1 or 1
    penalty = len(train) * torch.eye(train.shape[1])  # as heavy as the data: shrinks every weight about to a half
    weights = torch.linalg.solve(train.T @ train + penalty, train.T @ (target - target.mean()))
    return (test @ weights + target.mean() > 0) == (test_labels == 1)


def _clouds(rows: int, seed: int):
    """Return vectors (rows, 4) whose first feature tells the label, and the labels, half of them 1."""
    labels = torch.arange(rows) % 2
    vectors = torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed))
    vectors[:, 0] = 4.0 * labels - 2 + 0.3 * vectors[:, 0]
    return vectors, labels


@exercise(
    linear_probe,
    minutes=25,
    difficulty=3,
    hints=(
        "Three steps: bring the features to one scale, fit, compare. What you learn from data, even a mean, you learn "
        "from the training rows.",
        "Ridge in closed form: w = (XᵀX + λI)⁻¹ Xᵀ(y - mean of y), X standardised, y -1 or 1. Answer 1 where "
        "x·w + mean of y is above 0.",
        "A feature that never changes has the spread 0. Keep the division finite with clamp(min=1e-6).",
    ),
)
def check_linear_probe(answer):
    (train, labels), (test, truth) = _clouds(80, 0), _clouds(31, 1)
    right = answer(train, labels, test, truth)
    verdicts = right.shape == (31,) and right.dtype == torch.bool
    yield verdicts, "Do you return a tensor with one bool for each test row, and no score?"
    yield right.all().item(), "Two clouds far apart: does a straight cut find them? Answer 1 above 0, fit to -1 and 1."
    flipped = answer(train, labels, test, 1 - truth)
    yield not (flipped & right).any(), "Do you learn from the test labels? Turned around, every verdict must turn."
    scale = torch.tensor([0.01, 1000.0, 1.0, 1.0])  # the telling feature made tiny, a useless one huge
    moved = answer(train * scale + 5, labels, test * scale + 5, truth)
    yield torch.equal(moved, right), "Do you bring every feature to the same mean and spread, in the test rows as well?"
    crowd = answer(train, labels, torch.cat([test, test + 1000]), truth.repeat(2))[:31]
    yield torch.equal(crowd, right), "Does a verdict hang on the other test texts? Mean and spread come from training."
    constant = torch.full((10, 4), 0.5)
    uneven = torch.tensor([1, 1, 1, 1, 1, 1, 1, 0, 0, 0])
    guess = answer(constant, uneven, constant[:4], torch.tensor([1, 0, 1, 0]))
    yield (
        guess.tolist() == [True, False, True, False],
        "All vectors alike, as [CLS] at layer 0: do you divide by a spread of 0, or forget that 1 is more frequent?",
    )
    (few, few_labels), (more, more_labels) = _clouds(40, 2), _clouds(12, 3)
    wide, wide_test = few.repeat(1, 50), more.repeat(1, 50)  # 40 texts and 200 features, each many times over
    found = answer(wide, few_labels, wide_test, more_labels)
    yield found.all().item(), "More features than texts: is there a penalty that keeps the weights small?"


# ---------------------------------------------------------------- 4: what arrives


def share_received(attention, value, output):
    """Return each key's share in what a query receives, by length: (batch, heads, query, key)."""
    heads, size = value.shape[1], value.shape[-1]
    per_head = output.T.reshape(heads, size, -1)  # (heads, d, hidden): the part of the matrix that reads each head
    length = (value @ per_head).norm(dim=-1)  # (batch, heads, key)
    brought = attention * length[:, :, None, :]  # (batch, heads, query, key)
    return brought / brought.sum(-1, keepdim=True)


@exercise(
    share_received,
    minutes=15,
    difficulty=2,
    hints=(
        "A weight times a vector has the length weight × length of the vector. So first find, for each head and key, "
        "the vector that its value becomes in the output matrix.",
        "nn.Linear computes x @ output.T. Head h fills the places h·d to (h+1)·d of x, so it meets those rows of "
        "output.T.",
    ),
)
def check_share_received(answer):
    generator = torch.Generator().manual_seed(0)
    attention = torch.randn(2, 2, 4, 5, generator=generator).softmax(-1)  # batch 2, heads 2, 4 queries, 5 keys
    value = torch.randn(2, 2, 5, 3, generator=generator)
    output = torch.randn(6, 6, generator=generator)
    shares = answer(attention, value, output)
    yield shares.shape == attention.shape, "Do you return a share for each query and key, in every head?"
    yield close(shares.sum(-1), torch.ones(2, 2, 4)), "Are they shares? What a query receives adds up to one."
    # one head, with the weights and lengths of the lesson's figure
    weights = torch.tensor([[[[0.5, 0.2, 0.1, 0.2]]]])
    vectors = torch.tensor([[[[0.06, 0.08], [0.6, 0.8], [-1.0, 0.0], [0.8, 0.6]]]])  # lengths 0.1, 1, 1, 1
    pencil = answer(weights, vectors, torch.eye(2))[0, 0, 0]
    yield not close(pencil, weights.flatten()), "Do values count, or only the weights?"
    yield (pencil >= 0).all().item(), "Is it the length of what arrives? A value that points backwards arrives as well."
    expected = torch.tensor([0.05, 0.2, 0.1, 0.2]) / 0.55
    yield (
        close(pencil, expected),
        "Is each weight multiplied by the length of its own value? (3, 4) is 5 long.",
    )
    # the output matrix reads the second place only, and writes it into the first
    reads = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    two = torch.tensor([[[[3.0, 1.0], [4.0, 0.0]]]])
    even = torch.tensor([[[[0.5, 0.5]]]])
    through = answer(even, two, reads)[0, 0, 0]
    yield close(through, torch.tensor([1.0, 0.0])), "Does a value go through the output matrix, x @ output.T?"
    by_head = [answer(attention[:, [h]], value[:, [h]], output[:, 3 * h : 3 * h + 3]) for h in (0, 1)]
    yield close(shares, torch.cat(by_head, 1)), "Does each head meet its own part of the matrix?"
