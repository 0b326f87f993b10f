"""Wrong answers to the exercises of notebook 05, each a slip that a student makes, and what the message must say."""

import inspect
import math

import torch
from torch.nn import functional as F

from helpers.classroom.exercises import encoder


def altered(reference, *slips: tuple[str, str]):
    """Return the reference with slips in it: of each pair the first text, which must be there, becomes the second."""
    source = inspect.getsource(reference)
    for old, new in slips:
        assert old in source, f"{old!r} is not in {reference.__name__}"
        source = source.replace(old, new)
    namespace = {"torch": torch, "F": F, "math": math}
    exec(source, namespace)
    return namespace[reference.__name__]


def layer(*slip: str):
    return altered(encoder.encoder_layer, slip)


def embedding(*slip: str):
    return altered(encoder.embed, slip)


def distance(*slip: str):
    return altered(encoder.word_distance, slip)


pre_norm = altered(
    encoder.encoder_layer,
    ("linear(hidden_states, f", 'linear(norm(hidden_states, "attention_norm"), f'),
    (
        'norm(hidden_states + linear(mixed, "attention.output"), "attention_norm")',
        'hidden_states + linear(mixed, "attention.output")',
    ),
    ('linear(middle, "intermediate")', 'linear(norm(middle, "output_norm"), "intermediate")'),
    ('norm(middle + linear(wide, "output"), "output_norm")', 'middle + linear(wide, "output")'),
)


def norm_by_hand(n_minus_1: bool, eps_outside: bool):
    """Return an `embed` whose LayerNorm is written out, with a slip."""

    def embed(input_ids, token_type_ids, word, position, segment, weight, bias, eps=1e-12):
        x = word[input_ids] + position[: input_ids.shape[1]] + segment[token_type_ids]
        spread = x.var(-1, keepdim=True, correction=1 if n_minus_1 else 0)
        root = spread.sqrt() + eps if eps_outside else (spread + eps).sqrt()
        return (x - x.mean(-1, keepdim=True)) / root * weight + bias

    return embed


def norm_of_each(input_ids, token_type_ids, word, position, segment, weight, bias, eps=1e-12):
    parts = (word[input_ids], position[: input_ids.shape[1]].expand(*input_ids.shape, -1), segment[token_type_ids])
    return sum(F.layer_norm(part, weight.shape, weight, bias, eps) for part in parts)


def seeded(encoder, one, other):
    """The same dropout in both sentences, instead of none."""
    vectors = []
    for input_ids, place in (one, other):
        torch.manual_seed(0)
        with torch.no_grad():
            vectors.append(encoder(input_ids).last_hidden_state[0, place])
    return torch.dist(vectors[0], vectors[1]).item()


def dropout_removed(encoder, one, other):
    """Dropout off for good, in the modules and in attention."""
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout") and isinstance(module.dropout, float):
            module.dropout = 0.0
    vectors = []
    for input_ids, place in (one, other):
        with torch.no_grad():
            vectors.append(encoder(input_ids).last_hidden_state[0, place])
    return torch.dist(vectors[0], vectors[1]).item()


SPLIT_WRONG = "view(batch, num_attention_heads, seq, -1)"
IN_PLACE = 'hidden_states.add_(linear(mixed, "attention.output"))'

WRONG = {
    "parameters_of_a_layer": [
        (lambda h: 12 * h**2, "Count the vectors"),  # no bias, no norm
        (lambda h: 12 * h**2 + 9 * h, "Count the vectors"),  # no norms
        (lambda h: 12 * h**2 + 11 * h, "Count the vectors"),  # norms without their bias
        (lambda h: 11 * h**2 + 12 * h, "Count the matrices"),  # attention's output is forgotten
        (lambda h: 8 * h**2 + 9 * h, "Count the matrices"),  # one matrix in the feed-forward part
        (lambda h: 12 * (12 * h**2 + 13 * h), "is it one layer"),  # twelve layers
        (lambda h: 12.0 * h**2 + 13.0 * h, "is whole"),
    ],
    "embed": [
        (embedding("input_ids.shape[1]", "input_ids.shape[0]"), "stopped with"),
        (embedding("position[places]", "position[places[0]]"), "Do positions count"),
        (embedding("position[places]", "position[input_ids.clamp(max=6)]"), "Do positions count"),
        (embedding("segment[token_type_ids]", "segment[0]"), "`token_type_ids`"),
        (embedding("segment[token_type_ids]", "segment[1 - token_type_ids]"), "`token_type_ids`"),
        (embedding("return F.layer_norm(total, weight.shape, weight, bias, eps)", "return total"), "LayerNorm is off"),
        (embedding("bias, eps)", "bias)"), "LayerNorm is off"),
        (norm_by_hand(True, False), "LayerNorm is off"),
        (norm_by_hand(False, True), "LayerNorm is off"),
        (norm_of_each, "norm once"),
        (embedding("shape, weight, bias", "shape, None, None"), "Does LayerNorm end"),
        (embedding("shape, weight, bias", "shape, weight, None"), "Does LayerNorm end"),
        (embedding("bias, eps)", "bias, eps).sum(1)"), "The shape is"),
    ],
    "encoder_layer": [
        (pre_norm, "norm before each half"),
        (layer("norm(hidden_states + linear", "norm(linear"), "input added to its output"),
        (layer("norm(middle + linear", "norm(linear"), "input added to its output"),
        (layer("norm(middle + linear", "norm(hidden_states + linear"), "what came into *it*"),
        (layer('"output_norm"', '"attention_norm"'), "use its own norm"),
        (layer("F.gelu(", "F.relu("), "the exact GELU"),
        (layer("F.gelu(", "("), "the exact GELU"),
        (layer('"intermediate"))', '"intermediate"), approximate="tanh")'), "the exact GELU"),
        (layer('linear(mixed, "attention.output")', "mixed"), "`attention.output`"),
        (layer("view(batch, seq, num_attention_heads, -1).transpose(1, 2)", SPLIT_WRONG), "mixed up"),
        (layer("(weights @ value).transpose(1, 2)", "(weights @ value)"), "mixed up"),
        (layer("softmax(dim=-1)", "softmax(dim=-2)"), "softmax over keys"),
        (layer(" / math.sqrt(query.shape[-1])", ""), "divide the scores"),
        (layer("query.shape[-1])", "hidden)"), "not √hidden"),
        (layer("math.sqrt(query.shape[-1])", "query.shape[-1]"), "divide the scores"),
        (layer(".masked_fill(~mask, -torch.inf)", ""), "before the softmax"),
        (layer(".masked_fill(~mask, -torch.inf).softmax(dim=-1)", ".softmax(dim=-1) * mask"), "before the softmax"),
        (layer("masked_fill(~mask", "masked_fill(mask"), "True where a query may look"),
        (layer('.bias"], eps)', '.bias"])'), "the eps that is given"),
        (layer('hidden_states + linear(mixed, "attention.output")', IN_PLACE), "in place"),
        (layer('"output_norm")', '"output_norm")[:, 0]'), "the shape it got"),
    ],
    "word_distance": [
        (seeded, "only draw the same numbers"),
        (dropout_removed, "lost its dropout for good"),
        (distance("    encoder.train(was_training)\n", ""), "hand it back so"),
        (distance("encoder.train(was_training)", "encoder.train()"), "hand it back in training mode"),
        (distance("encoder.eval()", "encoder.train()"), "differs from itself"),
        (distance("last_hidden_state[0, place]", "last_hidden_state[0, 0]"), "have a wrong distance"),
    ],
}
