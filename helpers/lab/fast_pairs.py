"""The pairs of `sentence_pairs`, drawn for all documents at once, for runs that eat batches faster than Python makes
pairs one by one.

The rules are those of `make_nsp_pairs`, but a sentence is a number here, a segment is a place and a length in one long
array of tokens, and each round draws one pair of every document that has text left. Rows are copied from the text as
whole stretches, and masking looks at the chosen slots alone. The draws are others, so the pairs and masks are, too.
"""

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from ..batching import LengthBucketSampler, MlmCollator, look_up
from ..masking import IGNORE
from ..sentence_pairs import check_pair_options


class FlatText(NamedTuple):
    """Documents laid end to end. Sentence i is tokens[edges[i] : edges[i + 1]], document d the sentences firsts[d] …
    firsts[d + 1] - 1; token t stands in sentence `home[t]`; sentences with the same words have the same number in
    `same`. `tokens` and `home` are int32: what is read in random order should fit in the cache. The others are
    int64."""

    tokens: np.ndarray
    edges: np.ndarray
    firsts: np.ndarray
    same: np.ndarray
    home: np.ndarray


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
    tokens = np.fromiter(chain.from_iterable(chain.from_iterable(documents)), np.int32)
    edges, firsts = (np.append(0, np.cumsum(counts)) for counts in (lengths, [len(document) for document in documents]))
    home = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    # Equal sentences have equal sums. Unequal ones could, too; that would cost a negative one of its candidates.
    factors = np.random.default_rng(0).integers(2**62, size=lengths.max())
    same = np.add.reduceat(tokens * factors[np.arange(len(tokens)) - edges[home]], edges[:-1])
    return FlatText(tokens, edges, firsts, same, home)


def draw_spans(
    text: FlatText,
    max_length: int,
    generator: torch.Generator,
    negative_probability: float = 0.5,
    short_probability: float = 0.1,
) -> Spans:
    """Walk through every document once and return fresh pairs, by the rules of `sentence_pairs.make_nsp_pairs`; a false
    B comes from another document, and where eight draws find only copies of the true B, that stays and is used next,
    too. All draws follow from one number of `generator`. Raises ValueError for a max_length under 8 or a
    negative_probability outside [0, 1)."""
    check_pair_options(max_length, negative_probability)
    edges, room, draws = text.edges, max_length - 3, numpy_generator(generator)
    document, start, cut, end, label = _walk(text, room, draws, negative_probability, short_probability)
    first_b, last_b, negative = cut.copy(), end.copy(), np.flatnonzero(label)
    label[negative], first_b[negative], last_b[negative] = _from_elsewhere(
        text, document[negative], cut[negative], end[negative], draws
    )
    length_a, length_b = edges[cut] - edges[start], edges[last_b] - edges[first_b]
    cut_a, cut_b = _excess(length_a, length_b, room)
    start_a = edges[start] + _heads(cut_a, draws)  # so many of the cut tokens are cut from the front
    start_b = edges[first_b] + _heads(cut_b, draws)
    return Spans(start_a, length_a - cut_a, start_b, length_b - cut_b, label)


def numpy_generator(generator: torch.Generator) -> np.random.Generator:
    """Return NumPy's fastest generator, seeded with one number of `generator`."""
    return np.random.Generator(np.random.SFC64(torch.randint(2**62, (1,), generator=generator).item()))


def _walk(text: FlatText, room: int, draws, negative_probability: float, short_probability: float) -> list[np.ndarray]:
    """Cut all documents into pairs, a pair of each a round. Return document, start, cut, end, and whether B is to be
    replaced: A is the sentences `start` … `cut` - 1, the true B `cut` … `end` - 1. Arrays (pairs,)."""
    document = np.flatnonzero(np.diff(text.firsts) > 1)  # those that have text left
    start, last, rounds = text.firsts[document], text.firsts[document + 1], [(document[:0],) * 5]
    while len(document):
        short, length, place, other = draws.random((4, len(document)))
        start = np.minimum(start, last - 2)  # a lone last sentence takes the one before it as its partner
        target = np.where(short < short_probability, 2 + (length * (room - 1)).astype(np.int64), room)
        end = _end(text, text.edges[start] + target).clip(start + 2, last)
        cut = start + 1 + (place * (end - start - 1)).astype(np.int64)
        negative = other < negative_probability
        rounds.append((document, start, cut, end, negative))
        start = np.where(negative, cut, end)
        left = start < last
        document, start, last = document[left], start[left], last[left]
    return [np.concatenate(part) for part in zip(*rounds, strict=True)]


