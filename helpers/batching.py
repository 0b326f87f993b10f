"""From text to batches: pad, bucket by length, mask, and the epochs that training reads."""

import itertools
import math
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from . import sentence_pairs
from .corpora import load_documents
from .device import check_callable, check_generator, check_int, check_list, check_tensor, generator, shown
from .masking import IGNORE, MASK_PROBABILITY, MIX, check_masking, mask_tokens
from .tokenization import check_tokenizer, encode, ordinary_ids, special_ids, train_wordpiece

PAD_VALUES = {"special_tokens_mask": 1, "labels": IGNORE}  # padding counts as special, and the loss ignores it

# One epoch of pre-training: called with a generator, it yields batches, fresh ones at every call.
Batches = Callable[[torch.Generator], Iterable[dict[str, Tensor]]]


def pad(examples: Sequence[dict], pad_token_id: int, length: int | None = None) -> dict[str, Tensor]:
    """Stack examples (dictionaries of rows of whole numbers, or of single ones) into int64 tensors (batch, seq) and
    (batch,).

    Rows are lists, arrays, or tensors. They are padded on the right to the longest one, or to `length`. An
    `attention_mask` (1 real, 0 padding) is added; one that the examples bring is kept, with zeros at the new padding.
    Raises ValueError for no examples, an empty one, one longer than `length`, one whose rows differ in length, examples
    with different keys, or no padding token; TypeError for values that are not whole numbers.
    """
    lengths = torch.tensor(check_examples(examples))
    check_row(pad_token_id, length, longest := int(lengths.max()))
    real = torch.arange(length or longest) < lengths[:, None]  # (batch, seq)
    batch = {}
    for key, first in examples[0].items():
        values = [example[key] for example in examples]
        if not isinstance(first, list) and np.ndim(first) == 0:
            values = [value if type(value) is int else _single(value, key) for value in values]
            batch[key] = torch.from_numpy(_whole(np.array(values), key))
        else:
            lists = all(isinstance(value, list) for value in values)
            if not lists and not all(np.ndim(value) for value in values):
                raise ValueError(f"{key!r} is a row in some examples and one number in others: all need the same.")
            # One pass over all rows laid end to end: torch.tensor of a list of lists takes ten times as long.
            flat = _flat(values) if lists else np.concatenate([*map(_array, values)])
            if flat.ndim != 1 or [len(value) for value in values] != lengths.tolist():
                raise ValueError(f"{key!r} must have one value for each token of its example.")
            fill = pad_token_id if key == "input_ids" else PAD_VALUES.get(key, 0)
            batch[key] = torch.full(real.shape, fill)
            batch[key].numpy()[real.numpy()] = _whole(flat, key)
    return batch if "attention_mask" in batch else batch | {"attention_mask": real.long()}


def _flat(rows: list[list]) -> np.ndarray:
    """Return the values of all rows laid end to end, (n,); int64 if all are whole numbers."""
    # To pack takes half of the time of NumPy's array, which must find out the type; but a bool would be packed, too.
    if rows[0] and type(rows[0][0]) is int:
        with suppress(struct.error):
            return np.frombuffer(struct.pack(f"{sum(map(len, rows))}q", *itertools.chain(*rows)), np.int64)
    return np.array([*itertools.chain(*rows)])


def _single(value, key: str):
    if isinstance(value, list) or np.ndim(value):
        raise ValueError(f"{key!r} is one number in some examples and a row in others: all need the same.")
    return np.asarray(value).item()


def _array(row) -> np.ndarray:
    return row.detach().cpu().numpy() if isinstance(row, Tensor) else np.asarray(row)


def _whole(values: np.ndarray, key: str) -> np.ndarray:
    if values.dtype.kind not in "iub" or values.dtype.kind == "b" and key in ("input_ids", "token_type_ids"):
        wrong = next((value for value in values.tolist() if type(value) is not int), values.dtype)
        raise TypeError(f"{key!r} holds {wrong!r}; it must hold whole numbers.")
    if values.dtype == np.uint64 and values.max() >= 2**63:
        raise ValueError(f"{key!r} holds {values.max()}, more than int64 can.")
    return values.astype(np.int64)


