"""Exercises of notebook 05 and its depth: the parts of BERT, loading weights by name, dropout left on, and counting."""

from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional as F

from ... import bert
from ...attention import MultiHeadAttention, padding_mask
from ...bert import EncoderConfig
from ...device import generator
from ..checks import compare, exercise
from . import close


def draws(module, seed=5, scale=0.5):
    """Return random float64 values for every parameter of a module, by name."""
    rng = generator(seed)
    return {name: scale * torch.randn(x.shape, generator=rng).double() for name, x in module.state_dict().items()}


def misfit(module, ours) -> str:
    """Say which parameter of a module is missing, unknown, or of another shape than ours; "" if all fit."""
    shapes, found = ({name: tuple(x.shape) for name, x in each.state_dict().items()} for each in (ours, module))
    if absent := sorted(shapes.keys() - found.keys()):
        return f"{absent[0]} is missing" + (f", and {len(absent) - 1} more" if len(absent) > 1 else "")
    if extra := sorted(found.keys() - shapes.keys()):
        return f"{extra[0]} is unknown" + (f", and {len(extra) - 1} more" if len(extra) > 1 else "")
    return next((f"{name} is {found[name]}, not {shapes[name]}" for name in shapes if found[name] != shapes[name]), "")


# ---------------------------------------------------------------- three embeddings


class Embeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.word = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids, token_type_ids):
        """Return the sum of the three embeddings, normalized, (batch, seq, hidden)."""
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        total = self.word(input_ids) + self.position(positions) + self.token_type(token_type_ids)
        return self.dropout(self.norm(total))


@exercise(
    Embeddings,
    minutes=10,
    difficulty=2,
    build=True,
    hints=(
        "self.word(input_ids) is (batch, seq, hidden). Which numbers pick the rows of self.position?",
        "torch.arange(input_ids.shape[1], device=input_ids.device) gives the positions, the same for every row of the "
        "batch. Add all three, then normalize, then dropout.",
    ),
)
def check_embeddings(answer):
    config = EncoderConfig(
        vocab_size=9,
        hidden_size=6,
        num_attention_heads=2,
        max_position_embeddings=7,
        layer_norm_eps=0.1,
        hidden_dropout_prob=0.5,
    )
    ours, module = Embeddings(config).double().eval(), answer(config).double().eval()
    wrong = misfit(module, ours)
    yield not wrong, f"Do the three tables and the norm have the names and sizes of the text? {wrong}."
    ids, types = torch.tensor([[1, 5, 2, 4], [1, 3, 8, 2]]), torch.tensor([[0, 0, 0, 1], [0, 1, 1, 1]])

    def both(zero=(), ids=ids, types=types):
        state = {name: x * (name not in zero) for name, x in draws(ours).items()}
        for each in (ours, module):
            each.load_state_dict(state)
        with torch.no_grad():
            return module(ids, types), ours(ids, types)

    word, position, segment, bias = "word.weight", "position.weight", "token_type.weight", "norm.bias"
    got, expected = both(zero=(position, segment, bias))
    yield tuple(got.shape) == (2, 4, 6), f"The shape is {tuple(got.shape)}. Is there one vector for each token?"
    question = "Positions and segments are zero here. Is it the word's vector, through self.norm with the config's eps?"
    yield compare(got, expected, question, input_ids=ids)
    got, expected = both(zero=(word, segment, bias))
    question = "Words and segments are zero here. Do positions count 0, 1, 2, … in every row of the batch?"
    yield compare(got, expected, question)
    got, expected = both(zero=(word, position, bias))
    question = "Words and positions are zero here. Does each token use the segment ID in token_type_ids?"
    yield compare(got, expected, question, token_type_ids=types)
    got, expected = both()
    yield compare(got, expected, "Are all three added first, and normalized once?", input_ids=ids, token_type_ids=types)
    module.train()
    torch.manual_seed(0)
    zeros = torch.cat([module(ids, types) for _ in range(40)]).eq(0).double().mean().item()
    share = f"{zeros:.0%}"
    yield (
        abs(zeros - 0.5) < 0.1,
        f"In training with dropout 0.5, {share} of the output is zero. Is dropout the last step, at the config's rate?",
    )


