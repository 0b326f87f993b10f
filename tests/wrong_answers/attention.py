"""Wrong answers to the exercises of notebook 01, and a part of the message that each must get."""

import math

import torch

from helpers import attention
from helpers.classroom.exercises.attention import best_head, window_mask


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


def attends(scores_of=None, weights_of=None, output_of=None):
    """Return an answer that is right but for one of its three steps."""

    def answer(query, key, value, mask=None):
        scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
        if scores_of:
            scores = scores_of(query, key, value)
        if weights_of:
            weights = weights_of(scores, mask)
        else:
            weights = (scores if mask is None else scores.masked_fill(~mask, -math.inf)).softmax(-1)
        return output_of(weights, value) if output_of else (weights @ value, weights)

    answer.__qualname__ = "attends." + ".".join(f.__name__ for f in (scores_of, weights_of, output_of) if f)
    return answer


def key_not_turned(query, key, value):
    return query @ key.transpose(0, 1) / math.sqrt(query.shape[-1])


def no_scale(query, key, value):
    return query @ key.transpose(-2, -1)


def scale_by_d(query, key, value):
    return query @ key.transpose(-2, -1) / query.shape[-1]


def scale_by_the_values(query, key, value):
    return query @ key.transpose(-2, -1) / math.sqrt(value.shape[-1] if key.dim() > 2 else query.shape[-1])


def scale_by_the_keys(query, key, value):
    return query @ key.transpose(-2, -1) / math.sqrt(key.shape[-2])


def over_the_queries(scores, mask):
    if scores.shape[-2] == 1:
        return scores.softmax(-1)
    return (scores if mask is None else scores.masked_fill(~mask, -math.inf)).softmax(-2)


def over_the_queries_even_if_one(scores, mask):
    return scores.softmax(-2)


def mask_forgotten(scores, mask):
    return scores.softmax(-1)


def mask_turned_round(scores, mask):
    return (scores if mask is None else scores.masked_fill(mask, -math.inf)).softmax(-1)


def mask_after_softmax(scores, mask):
    return scores.softmax(-1) if mask is None else scores.softmax(-1) * mask


def mask_as_zero_score(scores, mask):
    return (scores if mask is None else scores * mask).softmax(-1)


def softmax_by_hand(scores, mask):
    powers = (scores if mask is None else scores.masked_fill(~mask, -math.inf)).exp()
    return powers / powers.sum(-1, keepdim=True)


def first_row_of_the_mask(scores, mask):
    return (scores if mask is None else scores.masked_fill(~mask[..., -1:, :], -math.inf)).softmax(-1)


def weights_first(weights, value):
    return weights, weights @ value


def output_alone(weights, value):
    return weights @ value


def mean_of_the_values(weights, value):
    return value.mean(-2, keepdim=True).expand(*weights.shape[:-1], -1), weights


def in_place(query, key, value, mask=None):
    query /= math.sqrt(query.shape[-1])
    scores = query @ key.transpose(-2, -1)
    weights = (scores if mask is None else scores.masked_fill(~mask, -math.inf)).softmax(-1)
    return weights @ value, weights


def batch_flattened(weights, value):
    return (weights @ value).reshape(-1, *value.shape[-1:]) if value.dim() > 2 else weights @ value, weights


def values_turned_round(weights, value):
    return weights @ (value.flip(-2) if value.dim() > 2 else value), weights


def output_without_the_mask(query, key, value, mask=None):
    hidden = attention.scaled_dot_product_attention(query, key, value, mask)[1]
    return attention.scaled_dot_product_attention(query, key, value)[0], hidden


def padding_as_a_list(attention_mask):
    return attention_mask.bool()[:, None, None, :].tolist()


def padding_for_many(attention_mask):
    return attention_mask.bool()[:, None, None, :].squeeze(0)


def padding_in_place(attention_mask):
    mask = attention_mask.bool()[:, None, None, :]
    attention_mask.zero_()
    return mask


def padding_as_it_came(attention_mask):
    return attention_mask[:, None, None, :]


def padding_without_axes(attention_mask):
    return attention_mask.bool()


def padding_for_queries(attention_mask):
    return attention_mask.bool()[:, None, :, None]


def padding_turned_round(attention_mask):
    return (attention_mask == 0)[:, None, None, :]


def padding_first_row(attention_mask):
    return attention_mask[:1].bool()[:, None, None, :].repeat(len(attention_mask), 1, 1, 1)


def causal_as_a_list(length):
    return torch.ones(length, length, dtype=torch.bool).tril()[None, None].tolist()


