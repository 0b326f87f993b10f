"""The pairs of `sentence_pairs`, drawn for all documents at once, for runs that eat batches faster than Python makes
pairs one by one.

The rules are those of `make_nsp_pairs`, but a sentence is a number here, a segment is a place and a length in one long
array of tokens, and each round draws one pair of every document that has text left. The draws are others, so the pairs
are, too.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..batching import LengthBucketSampler, MlmCollator
from ..sentence_pairs import check_pair_options


class FlatText(NamedTuple):
    """Documents laid end to end. Sentence i is tokens[edges[i] : edges[i + 1]], document d the sentences firsts[d] …
    firsts[d + 1] - 1; sentences with the same words have the same number in `same`."""

    tokens: np.ndarray
    edges: np.ndarray
    firsts: np.ndarray
    same: np.ndarray


class Spans(NamedTuple):
    """Pairs: where in the text A and B start and how many tokens they have, and the label. Arrays (pairs,)."""

    start_a: np.ndarray
    length_a: np.ndarray
    start_b: np.ndarray
    length_b: np.ndarray
    label: np.ndarray


def lay_out(documents: Sequence[Sequence[Sequence[int]]]) -> FlatText:
    """Return documents → sentences → token ids as arrays. Raises ValueError for fewer than two documents with text."""
    documents = [document for document in documents if document]
    if len(documents) < 2:
        raise ValueError("Negatives come from another document: give at least two documents with text.")
    lengths = np.fromiter(map(len, chain.from_iterable(documents)), np.int64)
    tokens = np.fromiter(chain.from_iterable(chain.from_iterable(documents)), np.int64)
    edges, firsts = (np.append(0, np.cumsum(counts)) for counts in (lengths, [len(document) for document in documents]))
    # Equal sentences have equal sums. Unequal ones could, too; that would cost a negative one of its candidates.
    places = np.arange(len(tokens)) - np.repeat(edges[:-1], lengths)
    factors = np.random.default_rng(0).integers(2**62, size=lengths.max())
    return FlatText(tokens, edges, firsts, np.add.reduceat(tokens * factors[places], edges[:-1]))


def draw_spans(
    text: FlatText,
    max_length: int,
    generator: torch.Generator,
    negative_probability: float = 0.5,
    short_probability: float = 0.1,
) -> Spans:
    """Walk through every document once and return fresh pairs, by the rules of `sentence_pairs.make_nsp_pairs`; a false
    B comes from another document, and where eight draws find only copies of the true B, that stays. All draws follow
    from one number of `generator`. Raises ValueError for a max_length under 8 or a negative_probability outside
    [0, 1)."""
    check_pair_options(max_length, negative_probability)
    edges, room = text.edges, max_length - 3
    draws = np.random.default_rng(torch.randint(2**62, (1,), generator=generator).item())
    document = np.flatnonzero(np.diff(text.firsts) > 1)  # those that have text left
    start, rounds = text.firsts[document], [(np.zeros(0, np.int64),) * 5]
    while len(document):
        count, last = len(document), text.firsts[document + 1]
        start = np.minimum(start, last - 2)  # a lone last sentence takes the one before it as its partner
        target = np.where(draws.random(count) < short_probability, draws.integers(2, room + 1, count), room)
        end = np.searchsorted(edges, edges[start] + target).clip(start + 2, last)
        cut = draws.integers(start + 1, end)
        first_b, last_b, negative = cut.copy(), end.copy(), draws.random(count) < negative_probability
        chosen, first, after = _from_elsewhere(text, document[negative], cut[negative], end[negative], draws)
        negative[negative] = chosen
        first_b[negative], last_b[negative] = first[chosen], after[chosen]
        length_a, length_b = edges[cut] - edges[start], edges[last_b] - edges[first_b]
        cut_a, cut_b = _excess(length_a, length_b, room)
        start_a = edges[start] + draws.binomial(cut_a, 0.5)  # so many of the cut tokens are cut from the front
        start_b = edges[first_b] + draws.binomial(cut_b, 0.5)
        rounds.append((start_a, length_a - cut_a, start_b, length_b - cut_b, negative))
        start = np.where(negative, cut, end)
        document, start = document[start < last], start[start < last]
    return Spans(*(np.concatenate(part) for part in zip(*rounds, strict=True)))


def _from_elsewhere(text: FlatText, document, cut, end, draws, candidates: int = 8):
    """For each true B, sentences `cut` … `end` - 1 of `document`, draw runs of sentences of other documents and return
    first sentence and end of the one whose length is nearest; before them, whether any is no copy of the true one."""
    edges, firsts, shape = text.edges, text.firsts, (len(document), candidates)
    wanted = (edges[end] - edges[cut])[:, None]
    other = draws.integers(0, len(firsts) - 2, shape)
    other += other >= document[:, None]  # any document but its own
    first = draws.integers(firsts[other], firsts[other + 1])
    after = np.searchsorted(edges, edges[first] + wanted).clip(first + 1, firsts[other + 1])
    too_long, too_short = edges[after] - edges[first] - wanted, edges[first] + wanted - edges[after - 1]
    after -= (after - 1 > first) & (too_short <= too_long)
    miss = np.abs(edges[after] - edges[first] - wanted)
    miss[text.same[first] == text.same[cut][:, None]] = len(text.tokens)  # never the sentence that truly follows
    best = np.arange(len(document)), miss.argmin(axis=1)
    return miss[best] < len(text.tokens), first[best], after[best]


def _excess(length_a, length_b, room: int):
    """Return how many tokens A and B lose, as in `sentence_pairs.truncate_pair`."""
    excess, gap = np.maximum(length_a + length_b - room, 0), length_a - length_b
    first = np.minimum(excess, np.abs(gap))
    cut_a = np.where(gap > 0, first, 0) + (excess - first) // 2
    return cut_a, excess - cut_a


def pad_spans(text: FlatText, spans: Spans, rows: Sequence[int], special: tuple[int, int, int]) -> dict[str, Tensor]:
    """Return [CLS] A [SEP] B [SEP] of these pairs, padded to the longest: tensors (rows, seq) with the keys that
    `MlmCollator.mask` asks for. special: the ids of [CLS], [SEP] and [PAD]."""
    cls_id, sep_id, pad_id = special
    start_a, length_a, start_b, length_b, label = (part[rows][:, None] for part in spans)
    first_sep, last_sep = length_a + 1, length_a + length_b + 2
    place, row = np.arange(last_sep.max() + 1)[None], np.arange(len(label))[:, None]
    in_b, real = place > first_sep, place <= last_sep
    input_ids = text.tokens.take(place + np.where(in_b, start_b - first_sep - 1, start_a - 1), mode="clip")
    input_ids[~real] = pad_id
    input_ids[:, 0] = cls_id
    input_ids[row, first_sep] = input_ids[row, last_sep] = sep_id
    return {
        "input_ids": torch.from_numpy(input_ids),
        "token_type_ids": torch.from_numpy(in_b & real).long(),
        "special_tokens_mask": torch.from_numpy(~real),  # padding; the collator knows [CLS] and [SEP] by their ids
        "next_sentence_label": torch.from_numpy(label[:, 0]),
        "attention_mask": torch.from_numpy(real).long(),
    }


def bulk_batches(
    documents: Sequence[Sequence[Sequence[int]]], tokenizer, max_length: int, batch_size: int, **collator_options
) -> Callable[[torch.Generator], Iterable[dict[str, Tensor]]]:
    """Return a function that yields one epoch, as `batching.pretraining_batches` does, many times as fast."""
    text, tables = lay_out(documents), MlmCollator(tokenizer, torch.Generator(), **collator_options)
    special = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id

    def batches(generator: torch.Generator):
        spans, collator = draw_spans(text, max_length, generator), copy.copy(tables)
        collator.generator = generator
        lengths = (spans.length_a + spans.length_b).tolist()
        for rows in LengthBucketSampler(lengths, batch_size, generator):
            yield collator.mask(pad_spans(text, spans, rows, special))

    return batches