# ---------------------------------------------------------------- one layer


class EncoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, wide = config.hidden_size, config.intermediate_size
        self.attention = MultiHeadAttention(hidden, config.num_attention_heads, config.attention_probs_dropout_prob)
        self.attention_norm = nn.LayerNorm(hidden, eps=config.layer_norm_eps)
        self.intermediate = nn.Linear(hidden, wide)
        self.output = nn.Linear(wide, hidden)
        self.output_norm = nn.LayerNorm(hidden, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden_states, mask):
        """Return the layer's output, (batch, seq, hidden)."""
        mixed, _ = self.attention(hidden_states, mask)
        hidden_states = self.attention_norm(hidden_states + self.dropout(mixed))
        wide = F.gelu(self.intermediate(hidden_states))  # (batch, seq, intermediate)
        return self.output_norm(hidden_states + self.dropout(self.output(wide)))


@exercise(
    EncoderLayer,
    minutes=10,
    difficulty=2,
    build=True,
    hints=(
        "Two halves that end alike: dropout, add what came into the half, normalize.",
        "self.attention returns two things, and you need the first. The feed-forward half is self.intermediate, "
        "F.gelu, self.output.",
    ),
)
def check_encoder_layer(answer):
    everywhere = torch.ones(1, 1, 1, 1, dtype=torch.bool)

    def both(x, mask=everywhere, zero=(), eps=1e-5, train=False, **options):
        hidden = x.shape[-1]
        config = EncoderConfig(hidden_size=hidden, num_attention_heads=3, intermediate_size=4 * hidden, **options)
        config = replace(config, layer_norm_eps=eps)
        ours, module = EncoderLayer(config).double(), answer(config).double()
        state = {name: tensor * (not name.startswith(zero)) for name, tensor in draws(ours).items()}
        for each in (ours, module):
            each.load_state_dict(state)
            each.train(train)
        given = x.clone()
        with torch.no_grad():
            return module(given, mask), ours(x, mask), torch.equal(given, x)

    x = torch.randn(2, 5, 12, generator=generator(6)).double()  # (batch, seq, hidden)
    silent, expected, _ = both(x, zero=("attention.", "intermediate.", "output."))
    question = f"The output's shape is {tuple(silent.shape)}. Does a layer return the shape that it got?"
    yield silent.shape == x.shape, question
    yield not close(silent, x), "If both halves return 0, your layer changes nothing. Is the norm after the addition?"
    question = "If both halves return 0, all tokens come out alike. Is the input of each half added to its output?"
    yield not close(silent[:, 0], silent[:, 1]), question
    question = "Does each half add its own input and use its own norm, attention_norm first?"
    yield compare(silent, expected, question)
    got, expected, _ = both(x, zero=("attention.",))
    question = "Attention is silent here. Is the other half self.intermediate, the exact GELU, then self.output?"
    yield compare(got, expected, question)
    got, expected, _ = both(x, zero=("intermediate.", "output."))
    question = "The feed-forward half is silent here. Does self.attention get hidden_states, and is its output added?"
    yield compare(got, expected, question)
    mask = padding_mask(torch.tensor([[1] * 5, [1] * 3 + [0] * 2]))
    got, expected, _ = both(x, mask)
    yield compare(got, expected, "Does the mask reach self.attention?")
    got, expected, _ = both(x, eps=0.1)
    yield compare(got, expected, "Do both norms use the config's layer_norm_eps?")
    got, expected, _ = both(x, train=True, hidden_dropout_prob=1.0)
    question = "In training with a hidden dropout of 1, nothing of the two halves should get through. Is each dropped?"
    yield compare(got, expected, question)
    rates = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 1.0}
    got, expected, _ = both(x, train=True, **rates)
    question = (
        "With an attention dropout of 1, all attention weights should be dropped. Does self.attention know the rate?"
    )
    yield compare(got, expected, question)
    _, _, kept = both(x)
    yield kept, "Do you change hidden_states in place? The caller may still need them."


# ---------------------------------------------------------------- the whole encoder


class Encoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_hidden_layers))
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, input_ids, attention_mask, token_type_ids):
        """Return the hidden states: a list of tensors (batch, seq, hidden), the embeddings first."""
        mask = padding_mask(attention_mask)
        hidden_states = [self.embeddings(input_ids, token_type_ids)]
        for layer in self.layers:
            hidden_states.append(layer(hidden_states[-1], mask))
        return hidden_states

    def pool(self, last_hidden_state):
        """Return tanh(W h + b) of [CLS], (batch, hidden)."""
        return torch.tanh(self.pooler(last_hidden_state[:, 0]))


@exercise(
    Encoder,
    minutes=15,
    difficulty=3,
    build=True,
    hints=(
        "A plain Python list of layers is invisible to PyTorch: nn.ModuleList registers them.",
        "padding_mask(attention_mask) makes the mask once, for all layers. Each layer gets the output of the previous "
        "one.",
        "The pooler: [CLS] is position 0 of every row. Apply self.pooler to that vector, then torch.tanh.",
    ),
)
def check_encoder(answer):
    config = EncoderConfig(
        20, 12, 3, 2, 48, max_position_embeddings=9, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    ours, module = Encoder(config).double().eval(), answer(config).double().eval()
    wrong = misfit(module, ours)
    yield not wrong, f"Are all parts registered, and of the config's sizes? {wrong}."
    yield len(set(module.layers)) == 3, "Is each of the layers a new EncoderLayer? Some of yours are the same object."
    state = draws(ours)
    ours.load_state_dict(state)
    module.load_state_dict(state)
    ids = torch.tensor([[1, 7, 4, 9, 2], [1, 5, 2, 0, 0], [1, 3, 8, 2, 0]])
    real, types = (ids > 0).long(), torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0], [0, 0, 0, 1, 0]])
    with torch.no_grad():
        states, expected = module(ids, real, types), ours(ids, real, types)
    yield isinstance(states, list | tuple), "Does forward return a list with the hidden states of every layer?"
    question = f"A model of 3 layers has 4 hidden states, the embeddings first. Why do you return {len(states)}?"
    yield len(states) == 4, question
    for layer, (got, wanted) in enumerate(zip(states, expected)):
        name = "the embeddings" if layer == 0 else f"layer {layer - 1}"
        question = "do input_ids and token_type_ids reach self.embeddings?"
        if layer:
            question = "does it get the hidden state before it, and the mask?"
        yield close(got[real.bool()], wanted[real.bool()]), f"The output of {name} is wrong: {question}"
    with torch.no_grad():
        got, wanted = module.pool(expected[-1]), ours.pool(expected[-1])
    question = f"The pooled output's shape is {tuple(got.shape)}. Is it one vector for each row of the batch?"
    yield got.shape == wanted.shape, question
    yield compare(got, wanted, "Is it self.pooler on the vector of [CLS], then tanh?")
    empty = next((name for name, x in module.named_parameters() if not x.requires_grad), "")
    yield not empty, f"Can all parameters be trained? {empty} can't."


# ---------------------------------------------------------------- the MLM head


class MaskedLMHead(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, hidden_states, word_embeddings):
        """Return a logit for every vocabulary entry, (…, vocab)."""
        transformed = self.norm(F.gelu(self.dense(hidden_states)))  # (…, hidden)
        return transformed @ word_embeddings.T + self.bias


