"""Notebook 01: attention, masks and heads are built there; windows, padding on the left, and maps that tell the
truth."""

import math

import torch

from ... import attention
from ...device import generator
from ..checks import compare, exercise


def window_mask(length, reach):
    """Return a bool mask (1, 1, length, length): token i may look at all tokens at most `reach` places away."""
    places = torch.arange(length)
    return ((places[:, None] - places).abs() <= reach)[None, None]


@exercise(
    window_mask,
    minutes=5,
    difficulty=1,
    hints=(
        "Number the places with torch.arange(length). How far is place i from place j?",
        "places[:, None] - places is a table of all differences. Take the absolute value and compare with reach.",
    ),
)
def check_window_mask(answer):
    mask = answer(7, 2)
    yield mask.dtype == torch.bool, "Is the mask a tensor of True and False (dtype torch.bool), and not of numbers?"
    yield mask.shape == (1, 1, 7, 7), "Is the shape (1, 1, length, length), ready for any batch and any head?"
    first, middle = mask[0, 0, 0].tolist(), mask[0, 0, 3].tolist()
    yield middle[3], "Is it True where a token may look? Each token may look at itself."
    yield middle[2] and middle[4], "May a token look to both sides, to the left and to the right?"
    yield middle[1] and middle[5], "Is the token that stands exactly `reach` places away still inside, on both sides?"
    yield not (middle[0] or middle[6]), "Is the token that stands reach + 1 places away outside, on both sides?"
    yield (
        first == [True] * 3 + [False] * 4,
        "Does your window wrap round? The first token has no neighbour on its left.",
    )
    yield bool(answer(4, 9).all()), "Is a window that is longer than the text the full mask?"
    yield (
        torch.equal(answer(5, 0)[0, 0], torch.eye(5, dtype=torch.bool)),
        "With reach 0, does a token see itself alone?",
    )


def causal_mask_with_padding(attention_mask):
    """Return a bool mask (batch, 1, seq, seq): real tokens up to oneself, and no row without a True."""
    length = attention_mask.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool).tril()  # (queries, keys)
    real = attention_mask.bool()[:, None, :]  # (batch, 1, keys)
    itself = torch.eye(length, dtype=torch.bool)  # a padded place may look at itself, so that its row is not empty
    return (earlier & real | itself)[:, None]


@exercise(
    causal_mask_with_padding,
    minutes=10,
    difficulty=2,
    hints=(
        "A key may be looked at if it is not later AND real. Give the two tables shapes that broadcast: (seq, seq) and "
        "(batch, 1, seq).",
        "Which places have nothing but padding before them? Let each place look at itself, whatever it is.",
    ),
)
def check_causal_mask_with_padding(answer):
    whole = torch.ones(2, 4, dtype=torch.int64)
    mask = answer(whole)
    yield mask.dtype == torch.bool, "Is the mask bool? attention_mask holds 0 and 1 as integers."
    yield mask.shape == (2, 1, 4, 4), "Is the shape (batch, 1, seq, seq), one axis for the heads?"
    triangle = torch.ones(4, 4, dtype=torch.bool).tril()
    yield bool((mask | triangle).eq(triangle).all()), "Without padding: can a token see a later one?"
    yield bool(mask.eq(triangle).all()), "Without padding: can each token see itself and everything before it?"
    right = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    mask = answer(right)
    yield (
        bool(mask.any(dim=-1).all()),
        "A row without a True. Is padding hidden as a key (a column), or have you blinded it as a query (a row)?",
    )
    yield (
        torch.equal(mask[0, 0, :3, :3], triangle[:3, :3]),
        "Padding on the right: do the real tokens before it still see what they saw?",
    )
    yield (
        torch.equal(mask[1, 0], torch.ones(5, 5, dtype=torch.bool).tril()),
        "Does each sentence have a mask of its own?",
    )
    left = torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 1, 1]])
    mask = answer(left)
    yield not mask[0, 0, 2:, :2].any(), "Padding on the left: can a real token look at padding?"
    yield (
        bool(mask.any(dim=-1).all()),
        "Padding on the left: the first row sees nothing, and its softmax is not a number. What may it see?",
    )
    yield not mask[0, 0].triu(1).any(), "Padding on the left: does the way out of the empty row show it the future?"
    yield (
        torch.equal(mask[0, 0, 2:, 2:], triangle[:3, :3]),
        "Do the real tokens still see themselves and all real ones before?",
    )
    yield torch.equal(left, torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 1, 1]])), "Do you change attention_mask in place?"


