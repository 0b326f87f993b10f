"""Exercises of notebook 07 and its depth: pool a text's vectors, cut [CLS] off, compare two vectors, probe them, rank
candidates, and weigh attention by what it brings."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..checks import compare, exercise
from . import close

# ---------------------------------------------------------------- pool


def pool(hidden_states, attention_mask, pooling):
    """Return one vector per text, (batch, hidden): the first token's ("cls"), or the mean over real tokens ("mean")."""
    if pooling == "cls":
        return hidden_states[:, 0]
    if pooling != "mean":
        raise ValueError(f'pooling must be "cls" or "mean", not {pooling!r}')
    real = attention_mask[:, :, None]  # (batch, seq, 1)
    return (hidden_states * real).sum(1) / real.sum(1)


@exercise(
    pool,
    minutes=8,
    difficulty=2,
    build=True,
    hints=(
        'For "mean", multiply the vectors at padding by 0, then sum over the tokens. By what do you divide?',
        "attention_mask[:, :, None] is (batch, seq, 1), and fits beside (batch, seq, hidden). Its sum over dimension 1 "
        "is the number of real tokens of each row.",
    ),
)
def check_pool(answer):
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(3, 5, 4, generator=generator)
    full, before = torch.ones(3, 5, dtype=torch.long), states.clone()
    first = answer(states, full, "cls")
    fits = isinstance(first, Tensor) and first.shape == (3, 4)
    yield fits, 'With "cls", do you return one vector per text, (batch, hidden)?'
    yield close(first, states[:, 0]), 'With "cls", is it the vector of the first token of each text?'
    whole = answer(states, full, "mean")
    fits = isinstance(whole, Tensor) and whole.shape == (3, 4)
    yield fits, 'With "mean", do you return one vector per text, (batch, hidden)?'
    yield close(whole, states.mean(1)), "Without padding, is it the plain mean over the tokens?"
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1]])
    noise = torch.where(mask[:, :, None].bool(), states, 1000.0)
    ignored = close(answer(noise, mask, "mean"), answer(states, mask, "mean"))
    yield ignored, "Other vectors at padding change the mean. Do you multiply them by 0?"
    question = "Two real tokens and three of padding: is the sum divided by the number of real tokens?"
    two = answer(states[1:2], mask[1:2], "mean")
    expected = (states[1:2, 0] + states[1:2, 1]) / 2
    yield compare(two, expected, question, hidden_states=states[1:2], attention_mask=mask[1:2])
    by_row = torch.cat([answer(states[i : i + 1], mask[i : i + 1], "mean") for i in range(3)])
    yield close(answer(states, mask, "mean"), by_row), "Does each text divide by its own number of tokens?"
    yield torch.equal(states, before), "Do you change the hidden states that you were given?"
    try:
        answer(states, full, "maen")
        refused = False
    except ValueError:
        refused = True
    yield refused, 'A typo, "maen" for "mean", goes unnoticed. Do you raise a ValueError for it?'


# ---------------------------------------------------------------- [CLS] cut off


def cut_off_cls(attention_mask):
    """Return who may attend to whom if [CLS] attends only to itself, bool (batch, queries, keys)."""
    allowed = attention_mask[:, None, :].bool().repeat(1, attention_mask.shape[1], 1)
    allowed[:, 0, 1:] = False
    return allowed