@exercise(
    MaskedLMHead,
    minutes=5,
    difficulty=1,
    build=True,
    hints=(
        "Three steps give the transformed vector: self.dense, F.gelu, self.norm.",
        "Its dot product with each row of word_embeddings is a logit: `@ word_embeddings.T`, (hidden, vocab). Then add "
        "the bias.",
    ),
)
def check_masked_lm_head(answer):
    config = EncoderConfig(vocab_size=11, hidden_size=6, num_attention_heads=2, layer_norm_eps=0.1)
    ours, module = MaskedLMHead(config).double(), answer(config).double()
    wrong = misfit(module, ours)
    yield not wrong, f"Has the head its three parts, and no others? {wrong}. The word table belongs to the embeddings."
    state = draws(ours)
    hidden, words = (torch.randn(n, 6, generator=generator(n)).double() for n in (4, 11))

    def both(hidden=hidden, words=words, zero=()):
        for each in (ours, module):
            each.load_state_dict({name: x * (name not in zero) for name, x in state.items()})
        with torch.no_grad():
            return module(hidden, words), ours(hidden, words)

    got, expected = both()
    yield tuple(got.shape) == (4, 11), f"The shape is {tuple(got.shape)}. Is there a logit for every vocabulary entry?"
    got, expected = both(words=torch.eye(11, 6).double(), zero=("bias",))
    question = "With the identity as word table, you see the transformed vector: dense, then GELU, then the norm?"
    yield compare(got, expected, question)
    got, expected = both(zero=("bias",))
    yield compare(got, expected, "Does the word table that you're given turn the vector into logits?")
    got, expected = both()
    yield compare(got, expected, "Is the bias added to the logits?")
    batch = hidden.view(2, 2, 6)
    got, expected = both(hidden=batch)
    yield compare(tuple(got.shape), (2, 2, 11), "Does it also work for (batch, seq, hidden)?")
    table = words.clone().requires_grad_(True)
    total = module(hidden, table).sum()
    learned = total.requires_grad and torch.autograd.grad(total, table, allow_unused=True)[0] is not None
    yield learned, "Does the head's gradient reach the word table as well? Tied means that both uses train it."


# ---------------------------------------------------------------- loading by name


def load_by_name(model, tensors, rename):
    """Copy a checkpoint's tensors, a dictionary by the file's names, into the model; rename turns ours into theirs."""
    names = {name: rename(name) for name in model.state_dict()}
    unused = sorted(tensors.keys() - set(names.values()))
    if unused:
        raise ValueError(f"The model has no parameter for {unused[:3]}.")
    model.load_state_dict({name: tensors[key] for name, key in names.items()})


@exercise(
    load_by_name,
    minutes=10,
    difficulty=2,
    build=True,
    hints=(
        "model.state_dict() has our names. rename(name) gives the name in the file, and tensors[...] the values.",
        "model.load_state_dict(...) wants a dictionary by our names; it also checks the shapes. What it can't see are "
        "tensors of the file that no parameter of ours asked for.",
    ),
)
def check_load_by_name(answer):
    def returning(*given):  # a function without a return is what the text wants
        answer(*given)

    answer = getattr(answer, "__wrapped__", answer)

    def fresh():
        torch.manual_seed(0)
        return nn.ModuleDict({"first": nn.Linear(3, 2), "norm": nn.LayerNorm(2)})

    def rename(name):
        return name.replace("first.", "file.dense.").replace("norm.", "file.LayerNorm.")

    def tensors():
        return {rename(name): x for name, x in draws(fresh()).items()}

    def refuses(tensors):
        try:
            returning(fresh(), tensors, rename)
        except Exception:
            return True
        return False

    model, given = fresh(), {key: x.float() for key, x in reversed(tensors().items())}  # in another order than ours
    kept = {key: x.clone() for key, x in given.items()}
    returning(model, given, rename)
    yield given.keys() == kept.keys(), "Do you change the dictionary of tensors? Its owner may need it again."
    loaded = {rename(name): x for name, x in model.state_dict().items()}
    wrong = next((key for key in kept if not torch.equal(loaded[key], kept[key])), "")
    yield not wrong, f"{wrong} of the file didn't arrive in the model. Is every parameter copied, by its own name?"
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    same = all(torch.equal(given[key], kept[key]) for key in kept)
    yield same, "Training the model changes the tensors of the file. Are they copied into the parameters?"
    fewer = {key: x for key, x in given.items() if "bias" not in key}
    yield refuses(fewer), "The file lacks a tensor, and nothing was raised. Would a parameter silently stay random?"
    more = {**given, "file.other.weight": torch.zeros(2)}
    yield refuses(more), "The file has a tensor that no parameter takes, and nothing was raised. Would you notice?"
    shapes = {**given, "file.LayerNorm.weight": torch.ones(1)}
    yield refuses(shapes), "A tensor of the file has another shape, and nothing was raised. Was it stretched to fit?"


