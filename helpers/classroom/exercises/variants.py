"""Exercises of notebook 08 and its depth: teach a student, rotate positions, take the padding out, attend as
ModernBERT does, count ALBERT, mask in every epoch, and copy every second layer."""

import copy
import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...attention import scaled_dot_product_attention
from ..checks import compare, exercise
from . import close

# ---------------------------------------------------------------- spot the bug: soft targets


def soft_loss(student_logits, teacher_logits, temperature):
    """Return KL(teacher ‖ student) of the softened answers, mean over the rows, times T²."""
    log_q = F.log_softmax(student_logits / temperature, dim=-1)
    p = F.softmax(teacher_logits / temperature, dim=-1)
    return F.kl_div(log_q, p, reduction="batchmean") * temperature**2


def found_soft_loss(student_logits, teacher_logits, temperature):
    """Return KL(teacher ‖ student) of the softened answers, mean over the rows, times T²."""
    q = F.softmax(student_logits / temperature, dim=-1)
    p = F.softmax(teacher_logits / temperature, dim=-1)
    return F.kl_div(q, p, reduction="mean") * temperature**2


@exercise(
    soft_loss,
    minutes=10,
    difficulty=2,
    found=found_soft_loss,
    hints=(
        "A Kullback-Leibler divergence is never negative, and 0 where both agree. Try it on one row.",
        "Read what F.kl_div expects as its first argument: it takes no logarithm of it. Then read what each of "
        "its reductions divides by.",
    ),
)
def check_soft_loss(answer):
    generator = torch.Generator().manual_seed(0)
    student, teacher = given = torch.randn(2, 6, 3, generator=generator)
    before = given.clone()
    same = answer(teacher.clone(), teacher.clone(), 2.0)
    yield same.shape == (), "Do you return one number?"
    yield same >= -1e-5, "A divergence is never negative: does F.kl_div get each argument as it expects it?"
    yield close(same, torch.tensor(0.0)), "Student and teacher agree: is the loss 0?"
    yield answer(student[:1], teacher[:1], 1.0) > 0.01, "One row alone costs nothing: is the softmax over the words?"
    p, q = teacher.softmax(-1), student.softmax(-1)
    plain = answer(student, teacher, 1.0)
    backwards = (q * (q.log() - p.log())).sum(-1).mean()
    yield not close(plain, backwards), "Which comes first in F.kl_div, the student's answer or the teacher's?"
    by_hand = (p * (p.log() - q.log())).sum(-1)
    yield not close(plain, by_hand.mean() / 3), "Is it the mean over rows, or over rows times words?"
    yield close(plain, by_hand.mean()), "At T = 1, is it the sum of p (log p - log q), mean over the rows?"
    # logits and T doubled: the same softened answers, so T² alone is left
    yield close(answer(2 * student, 2 * teacher, 2.0), 4 * plain), "At T = 2, is T² there, once and whole?"
    answer(student, teacher, 2.0)
    yield torch.equal(given, before), "Do you change the logits that you were given?"
    loss = answer(student.clone().requires_grad_(), teacher, 2.0)
    yield loss.requires_grad, "The student is to learn from this: does a gradient reach its logits?"


# ---------------------------------------------------------------- the whole loss


def distillation_loss(student, teacher, labels, attention_mask, temperature, weights):
    """Return the weighted sum of soft targets, hard targets, and one minus the cosine at real tokens."""
    (student_hidden, student_logits), (teacher_hidden, teacher_logits) = student, teacher
    log_p = F.log_softmax(teacher_logits.detach() / temperature, dim=-1)  # the teacher is not trained
    log_q = F.log_softmax(student_logits / temperature, dim=-1)
    soft = (log_p.exp() * (log_p - log_q)).sum(-1).mean() * temperature**2
    hard = F.cross_entropy(student_logits, labels)
    cosines = F.cosine_similarity(student_hidden, teacher_hidden.detach(), dim=-1)  # (batch, seq)
    hidden = (1 - cosines)[attention_mask.bool()].mean()
    return weights[0] * soft + weights[1] * hard + weights[2] * hidden


