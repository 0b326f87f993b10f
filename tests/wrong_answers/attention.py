"""Wrong answers to the exercises of notebook 01, and a part of the message that each must get."""

import math

import torch
from torch.nn import functional as F

from helpers.classroom.exercises.attention import window_mask


def distances(length):
    places = torch.arange(length)
    return (places[:, None] - places).abs()


def window_of_numbers(length, reach):
    return (distances(length) <= reach).float()[None, None]


def window_without_axes(length, reach):
    return distances(length) <= reach


def window_hides(length, reach):
    return (distances(length) > reach)[None, None]


def window_looks_back(length, reach):
    return (torch.ones(length, length, dtype=torch.bool).tril() & (distances(length) <= reach))[None, None]


def window_one_short(length, reach):
    return ((distances(length) < reach) | (distances(length) == 0))[None, None]


def window_looks_ahead(length, reach):
    return window_looks_back(length, reach).mT


def window_one_short_on_the_left(length, reach):
    return (torch.ones(length, length).tril(reach).triu(min(0, 1 - reach)).bool())[None, None]


def window_without_left_edge(length, reach):
    return torch.ones(1, 1, length, length, dtype=torch.bool).tril(reach)


def window_one_wide(length, reach):
    return (distances(length) <= reach + 1)[None, None]


def window_wraps(length, reach):
    mask = torch.zeros(length, length, dtype=torch.bool)
    for i in range(length):
        for j in range(i - reach, i + reach + 1):
            mask[i, j % length] = True
    return mask[None, None]


def window_of_slices(length, reach):
    mask = torch.zeros(1, 1, length, length, dtype=torch.bool)
    for i in range(length):
        mask[0, 0, i, i - reach : i + reach + 1] = True
    return mask


def window_in_numpy(length, reach):
    return window_mask(length, reach).numpy()


def key_not_turned(query, key, value, mask=None):
    scores = query @ key.transpose(0, 1) / math.sqrt(query.shape[-1])
    return scores.softmax(dim=-1) @ value


def no_division(query, key, value, mask=None):
    raised = (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).exp()
    return raised @ value