class LengthBucketSampler:
    """Yield lists of indices, each a batch of texts of similar length; every index comes exactly once an epoch.

    Indices are shuffled, cut into pools of `pool_batches` batches, and sorted by length within a pool, so that
    neighbours are alike but epochs differ. Without a generator the order is fixed: by length over everything, for
    evaluation.
    """

    def __init__(
        self, lengths: Sequence[int], batch_size: int, generator: torch.Generator | None = None, pool_batches: int = 50
    ):
        check_list(lengths, "lengths", "lengths")
        check_int(batch_size, "batch_size")
        check_int(pool_batches, "pool_batches", 1)
        if generator is not None:
            check_generator(generator)
        if batch_size < 1 or not len(lengths):
            raise ValueError("The sampler needs at least one length and a batch size of at least 1.")
        self.lengths, self.batch_size, self.generator = np.array(lengths), batch_size, generator
        self.pool = batch_size * pool_batches

    def __len__(self) -> int:
        return math.ceil(len(self.lengths) / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        return (batch.tolist() for batch in self.arrays())

    def arrays(self) -> Iterator[np.ndarray]:
        """Yield the same batches as arrays, int64 (batch,)."""
        lengths, generator = self.lengths, self.generator
        if generator is None:
            yield from self._cut(lengths.argsort(kind="stable"), self.batch_size)
            return
        pools = self._cut(torch.randperm(len(lengths), generator=generator).numpy(), self.pool)
        order = np.concatenate([pool[lengths[pool].argsort(kind="stable")] for pool in pools])
        batches = self._cut(order, self.batch_size)
        # In random order, else every pool would go from short to long.
        yield from (batches[i] for i in torch.randperm(len(batches), generator=generator).tolist())

    @staticmethod
    def _cut(indices: np.ndarray, size: int) -> list[np.ndarray]:
        return [indices[i : i + size] for i in range(0, len(indices), size)]


def padding_share(lengths: Sequence[int], batches: Sequence[Sequence[int]]) -> float:
    """Return the share of slots that are padding when each batch is padded to its longest row."""
    for batch in batches:
        for i in batch:
            check_int(i, "An index in a batch", 0, len(lengths) - 1)
    if not any(lengths[i] for batch in batches for i in batch) or not all(map(len, batches)):
        raise ValueError("The batches hold no token: there is nothing to take a share of.")
    slots = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    return 1 - sum(lengths[i] for batch in batches for i in batch) / slots


class MlmCollator:
    """Pad a list of examples and mask them: the batch that pre-training reads.

    Called with examples (dictionaries of lists: input_ids, token_type_ids, special_tokens_mask, optionally
    next_sentence_label), returns a dictionary of int64 tensors, `labels` among them. Every call draws
    afresh from `generator`: dynamic masking. Static masking is a batch that is made once and used again.
    """

    def __init__(
        self,
        tokenizer,
        generator: torch.Generator,
        mask_probability: float = MASK_PROBABILITY,
        mix: tuple[float, float, float] = MIX,
        whole_word: bool = False,
        predictions_per_row: int | None = None,
    ):
        check_tokenizer(tokenizer)
        check_generator(generator)
        check_masking(mask_probability, mix, predictions_per_row, whole_word)
        self.generator, self.whole_word = generator, whole_word
        self.pad_token_id, self.mask_token_id = tokenizer.pad_token_id, tokenizer.mask_token_id
        if self.mask_token_id is None:
            raise ValueError("This tokenizer has no mask token, which masking needs: take one of a masked-word model.")
        self.options = {"mask_probability": mask_probability, "mix": mix, "predictions_per_row": predictions_per_row}
        self.replacement_ids = torch.tensor(ordinary_ids(tokenizer))
        self.tokenizer = tokenizer
        if whole_word and not self.continuation.any():
            raise ValueError(
                "whole_word needs WordPiece, whose pieces inside a word begin with ##; this tokenizer has none."
            )
        self.special = torch.zeros(len(tokenizer), dtype=torch.bool)
        self.special[special_ids(tokenizer)] = True

    def __call__(self, examples: list[dict]) -> dict[str, Tensor]:
        return self.mask(pad(examples, self.pad_token_id))

    def mask(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mask a padded batch, in place: `special_tokens_mask` goes, `labels` come."""
        check_unmasked(batch)
        # A text may spell out [SEP] or hold an unknown sign: those are special tokens too, whoever wrote them.
        special = look_up(self.special, batch["input_ids"])
        special_tokens_mask = batch.pop("special_tokens_mask").bool() | special
        word_ids = self.word_ids(batch["input_ids"]) if self.whole_word else None
        batch["input_ids"], batch["labels"] = mask_tokens(
            batch["input_ids"],
            special_tokens_mask,
            mask_token_id=self.mask_token_id,
            replacement_ids=self.replacement_ids,
            generator=self.generator,
            word_ids=word_ids,
            **self.options,
        )
        return batch

    @cached_property
    def continuation(self) -> Tensor:
        """Which ids are pieces inside a word, bool (vocabulary,). Read when first asked for: that takes long."""
        continuation = torch.zeros(len(self.tokenizer), dtype=torch.bool)
        continuation[[i for token, i in self.tokenizer.get_vocab().items() if token.startswith("##")]] = True
        return continuation

    def word_ids(self, input_ids: Tensor) -> Tensor:
        """Return the index of each piece's word, (batch, seq): a piece that starts with ## belongs to the word before
        it."""
        return (~self.continuation[input_ids]).long().cumsum(1) - 1


def masked_batches(
    texts: Sequence[str], tokenizer, max_length: int, batch_size: int, generator: torch.Generator
) -> list[dict[str, Tensor]]:
    """Return the texts in batches, in their order: one row a text, cut after `max_length` tokens and masked by
    `generator`, with the keys of `MlmCollator`. Raises the errors of `tokenization.encode`."""
    check_int(batch_size, "batch_size", 1)
    examples, collate = encode(tokenizer, texts, max_length, truncate=True), MlmCollator(tokenizer, generator)
    return [collate(examples[start : start + batch_size]) for start in range(0, len(examples), batch_size)]


# ---------------------------------------------------------------- batches of labeled texts


def length_batches(
    examples: list[dict], tokenizer, batch_size: int, generator: torch.Generator | None = None
) -> DataLoader:
    """Return a DataLoader of padded batches of texts of similar length: in a new order at every epoch, which follows
    from `generator`, or always by length without one. Each batch says in `index` where in the list its examples are, to
    put predictions back in order."""
    check_list(examples, "examples", "dictionaries")
    lengths = check_examples(examples) if len(examples) else []
    sampler = LengthBucketSampler(lengths, batch_size, generator)
    check_tokenizer(tokenizer)
    dataset = [{**example, "index": i} for i, example in enumerate(examples)]
    return _loader(dataset, sampler, lambda rows: pad(rows, tokenizer.pad_token_id))


def _loader(dataset: Sequence, sampler: LengthBucketSampler, collate: Callable) -> DataLoader:
    # A DataLoader takes a number from its generator at every epoch, though only worker processes need it: one of its
    # own leaves the global generator, which dropout uses, alone.
    return DataLoader(dataset, batch_sampler=sampler, collate_fn=collate, generator=torch.Generator())


# ---------------------------------------------------------------- batches to pre-train on


@lru_cache(maxsize=1)
def own_vocabulary(documents: int | None = 2000, vocab_size: int = 8000):
    """Return a WordPiece tokenizer trained on the first IMDb train reviews (None: all), and those reviews tokenized by
    sentence. The last answer is kept: do not change it."""
    if documents is not None:
        check_int(documents, "documents", 1)
    texts = load_documents("imdb", "train")[:documents]
    tokenizer = train_wordpiece(texts, vocab_size)
    return tokenizer, sentence_pairs.tokenize_documents(texts, tokenizer)


def all_tokens(documents: list[list[list[int]]]) -> Tensor:
    """Return every token of the documents in one row, int64 (n,)."""
    sentence_pairs.check_documents(documents)
    if not any(documents):
        raise ValueError("The documents hold no token.")
    return torch.tensor([token for document in documents for sentence in document for token in sentence])


def pretraining_batches(
    documents: list[list[list[int]]],
    tokenizer,
    max_length: int,
    batch_size: int,
    next_sentence: bool = True,
    **collator_options,
) -> Batches:
    """Return a function that yields one epoch: fresh pairs, fresh masks, batches of similar length.
    `next_sentence=False` leaves the label out."""
    check_tokenizer(tokenizer)

    def batches(generator: torch.Generator):
        pairs, _ = sentence_pairs.make_nsp_pairs(documents, max_length, generator)
        cls_id, sep_id = tokenizer.cls_token_id, tokenizer.sep_token_id  # looked up once: it takes long
        sentence_pairs.check_specials(cls_id, sep_id)

        def row(pair: sentence_pairs.Pair) -> dict:
            example = sentence_pairs.build_inputs(pair, cls_id, sep_id)
            if not next_sentence:
                del example["next_sentence_label"]
            return example

        lengths = [len(pair.tokens_a) + len(pair.tokens_b) + 3 for pair in pairs]
        return _masked(pairs, row, lengths, tokenizer, batch_size, generator, collator_options)

    return batches


def window_batches(
    documents: list[list[list[int]]], tokenizer, max_length: int, batch_size: int, **collator_options
) -> Batches:
    """Return a function that yields one epoch of single windows of text, freshly cut and masked, in batches of similar
    length."""
    check_tokenizer(tokenizer)

    def batches(generator: torch.Generator):
        windows = sentence_pairs.text_windows(documents, max_length - 2, generator)
        cls_id, sep_id = tokenizer.cls_token_id, tokenizer.sep_token_id
        sentence_pairs.check_specials(cls_id, sep_id)

        def row(window: tuple[int, ...]) -> dict:
            return sentence_pairs.window_inputs(window, cls_id, sep_id)

        lengths = [len(window) + 2 for window in windows]
        return _masked(windows, row, lengths, tokenizer, batch_size, generator, collator_options)

    return batches


def _masked(
    segments: Sequence,
    row: Callable[..., dict],
    lengths: list[int],
    tokenizer,
    batch_size: int,
    generator: torch.Generator,
    options: dict,
) -> DataLoader:
    """Return batches of the rows that `row` makes of segments. Each is made when its batch is: Python's garbage
    collector would look through an epoch of lists again and again."""
    if not segments:
        raise ValueError("The documents give no row to train on: pairs need documents of two sentences or more.")
    sampler = LengthBucketSampler(lengths, batch_size, generator)
    collator = MlmCollator(tokenizer, generator, **options)
    return _loader(segments, sampler, lambda batch: collator([*map(row, batch)]))


def static_batches(batches: Batches, copies: int = 1, seed: int = 0) -> Batches:
    """Return a function that yields the same batches at every epoch, pairs and masks alike: data prepared once, in so
    many copies that take turns.

    The copies come from generators of their own (seed, seed + 1, …), not from the one that an epoch is given: another
    process sees the same copies. Whose turn it is, is kept in memory alone: resume only runs of one copy.
    """
    check_callable(batches, "batches", "pretraining_batches(…)")
    check_int(copies, "copies", 1)
    turn = itertools.cycle(range(copies))

    def epoch(_: torch.Generator):
        yield from batches(generator(seed + next(turn)))

    return epoch


def held_out_batches(
    tokenizer, documents: int, max_length: int, seed: int = 1234, split: str = "validation", **collator_options
) -> list[dict[str, Tensor]]:
    """Return frozen batches of pairs from held-out IMDb reviews: made once with their own seed."""
    check_int(documents, "documents", 1)
    held_out = sentence_pairs.tokenize_documents(load_documents("imdb", split)[:documents], tokenizer)
    return list(pretraining_batches(held_out, tokenizer, max_length, 64, **collator_options)(generator(seed)))


def frozen_windows(
    tokenizer, documents: int, max_length: int, seed: int = 1234, split: str = "validation"
) -> list[dict[str, Tensor]]:
    """Return frozen batches of windows from held-out IMDb reviews, 15 % masked: made once with their own seed."""
    check_int(documents, "documents", 1)
    held_out = sentence_pairs.tokenize_documents(load_documents("imdb", split)[:documents], tokenizer)
    return list(window_batches(held_out, tokenizer, max_length, 32)(generator(seed)))


# ---------------------------------------------------------------- input checks


def check_examples(examples: Sequence[dict]) -> list[int]:
    """Return the number of tokens of each example. Raises TypeError for what is no list of dictionaries, ValueError for
    no example, an empty one, different keys, or no input_ids."""
    check_list(examples, "examples", "dictionaries")
    lengths = []
    for i, example in enumerate(examples):
        if not hasattr(example, "keys"):
            raise TypeError(f"examples[{i}] is {shown(example)}; it must be a dictionary with input_ids.")
        if example.keys() != examples[0].keys():
            different = sorted(example.keys() ^ examples[0].keys())
            raise ValueError(f"Examples 0 and {i} have different keys, {different}: all need the same.")
        if "input_ids" not in example:
            raise ValueError(f"Example {i} has no input_ids, only {sorted(example)}.")
        if not hasattr(ids := example["input_ids"], "__len__"):
            raise TypeError(f"input_ids of example {i} is {shown(ids)}; it must be a row of whole numbers.")
        lengths.append(len(ids))
    if not lengths or not all(lengths):
        raise ValueError("A batch needs at least one example, and every example at least one token.")
    return lengths


def check_row(pad_token_id: int | None, length: int | None, longest: int) -> None:
    """Raise TypeError or ValueError unless rows can be padded to this length with this id."""
    if pad_token_id is None:
        raise ValueError(
            "This tokenizer has no padding token, which batches need: give it one, tokenizer.pad_token = …"
        )
    check_int(pad_token_id, "pad_token_id", 0)
    if length is not None:
        check_int(length, "length", 1)
        if longest > length:
            raise ValueError(f"An example has {longest} tokens, more than the row length {length}.")


def check_unmasked(batch: dict[str, Tensor]) -> None:
    """Raise ValueError unless a batch can be masked: it says which tokens are special and has no labels yet."""
    if not isinstance(batch, dict) or "input_ids" not in batch:
        raise TypeError(f"The batch is {shown(batch)}; it must be a dictionary with input_ids, as pad returns it.")
    if "special_tokens_mask" not in batch:
        raise ValueError("Rows need special_tokens_mask (1 at [CLS] and [SEP]), or masking would hide those as well.")
    if "labels" in batch:
        raise ValueError("Rows have labels already, which masking would overwrite: leave the key out.")
    check_tensor(batch["input_ids"], "input_ids", "whole", dims=("batch", "seq"))
    check_tensor(batch["special_tokens_mask"], "special_tokens_mask")


def look_up(table: Tensor, input_ids: Tensor) -> Tensor:
    """Return the entry of each id, (batch, seq). Raises ValueError for ids that the table does not have."""
    try:
        return table.index_select(0, input_ids.flatten()).view_as(input_ids)
    except IndexError:  # looked at only now: two passes over all ids would cost a tenth of the masking
        low, high = int(input_ids.min()), int(input_ids.max())
        raise ValueError(
            f"input_ids holds {low if low < 0 else high}; this tokenizer has {len(table)} entries."
        ) from None