def causal_of_two_at_least(length):
    return torch.ones(max(length, 2), max(length, 2), dtype=torch.bool).tril()[None, None]


def causal_of_numbers(length):
    return torch.ones(length, length).tril()[None, None]


def causal_without_axes(length):
    return torch.ones(length, length, dtype=torch.bool).tril()


def causal_strict(length):
    return torch.ones(length, length, dtype=torch.bool).tril(-1)[None, None]


def causal_looks_ahead(length):
    return torch.ones(length, length, dtype=torch.bool).triu()[None, None]


def causal_turned_round(length):
    return torch.ones(length, length, dtype=torch.bool).triu(1)[None, None]


def causal_one_ahead(length):
    return torch.ones(length, length, dtype=torch.bool).tril(1)[None, None]


def module(split, join, last=lambda self, x: self.output(x), attend=attention.scaled_dot_product_attention):
    """Return a whole class whose forward splits and joins in some way."""

    class Answer(attention.MultiHeadAttention):
        def forward(self, hidden_states, mask=None, need_weights=True):
            query, key, value = (split(self, part(hidden_states)) for part in (self.query, self.key, self.value))
            mixed, weights = attend(query, key, value, mask)
            return last(self, join(self, mixed)), weights

    Answer.__qualname__ = f"module.{split.__name__}.{join.__name__}.{last.__name__}.{attend.__name__}"
    return Answer


def split(self, x):
    return x.unflatten(-1, (self.num_attention_heads, -1)).transpose(1, 2)