def softmax_over_queries(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    return scores.softmax(dim=-2) @ value


def sum_of_all(query, key, value, mask=None):
    raised = (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).exp()
    return raised / raised.sum(dim=(-2, -1), keepdim=True) @ value


def no_scale(query, key, value, mask=None):
    return (query @ key.transpose(-2, -1)).softmax(dim=-1) @ value


def scale_by_d(query, key, value, mask=None):
    return (query @ key.transpose(-2, -1) / query.shape[-1]).softmax(dim=-1) @ value


def overflows(query, key, value, mask=None):
    raised = (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).exp()
    return raised / raised.sum(dim=-1, keepdim=True) @ value


def largest_of_table(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    raised = (scores - scores.max()).exp()
    return raised / raised.sum(dim=-1, keepdim=True) @ value


def attends(raise_scores, size=lambda query, value: query.shape[-1]):
    """Return an answer that raises its scores in another way, or scales them by the root of another size."""

    def answer(query, key, value, mask=None):
        scores = query @ key.transpose(-2, -1) / math.sqrt(size(query, value))
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf)
        raised = raise_scores(scores)
        return (raised / raised.sum(dim=-1, keepdim=True)).to(value.dtype) @ value

    answer.__qualname__ = f"attends.{raise_scores.__name__}.{size.__name__}"
    return answer


def minus_the_largest(scores):
    return (scores - scores.amax(dim=-1, keepdim=True)).exp()


def largest_over_queries(scores):
    return (scores - scores.amax(dim=-2, keepdim=True)).exp()


def clamped(scores):
    return scores.clamp(max=80).exp()


def in_double_precision(scores):
    return scores.double().exp()


def farthest_from_zero(scores):
    return (scores - scores.masked_fill(scores == -math.inf, 0).abs().amax(dim=-1, keepdim=True)).exp()


def size_of_axis_one(query, value):
    return query.shape[1]


def size_of_the_values(query, value):
    return value.shape[-1]


def not_a_number_becomes_zero(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    raised = scores.exp() if mask is None else scores.exp() * mask
    return (raised / raised.sum(dim=-1, keepdim=True)).nan_to_num() @ value


def mask_forgotten(query, key, value, mask=None):
    return (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).softmax(dim=-1) @ value


def mask_turned_round(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask, -torch.inf)
    return scores.softmax(dim=-1) @ value


def mask_after_softmax(query, key, value, mask=None):
    weights = (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).softmax(dim=-1)
    return (weights if mask is None else weights * mask) @ value


def mask_as_zero_score(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    return (scores if mask is None else scores * mask).softmax(dim=-1) @ value


def largest_before_mask(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    raised = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    if mask is not None:
        raised = raised * mask
    return raised / raised.sum(dim=-1, keepdim=True) @ value


def in_place(query, key, value, mask=None):
    query /= math.sqrt(query.shape[-1])
    scores = query @ key.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(dim=-1) @ value


def triangle(length):
    return torch.ones(length, length, dtype=torch.bool).tril()


def mask_of_integers(attention_mask):
    return (triangle(attention_mask.shape[1]) * attention_mask[:, None, :])[:, None]


def mask_without_heads(attention_mask):
    return triangle(attention_mask.shape[1]) & attention_mask.bool()[:, None, :]


def padding_only(attention_mask):
    return attention_mask.bool()[:, None, None, :].expand(-1, 1, attention_mask.shape[1], -1)


def one_back(attention_mask):
    length = attention_mask.shape[1]
    return (triangle(length).tril(-1) | torch.zeros_like(attention_mask).bool()[:, None, :])[:, None]


def queries_blinded(attention_mask):
    length = attention_mask.shape[1]
    return (triangle(length) & attention_mask.bool()[:, :, None])[:, None]


def first_sentence_for_all(attention_mask):
    return (triangle(attention_mask.shape[1]) & attention_mask[:1].bool()[:, None, :])[:, None].repeat(
        len(attention_mask), 1, 1, 1
    )


def causal_only(attention_mask):
    return triangle(attention_mask.shape[1]).repeat(len(attention_mask), 1, 1, 1)


def empty_rows(attention_mask):
    return (triangle(attention_mask.shape[1]) & attention_mask.bool()[:, None, :])[:, None]


def empty_rows_see_all(attention_mask):
    mask = empty_rows(attention_mask)
    return mask | ~mask.any(dim=-1, keepdim=True)


def views_at_once(mixed):
    batch, heads, seq, d = mixed.shape
    return mixed.contiguous().view(batch, seq, heads * d)


def keeps_the_axes(mixed):
    return mixed.transpose(1, 2)


def numbers_before_heads(mixed):
    return mixed.permute(0, 2, 3, 1).flatten(2)


def mean_of_heads(mixed):
    return mixed.mean(dim=1).repeat(1, 1, mixed.shape[1])


def heads_backwards(mixed):
    return mixed.flip(1).transpose(1, 2).flatten(2)


def only_the_last_map(layers, hidden_states, mask):
    for layer in layers:
        hidden_states, weights = layer(hidden_states, mask, need_weights=True)
    return [weights]


def heads_averaged(layers, hidden_states, mask):
    maps = []
    for layer in layers:
        hidden_states, weights = layer(hidden_states, mask, need_weights=True)
        maps.append(weights.mean(dim=1))
    return maps


def mask_passed_on_only(layers, hidden_states, mask):
    maps = []
    for layer in layers:
        maps.append(layer(hidden_states, None, need_weights=True)[1])
        hidden_states = layer(hidden_states, mask)[0]
    return maps


def always_the_input(layers, hidden_states, mask):
    return [layer(hidden_states, mask, need_weights=True)[1] for layer in layers]


def same_bug_in_other_words(layers, hidden_states, mask):
    maps = []
    for layer in layers:
        _, weights = layer(hidden_states, mask, need_weights=True)
        hidden_states, _ = layer(hidden_states, None)
        maps.append(weights)
    return maps


def mask_from_the_second_layer_on(layers, hidden_states, mask):
    first, *rest = layers
    maps = [first(hidden_states, mask, need_weights=True)[1]]
    hidden_states = first(hidden_states)[0]
    for layer in rest:
        hidden_states, weights = layer(hidden_states, mask, need_weights=True)
        maps.append(weights)
    return maps


def pytorch_without_mask(query, key, value, mask=None):
    return F.scaled_dot_product_attention(query, key, value)


def output_and_weights(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = (scores if mask is None else scores.masked_fill(~mask, -math.inf)).softmax(-1)
    return weights @ value, weights


def last_real_token_blinded(attention_mask):
    mask = triangle(attention_mask.shape[1]) & attention_mask.bool()[:, None, :]
    mask[attention_mask.sum(1) == 3, 2, :2] = False
    return (mask | torch.eye(attention_mask.shape[1], dtype=torch.bool))[:, None]


WRONG = {
    "window_mask": [
        (window_of_numbers, "dtype torch.bool"),
        (window_in_numpy, "a tensor"),
        (window_without_axes, "ready for any batch"),
        (window_hides, "True where a token may look"),
        (window_looks_back, "both sides"),
        (window_looks_ahead, "both sides"),
        (window_one_short, "still inside"),
        (window_one_short_on_the_left, "still inside"),
        (window_one_wide, "outside"),
        (window_without_left_edge, "outside"),
        (window_wraps, "wrap round"),
        (window_of_slices, "wrap round"),
    ],
    "attention_from_memory": [
        (output_and_weights, "the output alone"),
        (key_not_turned, "RuntimeError"),
        (no_division, "divide by the sum of the row"),
        (softmax_over_queries, "over the queries"),
        (sum_of_all, "over the queries"),
        (no_scale, "by √d"),
        (scale_by_d, "by √d"),
        (attends(minus_the_largest, size_of_axis_one), "by √d"),
        (attends(minus_the_largest, size_of_the_values), "by √d"),
        (attends(largest_over_queries), "depend on the other queries"),
        (overflows, "overflows"),
        (attends(clamped), "overflows"),
        (attends(in_double_precision), "overflows"),
        (not_a_number_becomes_zero, "overflows"),
        (largest_of_table, "of each row"),
        (attends(farthest_from_zero), "far below 0"),
        (mask_forgotten, "hidden key's value"),
        (pytorch_without_mask, "hidden key's value"),
        (mask_turned_round, "Is True 'may look'"),
        (mask_as_zero_score, "hidden key's value"),
        (mask_after_softmax, "before the softmax"),
        (largest_before_mask, "after the mask"),
        (in_place, "in place"),
    ],
    "causal_mask_with_padding": [
        (mask_of_integers, "bool"),
        (mask_without_heads, "axis for the heads"),
        (padding_only, "see a later one"),
        (one_back, "see itself"),
        (queries_blinded, "as a key"),
        (last_real_token_blinded, "still see what they saw"),
        (first_sentence_for_all, "of its own"),
        (causal_only, "look at padding"),
        (empty_rows, "not a number"),
        (empty_rows_see_all, "the future"),
    ],
    "join_heads": [
        (views_at_once, "numbers of other words"),
        (keeps_the_axes, "heads · d"),
        (numbers_before_heads, "come from head 0"),
        (mean_of_heads, "come from head 0"),
        (heads_backwards, "come from head 0"),
    ],
    "attention_maps": [
        (only_the_last_map, "one map for each layer"),
        (heads_averaged, "keep its heads"),
        (mask_passed_on_only, "weight on padding"),
        (always_the_input, "what the first one made"),
        (same_bug_in_other_words, "Junk at padding"),
        (mask_from_the_second_layer_on, "Junk at padding"),
    ],
}
