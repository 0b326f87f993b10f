"""The exercises of notebook 01: masks, attention from memory, heads joined, and maps that tell the truth."""

import math

import torch

from ... import attention
from ...device import generator
from ..checks import exercise


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


def attention_from_memory(query, key, value, mask=None):
    """Return the attention output (..., queries, d_v), with a softmax of your own; `mask` True: may look."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (..., queries, keys)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    raised = (scores - scores.amax(dim=-1, keepdim=True)).exp()  # the largest score of a row becomes 0, e^0 = 1
    weights = raised / raised.sum(dim=-1, keepdim=True)
    return weights @ value


@exercise(
    attention_from_memory,
    minutes=20,
    difficulty=3,
    hints=(
        "Four steps: scores of all queries with all keys, scale, mask, softmax. Then the product with the values.",
        "Which axis must add up to one? For each query, the weights of its keys: the last axis. Keep it (keepdim) when "
        "you sum, so that the division fits.",
        "Subtracting one number from all scores of a row leaves the weights as they are. Which number keeps exp small?",
    ),
)
def check_attention_from_memory(answer):
    draw = generator(1)
    query, key, value = (torch.randn(2, 3, n, d, generator=draw) for n, d in ((5, 8), (7, 8), (7, 6)))
    before = [part.clone() for part in (query, key, value)]
    found = answer(query, key, value)
    yield isinstance(found, torch.Tensor), "Do you return the output alone, one tensor, and not the weights with it?"
    yield found.shape == (2, 3, 5, 6), "Do you swap the last two axes of the key, whatever stands before?"
    yield all(map(torch.equal, before, (query, key, value))), "Do you change one of the inputs in place?"
    found = answer(query[..., :1, :], key[..., :1, :], value[..., :1, :])
    yield (
        torch.allclose(found, value[..., :1, :], atol=1e-6),
        "A single key must get the weight 1. Do you divide by the sum of the row?",
    )
    found = answer(torch.zeros_like(query), key, value)
    mean = value.mean(dim=-2, keepdim=True).expand(2, 3, 5, 6)
    yield (
        torch.allclose(found, mean, atol=1e-6),
        "Seven equal scores, seven equal weights: do you sum over the keys, or over the queries?",
    )
    alone = answer(query[..., :1, :], key, value)
    yield (
        torch.allclose(alone, answer(query, key, value)[..., :1, :], atol=1e-6),
        "Does what a query finds depend on the other queries? Over which axis do you take the largest score?",
    )
    one = torch.tensor([[3.0, 0, 0, 0]]), torch.eye(4)[:2], torch.eye(2)  # a query, two keys, their values
    found = answer(*(part[None, None] for part in one))[0, 0, 0]
    pencil = torch.tensor([math.exp(1.5), 1.0]) / (math.exp(1.5) + 1)  # scores 3 and 0, divided by √4
    yield torch.allclose(found, pencil, atol=1e-6), "Do you divide the scores by √d, not by d, and not forget it?"
    steep = torch.tensor([[800.0], [0], [-800]])  # with two keys: scores 800 and 400, 0 and 0, -800 and -400
    found = answer(steep, torch.tensor([[1.0], [0.5]]), torch.eye(2))
    expected = torch.tensor([[1.0, 0], [0.5, 0.5], [0, 1]])
    high, equal, low = ((found - expected).abs().amax(dim=-1) < 1e-6).tolist()
    yield high, "e^800 overflows. Do you subtract the largest score before you raise?"
    yield equal, "Do you subtract the largest score of each row, or the largest of the whole table?"
    yield low, "All scores of a row are far below 0. Is it still the largest that you subtract?"
    mask = torch.ones(1, 1, 1, 7, dtype=torch.bool)
    mask[..., 5:] = False
    junk = value.clone()
    junk[..., 5:, :] = 1000.0
    found = answer(query, key, junk, mask)
    yield (
        torch.allclose(found, answer(query, key, value, mask), atol=1e-5),
        "A hidden key's value gets through. Is True 'may look' in your code?",
    )
    short = attention.scaled_dot_product_attention(query, key[..., :5, :], value[..., :5, :])[0]
    yield (
        torch.allclose(found, short, atol=1e-5),
        "Do the other keys share the part of the hidden ones? Mask the scores, before the softmax.",
    )
    loud = key.clone()
    loud[..., 5:, :] = 1000 * query[..., :1, :]  # hidden keys that fit far too well
    yield (
        torch.allclose(answer(query, loud, value, mask), short, atol=1e-5),
        "Is the largest score taken after the mask? A hidden one must not count.",
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


def found_join_heads(mixed):
    """Join what the heads found: (batch, heads, seq, d) -> (batch, seq, heads · d)."""
    batch, heads, seq, d = mixed.shape
    return mixed.reshape(batch, seq, heads * d)


def join_heads(mixed):
    """Join what the heads found: (batch, heads, seq, d) -> (batch, seq, heads · d)."""
    return mixed.transpose(1, 2).flatten(2)


@exercise(
    join_heads,
    minutes=10,
    difficulty=2,
    hints=(
        "reshape reads the numbers in the order in which they lie, the last axis fastest. After the first d numbers of "
        "word 0, whose numbers come next?",
        "All numbers of one word must lie side by side before two axes are made one. Which axis has to move?",
    ),
    found=found_join_heads,
)
def check_join_heads(answer):
    mixed = torch.arange(2 * 3 * 5 * 4).float().view(2, 3, 5, 4)  # (batch, heads, seq, d), all numbers different
    joined = answer(mixed.clone())
    yield joined.shape == (2, 5, 12), "Is the result (batch, seq, heads · d)?"
    yield torch.equal(answer(mixed[:, :1].clone()), mixed[:, 0]), "One head: is there nothing to join?"
    owner = torch.arange(5.0)[:, None].expand(2, 3, 5, 4).clone()  # every number says whose word it is
    mine = answer(owner) == torch.arange(5.0)[:, None]
    yield (
        bool(mine.all()),
        "Does the vector of a word hold numbers of other words? Which axis runs fastest when you reshape?",
    )
    yield (
        torch.equal(joined[..., :4], mixed[:, 0]),
        "Do the first d numbers of a word come from head 0, in their order?",
    )
    back = joined.view(2, 5, 3, 4).transpose(1, 2)
    yield torch.equal(back, mixed), "Does split undo what you did? All heads, in order, and nothing averaged."


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


@exercise(
    attention_maps,
    minutes=10,
    difficulty=2,
    hints=(
        "The first map is right. What does the second layer read, and what could the first see when it wrote that?",
        "A layer is run twice here. Compare the two calls, argument by argument.",
    ),
    found=found_attention_maps,
)
def check_attention_maps(answer):
    torch.manual_seed(0)
    layers = [attention.MultiHeadAttention(8, 2) for _ in range(3)]
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