@exercise(
    distillation_loss,
    minutes=10,
    difficulty=2,
    build=True,
    hints=(
        "Write the three parts one after the other, and test each alone: weights (1, 0, 0), (0, 1, 0), and (0, 0, 1).",
        "Soft: your soft_loss. Hard: F.cross_entropy of the student's logits as they are. Cosine: "
        "1 - F.cosine_similarity(…, dim=-1) is (batch, seq); index it with attention_mask.bool(), then take the mean.",
        "The teacher's tensors may carry a graph. detach() cuts it, so that no gradient reaches the teacher.",
    ),
)
def check_distillation_loss(answer):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(2, 4, 5, 8, generator=generator)  # two models, batch 4, seq 5
    logits = torch.randn(2, 6, 3, generator=generator)  # two models, 6 targets, 3 words
    labels = torch.tensor([0, 2, 1, 1, 0, 2])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 0]])

    def loss(weights, temperature=1.0, hidden=hidden, logits=logits):
        both = [(hidden[i].clone(), logits[i].clone()) for i in (0, 1)]
        return answer(*both, labels, mask, temperature, weights)

    q, p = logits.softmax(-1)
    by_hand = (p * (p / q).log()).sum(-1).mean()
    soft = loss((1, 0, 0))
    yield isinstance(soft, Tensor) and soft.shape == (), "Do you return one number, a tensor of shape ()?"
    swapped = close(soft, F.cross_entropy(logits[0], labels))
    yield not swapped, "With weights (1, 0, 0), this is the hard part. Are the weights in the order soft, hard, cosine?"
    question = "Soft part, T = 1: is it the sum over words of p (log p - log q), p the teacher's, mean over targets?"
    yield compare(soft, by_hand, question)
    doubled = loss((1, 0, 0), temperature=2.0, logits=2 * logits)
    yield not close(doubled, 2 * by_hand), "Soft part: is it times T, where T² is needed?"
    yield close(doubled, 4 * by_hand), "Soft part at T = 2: are both logits divided by T, and is the result times T²?"
    hard = F.cross_entropy(logits[0], labels)
    question = "Hard part: is it the cross-entropy of the student's logits with the labels?"
    yield compare(loss((0, 1, 0)), hard, question, labels=labels)
    hot = loss((0, 1, 0), temperature=4.0)
    yield close(hot, hard), "Hard part: are its logits divided by T? Labels have no temperature."
    turned = loss((0, 0, 1), hidden=torch.stack([hidden[0], 3 * hidden[0]]))
    yield close(turned, torch.tensor(0.0)), "Cosine part: same direction, three times as long. Is that a distance of 0?"
    distance = 1 - F.cosine_similarity(hidden[0], hidden[1], dim=-1)
    noisy = torch.where(mask[..., None].bool(), hidden, torch.randn(hidden.shape, generator=generator))
    yield close(loss((0, 0, 1), hidden=noisy), loss((0, 0, 1))), "Cosine part: does padding take part?"
    expected = distance[mask.bool()].mean()
    yield close(loss((0, 0, 1)), expected), "Cosine part: is it the mean over all real tokens of the batch?"
    whole = 5 * by_hand + 2 * hard + expected
    yield close(loss((5, 2, 1)), whole), "All three: is each part multiplied by its own weight?"

    def reached(weights):
        """Return where a gradient arrives: at the student's states and logits, at the teacher's states and logits."""
        leaves = [tensor.clone().requires_grad_() for tensor in (hidden[0], logits[0], hidden[1], logits[1])]
        made = [1 * leaf for leaf in leaves]  # what a model gives carries a graph
        total = answer((made[0], made[1]), (made[2], made[3]), labels, mask, 2.0, weights)
        if total.requires_grad:
            total.backward()
        return [leaf.grad is not None and bool(leaf.grad.any()) for leaf in leaves]

    alone = [reached(weights)[place] for weights, place in (((1, 0, 0), 1), ((0, 1, 0), 1), ((0, 0, 1), 0))]
    yield all(alone), "Does a gradient reach the student from each of the three parts?"
    yield not any(reached((5, 2, 1))[2:]), "A gradient reaches the teacher. Where do you detach it?"


# ---------------------------------------------------------------- rotary positions