def _end(text: FlatText, place: np.ndarray) -> np.ndarray:
    """Return the number of the first sentence that starts at this place of the text or after it."""
    return text.home.take(place - 1, mode="clip") + 1


def _from_elsewhere(text: FlatText, document, cut, end, draws, candidates: int = 8):
    """For each true B, sentences `cut` … `end` - 1 of `document`, draw runs of sentences of other documents and return
    first sentence and end of the one whose length is nearest; before them, whether any is no copy of the true one."""
    edges, firsts = text.edges, text.firsts
    wanted = (edges[end] - edges[cut])[:, None]
    place = draws.random((len(document), candidates)) * (len(firsts) - 2)
    other = place.astype(np.int64)
    share = place - other  # the whole part says which document, the fraction which of its sentences
    other += other >= document[:, None]  # any document but its own
    first, last = firsts[other], firsts[other + 1]
    first += (share * (last - first)).astype(np.int64)
    goal = edges[first] + wanted
    after = np.minimum(_end(text, goal), last)
    too_long, too_short = edges[after] - goal, goal - edges[after - 1]
    after -= (after - 1 > first) & (too_short <= too_long)
    miss = np.abs(edges[after] - goal)
    miss[text.same[first] == text.same[cut][:, None]] = len(text.tokens)  # never the sentence that truly follows
    best = np.arange(len(document)), miss.argmin(axis=1)
    found = miss[best] < len(text.tokens)
    return found, np.where(found, first[best], cut), np.where(found, after[best], end)


def _excess(length_a, length_b, room: int):
    """Return how many tokens A and B lose, as in `sentence_pairs.truncate_pair`."""
    excess, gap = np.maximum(length_a + length_b - room, 0), length_a - length_b
    first = np.minimum(excess, np.abs(gap))
    cut_a = np.where(gap > 0, first, 0) + (excess - first) // 2
    return cut_a, excess - cut_a