@exercise(
    attention.scaled_dot_product_attention,
    minutes=10,
    difficulty=2,
    build=True,
    hints=(
        "All scores at once are query @ key.transpose(-2, -1). How long is a query? Its last axis says.",
        "scores.masked_fill(~mask, -torch.inf) hides keys, and broadcasts. Then scores.softmax(dim=...): over which "
        "axis must the weights of one query add up to 1?",
    ),
)
def check_scaled_dot_product_attention(answer):
    query = torch.tensor([[2.0, 0, 0, 2]])
    key = torch.tensor([[2.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1]])
    value = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]])
    found = answer(query, key, value)
    both = isinstance(found, tuple) and len(found) == 2
    yield both, "Do you return two things, first the output and then the weights?"
    output, weights = found
    shapes = [tuple(getattr(part, "shape", ())) for part in found]
    yield compare(shapes, [(1, 3), (1, 4)], "One query, four keys: is the output first, and then the weights?")
    keys_or_queries = "Must the weights of one query add up to 1, or those of one key? Softmax goes over the last axis."
    yield compare(weights.sum(-1), torch.ones(1), keys_or_queries, weights=weights)
    e, one = math.exp(2), math.exp(1)
    expected = torch.tensor([[e, 1, one, one]]) / (e + 1 + 2 * one)
    shown = {"query": query, "key": key}
    yield compare(weights, expected, "Are these the weights that you worked out by hand? Scores, then √d.", **shown)
    yield compare(output, expected @ value, "The weights are right. Do you mix the values with them?", value=value)
    numbers = generator(1)
    query, key, value = (torch.randn(2, 3, n, d, generator=numbers) for n, d in ((5, 8), (7, 8), (7, 6)))
    before = [part.clone() for part in (query, key, value)]
    output, weights = answer(query, key, value)
    yield all(map(torch.equal, before, (query, key, value))), "Do you change one of the inputs in place?"
    shapes = [tuple(output.shape), tuple(weights.shape)]
    ask = "With a batch and heads in front: do you swap the last two axes of the key, whatever comes before?"
    yield compare(shapes, [(2, 3, 5, 6), (2, 3, 5, 7)], ask, query=query, key=key, value=value)
    yield compare(weights.sum(-1), torch.ones(2, 3, 5), keys_or_queries)
    output, weights = attention.scaled_dot_product_attention(query, key, value)
    ask = "With d = 8 and values of length 6: do you divide by the root of the length of a query?"
    yield compare(answer(query, key, value)[1], weights, ask)
    yield compare(answer(query, key, value)[0], output, "Is the output the weights times the values?")
    ask = "With scores in the hundreds e^score overflows. Do you use the method softmax? It subtracts the largest."
    large = attention.scaled_dot_product_attention(100 * query, key, value)[1]
    yield compare(answer(100 * query, key, value)[1], large, ask, tolerance=1e-4)
    mask = torch.ones(1, 1, 1, 7, dtype=torch.bool)
    mask[..., 5:] = False
    _, weights = answer(query, key, value, mask)
    ask = "The mask hides the last two keys, yet they get weight. True means that a query may attend to a key."
    yield compare(weights[..., 5:], torch.zeros(2, 3, 5, 2), ask, mask=mask)
    ask = "Do the other keys share the weight of the hidden ones? Mask the scores, before the softmax."
    yield compare(weights.sum(-1), torch.ones(2, 3, 5), ask, mask=mask)
    short = attention.scaled_dot_product_attention(query, key[..., :5, :], value[..., :5, :])[0]
    ask = "With two keys hidden the output should be that of a shorter sentence. Is the score there minus infinity?"
    yield compare(answer(query, key, value, mask)[0], short, ask, mask=mask)
    per_query = torch.ones(5, 7, dtype=torch.bool).tril()[None, None]
    expected = attention.scaled_dot_product_attention(query, key, value, per_query)[0]
    ask = "A mask may differ from query to query. Does yours keep its rows?"
    yield compare(answer(query, key, value, per_query)[0], expected, ask, mask=per_query)


@exercise(
    attention.padding_mask,
    minutes=5,
    difficulty=1,
    build=True,
    hints=(
        "attention_mask holds 1 and 0. Which method of a tensor turns them into True and False?",
        "The mask must fit scores of shape (batch, heads, queries, keys). Indexing with None adds an axis of length 1: "
        "where do heads and queries go?",
    ),
)
def check_padding_mask(answer):
    attention_mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]])
    given = attention_mask.clone()
    mask = answer(given)
    yield isinstance(mask, torch.Tensor), "Do you return a tensor?"
    yield compare(str(mask.dtype), "torch.bool", "Is the mask True and False, not 1 and 0?")
    ask = "Is there an axis for the heads and one for the queries, between batch and keys?"
    yield compare(tuple(mask.shape), (3, 1, 1, 4), ask, attention_mask=attention_mask)
    ask = "Is it True at real tokens and False at padding, row by row?"
    yield compare(mask[:, 0, 0], attention_mask == 1, ask, attention_mask=attention_mask)
    yield compare(tuple(answer(torch.ones(1, 6, dtype=torch.int64)).shape), (1, 1, 1, 6), "Does it work for one row?")
    yield torch.equal(given, attention_mask), "Do you change attention_mask in place?"