@exercise(
    cut_off_cls,
    minutes=8,
    difficulty=2,
    build=True,
    hints=(
        "First without the cut: every query may attend to every real key. attention_mask[:, None, :] is (batch, 1, "
        "seq); repeat(1, seq, 1) gives each query a row of its own.",
        "allowed[:, 0] are the rows of [CLS] as a query, one for each text. What must they be at the keys 1, 2, …?",
    ),
)
def check_cut_off_cls(answer):
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]])
    before = mask.clone()
    allowed = answer(mask)
    fits = isinstance(allowed, Tensor) and allowed.shape == (3, 4, 4)
    yield fits, "Do you return (batch, seq, seq), a row for each query and a column for each key?"
    yield allowed.dtype == torch.bool, "Is it bool, True where a query may attend to a key?"
    yield allowed[:, 0, 0].all().item(), "[CLS] may attend to nothing at all. It should keep itself."
    columns = bool(allowed[0, 0].all()) and not allowed[:, 1:, 0].any()
    yield not columns, "The others can't attend to [CLS], and it still attends to them. Which dimension is the query?"
    yield not allowed[:, 0, 1:].any(), "[CLS] still attends to another token. Is its whole row False after the first?"
    yield bool(allowed[0, 1:, 0].all()), "May the other tokens still attend to [CLS]? Only its own row changes."
    yield not allowed[1, 1:, 2:].any(), "Some token attends to padding. Where does attention_mask come in?"
    expected = torch.tensor([[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0]]).bool()  # at padding, no query counts
    question = "Three real tokens and padding: are these the keys that each of the three may attend to?"
    yield compare(allowed[2, :3], expected, question, attention_mask=mask[2])
    yield bool(allowed.any(-1).all()), "A query at padding may attend to nothing, and softmax gives nan."
    yield torch.equal(mask, before), "Do you change the attention mask that you were given?"


# ---------------------------------------------------------------- cosine


def cosine(a, b):
    """Return the cosine of each row of `a` with the same row of `b`: (rows, hidden) twice → (rows,)."""
    return (a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1))


@exercise(
    cosine,
    minutes=5,
    difficulty=1,
    build=True,
    hints=(
        "A dot product grows with the length of both vectors. Divide both lengths away.",
        "The dot product of two rows is (a * b).sum(-1); the length of a row is a.norm(dim=-1).",
    ),
)
def check_cosine(answer):
    generator = torch.Generator().manual_seed(0)
    a, b = given = torch.randn(2, 5, 7, generator=generator)
    before = given.clone()
    found = answer(a, b)
    fits = isinstance(found, Tensor) and found.shape == (5,)
    yield fits, "Do you return one number for each row, comparing row 0 with row 0 only?"
    one = torch.tensor([[1.0, 0.0]])
    yield close(answer(one, -one), torch.tensor([-1.0])), "Do two opposite vectors of length 1 get -1?"
    half = answer(one, torch.tensor([[0.5, 0.75**0.5]]))
    yield close(half, torch.tensor([0.5])), "Is it a cosine? At 60 degrees it is a half."
    first = a[:1]  # one row, so that rows cannot get mixed up
    lengths = close(answer(first, 3 * first), torch.ones(1)) and close(answer(3 * first, b[:1]), answer(first, b[:1]))
    yield lengths, "A vector becomes three times as long, and the cosine changes. Do you divide by both lengths?"
    expected = [torch.nn.functional.cosine_similarity(a[i], b[i], dim=0) for i in range(5)]
    yield compare(answer(a, b), torch.stack(expected), "Is each row divided by its own two lengths?", a=a, b=b)
    yield torch.equal(given, before), "Do you change the vectors that you were given?"


# ---------------------------------------------------------------- a probe


