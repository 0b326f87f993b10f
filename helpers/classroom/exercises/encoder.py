"""Exercises of notebook 05: count one layer, embed a batch, write one layer from memory, find the dropout left on."""

import math

import torch
from torch.nn import functional as F

from ... import bert
from ...attention import padding_mask
from ...device import generator
from ..checks import exercise
from . import close

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
        "Put f = 4 h into the formula of section 3, and gather what is multiplied by h² and what by h.",
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


# ---------------------------------------------------------------- embed


def embed(input_ids, token_type_ids, word, position, segment, weight, bias, eps=1e-12):
    """Return the embeddings of a batch, (batch, seq, hidden): word + position + segment, then LayerNorm.

    input_ids, token_type_ids: int64 (batch, seq). word (vocab, hidden), position (places, hidden), segment (2, hidden):
    the three tables. weight, bias: (hidden,), what LayerNorm multiplies by and adds; eps stands under its root.
    """
    places = torch.arange(input_ids.shape[1])
    total = word[input_ids] + position[places] + segment[token_type_ids]
    return F.layer_norm(total, weight.shape, weight, bias, eps)


@exercise(
    embed,
    minutes=10,
    difficulty=2,
    hints=(
        "Indexing a table with int64 (batch, seq) gives (batch, seq, hidden). Positions are the same in every row.",
        "Add first, norm once. By hand: mean and variance over the last axis, the variance divided by n.",
    ),
)
def check_embed(answer):
    rows = {"word": 9, "position": 7, "segment": 2}  # of the three tables
    config = bert.EncoderConfig(
        vocab_size=9, hidden_size=3, num_attention_heads=1, max_position_embeddings=7, layer_norm_eps=0.1
    )
    input_ids = torch.tensor([[1, 5, 2, 4], [1, 3, 8, 2], [1, 7, 7, 2]])  # batch 3, length 4
    segments = torch.tensor([[0, 0, 0, 1], [0, 0, 1, 1], [0, 1, 1, 1]])
    flat = torch.zeros_like(segments)

    def both(ids, types, zero=(), norm=True):
        """Return the answer's embeddings and the module's, with some tables at zero."""
        tables = {name: torch.randn(n, 3, generator=generator(n)).double() for name, n in rows.items()}
        tables |= {name: torch.zeros_like(tables[name]) for name in zero}
        weight, bias = torch.tensor([[1.5, 0.5, 2.0], [0.1, -0.2, 0.3]] if norm else [[1.0] * 3, [0.0] * 3]).double()
        module = bert.Embeddings(config).double().eval()
        values = dict(zip(("word", "position", "token_type"), tables.values()))
        state = {f"{name}.weight": table for name, table in values.items()}
        module.load_state_dict(state | {"norm.weight": weight, "norm.bias": bias})
        with torch.no_grad():
            ready = module(ids, types, torch.arange(ids.shape[1])[None])
        return answer(ids, types, *tables.values(), weight, bias, 0.1), ready

    ours, ready = both(input_ids, flat, zero=("position", "segment"), norm=False)
    yield ours.shape == (3, 4, 3), f"The shape is {tuple(ours.shape)}: is it one vector a token?"
    short = torch.tensor([[3, 6]])
    ours, ready = both(short, torch.zeros_like(short), zero=("position", "segment"), norm=False)
    yield close(ours, ready), "LayerNorm is off: the last axis? variance with n, not n - 1? eps under the root?"
    ours, ready = both(input_ids, flat, zero=("word", "segment"), norm=False)
    yield close(ours, ready), "Do positions count 0, 1, 2, … along the sequence, and the same in every row?"
    ours, ready = both(input_ids, segments, zero=("word", "position"), norm=False)
    yield close(ours, ready), "Does each token take the segment row that its own `token_type_ids` names?"
    ours, ready = both(input_ids, segments, norm=False)
    yield close(ours, ready), "Do you norm once, after all three have been added?"
    ours, ready = both(input_ids, segments)
    yield close(ours, ready), "Does LayerNorm end with times `weight`, plus `bias`?"


# ---------------------------------------------------------------- one layer


def encoder_layer(hidden_states, mask, state, num_attention_heads, eps=1e-12):
    """Return what one BERT layer makes of hidden_states, (batch, seq, hidden); no dropout.

    mask: bool, broadcasts to (batch, heads, seq, seq), True where a query may look. state: the layer's tensors by name,
    a weight (out, in) and a bias (out,) for each of attention.query, attention.key, attention.value, attention.output,
    intermediate and output; a weight and a bias (hidden,) for attention_norm and output_norm, which share eps.
    """
    batch, seq, hidden = hidden_states.shape

    def linear(x, name):
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    def norm(x, name):
        return F.layer_norm(x, (hidden,), state[f"{name}.weight"], state[f"{name}.bias"], eps)

    def heads(name):
        projected = linear(hidden_states, f"attention.{name}")
        return projected.view(batch, seq, num_attention_heads, -1).transpose(1, 2)  # (batch, heads, seq, d)

    query, key, value = heads("query"), heads("key"), heads("value")
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (batch, heads, seq, seq)
    weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    mixed = (weights @ value).transpose(1, 2).reshape(batch, seq, hidden)
    middle = norm(hidden_states + linear(mixed, "attention.output"), "attention_norm")
    wide = F.gelu(linear(middle, "intermediate"))  # (batch, seq, intermediate)
    return norm(middle + linear(wide, "output"), "output_norm")


