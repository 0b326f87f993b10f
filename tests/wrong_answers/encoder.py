"""Wrong answers to the exercises of notebook 05, each a slip that a student makes, and what the message must say."""

import inspect
import math

import torch
from torch import nn
from torch.nn import functional as F

from helpers.classroom.exercises import encoder


def altered(reference, *slips: tuple[str, str]):
    """Return the reference with slips in it: of each pair the first text, which must be there, becomes the second."""
    source = inspect.getsource(reference)
    for old, new in slips:
        assert old in source, f"{old!r} is not in {reference.__name__}"
        source = source.replace(old, new)
    namespace = {**vars(encoder), "math": math, "F": F, "nn": nn, "torch": torch}
    exec(source, namespace)
    return namespace[reference.__name__]


def embeddings(*slip: str):
    return altered(encoder.Embeddings, slip)


def layer(*slip: str):
    return altered(encoder.EncoderLayer, slip)


def whole(*slip: str):
    return altered(encoder.Encoder, slip)


def head(*slip: str):
    return altered(encoder.MaskedLMHead, slip)


def loading(*slip: str):
    return altered(encoder.load_by_name, slip)


def distance(*slip: str):
    return altered(encoder.word_distance, slip)


norm_of_each = altered(
    encoder.Embeddings,
    ("self.word(input_ids) + self.position(positions) + self.token_type(token_type_ids)", "0"),
    (
        "self.dropout(self.norm(total))",
        "self.dropout(self.norm(self.word(input_ids)) + self.norm(self.position(positions))"
        " + self.norm(self.token_type(token_type_ids)))",
    ),
)
pre_norm = altered(
    encoder.EncoderLayer,
    ("self.attention(hidden_states, mask)", "self.attention(self.attention_norm(hidden_states), mask)"),
    ("self.attention_norm(hidden_states + self.dropout(mixed))", "hidden_states + self.dropout(mixed)"),
    ("self.intermediate(hidden_states)", "self.intermediate(self.output_norm(hidden_states))"),
    (
        "self.output_norm(hidden_states + self.dropout(self.output(wide)))",
        "hidden_states + self.dropout(self.output(wide))",
    ),
)
norms_swapped = altered(
    encoder.EncoderLayer,
    ("self.attention_norm(hidden", "self.other(hidden"),
    ("self.output_norm(hidden", "self.attention_norm(hidden"),
    ("self.other(hidden", "self.output_norm(hidden"),
)


class LastTable(encoder.MaskedLMHead):
    """A head that keeps the first table it sees."""

    def forward(self, hidden_states, word_embeddings):
        transformed = self.norm(F.gelu(self.dense(hidden_states)))
        table = torch.eye(*word_embeddings.shape, dtype=word_embeddings.dtype)
        return transformed @ table.T + self.bias


class Frozen(encoder.Encoder):
    """An encoder whose pooler can't be trained."""

    def __init__(self, config):
        super().__init__(config)
        self.pooler.requires_grad_(False)


def copied_by_position(model, tensors, rename):
    for parameter, tensor in zip(model.state_dict().values(), tensors.values()):
        parameter.copy_(tensor.flatten().repeat(9)[: parameter.numel()].view(parameter.shape))


def assigned(model, tensors, rename):
    names = {name: rename(name) for name in model.state_dict()}
    if tensors.keys() - set(names.values()):
        raise ValueError("left over")
    model.load_state_dict({name: tensors[key] for name, key in names.items()}, assign=True)


def what_is_there(model, tensors, rename):
    for name, parameter in model.named_parameters():
        if rename(name) in tensors:
            parameter.data.copy_(tensors[rename(name)])


def stretched(model, tensors, rename):
    names = {name: rename(name) for name in model.state_dict()}
    if tensors.keys() != set(names.values()):
        raise ValueError("the names differ")
    for name, parameter in model.named_parameters():
        parameter.data.copy_(tensors[names[name]])


def seeded(encoder, one, other):
    """Compare both sentences under the same dropout."""
    vectors = []
    for batch, position in (one, other):
        torch.manual_seed(0)
        with torch.no_grad():
            vectors.append(encoder(**batch)[-1][0, position])
    return torch.dist(vectors[0], vectors[1]).item()