def _heads(coins: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Return how many of so many coins show heads: a bit each, as long as they are few."""
    spare = np.maximum(64 - coins, 0).astype(np.uint64)
    heads = np.bitwise_count(draws.bit_generator.random_raw(len(coins)) >> spare).astype(np.int64)
    many = np.flatnonzero(coins > 64)
    heads[many] += draws.binomial(coins[many] - 64, 0.5)
    return heads


def windows(text: FlatText, width: int, vocab_size: int) -> np.ndarray:
    """Return every stretch of `width` tokens as a view (stretches, width), of the smallest dtype that holds the
    vocabulary: what is read in random order should stay in the cache. Both ends of the text are padded by as many:
    row `width` + p is the stretch that starts at place p."""
    return sliding_window_view(np.pad(text.tokens.astype(np.min_scalar_type(vocab_size)), width), width)


def pad_spans(stretches: np.ndarray, spans: Spans, rows, special: tuple[int, int, int]) -> dict[str, Tensor]:
    """Return [CLS] A [SEP] B [SEP] of these pairs, padded to the longest: tensors (rows, seq) with the keys that
    `MlmCollator.mask` asks for.

    stretches: `windows` of the text, as wide as the longest row or wider; rows: the numbers of the pairs; special: the
    ids of [CLS], [SEP] and [PAD].
    """
    cls_id, sep_id, pad_id = special
    start_a, length_a, start_b, length_b, label = (part[rows] for part in spans)
    first_b, length = length_a + 2, length_a + length_b + 3  # in the row
    row, seq, margin = np.arange(len(label)), int(length.max()), stretches.shape[1]
    place = np.arange(seq, dtype=np.min_scalar_type(seq))  # small numbers are compared faster
    from_b, padding = place >= np.array([first_b, length], place.dtype)[..., None]
    # Two whole stretches a row, each beginning where its segment falls in place, are faster than token by token.
    ids = stretches[start_a - 1 + margin, :seq]
    np.copyto(ids, stretches[start_b - first_b + margin, :seq], where=from_b)
    np.copyto(ids, pad_id, where=padding)
    ids[:, 0] = cls_id
    ids[row, first_b - 1] = ids[row, length - 1] = sep_id
    return {
        "input_ids": torch.from_numpy(ids.astype(np.int64)),
        "token_type_ids": torch.from_numpy((from_b ^ padding).astype(np.int64)),
        "special_tokens_mask": torch.from_numpy(padding),  # the collator knows [CLS] and [SEP] by their ids
        "next_sentence_label": torch.from_numpy(label),
        "attention_mask": torch.from_numpy((~padding).astype(np.int64)),
    }


class BulkCollator(MlmCollator):
    """An MlmCollator that masks padded batches several times as fast: the same rules, but the draws are NumPy's, all of
    which follow from one number of `generator`. Whole words, or so many a row, it leaves to `MlmCollator`."""

    def __init__(self, tokenizer, generator: torch.Generator, **options):
        super().__init__(tokenizer, generator, **options)
        self.draws = numpy_generator(generator)

    def mask(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mask a padded batch, in place: `special_tokens_mask` goes, `labels` come."""
        if self.whole_word or self.options["predictions_per_row"] is not None:
            return super().mask(batch)
        del batch["special_tokens_mask"]  # padding, too, is known by its id
        ids = batch["input_ids"].numpy()
        batch["labels"] = torch.from_numpy(labels := np.full(ids.shape, IGNORE))
        ids, labels = ids.ravel(), labels.ravel()  # views
        _, replaced, kept = self.options["mix"]
        slots, fate = self._choose(ids)
        original = ids[slots]
        labels[slots], ids[slots] = original, self.mask_token_id
        other, same = np.flatnonzero(fate < replaced), np.flatnonzero(fate >= 1 - kept)
        ids[slots[other]] = self.draws.choice(self.replacement_ids.numpy(), len(other))
        ids[slots[same]] = original[same]
        return batch

    def _choose(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the slots to predict and a number for each, even in [0, 1), that says what becomes of it. A byte for
        each slot chooses a few too many; whatever else is to be known is drawn or looked up for these alone."""
        share, special, draws = self.options["mask_probability"], self.special.numpy(), self.draws
        limit = math.ceil(256 * share)
        slots = np.flatnonzero(draws.bit_generator.random_raw(len(ids) // 8 + 1).view(np.uint8)[: len(ids)] < limit)
        fate = draws.random(len(slots), dtype=np.float32) * (limit / 256 / share)
        chosen = (fate < 1) & ~special[ids[slots]]
        if chosen.any():
            return slots[chosen], fate[chosen]
        slots = np.flatnonzero(~special[ids])  # in a very small batch: one of all
        return draws.permutation(slots)[:1], draws.random(len(slots[:1]))


def bulk_batches(
    documents: Sequence[Sequence[Sequence[int]]], tokenizer, max_length: int, batch_size: int, **collator_options
) -> Callable[[torch.Generator], Iterable[dict[str, Tensor]]]:
    """Return a function that yields one epoch, as `batching.pretraining_batches` does, many times as fast. Raises
    ValueError for ids that the tokenizer does not have."""
    text, tables = lay_out(documents), BulkCollator(tokenizer, torch.Generator(), **collator_options)
    look_up(tables.special, torch.from_numpy(text.tokens))  # once: masking looks at chosen slots alone
    stretches = windows(text, max_length, len(tokenizer))
    special = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id

    def batches(generator: torch.Generator):
        spans, collator = draw_spans(text, max_length, generator), copy.copy(tables)
        collator.generator, collator.draws = generator, numpy_generator(generator)
        lengths = (spans.length_a + spans.length_b).astype(np.min_scalar_type(max_length))  # sorted faster
        for rows in LengthBucketSampler(lengths, batch_size, generator).arrays():
            yield collator.mask(pad_spans(stretches, spans, rows, special))

    return batches
