"""Next-sentence prediction: pairs of segments, half of which belong together (Devlin et al. 2019, section 3.1, task
2, and A.2)."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import NamedTuple

import torch

from .device import check_generator, check_int, check_kind, check_list, check_number, check_text, shown
from .tokenization import check_texts, check_tokenizer

IS_NEXT, NOT_NEXT = 0, 1  # transformers' convention for next_sentence_label
IN_ORDER, SWAPPED = 0, 1
NEGATIVES = ("same review", "another review", "another corpus")  # where a false B may come from
# A full stop, question or exclamation mark (and closing quotes or brackets) before white space and a capital, a digit
# or an opening mark.
SENTENCE_END = re.compile(r"""(?<=[.!?])["')\]]*\s+(?=["'(\[]*[A-Z0-9])""")
INITIALS = re.compile(r"(?!i$)[^\W\d_](\.[^\W\d_])*")  # J, or U.S without its last dot; "I" may end a sentence
ABBREVIATIONS = frozenset("mr mrs ms dr prof st jr sr vs etc e.g i.e no vol lt col gen sgt capt rev hon".split())


class Source(NamedTuple):
    """Where a segment comes from, before it was cut to length: sentences `start` … `end` - 1 of a document."""

    document: int
    start: int
    end: int


@dataclass(frozen=True)
class Pair:
    """Two segments of token ids, no special tokens yet. `label` 0: B follows A (or the order is right); 1: it does not.

    `source_a` and `source_b` say where the two were taken from; None for a pair that was made of loose text.
    """

    tokens_a: tuple[int, ...]
    tokens_b: tuple[int, ...]
    label: int
    source_a: Source | None = None
    source_b: Source | None = None


def split_sentences(text: str) -> list[str]:
    """Split English at line breaks and at sentence ends; titles, common abbreviations, and initials, as in J. R. R. or
    U.S., do not end a sentence. No character but white space is lost.

    The rules are those of English: they look for a capital after . ! or ?, and know English abbreviations.
    """
    check_text(text, "text")
    sentences = []
    for line in text.split("\n"):
        start = 0
        for end in SENTENCE_END.finditer(line):
            # The last word is all that counts, and 40 characters hold it: with the whole line, time would be quadratic.
            words = line[max(start, end.start() - 40) : end.start()].split()
            last = words[-1].strip(".").lstrip("\"'([").lower() if words else ""
            if line[end.start() - 1] == "." and (last in ABBREVIATIONS or INITIALS.fullmatch(last)):
                continue
            sentences.append(line[start : end.end()].strip())
            start = end.end()
        sentences.append(line[start:].strip())
    return [sentence for sentence in sentences if sentence]


def halves(text: str) -> tuple[str, str]:
    """Cut a text between two sentences, where its halves are closest in length. Raises ValueError for a text of one
    sentence."""
    sentences = split_sentences(text)
    if len(sentences) < 2:
        raise ValueError(f"The text has {len(sentences)} sentence(s); two halves need at least two: {text[:60]!r}")
    cuts = [(" ".join(sentences[:i]), " ".join(sentences[i:])) for i in range(1, len(sentences))]
    return min(cuts, key=lambda cut: abs(len(cut[0]) - len(cut[1])))


def tokenize_documents(documents: Sequence[str], tokenizer, chunk: int = 1000) -> list[list[list[int]]]:
    """Return documents → sentences → token ids, without special tokens. Sentences that hold no token at all are left
    out. Raises TypeError for one string in place of a list, or a document that is no string.

    The tokenizer gets `chunk` documents at a time: what it keeps of a text takes far more memory than its ids.
    """
    check_texts(documents, "documents")
    check_int(chunk, "chunk", 1)
    if len(documents):
        check_tokenizer(tokenizer)
    found = []
    for first in range(0, len(documents), chunk):
        split = [split_sentences(document) for document in documents[first : first + chunk]]
        flat = [sentence for sentences in split for sentence in sentences]
        options = {"add_special_tokens": False, "return_attention_mask": False, "verbose": False}
        ids = iter(tokenizer(flat, **options)["input_ids"] if flat else [])
        found += [[sentence for sentence in (next(ids) for _ in sentences) if sentence] for sentences in split]
    return found


def make_nsp_pairs(
    documents: Sequence[Sequence[Sequence[int]]],
    max_length: int,
    generator: torch.Generator,
    negative_probability: float = 0.5,
    short_probability: float = 0.1,
    negatives: str = "another review",
    corpus: Sequence[Sequence[Sequence[int]]] = (),
) -> tuple[list[Pair], Counter]:
    """Walk through every document once and return fresh pairs and a count of what happened to the text.

    documents: documents → sentences → token ids; max_length counts [CLS] and both [SEP]. As in BERT's own data:
    sentences are gathered up to a target length (in one case of ten a random shorter one), cut in two at a random
    sentence; then B stays (0), or sentences from a random other document take its place (1) and the replaced ones go
    back to be used next. The longer segment is cut at a random end until the pair fits. A negative never starts with
    the sentence that truly follows, not even as a copy in another document. Two things differ from BERT's script on
    purpose, so that the label cannot be read off without the words: a negative B is about as long as the one it
    replaces (theirs fills the row, so that a short pair is a true one), and a lone last sentence is paired with the one
    before it (theirs labels every such sentence a negative). One more differs: theirs draws whether to aim short once a
    document, ours once a row. The Counter says: pairs, positives, negatives, cut_tokens (cut off by the length limit),
    lone_documents (one sentence, nothing to pair), no_alternative (see below).
    `negatives` says where a false B comes from: "another review", BERT's way; "same review", sentences elsewhere in the
    document, neither overlapping A nor the true B (a pair that leaves none is passed over, whatever its label would
    be); "another corpus", the documents of `corpus`.
    Raises ValueError for fewer than two documents, a max_length under 8, a negative_probability outside [0, 1), an
    unknown kind, or another corpus without text.
    """
    if negatives not in NEGATIVES:
        raise ValueError(f"Unknown kind of negative {negatives!r}; choose one of {', '.join(NEGATIVES)}.")
    check_documents(documents)
    check_documents(corpus, "corpus")
    if negatives == "another corpus" and not any(corpus):
        raise ValueError("Negatives come from another corpus: give one with text.")
    if sum(1 for document in documents if document) < 2:
        raise ValueError("Negatives come from another document: give at least two documents with text.")
    check_pair_options(max_length, negative_probability)
    check_number(short_probability, "short_probability", 0, 1)
    budget, pairs, counts = max_length - 3, [], Counter()
    rng = _Draws(generator)
    for d, document in enumerate(documents):
        if len(document) < 2:
            counts["lone_documents"] += len(document)
            continue
        start = 0
        while start < len(document):
            start = min(start, len(document) - 2)  # a lone last sentence takes the one before it as its partner
            target = rng.integer(2, budget) if rng.uniform() < short_probability else budget
            end, length = start + 2, len(document[start]) + len(document[start + 1])
            while end < len(document) and length < target:
                length += len(document[end])
                end += 1
            if negatives == "same review" and start == 0 and end == len(document):
                counts["no_alternative"] += 1
                break
            cut = rng.integer(start + 1, end - 1)
            negative = rng.uniform() < negative_probability
            other, pool = Source(d, cut, end), documents
            if negative:
                pool = corpus if negatives == "another corpus" else documents
                taken = Source(d, start, end)
                other = _draw_negative(pool, taken, document[cut:end], negatives, rng)
                if other is None:  # all that is left are copies of the true next sentence
                    counts["no_alternative"] += 1
                    start = end
                    continue
            tokens_a = [*chain.from_iterable(document[start:cut])]
            tokens_b = [*chain.from_iterable(pool[other.document][other.start : other.end])]
            cut_a, cut_b = truncate_pair(tokens_a, tokens_b, budget, rng)
            label = NOT_NEXT if negative else IS_NEXT
            pairs.append(Pair(tuple(cut_a), tuple(cut_b), label, Source(d, start, cut), other))
            counts["negatives" if negative else "positives"] += 1
            counts["cut_tokens"] += len(tokens_a) + len(tokens_b) - len(cut_a) - len(cut_b)
            start = cut if negative else end
    counts["pairs"] = len(pairs)
    return pairs, counts


def check_pair_options(max_length: int, negative_probability: float) -> None:
    """Raise ValueError unless a pair has room in `max_length` and `negative_probability` lies in [0, 1)."""
    check_int(max_length, "max_length")
    check_number(negative_probability, "negative_probability")
    if max_length < 8 or not 0 <= negative_probability < 1:
        raise ValueError(
            f"max_length {max_length} must be at least 8 and negative_probability {negative_probability} lie in [0, 1)."
        )


def check_documents(documents, name: str = "documents") -> None:
    """Raise TypeError unless these are documents → sentences → token ids, with ids that are whole numbers, and
    ValueError for a sentence without any."""
    check_list(documents, name, "documents, each a list of sentences")
    for d, document in enumerate(documents):
        if isinstance(document, str):
            raise TypeError(
                f"{name}[{d}] is a string, {shown(document)}: tokenize first, tokenize_documents(texts, …)."
            )
        check_list(document, f"{name}[{d}]", "sentences")
        for s, sentence in enumerate(document):
            if type(sentence) is list and sentence and type(sentence[0]) is int:
                continue  # as nearly all are: what follows tells what else is allowed
            if isinstance(sentence, str) or not hasattr(sentence, "__len__"):
                what = f"{name}[{d}][{s}] is {shown(sentence)}"
                raise TypeError(f"{what}; a sentence is a list of token ids, as tokenize_documents returns.")
            if not len(sentence):
                raise ValueError(f"{name}[{d}][{s}] is an empty sentence: leave it out, as tokenize_documents does.")
            check_int(sentence[0], f"{name}[{d}][{s}][0]")


def _draw_negative(
    pool, taken: Source, true_b: Sequence[Sequence[int]], kind: str, rng: "_Draws", candidates: int = 8
) -> Source | None:
    """Draw a few runs of sentences from the pool and return the one whose length is nearest to that of the true B.

    `taken`: the sentences of A and of the true B, in their document.
    """
    wanted, found = sum(map(len, true_b)), []
    true_first = list(true_b[0])
    for _ in range(1000):
        other = taken.document if kind == "same review" else rng.integer(0, len(pool) - 1)
        if kind == "another review" and other == taken.document or not pool[other]:
            continue
        document, last = pool[other], len(pool[other])
        start = rng.integer(0, len(document) - 1)
        if kind == "same review":
            if taken.start <= start < taken.end:
                continue
            last = taken.start if start < taken.start else last
        length = len(document[start])
        if length == len(true_first) and list(document[start]) == true_first:
            continue
        end = start + 1
        while end < last and len(document[end]) < 2 * (wanted - length):  # it brings the length nearer
            length += len(document[end])
            end += 1
        found.append((abs(length - wanted), other, start, end))
        if length == wanted or len(found) == candidates:
            break
    if not found and kind == "same review":
        return None
    if not found:
        raise ValueError(
            "No sentence of another document differs from the true next one: the documents are copies of each other."
        )
    return Source(*min(found, key=lambda run: run[0])[1:])


def truncate_pair(tokens_a: list[int], tokens_b: list[int], budget: int, rng: "_Draws") -> tuple[list[int], list[int]]:
    """Cut the longer segment, one token at a time, at its front or back at random, until both fit the budget
    together."""
    excess = max(0, len(tokens_a) + len(tokens_b) - budget)
    gap = len(tokens_a) - len(tokens_b)
    # The longer one loses first, then both in turn (A only when strictly longer, as in BERT's script); counted here
    # in one go.
    first = min(excess, abs(gap))
    rest = excess - first
    from_a, from_b = (first + rest // 2, rest - rest // 2) if gap > 0 else (rest // 2, first + rest - rest // 2)
    return _cut_ends(tokens_a, from_a, rng), _cut_ends(tokens_b, from_b, rng)


def _cut_ends(tokens: list[int], count: int, rng: "_Draws") -> list[int]:
    if not count:
        return tokens
    front = sum(number < 0.5 for number in islice(rng.numbers, count))
    return tokens[front : len(tokens) - (count - front)]


def joined(documents: Sequence[Sequence[Sequence[int]]], sentences: int) -> list[list[Sequence[int]]]:
    """Join loose sentences into documents of so many, in their order: a corpus of single sentences then offers runs as
    long as any other."""
    check_int(sentences, "sentences", 1)
    loose = [sentence for document in documents for sentence in document]
    return [loose[i : i + sentences] for i in range(0, len(loose), sentences)]


def text_windows(
    documents: Sequence[Sequence[Sequence[int]]],
    length: int,
    generator: torch.Generator,
    short_probability: float = 0.1,
) -> list[tuple[int, ...]]:
    """Cut every document into windows of whole sentences, at most `length` tokens each, as in RoBERTa's DOC-SENTENCES
    (Liu et al. 2019, section 4.2).

    documents: documents → sentences → token ids. One window in ten aims at a random shorter length, so that short texts
    are seen, too. A sentence longer than `length` is cut into pieces. No token is lost. Raises ValueError for a length
    under 1.
    """
    check_documents(documents)
    check_int(length, "length")
    check_number(short_probability, "short_probability", 0, 1)
    if length < 1:
        raise ValueError(f"A window of {length} tokens holds nothing.")
    rng, windows = _Draws(generator), []
    for document in documents:
        window, target = [], 0
        for sentence in document:
            pieces = [sentence[i : i + length] for i in range(0, len(sentence), length)]
            for piece in pieces:
                if window and len(window) + len(piece) > target:
                    windows.append(tuple(window))
                    window = []
                if not window:
                    target = rng.integer(1, length) if rng.uniform() < short_probability else length
                window += piece
        if window:
            windows.append(tuple(window))
    return windows


class _Draws:
    """Random numbers from a torch generator, drawn in blocks: one call to torch for each single number would cost
    more than the pairing."""

    def __init__(self, generator: torch.Generator, block: int = 4096):
        check_generator(generator)
        blocks = (torch.rand(size, generator=generator, dtype=torch.float64).tolist() for size in repeat(block))
        self.numbers = chain.from_iterable(blocks)  # without end, uniform in [0, 1)

    def uniform(self) -> float:
        return next(self.numbers)

    def integer(self, low: int, high: int) -> int:
        """Draw from low … high, both included."""
        return low + int(next(self.numbers) * (high - low + 1))


def make_order_pairs(pairs: Sequence[Pair], generator: torch.Generator) -> list[Pair]:
    """Return the sentence-order task on the same text (Lan et al. 2020, section 3.1): of the true pairs, half are
    swapped.

    `label` 0 means in order, 1 swapped. Pairs whose B comes from elsewhere are left out: they have no order.
    """
    check_generator(generator)
    check_list(pairs, "pairs", "pairs")
    for i, pair in enumerate(pairs):
        check_kind(pair, f"pairs[{i}]", Pair)
    ordered = [pair for pair in pairs if pair.label == IS_NEXT]
    swap = (torch.rand(len(ordered), generator=generator) < 0.5).tolist()
    return [
        Pair(p.tokens_b, p.tokens_a, SWAPPED, p.source_b, p.source_a) if swapped else p
        for p, swapped in zip(ordered, swap, strict=True)
    ]


def build_inputs(pair: Pair, cls_token_id: int, sep_token_id: int) -> dict:
    """Return [CLS] A [SEP] B [SEP] as lists: input_ids; token_type_ids, 0 up to the first [SEP] and 1 after it;
    special_tokens_mask; and next_sentence_label, the pair's label."""
    check_kind(pair, "pair", Pair)
    check_specials(cls_token_id, sep_token_id)
    a, b = pair.tokens_a, pair.tokens_b
    check_segments(a, b)
    special = [0] * (len(a) + len(b) + 3)
    special[0] = special[len(a) + 1] = special[-1] = 1
    return {
        "input_ids": [cls_token_id, *a, sep_token_id, *b, sep_token_id],
        "token_type_ids": [0] * (len(a) + 2) + [1] * (len(b) + 1),
        "special_tokens_mask": special,
        "next_sentence_label": pair.label,
    }


def window_inputs(window: Sequence[int], cls_token_id: int, sep_token_id: int) -> dict:
    """Return [CLS] window [SEP] as lists, input_ids and special_tokens_mask: a row of a single text, without a pair."""
    check_specials(cls_token_id, sep_token_id)
    check_segments(window)
    return {
        "input_ids": [cls_token_id, *window, sep_token_id],
        "special_tokens_mask": [1] + [0] * len(window) + [1],
    }


def check_specials(cls_token_id: int, sep_token_id: int) -> None:
    """Raise TypeError unless both are ids: a tokenizer without [CLS] or [SEP] has None."""
    for name, value in (("cls_token_id", cls_token_id), ("sep_token_id", sep_token_id)):
        if value is None:
            raise TypeError(f"{name} is None: this tokenizer has no such token, which BERT's rows need.")
        check_int(value, name, 0)


def check_segments(*segments: Sequence[int]) -> None:
    """Raise ValueError for a segment without a token, TypeError for tokens that are no ids."""
    for segment in segments:
        if not len(segment):
            raise ValueError("A segment of the row is empty: it needs at least one token.")
        check_int(segment[0], "The first token of a segment")