def linear_probe(train_vectors, train_labels, test_vectors, test_labels):
    """Fit a linear classifier on the training rows; return one bool per test row: was it right?"""
    mean, sd = train_vectors.mean(0), train_vectors.std(0).clamp(min=1e-6)  # of the training rows alone
    train, test = (train_vectors - mean) / sd, (test_vectors - mean) / sd
    target = 2.0 * train_labels - 1  # -1 or 1
    penalty = len(train) * torch.eye(train.shape[1])  # on average as large as the data's own sums of squares
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
    minutes=15,
    difficulty=3,
    build=True,
    hints=(
        "Three steps: standardize, solve, compare. Mean and standard deviation come from the training rows, for both "
        "sets of vectors.",
        "torch.linalg.solve(A, b) gives w with A @ w = b. Here A is X.T @ X + n * torch.eye(hidden), and b is "
        "X.T @ (y - y.mean()), with y = 2.0 * train_labels - 1.",
        "A feature that never changes has a standard deviation of 0: clamp(min=1e-6) keeps the division finite.",
    ),
)
def check_linear_probe(answer):
    (train, labels), (test, truth) = _clouds(80, 0), _clouds(31, 1)
    right = answer(train, labels, test, truth)
    fits = isinstance(right, Tensor) and right.shape == (31,) and right.dtype == torch.bool
    yield fits, "Do you return a tensor with one bool for each test row, and no score?"
    yield (
        right.all().item(),
        "Two clouds far apart: is the answer 1 where X @ w + mean of y is above 0, with y -1 or 1?",
    )
    flipped = answer(train, labels, test, 1 - truth)
    yield (
        not (flipped & right).any(),
        "Do you learn from the test labels? With each label flipped, right becomes wrong.",
    )
    scale = torch.tensor([0.01, 1000.0, 1.0, 1.0])  # the telling feature made tiny, a useless one huge
    moved = answer(train * scale + 5, labels, test * scale + 5, truth)
    question = "One feature made tiny, another huge: do you standardize all of them, in the test rows as well?"
    yield torch.equal(moved, right), question
    crowd = answer(train, labels, torch.cat([test, test + 1000]), truth.repeat(2))[:31]
    yield torch.equal(crowd, right), "An answer depends on the other test rows. Is the mean that of the training rows?"
    (few, few_labels), (more, more_labels) = _clouds(40, 2), _clouds(12, 3)
    wide, wide_test = few.repeat(1, 50), more.repeat(1, 50)  # 40 texts and 200 features, each many times over
    try:
        found = answer(wide, few_labels, wide_test, more_labels)
    except torch.linalg.LinAlgError:  # the matrix without a penalty has no inverse
        found = torch.zeros(12, dtype=torch.bool)
    yield found.all().item(), "More features than texts: is n times the identity added before you solve?"
    numbers = torch.Generator().manual_seed(4)
    noisy, unseen = torch.randn(60, 50, generator=numbers), torch.randn(300, 50, generator=numbers)
    noisy_labels = (noisy[:, 0] + 2 * torch.randn(60, generator=numbers) > 0).long()
    mean, sd, target = noisy.mean(0), noisy.std(0), 2.0 * noisy_labels - 1
    scaled = (noisy - mean) / sd
    exact = torch.linalg.solve(scaled.T @ scaled + 60 * torch.eye(50), scaled.T @ (target - target.mean()))
    scores = (unseen - mean) / sd @ exact + target.mean()
    clear = scores.abs() > 0.05  # near 0, rounding may decide
    ones = torch.ones(int(clear.sum()), dtype=torch.long)
    same = torch.equal(answer(noisy, noisy_labels, unseen[clear], ones), scores[clear] > 0)
    yield same, "Many useless features: is the penalty n times the identity, n the number of training rows?"
    constant = torch.full((10, 4), 0.5)
    uneven = torch.tensor([1, 1, 1, 1, 1, 1, 1, 0, 0, 0])
    guess = answer(constant, uneven, constant[:4], torch.tensor([1, 0, 1, 0]))
    yield (
        guess.tolist() == [True, False, True, False],
        "All vectors equal, as [CLS] at layer 0: is a standard deviation of 0 clamped, and the mean of y added?",
    )


# ---------------------------------------------------------------- spot the bug: a rank


def ranks(similarity, right):
    """Return the rank of each query's right candidate, 1 for the best, int64 (queries,)."""
    return (similarity >= similarity.gather(1, right[:, None])).sum(1)


def found_ranks(similarity, right):
    """Return the rank of each query's right candidate, 1 for the best, int64 (queries,)."""
    order = similarity.argsort(dim=1, descending=True)
    return order.gather(1, right[:, None])[:, 0] + 1