def rotate(x, positions, base=10_000.0):
    """Rotate each pair of features by an angle that grows with the position; same shape as x."""
    half, exact = x.shape[-1] // 2, torch.promote_types(x.dtype, torch.float32)  # bfloat16 would round positions
    speeds = base ** (-torch.arange(half, dtype=exact, device=x.device) / half)  # radians per position
    angle = positions[:, None] * speeds  # (seq, d / 2)
    a, b = x.to(exact).chunk(2, dim=-1)
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1).to(x.dtype)


@exercise(
    rotate,
    minutes=15,
    difficulty=2,
    build=True,
    hints=(
        "First the angles: positions[:, None] * speeds is (seq, d / 2), one angle for each position and pair. The "
        "speeds are base ** (-i / half) for i = 0, 1, …, half - 1.",
        "Split x into a = x[..., :half] and b = x[..., half:]. A rotation makes a cos - b sin of a, and b cos + a sin "
        "of b. torch.cat(…, dim=-1) puts the halves back.",
    ),
)
def check_rotate(answer):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 5, 8, generator=generator, dtype=torch.float64)  # (batch, heads, seq, d)
    positions, before = torch.arange(5), x.clone()
    found = answer(x, positions)
    fits = isinstance(found, Tensor) and found.shape == x.shape
    yield fits, "Does the result have the shape of x?"
    yield torch.equal(x, before), "Do you change the vectors that you were given?"
    yield close(found[..., 0, :], x[..., 0, :]), "Position 0: is every angle 0, so that nothing changes?"
    yield close(found.norm(dim=-1), x.norm(dim=-1)), "A rotation keeps the length of a vector. Does yours?"
    east = torch.tensor([[1.0, 0.0, 0.0, 0.0]], dtype=torch.float64)  # the first pair is features 0 and 2
    turned = answer(east, torch.tensor([1]))[0]
    mirrored = torch.tensor([1.0, 0.0, -1.0, 0.0], dtype=torch.float64) * turned
    one = torch.tensor([1.0], dtype=torch.float64)
    expected = torch.stack([one.cos()[0], 0 * one[0], one.sin()[0], 0 * one[0]])
    yield (
        not close(mirrored, expected),
        "The first pair turns by 1 radian a position, counterclockwise. Is a sign wrong?",
    )
    neighbors = torch.stack([one.cos()[0], one.sin()[0], 0 * one[0], 0 * one[0]])
    yield not close(turned, neighbors), "Which features make a pair: i and i + 1, or i and i + d/2?"
    question = "Position 1, first pair (features 0 and 2 of 4): is it turned by 1 radian?"
    yield compare(turned, expected, question, x=east[0])
    north = torch.tensor([[0.0, 1.0, 0.0, 0.0]], dtype=torch.float64)
    slow = answer(north, torch.tensor([100]))[0]  # the second pair of two: 100 · 10,000 ** (-1 / 2) = 1 radian
    expected = torch.stack([0 * one[0], one.cos()[0], 0 * one[0], one.sin()[0]])
    question = "Position 100, second of two pairs: is its angle 100 · base ** (-1 / 2), 1 radian?"
    yield compare(slow, expected, question, x=north[0])
    other = answer(north, torch.tensor([100]), base=100.0)[0]
    yield not close(other, slow), "Another base changes nothing. Do the speeds depend on it?"
    far = answer(north, torch.tensor([1_234_567]))[0]  # 12,345.67 radians, which float32 rounds to 12,345.67 ± 0.0005
    question = "Far away and in float64, the angle is imprecise. Do you compute it in the dtype of x, if that's finer?"
    yield compare(far[1::2], torch.tensor([math.cos(12345.67), math.sin(12345.67)], dtype=torch.float64), question)


# ---------------------------------------------------------------- padding taken out


def unpad(input_ids, attention_mask):
    """Return the batch's real tokens in one row, their positions, and which tokens share a text."""
    real = attention_mask.bool()
    text, position = real.nonzero().T  # of each real token: its row, and its place in it
    return input_ids[real], position, text[:, None] == text[None, :]