@exercise(
    attention.causal_mask,
    minutes=5,
    difficulty=1,
    build=True,
    hints=(
        "Row i of the mask belongs to query i. Which keys may it attend to: those up to i, itself included.",
        "torch.ones(length, length, dtype=torch.bool) is all True. tril() keeps what is on and below the diagonal.",
    ),
)
def check_causal_mask(answer):
    mask = answer(4)
    yield isinstance(mask, torch.Tensor), "Do you return a tensor?"
    yield compare(str(mask.dtype), "torch.bool", "Is the mask True and False, not 1 and 0?", length=4)
    ask = "Is the shape (1, 1, length, length), ready for any batch and any head?"
    yield compare(tuple(mask.shape), (1, 1, 4, 4), ask, length=4)
    ask = "Rows are queries, and True means may attend. May the last token attend to the ones before it?"
    yield compare(mask[0, 0, -1, :-1], torch.ones(3, dtype=torch.bool), ask, mask=mask)
    yield compare(mask[0, 0].diagonal(), torch.ones(4, dtype=torch.bool), "May each token attend to itself?", length=4)
    triangle = torch.ones(4, 4, dtype=torch.bool).tril()
    yield compare(mask[0, 0], triangle, "Rows are queries. Can the first token attend to a later one?", length=4)
    yield compare(answer(1), torch.ones(1, 1, 1, 1, dtype=torch.bool), "Does a sentence of one token work?", length=1)


@exercise(
    attention.MultiHeadAttention,
    minutes=15,
    difficulty=3,
    build=True,
    hints=(
        "Write a small function that turns (batch, seq, hidden) into (batch, heads, seq, d), and use it three times.",
        "To split, view the last axis as (heads, d), then swap it with the sequence: (batch, heads, seq, d).",
        "To join, swap back first. Only then do all numbers of one word lie side by side for flatten(2).",
    ),
)
def check_multi_head_attention(answer):
    torch.manual_seed(0)
    ours, module = attention.MultiHeadAttention(24, 4).eval(), answer(24, 4).eval()
    names = sorted(module.state_dict())
    yield compare(names, sorted(ours.state_dict()), "Do you keep the four linear layers and their names?")
    module.load_state_dict(ours.state_dict())
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    hidden = torch.randn(2, 5, 24, generator=generator(1))
    found = module(hidden, None, True)
    yield isinstance(found, tuple) and len(found) == 2, "Do you return the output and the weights?"
    expected, expected_weights = (part.detach() for part in ours(hidden, None, need_weights=True))
    ask = "Each of the 4 heads has a map of its own. Are the weights (batch, heads, seq, seq)?"
    yield compare(tuple(found[1].shape), (2, 4, 5, 5), ask, hidden_states=hidden)
    ask = "Is the output as long as the input: all heads joined?"
    yield compare(tuple(found[0].shape), (2, 5, 24), ask, hidden_states=hidden)
    alone, single = attention.MultiHeadAttention(24, 1).eval(), answer(24, 1).eval()
    single.load_state_dict(alone.state_dict())
    ask = "One head needs no split, yet its weights are wrong. Do query and key each get their own projection?"
    yield compare(single(hidden, None, True)[1].detach(), alone(hidden, None, True)[1].detach(), ask)
    ask = "Do the heads hold numbers of the right words? View the last axis as (heads, d), then swap it with the words."
    yield compare(found[1], expected_weights, ask, hidden_states=hidden)
    ask = "The weights are right, the output isn't. Do you use self.value and self.output, and swap back first?"
    yield compare(found[0], expected, ask, hidden_states=hidden)
    one = hidden[:1, :4]  # as many words as heads, and a batch of one
    yield compare(
        module(one, None, True)[0], ours(one)[0].detach(), "Four words and four heads: which axis did you swap?", x=one
    )
    mask = attention.padding_mask(torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]))
    ask = "Does the mask reach your scaled_dot_product_attention?"
    yield compare(module(hidden, mask, True)[0], ours(hidden, mask)[0].detach(), ask, mask=mask)


def best_head(weights):
    """Return (layer, head), two ints, of the head whose smallest weight over the sentences is largest.

    weights (sentences, layers, heads).
    """
    smallest = weights.amin(dim=0)  # (layers, heads)
    return divmod(smallest.argmax().item(), smallest.shape[1])  # argmax counts through the flattened table