def dropout_removed(encoder, one, other):
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if hasattr(module, "num_attention_heads"):
            module.dropout = 0.0
    vectors = []
    for batch, position in (one, other):
        with torch.no_grad():
            vectors.append(encoder(**batch)[-1][0, position])
    return torch.dist(vectors[0], vectors[1]).item()


ADD, ADDED = "hidden_states + self.dropout(mixed)", "hidden_states.add_(self.dropout(mixed))"
WRONG = {
    "Embeddings": [
        (
            embeddings("self.word(input_ids) + self.position", "self.word(input_ids) * self.position"),
            "through self.norm",
        ),
        (
            embeddings("self.token_type = nn.Embedding(config.type", "self.segment = nn.Embedding(config.type"),
            "names and sizes",
        ),
        (embeddings("config.max_position_embeddings, config", "config.vocab_size, config"), "names and sizes"),
        (embeddings("self.norm(total))", "self.norm(total)).sum(1)"), "Is there one vector for each token"),
        (embeddings("self.dropout(self.norm(total))", "self.dropout(total)"), "through self.norm"),
        (embeddings(", eps=config.layer_norm_eps", ""), "the config's eps"),
        (embeddings("self.position(positions)", "self.position(positions + 1)"), "Do positions count"),
        (embeddings("self.position(positions)", "self.position(input_ids.clamp(max=6))"), "Do positions count"),
        (embeddings("self.token_type(token_type_ids)", "self.token_type(token_type_ids * 0)"), "the segment ID"),
        (embeddings("self.token_type(token_type_ids)", "self.token_type(1 - token_type_ids)"), "the segment ID"),
        (norm_of_each, "normalized once"),
        (embeddings("self.dropout(self.norm(total))", "self.norm(self.dropout(total))"), "the last step"),
        (embeddings("self.dropout(self.norm(total))", "self.norm(total)"), "the last step"),
        (embeddings("nn.Dropout(config.hidden_dropout_prob)", "nn.Dropout(0.1)"), "at the config's rate"),
    ],
    "EncoderLayer": [
        (pre_norm, "the norm after the addition"),
        (layer("self.output_norm(hidden_states +", "self.output_norm(0 *"), "all tokens come out alike"),
        (norms_swapped, "attention_norm first"),
        (
            altered(
                encoder.EncoderLayer,
                ("        mixed, _ =", "        before = hidden_states\n        mixed, _ ="),
                ("return self.output_norm(hidden_states", "return self.output_norm(before"),
            ),
            "add its own input",
        ),
        (layer("F.gelu(self", "F.relu(self"), "the exact GELU"),
        (
            layer("self.intermediate(hidden_states))", "self.intermediate(hidden_states), approximate='tanh')"),
            "exact GELU",
        ),
        (
            layer("self.attention(hidden_states, mask)", "self.attention(hidden_states.flip(1), mask)"),
            "feed-forward half is",
        ),
        (layer("self.attention(hidden_states, mask)", "self.attention(hidden_states)"), "Does the mask reach"),
        (
            layer("hidden, eps=config.layer_norm_eps)\n        self.dropout", "hidden)\n        self.dropout"),
            "layer_norm_eps",
        ),
        (layer("self.dropout(mixed)", "mixed"), "Is each dropped"),
        (layer("self.dropout(self.output(wide))", "self.output(wide)"), "Is each dropped"),
        (layer(", config.attention_probs_dropout_prob)", ")"), "know the rate"),
        (layer(ADD, ADDED), "in place"),
        (layer("self.dropout(self.output(wide)))", "self.dropout(self.output(wide)))[:, 0]"), "the shape that it got"),
    ],
    "Encoder": [
        (
            whole("EncoderLayer(config) for _ in range(config.num_hidden_layers)", "[EncoderLayer(config)] * 3"),
            "same object",
        ),
        (
            whole("nn.ModuleList(EncoderLayer(config) for _ in range(config.num_hidden_layers))", "[]"),
            "Are all parts registered",
        ),
        (whole("nn.ModuleList(EncoderLayer(config)", "list(EncoderLayer(config)"), "Are all parts registered"),
        (whole("range(config.num_hidden_layers)", "range(config.num_hidden_layers - 1)"), "Are all parts registered"),
        (
            whole("nn.Linear(config.hidden_size, config.hidden_size)", "nn.Linear(config.hidden_size, 2)"),
            "of the config's sizes",
        ),
        (whole("return hidden_states\n", "return hidden_states[-1]\n"), "a list with the hidden states"),
        (whole("return hidden_states\n", "return hidden_states[1:]\n"), "has 4 hidden states"),
        (
            whole("self.embeddings(input_ids, token_type_ids)", "self.embeddings(input_ids, attention_mask)"),
            "the embeddings",
        ),
        (whole("layer(hidden_states[-1], mask)", "layer(hidden_states[-1], None)"), "layer 0 is wrong"),
        (whole("layer(hidden_states[-1], mask)", "layer(hidden_states[0], mask)"), "layer 1 is wrong"),
        (
            whole("in self.layers:", "in [*self.layers[:2], self.layers[0]]:"),
            "layer 2 is wrong",
        ),
        (whole("last_hidden_state[:, 0]", "last_hidden_state[0]"), "one vector for each row"),
        (
            whole("torch.tanh(self.pooler(last_hidden_state[:, 0]))", "self.pooler(last_hidden_state[:, 0])"),
            "then tanh",
        ),
        (whole("last_hidden_state[:, 0]", "last_hidden_state.mean(1)"), "then tanh"),
        (Frozen, "Can all parameters be trained"),
    ],
    "MaskedLMHead": [
        (head("transformed @ word_embeddings.T + self.bias", "transformed @ word_embeddings.T"), "bias added"),
        (
            head("self.bias = ", "self.table = nn.Parameter(torch.zeros(config.vocab_size, 6))\n        self.bias = "),
            "no others",
        ),
        (
            head("return transformed @ word_embeddings.T + self.bias", "return transformed"),
            "a logit for every vocabulary",
        ),
        (
            head("self.norm(F.gelu(self.dense(hidden_states)))", "F.gelu(self.norm(self.dense(hidden_states)))"),
            "then GELU",
        ),
        (head("F.gelu(self.dense(hidden_states))", "self.dense(hidden_states)"), "then GELU"),
        (head("@ word_embeddings.T", "@ word_embeddings.T.detach()"), "reach the word table"),
        (LastTable, "Does the word table that you're given"),
        (
            head("return transformed @", "transformed = transformed.view(-1, 6)\n        return transformed @"),
            "(batch, seq, hidden)",
        ),
    ],
    "load_by_name": [
        (loading("tensors[key]", "tensors.pop(key)"), "change the dictionary"),
        (copied_by_position, "by its own name"),
        (loading("model.load_state_dict(", "dict("), "Is every parameter copied"),
        (assigned, "Are they copied into"),
        (what_is_there, "silently stay random"),
        (
            loading(
                "tensors[key] for name, key in names.items()}",
                "tensors[key] for name, key in names.items() if key in tensors}, strict=False",
            ),
            "silently stay random",
        ),
        (loading("    if unused:\n", "    if False:\n"), "Would you notice"),
        (stretched, "Was it stretched"),
    ],
    "parameters_of_a_layer": [
        (lambda h: 12 * h**2, "Count the vectors"),  # no bias, no norm
        (lambda h: 12 * h**2 + 9 * h, "Count the vectors"),  # no norms
        (lambda h: 12 * h**2 + 11 * h, "Count the vectors"),  # norms without their bias
        (lambda h: 11 * h**2 + 12 * h, "Count the matrices"),  # attention's output is forgotten
        (lambda h: 8 * h**2 + 9 * h, "Count the matrices"),  # one matrix in the feed-forward part
        (lambda h: 12 * (12 * h**2 + 13 * h), "is it one layer"),  # twelve layers
        (lambda h: 12.0 * h**2 + 13.0 * h, "is whole"),
    ],
    "word_distance": [
        (seeded, "only draw the same numbers"),
        (dropout_removed, "lost its dropout for good"),
        (distance("    encoder.train(was_training)\n", ""), "hand it back so"),
        (distance("encoder.train(was_training)", "encoder.train()"), "hand it back in training mode"),
        (distance("encoder.eval()", "encoder.train()"), "differs from itself"),
        (distance("[-1][0, position]", "[-1][0, 0]"), "two sentences is wrong"),
    ],
}