def split_at_once(self, x):
    batch, seq, hidden = x.shape
    return x.view(batch, self.num_attention_heads, seq, hidden // self.num_attention_heads)


def split_without_swap(self, x):
    return x.unflatten(-1, (self.num_attention_heads, -1))


def split_numbers_first(self, x):
    return x.unflatten(-1, (-1, self.num_attention_heads)).permute(0, 3, 1, 2)


def join(self, mixed):
    return mixed.transpose(1, 2).flatten(2)


def join_without_swap(self, mixed):
    return mixed.flatten(2)


def join_at_once(self, mixed):
    batch, heads, seq, d = mixed.shape
    return mixed.reshape(batch, seq, heads * d)


def join_numbers_first(self, mixed):
    return mixed.permute(0, 2, 3, 1).flatten(2)


def join_first_head(self, mixed):
    return mixed[:, 0]


def join_backwards(self, mixed):
    return mixed.flip(1).transpose(1, 2).flatten(2)


class OneLayerMore(attention.MultiHeadAttention):
    def __init__(self, hidden_size, num_attention_heads):
        super().__init__(hidden_size, num_attention_heads)
        self.mix = torch.nn.Linear(hidden_size, hidden_size)


class OutputAlone(attention.MultiHeadAttention):
    def forward(self, hidden_states, mask=None, need_weights=True):
        return super().forward(hidden_states, mask, True)[0]


def split_unless_as_many_words_as_heads(self, x):
    parts = x.unflatten(-1, (self.num_attention_heads, -1))
    return parts if x.shape[1] == self.num_attention_heads else parts.transpose(1, 2)


class QueryForKey(attention.MultiHeadAttention):
    def forward(self, hidden_states, mask=None, need_weights=True):
        query, value = (split(self, part(hidden_states)) for part in (self.query, self.value))
        mixed, weights = attention.scaled_dot_product_attention(query, query, value, mask)
        return self.output(join(self, mixed)), weights


def not_mixed(self, x):
    return x


def without_the_mask(query, key, value, mask):
    return attention.scaled_dot_product_attention(query, key, value)


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


def best_of_all_sentences(weights):
    return divmod(weights.amax(0).argmax().item(), weights.shape[2])


def best_on_average(weights):
    return divmod(weights.mean(0).argmax().item(), weights.shape[2])


def worst_head(weights):
    return divmod(weights.amin(0).argmin().item(), weights.shape[2])


def best_from_one(weights):
    layer, head = best_head(weights)
    return layer + 1, head + 1


def best_as_one_number(weights):
    return weights.amin(0).argmax().item()


def best_as_tensors(weights):
    place = weights.amin(0).argmax()
    return place // weights.shape[2], place % weights.shape[2]


def best_with_heads_first(weights):
    return divmod(weights.amin(0).argmax().item(), weights.shape[1] + 1)


def best_of_three_heads(weights):
    return divmod(weights.amin(0).argmax().item(), 3)


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


def input_moved(layers, hidden_states, mask):
    return attention_maps_of(layers, 2 * hidden_states, [mask] * len(layers))


def mask_in_the_first_layer_only(layers, hidden_states, mask):
    return attention_maps_of(layers, hidden_states, [mask, *[None] * (len(layers) - 1)], mask)


def attention_maps_of(layers, hidden_states, masks, shown=None):
    maps = []
    for layer, mask in zip(layers, masks):
        maps.append(layer(hidden_states, mask if shown is None else shown, need_weights=True)[1])
        hidden_states = layer(hidden_states, mask)[0]
    return maps


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
    "scaled_dot_product_attention": [
        (attends(output_of=output_alone), "return two things"),
        (attends(output_of=weights_first), "is the output first"),
        (attends(scores_of=no_scale), "the weights that you worked out by hand"),
        (attends(scores_of=scale_by_d), "the weights that you worked out by hand"),
        (attends(output_of=mean_of_the_values), "Do you mix the values"),
        (attends(scores_of=key_not_turned), "RuntimeError"),
        (attends(scores_of=scale_by_the_values), "root of the length of a query"),
        (attends(scores_of=scale_by_the_keys), "root of the length of a query"),
        (attends(weights_of=mask_forgotten), "yet they get weight"),
        (attends(weights_of=mask_turned_round), "yet they get weight"),
        (attends(weights_of=mask_as_zero_score), "yet they get weight"),
        (attends(weights_of=mask_after_softmax), "before the softmax"),
        (attends(weights_of=first_row_of_the_mask), "keep its rows"),
        (attends(weights_of=over_the_queries), "Softmax goes over the last axis"),
        (attends(weights_of=over_the_queries_even_if_one), "Softmax goes over the last axis"),
        (attends(weights_of=softmax_by_hand), "overflows"),
        (attends(output_of=batch_flattened), "swap the last two axes"),
        (attends(output_of=values_turned_round), "the weights times the values"),
        (output_without_the_mask, "that of a shorter sentence"),
        (in_place, "in place"),
    ],
    "padding_mask": [
        (padding_as_it_came, "True and False"),
        (padding_without_axes, "an axis for the heads"),
        (padding_for_queries, "an axis for the heads"),
        (padding_turned_round, "True at real tokens"),
        (padding_first_row, "row by row"),
        (padding_as_a_list, "return a tensor"),
        (padding_for_many, "one row"),
        (padding_in_place, "in place"),
    ],
    "causal_mask": [
        (causal_of_numbers, "True and False"),
        (causal_without_axes, "ready for any batch"),
        (causal_strict, "attend to itself"),
        (causal_looks_ahead, "may attend"),
        (causal_turned_round, "may attend"),
        (causal_one_ahead, "a later one"),
        (causal_as_a_list, "return a tensor"),
        (causal_of_two_at_least, "one token"),
    ],
    "MultiHeadAttention": [
        (module(split_without_swap, join_without_swap), "a map of its own"),
        (module(split, join_first_head, not_mixed), "as long as the input"),
        (module(split_at_once, join), "View the last axis as (heads, d)"),
        (module(split_numbers_first, join), "View the last axis as (heads, d)"),
        (module(split, join_at_once), "swap back first"),
        (module(split, join_numbers_first), "swap back first"),
        (module(split, join_backwards), "swap back first"),
        (OneLayerMore, "four linear layers"),
        (OutputAlone, "the output and the weights"),
        (module(split_unless_as_many_words_as_heads, join), "which axis did you swap"),
        (QueryForKey, "One head needs no split"),
        (module(split, join, not_mixed), "self.value and self.output"),
        (module(split, join, attend=without_the_mask), "Does the mask reach"),
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
    "best_head": [
        (best_of_all_sentences, "minimum over the sentences first"),
        (best_on_average, "minimum over the sentences first"),
        (worst_head, "count from 0"),
        (best_from_one, "count from 0"),
        (best_as_one_number, "two things"),
        (best_as_tensors, "plain ints"),
        (best_with_heads_first, "which axis is which"),
        (best_of_three_heads, "which axis is which"),
    ],
    "attention_maps": [
        (only_the_last_map, "one map for each layer"),
        (heads_averaged, "keep its heads"),
        (mask_passed_on_only, "weight on padding"),
        (always_the_input, "what the first one made"),
        (same_bug_in_other_words, "Junk at padding"),
        (mask_from_the_second_layer_on, "Junk at padding"),
        (input_moved, "the input as it came"),
        (mask_in_the_first_layer_only, "of the very pass"),
    ],
}