@exercise(
    best_head,
    minutes=5,
    difficulty=1,
    build=True,
    hints=(
        "Two steps. Which axis are the sentences, and what remains when you take the minimum over it?",
        "argmax() without dim gives one number that counts through the flattened table. With 12 heads a layer, which "
        "layer and head is number 18? divmod(18, 12) says.",
    ),
)
def check_best_head(answer):
    weights = torch.full((2, 2, 3), 0.1)  # 2 sentences, 2 layers, 3 heads
    weights[:, 0, 1] = torch.tensor([0.9, 0.2])  # the largest single weight, and the largest mean
    weights[:, 1, 2] = torch.tensor([0.5, 0.4])  # the largest smallest weight
    found = answer(weights.clone())
    both = isinstance(found, tuple) and len(found) == 2
    yield both, "Do you return two things, the layer and the head, as in `return layer, head`?"
    kinds = [type(part).__name__ for part in found]
    yield compare(kinds, ["int", "int"], "Are both plain ints? item() turns a tensor of one number into one.")
    alone = torch.zeros(1, 2, 3)
    alone[0, 0, 0] = 1
    yield compare(answer(alone), (0, 0), "Do layers and heads count from 0?", weights=alone)
    ask = "Which head has the largest smallest weight? Take the minimum over the sentences first, then the maximum."
    yield compare(found, (1, 2), ask, weights=weights)
    table = torch.rand(5, 6, 12, generator=generator(3))
    expected = best_head(table)
    ask = "With 5 sentences, 6 layers, and 12 heads: which axis is which, and how many heads does a layer have?"
    yield compare(answer(table), expected, ask, weights=table)


def found_attention_maps(layers, hidden_states, mask):
    """Return the attention weights of every layer, a list of (batch, heads, seq, seq)."""
    maps = []
    for layer in layers:
        maps.append(layer(hidden_states, mask, need_weights=True)[1])
        hidden_states = layer(hidden_states)[0]
    return maps


def attention_maps(layers, hidden_states, mask):
    """Return the attention weights of every layer, a list of (batch, heads, seq, seq)."""
    maps = []
    for layer in layers:
        hidden_states, weights = layer(hidden_states, mask, need_weights=True)
        maps.append(weights)
    return maps


class _WithWeights(attention.MultiHeadAttention):
    """Returns its weights unless told not to, as the module that the student writes."""

    def forward(self, hidden_states, mask=None, need_weights=True):
        return super().forward(hidden_states, mask, need_weights)


@exercise(
    attention_maps,
    minutes=5,
    difficulty=1,
    hints=(
        "The first map is right. What does the second layer read, and what could the first see when it wrote that?",
        "A layer is run twice here. Compare the two calls, argument by argument.",
    ),
    found=found_attention_maps,
)
def check_attention_maps(answer):
    torch.manual_seed(0)
    layers = [_WithWeights(8, 2) for _ in range(3)]
    attention_mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    mask = attention.padding_mask(attention_mask)
    x = 3 * torch.randn(2, 5, 8, generator=generator(2))  # (batch, seq, hidden)
    with torch.no_grad():
        maps = answer(layers, x.clone(), mask)
        yield len(maps) == 3, "Is there one map for each layer?"
        yield (
            all(weights.shape == (2, 2, 5, 5) for weights in maps),
            "Does each map keep its heads: (batch, heads, seq, seq)?",
        )
        yield not any(weights[1, :, :, 3:].any() for weights in maps), "Is there weight on padding in one of the maps?"
        _, weights = layers[0](x, mask, need_weights=True)
        yield torch.allclose(maps[0], weights, atol=1e-6), "Is the first map that of the input as it came?"
        plain = answer(layers, x.clone(), None)
        hidden_states = layers[0](x)[0]
        weights = layers[1](hidden_states, None, need_weights=True)[1]
        yield (
            torch.allclose(plain[1], weights, atol=1e-6),
            "Does the second layer get what the first one made of the input?",
        )
        junk = x.clone()
        junk[1, 3:] = 50.0
        moved = (answer(layers, junk, mask)[1] - maps[1])[1, :, :3].abs().max()
        yield (
            moved < 1e-5,
            "Junk at padding moves the second map. Did the first layer look at padding when it made its output?",
        )
        expected, hidden_states = [], x
        for layer in layers:
            hidden_states, weights = layer(hidden_states, mask, need_weights=True)
            expected.append(weights)
        same = all(torch.allclose(ours, theirs, atol=1e-5) for ours, theirs in zip(maps, expected))
        yield same, "Is every map that of the very pass that gives the output?"