@exercise(
    unpad,
    minutes=10,
    difficulty=2,
    build=True,
    hints=(
        "input_ids[attention_mask.bool()] is all you need for the first result: row by row, without padding.",
        "attention_mask.bool().nonzero() has a row (text, position) for each real token. Two tokens may attend to each "
        "other if their texts are equal: text[:, None] == text[None, :].",
    ),
)
def check_unpad(answer):
    ids = torch.tensor([[101, 7, 8, 102, 0], [101, 9, 102, 0, 0], [101, 5, 6, 4, 102]])
    mask, before = (ids != 0).long(), ids.clone()
    result = answer(ids, mask)
    fits = isinstance(result, tuple) and len(result) == 3 and all(isinstance(part, Tensor) for part in result)
    yield fits, "Do you return three tensors: ids, positions, same_text?"
    tokens, positions, same_text = result
    question = "First result: are these the real tokens of all rows, one after the other, (tokens,)?"
    yield compare(tokens, ids[mask.bool()], question, input_ids=ids)
    onward = torch.equal(positions, torch.arange(len(tokens)))
    yield not onward, "The positions run on across texts. Doesn't each text start at 0?"
    expected = torch.tensor([0, 1, 2, 3, 0, 1, 2, 0, 1, 2, 3, 4])
    question = "Second result: is it each token's position in its own text, int64 (tokens,)?"
    yield compare(positions, expected, question, attention_mask=mask)
    fits = same_text.shape == (12, 12) and same_text.dtype == torch.bool
    yield fits, "Third result: is it bool, (tokens, tokens)?"
    by_id = torch.equal(same_text, tokens[:, None] == tokens[None, :])
    yield not by_id, "Third result: do you compare ids? Two texts may hold the same token; [CLS] is in all of them."
    yield same_text[5, 4].item() and same_text[4, 5].item(), "Tokens of one text attend both ways. Do they in yours?"
    text = torch.tensor([0] * 4 + [1] * 3 + [2] * 5)
    question = "Third result: is it True exactly where two tokens belong to the same text?"
    yield compare(same_text, text[:, None] == text[None, :], question)
    # a pad id that is also a word: the mask decides, and not the id
    odd = answer(torch.tensor([[101, 0, 102]]), torch.tensor([[1, 1, 1]]))[0]
    yield odd.tolist() == [101, 0, 102], "Is a token real because of its mask, or because its id isn't 0?"
    yield torch.equal(ids, before), "Do you change the ids that you were given?"


# ---------------------------------------------------------------- rotation, window, and packed texts in one head


def modern_attention(query, key, value, positions, same_text, reach, base):
    """Return ModernBERT's attention over a row of packed texts: rotated, within each text, and nearby if asked."""
    query, key = rotate(query, positions, base), rotate(key, positions, base)
    allowed = same_text
    if reach is not None:
        allowed = allowed & ((positions[:, None] - positions[None, :]).abs() <= reach)
    output, _ = scaled_dot_product_attention(query, key, value, allowed)
    return output


