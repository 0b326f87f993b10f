"""Wrong answers to the exercises of notebook 08, each a slip that students make, and what they must be told."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from helpers.classroom.exercises import variants


def albert(vocabulary, positions, segments, E, H, I, L, layers=1, wide=None, widen=None):  # noqa: E741
    wide = E if wide is None else wide
    tables = vocabulary * wide + (positions + segments) * E + 2 * E
    layer = 4 * (H * H + H) + H * I + I + I * H + H + 4 * H
    return tables + (E * H + H if widen is None else widen) + layers * layer + H * H + H


def one_layer_each(vocabulary, positions, segments, E, H, I, L):  # noqa: E741
    return albert(vocabulary, positions, segments, E, H, I, L, layers=L)


def wide_words(vocabulary, positions, segments, E, H, I, L):  # noqa: E741
    return albert(vocabulary, positions, segments, E, H, I, L, wide=H)


def wide_positions(vocabulary, positions, segments, E, H, I, L):  # noqa: E741
    return albert(vocabulary, positions, segments, E, H, I, L) + (positions + segments) * (H - E)


def never_widens(vocabulary, positions, segments, E, H, I, L):  # noqa: E741
    return albert(vocabulary, positions, segments, E, H, I, L, widen=0)


def widens_without_bias(vocabulary, positions, segments, E, H, I, L):  # noqa: E741
    return albert(vocabulary, positions, segments, E, H, I, L, widen=E * H)


def no_pooler(vocabulary, positions, segments, E, H, I, L):  # noqa: E741
    return albert(vocabulary, positions, segments, E, H, I, L) - H * H - H


def no_bias_in_the_middle(vocabulary, positions, segments, E, H, I, L):  # noqa: E741
    return albert(vocabulary, positions, segments, E, H, I, L) - I


def a_float(vocabulary, positions, segments, E, H, I, L):  # noqa: E741
    return float(albert(vocabulary, positions, segments, E, H, I, L))


# masked_epochs


def masks_pile_up(rows, mask, epochs):
    seen = []
    for _ in range(epochs):
        rows = mask(rows)
        seen.append(rows)
    return seen


def ten_copies(rows, mask, epochs):
    copies = [mask(rows) for _ in range(10)]
    return [copies[epoch % 10] for epoch in range(epochs)]


def only_the_last(rows, mask, epochs):
    for _ in range(epochs):
        masked = mask(rows)
    return [masked]


def not_masked(rows, mask, epochs):
    return [rows for _ in range(epochs)]


def masks_in_place(rows, mask, epochs):
    seen = []
    for _ in range(epochs):
        rows.copy_(mask(rows))
        seen.append(rows.clone())
    return seen


def forty_by_heart(rows, mask, epochs):
    return [mask(rows) for _ in range(40)]


def one_row_for_all(rows, mask, epochs):
    return [mask(rows[:1]).expand(rows.shape) for _ in range(epochs)]


# soft_loss


def swapped(student_logits, teacher_logits, temperature):
    teacher = F.log_softmax(teacher_logits / temperature, dim=-1)
    return F.kl_div(teacher, F.softmax(student_logits / temperature, dim=-1), reduction="batchmean") * temperature**2


def no_square(student_logits, teacher_logits, temperature):
    student = F.log_softmax(student_logits / temperature, dim=-1)
    return F.kl_div(student, F.softmax(teacher_logits / temperature, dim=-1), reduction="batchmean")


def mean_over_everything(student_logits, teacher_logits, temperature):
    student = F.log_softmax(student_logits / temperature, dim=-1)
    parts = F.kl_div(student, F.softmax(teacher_logits / temperature, dim=-1), reduction="none")
    return parts.mean() * temperature**2


def two_logarithms(student_logits, teacher_logits, temperature):
    student = F.log_softmax(student_logits / temperature, dim=-1)
    teacher = F.log_softmax(teacher_logits / temperature, dim=-1)
    return F.kl_div(student, teacher, reduction="batchmean") * temperature**2


def cross_entropy_of_soft_targets(student_logits, teacher_logits, temperature):
    teacher = F.softmax(teacher_logits / temperature, dim=-1)
    return F.cross_entropy(student_logits / temperature, teacher) * temperature**2


def hot_student_cold_teacher(student_logits, teacher_logits, temperature):
    student = F.log_softmax(student_logits / temperature, dim=-1)
    return F.kl_div(student, F.softmax(teacher_logits, dim=-1), reduction="batchmean") * temperature**2


def over_the_batch(student_logits, teacher_logits, temperature):
    student = F.log_softmax(student_logits / temperature, dim=0)
    return F.kl_div(student, F.softmax(teacher_logits / temperature, dim=0), reduction="batchmean") * temperature**2


def without_gradient(student_logits, teacher_logits, temperature):
    with torch.no_grad():
        return variants.soft_loss(student_logits, teacher_logits, temperature)


def divides_in_place(student_logits, teacher_logits, temperature):
    student = F.log_softmax(student_logits.div_(temperature), dim=-1)
    teacher = F.softmax(teacher_logits.div_(temperature), dim=-1)
    return F.kl_div(student, teacher, reduction="batchmean") * temperature**2


# distillation_loss


def whole_loss(student, teacher, labels, attention_mask, temperature, weights, slip):
    (student_hidden, student_logits), (teacher_hidden, teacher_logits) = student, teacher
    if slip == "flag off":
        teacher_hidden.requires_grad_(False)
        teacher_logits.requires_grad_(False)
    elif slip != "teacher learns":
        teacher_hidden, teacher_logits = teacher_hidden.detach(), teacher_logits.detach()
    if slip == "backwards":
        student_logits, teacher_logits = teacher_logits, student_logits
    log_p = F.log_softmax(teacher_logits / temperature, dim=-1)
    log_q = F.log_softmax(student_logits / temperature, dim=-1)
    power = {"times T": 1, "no square": 0}.get(slip, 2)
    soft = (log_p.exp() * (log_p - log_q)).sum(-1).mean() * temperature**power
    if slip == "backwards":
        student_logits = teacher_logits
    hard = F.cross_entropy(student_logits / (temperature if slip == "soft labels" else 1), labels)
    if slip == "squared distance":
        distance = ((student_hidden - teacher_hidden) ** 2).mean(-1)
    else:
        distance = 1 - F.cosine_similarity(student_hidden, teacher_hidden, dim=-1)
    alike = distance[attention_mask.bool()].mean()
    if slip == "padding":
        alike = distance.mean()
    if slip == "mean of means":
        alike = ((distance * attention_mask).sum(1) / attention_mask.sum(1)).mean()
    if slip == "labels first":
        soft, hard = hard, soft
    if slip == "equal weights":
        weights = [float(weight > 0) for weight in weights]
    if slip in ("soft part cut off", "student cut off"):
        soft = soft.detach()
    if slip in ("hard part cut off", "student cut off"):
        hard = hard.detach()
    if slip == "student cut off":
        alike = alike.detach()
    return weights[0] * soft + weights[1] * hard + weights[2] * alike


def with_slip(slip):
    def answer(student, teacher, labels, attention_mask, temperature, weights):
        return whole_loss(student, teacher, labels, attention_mask, temperature, weights, slip)

    answer.__qualname__ = slip
    return answer


def returns_the_parts(student, teacher, labels, attention_mask, temperature, weights):
    return torch.stack([whole_loss(student, teacher, labels, attention_mask, temperature, weights, "")] * 3)


def hard_part_doubled(student, teacher, labels, attention_mask, temperature, weights):
    weights = (weights[0], 2 * weights[1], weights[2])
    return whole_loss(student, teacher, labels, attention_mask, temperature, weights, "")


def soft_logits_not_divided(student, teacher, labels, attention_mask, temperature, weights):
    soft = whole_loss(student, teacher, labels, attention_mask, 1.0, weights, "")
    return soft * temperature**2


# rotate


def angles_in_float32(x, positions, base=10_000.0):
    half = x.shape[-1] // 2
    angle = positions[:, None] * base ** (-torch.arange(half) / half)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)


def rotated(x, positions, base=10_000.0, slip=""):
    half = x.shape[-1] // 2
    exponents = torch.arange(half, dtype=x.dtype) / half
    speeds = base ** (-exponents / (2 if slip == "half the exponent" else 1))
    if slip == "fixed base":
        speeds = 10_000.0**-exponents
    angle = (positions + (1 if slip == "from one" else 0))[:, None] * speeds
    if slip == "squared":
        angle = positions[:, None] ** 2 * speeds
    if slip == "degrees":
        angle = angle * torch.pi / 180
    if slip == "clockwise":
        angle = -angle
    a, b = x.chunk(2, dim=-1)
    if slip == "neighbors":
        a, b = x[..., 0::2], x[..., 1::2]
    if slip == "in place":
        x[..., :half], x[..., half:] = a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()
        return x
    if slip == "reflected":
        return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() - a * angle.sin()], dim=-1)
    first, second = a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()
    if slip == "neighbors":
        return torch.stack([first, second], dim=-1).flatten(-2)
    return first if slip == "one half" else torch.cat([first, second], dim=-1)


def turned(slip):
    def answer(x, positions, base=10_000.0):
        return rotated(x, positions, base, slip)

    answer.__qualname__ = slip
    return answer


# unpad


def pads_by_id(input_ids, attention_mask):
    return variants.unpad(input_ids, (input_ids != 0).long())


def keeps_padding(input_ids, attention_mask):
    return (input_ids.flatten(), *variants.unpad(input_ids, attention_mask)[1:])


def positions_run_on(input_ids, attention_mask):
    tokens, _, same_text = variants.unpad(input_ids, attention_mask)
    return tokens, torch.arange(len(tokens)), same_text


def positions_from_one(input_ids, attention_mask):
    tokens, positions, same_text = variants.unpad(input_ids, attention_mask)
    return tokens, positions + 1, same_text


def two_results(input_ids, attention_mask):
    return variants.unpad(input_ids, attention_mask)[:2]


def a_float_mask(input_ids, attention_mask):
    tokens, positions, same_text = variants.unpad(input_ids, attention_mask)
    return tokens, positions, same_text.float()


def causal_within_a_text(input_ids, attention_mask):
    tokens, positions, same_text = variants.unpad(input_ids, attention_mask)
    return tokens, positions, same_text.tril()


def compares_ids(input_ids, attention_mask):
    tokens, positions, _ = variants.unpad(input_ids, attention_mask)
    return tokens, positions, tokens[:, None] == tokens[None, :]


def everything_attends(input_ids, attention_mask):
    tokens, positions, same_text = variants.unpad(input_ids, attention_mask)
    return tokens, positions, torch.ones_like(same_text)


def fills_the_padding_in_place(input_ids, attention_mask):
    found = variants.unpad(input_ids, attention_mask)
    input_ids[attention_mask == 0] = -1
    return found


# modern_attention


def attention_with(slip):
    """Return a modern_attention with one slip."""

    def answer(query, key, value, positions, same_text, reach, base):
        base = 10_000.0 if slip == "fixed base" else base
        turned_query, turned_key = (variants.rotate(tensor, positions, base) for tensor in (query, key))
        turned_query = query if slip == "keys only" else turned_query
        turned_key = key if slip in ("queries only", "nothing") else turned_key
        turned_query = query if slip == "nothing" else turned_query
        value = variants.rotate(value, positions) if slip == "values" else value
        allowed, distance = same_text, positions[:, None] - positions[None, :]
        if slip == "truth of reach" and reach or slip != "truth of reach" and reach is not None:
            near = distance.abs() <= reach
            near = distance.abs() < reach if slip == "strictly" else near
            near = distance.abs() <= 2 * reach if slip == "twice as far" else near
            near = near & (distance >= 0) if slip == "behind" else near
            near = near & (distance <= 0) if slip == "ahead" else near
            near = torch.ones_like(near) if slip == "no window" else near
            allowed = near if slip == "window only" else allowed | near if slip == "or" else allowed & near
        allowed = torch.ones_like(same_text) if slip == "all texts" else allowed
        allowed = ~allowed if slip == "upside down" and not allowed.all() else allowed
        scale = 1.0 if slip == "no scale" else None
        output = F.scaled_dot_product_attention(turned_query, turned_key, value, attn_mask=allowed, scale=scale)
        if slip == "in place":
            positions += 1  # all by one: only the differences count
        return (output, allowed) if slip == "weights" else output

    answer.__qualname__ = slip
    return answer


# every_second


def shares_the_layers(layers):
    return layers[::2]


def a_plain_list(layers):
    return [copy.deepcopy(layer).requires_grad_(True) for layer in layers[::2]]


def starts_with_the_second(layers):
    return copy.deepcopy(layers[1::2]).requires_grad_(True)


def the_lower_half(layers):
    return copy.deepcopy(layers[: (len(layers) + 1) // 2]).requires_grad_(True)


def half_of_an_odd_number(layers):
    return nn.ModuleList(copy.deepcopy(layers[2 * i]) for i in range(len(layers) // 2)).requires_grad_(True)


def three_by_heart(layers):
    return nn.ModuleList(copy.deepcopy(layers[i]) for i in (0, 2, 4)).requires_grad_(True)


def stays_frozen(layers):
    return copy.deepcopy(layers[::2])


def a_new_list_of_old_layers(layers):
    return nn.ModuleList(list(layers)[::2]).requires_grad_(True)


def fresh_layers(layers):
    return nn.ModuleList([nn.Linear(layer.in_features, layer.out_features) for layer in layers[::2]])


def without_biases(layers):
    student = nn.ModuleList([nn.Linear(layer.in_features, layer.out_features) for layer in layers[::2]])
    for new, old in zip(student, layers[::2]):
        new.weight.data.copy_(old.weight)
    return student


def new_names_for_old_numbers(layers):
    student = nn.ModuleList([nn.Linear(layer.in_features, layer.out_features) for layer in layers[::2]])
    for new, old in zip(student, layers[::2]):
        new.weight, new.bias = nn.Parameter(old.weight), nn.Parameter(old.bias)
    return student


def wakes_the_teacher(layers):
    layers.requires_grad_(True)
    return copy.deepcopy(layers[::2])


def cuts_the_teacher(layers):
    student = copy.deepcopy(layers[::2]).requires_grad_(True)
    with torch.no_grad():
        layers[1].weight.zero_()
    return student


WRONG = {
    "albert_by_formula": [
        (one_layer_each, "one layer used twice as often"),
        (wide_words, "does it cost H numbers"),
        (wide_positions, "position and segment tables"),
        (never_widens, "is that matrix there"),
        (widens_without_bias, "every bias and norm"),
        (no_pooler, "the pooler"),
        (no_bias_in_the_middle, "and a bias"),
        (a_float, "return an int"),
    ],
    "masked_epochs": [
        (masks_pile_up, "pile up"),
        (ten_copies, "take turns"),
        (only_the_last, "every epoch"),
        (forty_by_heart, "every epoch"),
        (one_row_for_all, "all rows"),
        (not_masked, "Is every epoch masked"),
        (masks_in_place, "change the rows"),
    ],
    "soft_loss": [
        (swapped, "Which comes first"),
        (no_square, "is T² there"),
        (mean_over_everything, "rows times words"),
        (two_logarithms, "each argument as it expects"),
        (cross_entropy_of_soft_targets, "is the loss 0"),
        (hot_student_cold_teacher, "is the loss 0"),
        (over_the_batch, "over the words"),
        (divides_in_place, "change the logits"),
        (without_gradient, "reach its logits"),
    ],
    "distillation_loss": [
        (with_slip("backwards"), "p the teacher's"),
        (with_slip("times T"), "where T² is needed"),
        (with_slip("no square"), "times T²?"),
        (with_slip("soft labels"), "have no temperature"),
        (with_slip("squared distance"), "three times as long"),
        (with_slip("padding"), "does padding take part"),
        (with_slip("mean of means"), "all real tokens of the batch"),
        (with_slip("labels first"), "in the order soft, hard, cosine"),
        (with_slip("equal weights"), "multiplied by its own weight"),
        (with_slip("student cut off"), "reach the student"),
        (with_slip("soft part cut off"), "reach the student"),
        (with_slip("hard part cut off"), "reach the student"),
        (with_slip("teacher learns"), "reaches the teacher"),
        (with_slip("flag off"), "leaf variables"),
        (returns_the_parts, "a tensor of shape ()"),
        (hard_part_doubled, "the student's logits with the labels"),
        (soft_logits_not_divided, "both logits divided by T"),
    ],
    "rotate": [
        (angles_in_float32, "the angle is imprecise"),
        (turned("neighbors"), "Which features make a pair"),
        (turned("one half"), "the shape of x"),
        (turned("from one"), "Position 0"),
        (turned("reflected"), "keeps the length"),
        (turned("clockwise"), "Is a sign wrong"),
        (turned("degrees"), "turned by 1 radian?"),
        (turned("half the exponent"), "second of two pairs"),
        (turned("fixed base"), "depend on it"),
        (turned("squared"), "second of two pairs"),
        (turned("in place"), "change the vectors"),
    ],
    "unpad": [
        (everything_attends, "exactly where two tokens"),
        (two_results, "three tensors"),
        (keeps_padding, "the real tokens of all rows"),
        (positions_run_on, "start at 0"),
        (positions_from_one, "position in its own text"),
        (a_float_mask, "is it bool"),
        (compares_ids, "do you compare ids"),
        (causal_within_a_text, "attend both ways"),
        (pads_by_id, "because of its mask"),
        (fills_the_padding_in_place, "change the ids"),
    ],
    "modern_attention": [
        (attention_with("weights"), "the output alone"),
        (attention_with("no scale"), "the attention of notebook 01"),
        (attention_with("upside down"), "upside down"),
        (attention_with("all texts"), "its own text only"),
        (attention_with("keys only"), "only one of them"),
        (attention_with("queries only"), "only one of them"),
        (attention_with("values"), "rotate the values"),
        (attention_with("nothing"), "rotated by their positions"),
        (attention_with("fixed base"), "passed on to rotate"),
        (attention_with("no window"), "any smaller"),
        (attention_with("strictly"), "may it be seen"),
        (attention_with("behind"), "both sides"),
        (attention_with("ahead"), "both sides"),
        (attention_with("or"), "Must both conditions hold"),
        (attention_with("window only"), "still attend to its own text"),
        (attention_with("twice as far"), "to its neighbors in its own text"),
        (attention_with("truth of reach"), "Is 0 taken for None"),
        (attention_with("in place"), "change the tensors"),
    ],
    "every_second": [
        (shares_the_layers, "Whose weights"),
        (a_plain_list, "nn.ModuleList"),
        (starts_with_the_second, "start with the second"),
        (the_lower_half, "layers 0, 2, 4 and 6"),
        (half_of_an_odd_number, "are there four"),
        (three_by_heart, "are there four"),
        (stays_frozen, "anything to train"),
        (a_new_list_of_old_layers, "Whose weights"),
        (fresh_layers, "layers 0, 2, 4 and 6"),
        (without_biases, "and biases"),
        (new_names_for_old_numbers, "Whose weights"),
        (wakes_the_teacher, "still frozen"),
        (cuts_the_teacher, "still frozen"),
    ],
}