@exercise(
    encoder_layer,
    minutes=25,
    difficulty=3,
    hints=(
        "Two halves. Each ends the same way: add what the half made to what came into it, then LayerNorm.",
        "F.linear(x, weight, bias) and F.layer_norm(x, (hidden,), weight, bias, eps) spare you the modules. "
        "Split heads by view(batch, seq, heads, d) and transpose(1, 2), and go back the same way.",
        "Scores are divided by √d, d the size of one head; hidden keys become -inf before the softmax over keys.",
    ),
)
def check_encoder_layer(answer):
    everywhere, untouched = torch.ones(1, 1, 1, 1, dtype=torch.bool), []

    def both(x, mask=everywhere, zero=(), heads=3, eps=1e-5):
        """Return the answer's output and the module's; weights and biases of the layers named in `zero` are zero."""
        hidden = x.shape[-1]
        config = bert.EncoderConfig(
            hidden_size=hidden, num_attention_heads=heads, intermediate_size=4 * hidden, layer_norm_eps=eps
        )
        module, draw = bert.EncoderLayer(config).double().eval(), generator(5)
        state = {
            name: torch.randn(tensor.shape, generator=draw).double() * (0.0 if name.startswith(zero) else 0.5)
            for name, tensor in module.state_dict().items()
        }
        module.load_state_dict(state)
        with torch.no_grad():
            ready = module(x, mask)[0]
        given = x.clone()
        ours = answer(given, mask, state, heads, eps)
        untouched.append(torch.equal(given, x))
        return ours, ready

    x = torch.randn(2, 5, 12, generator=generator(6)).double()  # batch 2, length 5, hidden 12
    silent, ready = both(x, zero=("attention.", "intermediate.", "output."))
    yield silent.shape == x.shape, f"The shape is {tuple(silent.shape)}: does a layer give back the shape it got?"
    yield not silent.isnan().any(), "There are NaNs: `mask` is True where a query may look; do you hide just that?"
    yield not close(silent, x), "With both halves silent nothing happens: do you norm before each half, not after?"
    yield not close(silent[:, 0], silent[:, 1]), "All tokens come out alike: is a half's input added to its output?"
    yield close(silent, ready), "Does each half add what came into *it*, and use its own norm, attention_norm first?"
    ours, ready = both(x, zero=("attention.",))
    yield close(ours, ready), "The feed-forward half differs: is it `intermediate`, the exact GELU, then `output`?"
    alone = torch.randn(3, 1, 12, generator=generator(7)).double()
    ours, ready = both(alone, zero=("intermediate.", "output."))
    yield close(ours, ready), "A lone token looks at itself: its value, then `attention.output`, is that all of it?"
    ours, ready = both(x, zero=("attention.query.", "attention.key."))
    yield close(ours, ready), "Heads come out mixed up: (batch, seq, heads, d), transpose, and the same way back?"
    ours, ready = both(x, heads=12)  # one number a head
    yield close(ours, ready), "With heads of size 1: query times key, softmax over keys, and √d = 1, not √hidden?"
    ours, ready = both(x)
    yield close(ours, ready), "Do you divide the scores by √d, the root of the size of one head?"
    mask = padding_mask(torch.tensor([[1] * 5, [1] * 3 + [0] * 2]))
    ours, ready = both(x, mask)
    yield close(ours, ready), "Do the scores of hidden keys become -inf before the softmax?"
    ours, ready = both(x, eps=0.1)
    yield close(ours, ready), "Do both norms use the eps that is given? PyTorch's default is another one."
    yield all(untouched), "Do you change `hidden_states` in place? The caller may still need them."


# ---------------------------------------------------------------- spot the bug


def word_distance(encoder, one, other):
    """Return how far apart a word's vectors in two sentences lie, a float: the length of their difference.

    encoder: a `bert.Encoder`. one, other: a sentence, input_ids (1, seq), and the word's place in it.
    """
    was_training = encoder.training
    encoder.eval()  # dropout off: a measurement must not draw random numbers
    vectors = []
    for input_ids, place in (one, other):
        with torch.no_grad():
            vectors.append(encoder(input_ids).last_hidden_state[0, place])
    encoder.train(was_training)
    return torch.dist(vectors[0], vectors[1]).item()


def found_word_distance(encoder, one, other):
    """Return how far apart a word's vectors in two sentences lie, a float: the length of their difference."""
    vectors = []
    for input_ids, place in (one, other):
        with torch.no_grad():
            vectors.append(encoder(input_ids).last_hidden_state[0, place])
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
    config = bert.EncoderConfig(20, 24, 2, 3, 48, max_position_embeddings=8)
    torch.manual_seed(0)
    encoder = bert.Encoder(config).eval()
    one, other = (torch.tensor([[1, 7, 4, 9, 2]]), 3), (torch.tensor([[1, 9, 5, 2]]), 1)
    with torch.no_grad():
        expected = torch.dist(*(encoder(ids).last_hidden_state[0, place] for ids, place in (one, other))).item()
    encoder.train()
    yield answer(encoder, one, one) == 0, "A sentence differs from itself: what in the encoder still draws at random?"
    yield (
        abs(answer(encoder, one, other) - expected) < 1e-5,
        "Two sentences have a wrong distance: is dropout off, or does it only draw the same numbers twice?",
    )
    rates = {module.p for module in encoder.modules() if isinstance(module, torch.nn.Dropout)}
    yield rates == {0.1}, "The encoder has lost its dropout for good: who trains it next?"
    yield encoder.training, "The encoder came in training mode: do you hand it back so?"
    encoder.eval()
    answer(encoder, one, other)
    yield not encoder.training, "The encoder came in eval mode: do you hand it back in training mode?"