@exercise(
    ranks,
    minutes=10,
    difficulty=2,
    found=found_ranks,
    hints=(
        "Take one query by hand: similarities 0.8, 0.3, 0.2, and candidate 1 is the right one. What is its rank? What "
        "does argsort return, and what does gather take out of it?",
        "argsort lists candidates, the best first. You need the opposite: for the right candidate, how many are at "
        "least as similar? similarity.gather(1, right[:, None]) is the right candidate's similarity, as a column.",
    ),
)
def check_ranks(answer):
    similarity = torch.tensor([[0.9, 0.1, 0.5], [0.8, 0.3, 0.2], [0.1, 0.7, 0.6]])
    own, before = torch.arange(3), similarity.clone()
    found = answer(similarity, own)
    fits = isinstance(found, Tensor) and found.shape == (3,)
    yield fits, "Do you return one rank for each query?"
    question = "Is it the rank of each query's right candidate, 1 for the best?"
    yield compare(found, torch.tensor([1, 2, 2]), question, similarity=similarity, right=own)
    yield torch.equal(similarity, before), "Do you change the similarities that you were given?"
    worst = answer(torch.tensor([[0.0, 0.4, 0.3, 0.2], [0.5, 0.0, 0.4, 0.1]]), torch.arange(2))
    yield worst.tolist() == [4, 4], "Two queries and four candidates: is the least similar one at rank 4?"
    others = torch.tensor([2, 0, 2])  # two queries with the same right candidate
    question = "Do you use `right`? It needn't be candidate i for query i, and two queries may share one."
    yield compare(answer(similarity, others), torch.tensor([2, 1, 2]), question, similarity=similarity, right=others)
    tied = answer(torch.full((2, 3), 0.5), torch.arange(2))
    yield tied.tolist() == [3, 3], "All candidates tie: a method that can't tell them apart must not be first."


# ---------------------------------------------------------------- training to search


def contrastive_loss(queries, candidates, temperature=0.05):
    """Return the mean cross-entropy of choosing the right partner in the batch, from both sides, one number."""
    cosines = F.normalize(queries, dim=-1) @ F.normalize(candidates, dim=-1).T  # (pairs, pairs)
    logits, own = cosines / temperature, torch.arange(len(queries), device=queries.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


@exercise(
    contrastive_loss,
    build=True,
    minutes=10,
    difficulty=2,
    hints=(
        "First make a square of numbers: the cosine of every query with every candidate. In which cells of it are the "
        "pairs that belong together?",
        "With rows of length 1, a @ b.T holds all cosines; F.normalize makes them so. Divided by the temperature, each "
        "row holds the logits of one query, and the right class of row i is i: that's F.cross_entropy.",
        "The candidates choose as well: the same with the square transposed. Return the mean of the two.",
    ),
)
def check_contrastive_loss(answer):
    generator = torch.Generator().manual_seed(0)
    queries, candidates = torch.randn(2, 6, 8, generator=generator)
    candidates = candidates + queries
    found = answer(queries, candidates, 0.5)
    fits = isinstance(found, Tensor) and found.shape == ()
    yield fits, "Do you return one number for the whole batch, as a tensor?"
    longer = answer(3 * queries, candidates, 0.5), answer(queries, 3 * candidates, 0.5)
    question = "Vectors become three times as long, and the loss changes. Do you compare by cosine?"
    yield all(close(loss, found) for loss in longer), question
    flat = answer(queries, candidates, 1e6)
    question = (
        "At a huge temperature, all 6 are equally likely: is the loss log 6, a mean over the rows and both sides?"
    )
    yield close(flat, torch.tensor(6.0).log()), question
    logits = torch.tensor([[1.0, 0.6], [0.0, 0.8]])  # two queries, two candidates: the cosines of the vectors below
    a, b = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    rows, columns = (-(logits / 0.5).log_softmax(dim).diagonal().mean() for dim in (1, 0))
    one_side = close(answer(a, b, 0.5), rows) or close(answer(a, b, 0.5), columns)
    yield not one_side, "Does each query choose its candidate, and each candidate its query?"
    yield compare(
        answer(a, b, 0.5), (rows + columns) / 2, "Are the cosines divided by the temperature?", cosines=logits
    )
    rows, columns = (-(logits / 0.05).log_softmax(dim).diagonal().mean() for dim in (1, 0))
    yield close(answer(a, b), (rows + columns) / 2), "If no temperature is given, is it 0.05?"
    learned = [side.clone().requires_grad_() for side in (queries, candidates)]
    loss = answer(*learned, 0.5)
    if loss.requires_grad:
        loss.backward()
    reached = all(side.grad is not None and side.grad.abs().sum() > 0 for side in learned)
    yield reached, "Does a gradient reach both sides? Both are trained."


# ---------------------------------------------------------------- depth: what a query receives


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