@exercise(
    modern_attention,
    minutes=10,
    difficulty=2,
    build=True,
    hints=(
        "Three steps: rotate queries and keys, make one bool mask, attend. The mask starts as same_text; a local layer "
        "allows less.",
        "positions[:, None] - positions[None, :] is (tokens, tokens): how far apart the two are. Its absolute value "
        "must be at most reach. Two conditions that must both hold are joined by &.",
    ),
)
def check_modern_attention(answer):
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 2, 9, 8, generator=generator)  # (heads, tokens, d) each
    text = torch.tensor([0] * 6 + [1] * 3)
    positions, same_text = torch.tensor([0, 1, 2, 3, 4, 5, 0, 1, 2]), text[:, None] == text[None, :]
    given = (query, key, value, positions, same_text)
    before = [tensor.clone() for tensor in given]
    unmoved, everything = torch.zeros(9, dtype=torch.long), torch.ones(9, 9, dtype=torch.bool)

    def ask(where, texts, reach=None, base=10_000.0):
        return answer(query, key, value, where, texts, reach, base)

    def plain(allowed):
        return scaled_dot_product_attention(query, key, value, allowed)[0]

    found = ask(unmoved, everything)
    fits = isinstance(found, Tensor) and found.shape == value.shape
    yield fits, "Do you return the output alone, (heads, tokens, d)?"
    yield close(found, plain(everything)), "One text, all at position 0: is it the attention of notebook 01?"
    found = ask(unmoved, same_text)
    opposite = close(found, plain(~same_text))
    yield not opposite, "Each token attends to the other texts only. Is the mask upside down?"
    yield close(found, plain(same_text)), "Two texts in one row: does a token attend to its own text only?"
    where = torch.arange(9)
    found = ask(where, everything)
    turned = [rotate(tensor, where) for tensor in (query, key, value)]
    halfway = [
        scaled_dot_product_attention(*vectors, everything)[0]
        for vectors in ((turned[0], key, value), (query, turned[1], value))
    ]
    yield not any(close(found, one) for one in halfway), "Do you rotate the queries and the keys, or only one of them?"
    moved = scaled_dot_product_attention(*turned, everything)[0]
    yield not close(found, moved), "Do you rotate the values? They are passed on as they are."
    question = "One text at positions 0, 1, 2, …: are queries and keys rotated by their positions?"
    expected = scaled_dot_product_attention(turned[0], turned[1], value, everything)[0]
    yield compare(found[0], expected[0], question, positions=where)
    other = ask(where, everything, base=100.0)
    yield not close(other, found), "Another base changes nothing. Is it passed on to rotate?"
    found = ask(positions, same_text, reach=1)
    rotated = [rotate(tensor, positions) for tensor in (query, key)]

    def within(allowed):
        return scaled_dot_product_attention(*rotated, value, allowed)[0]

    distance = positions[:, None] - positions[None, :]
    yield not close(found, within(same_text)), "With reach=1, is the mask any smaller?"
    yield not close(found, within(same_text & (distance.abs() < 1))), "A token `reach` positions away: may it be seen?"
    one_sided = [same_text & (distance <= 1) & (distance >= 0), same_text & (distance >= -1) & (distance <= 0)]
    yield not any(close(found, within(mask)) for mask in one_sided), "Does a token attend to both sides?"
    yield not close(found, within(same_text | (distance.abs() <= 1))), "Must both conditions hold, or is one enough?"
    yield not close(found, within(distance.abs() <= 1)), "With reach, does a token still attend to its own text only?"
    question = "With reach=1: does each token attend to its neighbors in its own text, and to nothing else?"
    yield compare(found[0], within(same_text & (distance.abs() <= 1))[0], question, positions=positions)
    nearest = ask(positions, same_text, reach=0)
    yield close(nearest, value), "With reach=0, each token attends to itself only. Is 0 taken for None?"
    yield all(map(torch.equal, given, before)), "Do you change the tensors that you were given?"


# ---------------------------------------------------------------- depth


def albert_by_formula(vocabulary, positions, segments, E, H, I, L):  # noqa: E741
    """Return how many numbers an ALBERT encoder learns, pooler included."""
    embeddings = (vocabulary + positions + segments) * E + 2 * E  # three narrow tables and a norm
    widen = E * H + H
    attention = 4 * (H * H + H)
    feed_forward = H * I + I + I * H + H
    layer = attention + feed_forward + 2 * 2 * H  # one, however often it is used
    pooler = H * H + H
    return embeddings + widen + layer + pooler


@exercise(
    albert_by_formula,
    minutes=10,
    difficulty=2,
    hints=(
        "Start from bert_by_formula in section 1. Which three tables get narrower, what makes them wide again, and how "
        "often do you count the layer?",
        "Tables and their norm are E wide. One linear layer with a bias leads from E to H. L does not appear.",
    ),
)
def check_albert_by_formula(answer):
    tiny = {"vocabulary": 50, "positions": 10, "segments": 2, "E": 3, "H": 8, "I": 16, "L": 4}

    def more(**changes):
        return answer(**tiny | changes) - answer(**tiny)

    yield isinstance(answer(**tiny), int), "A number of parameters is whole: do you return an int?"
    yield more(L=8) == 0, "Twice as many layers: is that twice the numbers, or one layer used twice as often?"
    yield more(vocabulary=51) == 3, "One more word: does it cost H numbers, or E?"
    yield more(positions=11) == more(segments=3) == 3, "How wide are the position and segment tables: E or H?"
    yield more(E=4) == 50 + 10 + 2 + 2 + 8, "Words of E numbers must be widened to H: is that matrix there, and a norm?"
    yield more(I=17) == 2 * 8 + 1, "One wider feed-forward part: a column up, a row down, and a bias?"
    yield answer(**tiny) == 896, "One layer, the pooler, and every bias and norm, also where E becomes H: all there?"
    base = answer(30000, 512, 2, E=128, H=768, I=3072, L=12)
    yield base == 11_683_584, "ALBERT-base: does your formula give what PyTorch counts, 11,683,584?"