# ---------------------------------------------------------------- spot the bug


def word_distance(encoder, one, other):
    """Return how far apart a word's vectors in two sentences are, a float: the length of their difference."""
    was_training = encoder.training
    encoder.eval()  # dropout off: a measurement must not draw random numbers
    vectors = []
    for batch, position in (one, other):
        with torch.no_grad():
            vectors.append(encoder(**batch)[-1][0, position])
    encoder.train(was_training)
    return torch.dist(vectors[0], vectors[1]).item()


def found_word_distance(encoder, one, other):
    """The measurement as it was found."""
    vectors = []
    for batch, position in (one, other):
        with torch.no_grad():
            vectors.append(encoder(**batch)[-1][0, position])
    return torch.dist(vectors[0], vectors[1]).item()


@exercise(
    word_distance,
    minutes=10,
    difficulty=2,
    hints=(
        "Measure the distance between a sentence and itself, twice. What should it be, and what is it?",
        "`torch.no_grad()` stops gradients, not dropout. Which call stops dropout, and what else does it change?",
    ),
    found=found_word_distance,
)
def check_word_distance(answer):
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig(20, 24, 2, 3, 48, max_position_embeddings=8)).eval()

    def sentence(*ids):
        ids = torch.tensor([ids])
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}

    one, other = (sentence(1, 7, 4, 9, 2), 3), (sentence(1, 9, 5, 2), 1)
    with torch.no_grad():
        expected = torch.dist(*(encoder(**batch)[-1][0, position] for batch, position in (one, other))).item()
    encoder.train()
    yield answer(encoder, one, one) == 0, "A sentence differs from itself. What in the encoder is random?"
    question = "The distance of two sentences is wrong. Is dropout off, or does it only draw the same numbers twice?"
    yield abs(answer(encoder, one, other) - expected) < 1e-5, question
    rates = {module.p for module in encoder.modules() if isinstance(module, nn.Dropout)}
    yield rates == {0.1}, "The encoder has lost its dropout for good. Who trains it next?"
    yield encoder.training, "The encoder came in training mode. Do you hand it back so?"
    encoder.eval()
    answer(encoder, one, other)
    yield not encoder.training, "The encoder came in eval mode. Do you hand it back in training mode?"


# ---------------------------------------------------------------- count


def parameters_of_a_layer(hidden_size):
    """Return how many numbers one BERT layer learns, as an int: 12 h² + 13 h.

    hidden_size: h, the width; the feed-forward part is 4 h wide.
    """
    return 12 * hidden_size**2 + 13 * hidden_size


@exercise(
    parameters_of_a_layer,
    minutes=5,
    difficulty=1,
    hints=(
        "Put f = 4 h into the formula, and gather what is multiplied by h² and what by h.",
        "Matrices: four of h × h in attention, one of h × 4h and one of 4h × h. Vectors: a bias for each of the six, "
        "and two for each of the two LayerNorms.",
    ),
)
def check_parameters_of_a_layer(answer):
    with torch.device("meta"):  # modules without numbers: only their shapes count
        counted = {
            h: bert.count_parameters(bert.EncoderLayer(bert.EncoderConfig(hidden_size=h, intermediate_size=4 * h)))
            for h in (12, 24)
        }
    yield isinstance(answer(12), int), "A number of parameters is whole: do you return an int?"
    yield answer(12) < 2 * counted[12], "That is a lot: is it one layer that you count, without the word embeddings?"
    # f(2h) - 2 f(h) leaves 2 a h² of a h² + b h, and 4 f(h) - f(2h) leaves 2 b h.
    yield (
        answer(24) - 2 * answer(12) == counted[24] - 2 * counted[12],
        "Count the matrices in units of h × h: four in attention, and how many are h × 4h and 4h × h together?",
    )
    yield (
        4 * answer(12) - answer(24) == 4 * counted[12] - counted[24],
        "Count the vectors in units of h: has each of the six linear layers its bias, and each LayerNorm its two?",
    )
