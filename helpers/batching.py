"""Rows of equal length with little padding: pad a batch, bucket by length, pack several texts into one row."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor

PAD_VALUES = {"special_tokens_mask": 1, "labels": -100}  # padding counts as special, and the loss must not see it


def pad(examples: Sequence[dict], pad_token_id: int, length: int | None = None) -> dict[str, Tensor]:
    """Stack examples (dictionaries of lists of ints, or of single ints) into int64 tensors (batch, seq) and (batch,).

    Rows are padded on the right to the longest one, or to `length`; `attention_mask` (1 real, 0 padding) is added.
    Raises ValueError for no examples, an empty one, one longer than `length`, or one whose lists differ in length.
    """
    if not examples or not all(example["input_ids"] for example in examples):
        raise ValueError("A batch needs at least one example, and every example at least one token.")
    longest = max(len(example["input_ids"]) for example in examples)
    if length is not None and longest > length:
        raise ValueError(f"An example has {longest} tokens, more than the row length {length}.")
    lengths = torch.tensor([len(example["input_ids"]) for example in examples])
    real = torch.arange(length or longest) < lengths[:, None]  # (batch, seq)
    batch = {}
    for key, first in examples[0].items():
        values = [example[key] for example in examples]
        if isinstance(first, int):
            batch[key] = torch.tensor(values)
        else:
            if [len(value) for value in values] != lengths.tolist():
                raise ValueError(f"{key!r} must have one value for each token of its example.")
            # One pass over all rows laid end to end: torch.tensor of a list of lists takes ten times as long.
            fill = pad_token_id if key == "input_ids" else PAD_VALUES.get(key, 0)
            batch[key] = torch.full(real.shape, fill)
            batch[key].numpy()[real.numpy()] = np.fromiter(chain.from_iterable(values), np.int64)
    batch["attention_mask"] = real.long()
    return batch


class LengthBucketSampler:
    """Yield lists of indices, each a batch of texts of similar length; every index comes exactly once an epoch.

    Indices are shuffled, cut into pools of `pool_batches` batches, and sorted by length within a pool, so that
    neighbours are alike but epochs differ. Without a generator the order is fixed: by length over everything, for
    evaluation.
    """

    def __init__(
        self, lengths: Sequence[int], batch_size: int, generator: torch.Generator | None = None, pool_batches: int = 50
    ):
        if batch_size < 1 or not len(lengths):
            raise ValueError("The sampler needs at least one length and a batch size of at least 1.")
        self.lengths, self.batch_size, self.generator = list(lengths), batch_size, generator
        self.pool = batch_size * pool_batches

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        if self.generator is None:
            order = sorted(range(len(self.lengths)), key=self.lengths.__getitem__)
            yield from (order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size))
            return
        shuffled = torch.randperm(len(self.lengths), generator=self.generator).tolist()
        pools = (shuffled[i : i + self.pool] for i in range(0, len(shuffled), self.pool))
        order = [index for pool in pools for index in sorted(pool, key=self.lengths.__getitem__)]
        batches = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        for i in torch.randperm(
            len(batches), generator=self.generator
        ).tolist():  # else every pool would go from short to long
            yield batches[i]


def padding_share(lengths: Sequence[int], batches: Sequence[Sequence[int]]) -> float:
    """Return the share of slots that are padding when each batch is padded to its longest row."""
    slots = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    return 1 - sum(lengths[i] for batch in batches for i in batch) / slots


def pack(examples: Sequence[dict], length: int) -> list[list[dict]]:
    """Group examples into rows of at most `length` tokens, longest first, each into the fullest row that still has
    room (best fit).

    Every example comes exactly once; raises ValueError for one that is longer than a row.
    """
    rows = []
    with_room = [[] for _ in range(length + 1)]  # with_room[r]: the rows that still take r tokens
    for example in sorted(examples, key=lambda example: -len(example["input_ids"])):
        size = len(example["input_ids"])
        if not 0 < size <= length:
            raise ValueError(f"An example has {size} tokens; a packed row takes 1 to {length}.")
        room = next((room for room in range(size, length + 1) if with_room[room]), None)
        if room is None:
            room, row = length, []
            rows.append(row)
        else:
            row = with_room[room].pop()
        row.append(example)
        with_room[room - size].append(row)
    return rows


def pad_packed(rows: Sequence[Sequence[dict]], pad_token_id: int, length: int) -> dict[str, Tensor]:
    """Turn packed rows into a batch: int64 tensors (batch, length), position_ids that start again with each text, and
    a bool attention_mask (batch, length, length) that lets a token see its own text only. A padding slot sees itself,
    and nothing sees it. Raises ValueError for values that belong to a whole text, such as next_sentence_label: a row
    holds several texts.
    """
    if single := [key for key, value in rows[0][0].items() if not isinstance(value, list)]:
        raise ValueError(f"{', '.join(single)} belong to a whole text, and a packed row holds several: leave them out.")
    joined = [{key: [value for example in row for value in example[key]] for key in rows[0][0]} for row in rows]
    for row, whole in zip(rows, joined, strict=True):
        whole["position_ids"] = [i for example in row for i in range(len(example["input_ids"]))]
        whole["text"] = [n for n, example in enumerate(row, 1) for _ in example["input_ids"]]  # 0 is left for padding
    batch = pad(joined, pad_token_id, length)
    text = batch.pop("text")
    same = (text[:, :, None] == text[:, None, :]) & (text > 0)[:, None, :]
    batch["attention_mask"] = same | torch.eye(length, dtype=torch.bool)
    return batch