def masked_epochs(rows, mask, epochs):
    """Return what a model sees: for each epoch, all rows, masked anew."""
    seen = []
    for _ in range(epochs):
        seen.append(mask(rows))
    return seen


def found_masked_epochs(rows, mask, epochs):
    """Return what a model sees: for each epoch, all rows, masked anew."""
    masked = mask(rows)
    seen = []
    for _ in range(epochs):
        seen.append(masked)
    return seen


@exercise(
    masked_epochs,
    minutes=5,
    difficulty=1,
    found=found_masked_epochs,
    hints=(
        "How often is mask called in forty epochs?",
        "Each epoch starts from the rows as they were, not from what the last epoch has left of them.",
    ),
)
def check_masked_epochs(answer):
    generator = torch.Generator().manual_seed(0)
    rows = torch.arange(1, 41).reshape(2, 20)
    kept = rows.clone()

    def mask(rows):
        """Hide three words of each row (0 hides); a new draw at every call."""
        chosen = torch.rand(rows.shape, generator=generator).topk(3, dim=1).indices
        return rows.scatter(1, chosen, 0)

    seen = answer(rows, mask, 30)
    yield len(seen) == 30 and all(epoch.shape == rows.shape for epoch in seen), "Do you return all rows, every epoch?"
    own = all(torch.equal(epoch, kept * (epoch != 0)) for epoch in seen)
    yield own, "Do you mask all rows, each of them with its own words?"
    yield torch.equal(rows, kept), "Do you change the rows that you were given?"
    hidden = {int((epoch == 0).sum()) for epoch in seen}
    yield 0 not in hidden, "Is every epoch masked?"
    yield hidden == {6}, "Do the masks pile up? Each epoch must start from the rows as they were."
    versions = {tuple(epoch.flatten().tolist()) for epoch in seen}
    yield len(versions) > 1, "Do all epochs see one and the same version? How often do you draw?"
    yield len(versions) >= 28, "Are masks drawn in every epoch, or do some copies take turns?"


def every_second(layers):
    """Return a copy of every second layer, to be trained."""
    return copy.deepcopy(layers[::2]).requires_grad_(True)


@exercise(
    every_second,
    minutes=10,
    difficulty=2,
    hints=(
        "layers[::2] is a new list, but of whose layers?",
        "copy.deepcopy copies a module with its weights, and also whether they are frozen.",
    ),
)
def check_every_second(answer):
    teacher = nn.ModuleList([nn.Linear(3, 3) for _ in range(7)])
    for place, parameter in enumerate(itertools.chain(*(layer.parameters() for layer in teacher))):
        nn.init.constant_(parameter, float(place))
        parameter.requires_grad_(False)  # the teacher is done
    before = copy.deepcopy(teacher.state_dict())
    student = answer(teacher)
    yield (
        isinstance(student, nn.ModuleList),
        "Is it an nn.ModuleList? A plain list hides weights from an optimizer.",
    )
    places = [parameter.mean().item() for parameter in student.parameters()]  # weight and bias, layer by layer
    yield places[:1] != [2.0], "Do you start with the second layer? The first one stands on the embeddings."
    yield len(student) == 4, "Seven layers: are there four in the student?"
    yield places == [0, 1, 4, 5, 8, 9, 12, 13], "Are they the layers 0, 2, 4 and 6 in this order, weights and biases?"
    after = copy.deepcopy(teacher.state_dict())
    for parameter in student.parameters():
        parameter.data += 1  # the student learns
    shared = any(not torch.equal(tensor, after[name]) for name, tensor in teacher.state_dict().items())
    yield not shared, "Whose weights are these? What the student learns must not reach the teacher."
    yield all(p.requires_grad for p in student.parameters()), "The teacher was frozen: is there anything to train here?"
    whole = len(teacher) == 7 and all(torch.equal(after[name], before[name]) for name in before)
    yield whole and not any(p.requires_grad for p in teacher.parameters()), "Is the teacher as it was, still frozen?"
