"""What people would otherwise use: transformers' own models and Trainer, and pre-training data made token by token.

`accelerate`, which the Trainer asks for, comes with the extra `bench`.
"""

import math
import random
import tempfile
from array import array
from collections.abc import Sequence
from itertools import chain

import torch
import transformers
from torch import Tensor, nn

from ...masking import IGNORE
from ...sentence_pairs import IS_NEXT, NOT_NEXT
from ...weights import ARCHITECTURES, save_pretrained


def twin(model: nn.Module, **options) -> nn.Module:
    """Return transformers' model of the same kind with the same weights; `options` go to its `from_pretrained`."""
    with tempfile.TemporaryDirectory() as folder:
        kind = getattr(transformers, ARCHITECTURES[type(model)])
        other = kind.from_pretrained(save_pretrained(model, folder), **options)
        # Nothing may stay mapped: Windows refuses to delete a file that is.
        for parameter in other.parameters():
            parameter.data = parameter.data.clone()
        return other


def fine_tuning_trainer(
    model: nn.Module,
    examples: list[dict],
    tokenizer,
    folder: str,
    *,
    batch_size: int,
    learning_rate: float,
    seed: int,
    by_length: bool,
):
    """Return transformers' Trainer, ready to fine-tune one of its classifiers for one epoch on the CPU.

    Everything is its default (a fused AdamW, linear decay, clipping at 1, batches in random order, padded by
    DataCollatorWithPadding) but what both sides must share: batch size, learning rate, a tenth of the steps to warm up,
    weight decay. by_length: its own grouping of texts of similar length.
    """
    arguments = transformers.TrainingArguments(
        folder,
        num_train_epochs=1,
        per_device_train_batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_steps=math.ceil(len(examples) / batch_size) // 10,
        weight_decay=0.01,
        train_sampling_strategy="group_by_length" if by_length else "random",
        seed=seed,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    columns = ("input_ids", "token_type_ids", "labels")
    rows = [{name: example[name] for name in columns} for example in examples]
    collator = transformers.DataCollatorWithPadding(tokenizer)
    trainer = transformers.Trainer(model, arguments, data_collator=collator, train_dataset=rows)
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def paper_instances(
    documents: Sequence[Sequence[Sequence[int]]], tokenizer, max_length: int, seed: int, most: int = 20
) -> list[dict]:
    """Make BERT's pre-training instances one after the other, as its paper (Devlin et al. 2019, section 3.1 and
    appendix A.2) and its released script describe them: plain Python, and as fast as we could write it.

    documents: documents → sentences → token ids. Sentences are gathered until they fill a row (one row in ten aims at a
    random shorter length) and are cut in two at a random sentence; every second time B is replaced by sentences of a
    random other document, and those it replaced are used next. The longer segment loses tokens from a random end, one
    by one, until the pair fits. Of all tokens 15 %, at most `most`, are masked, 80/10/10. A lone last sentence is left
    out. Returns rows padded to `max_length`, lists of ints, with the keys that `PreTrainingModel` asks for.
    """
    rng, room, instances = random.Random(seed), max_length - 3, []
    ids = tuple(getattr(tokenizer, f"{name}_token_id") for name in ("cls", "sep", "mask", "pad"))
    for d, document in enumerate(documents):
        chunk, length, target, i = [], 0, room, 0
        while i < len(document):
            if not chunk and rng.random() < 0.1:
                target = rng.randint(2, room)
            chunk.append(document[i])
            length += len(document[i])
            i += 1
            if len(chunk) < 2 or (length < target and i < len(document)):
                continue
            end = rng.randint(1, len(chunk) - 1)
            tokens_a = list(chain.from_iterable(chunk[:end]))
            if rng.random() < 0.5:
                tokens_b, label = list(chain.from_iterable(chunk[end:])), IS_NEXT
            else:
                tokens_b, label = _sentences_from_elsewhere(documents, d, target - len(tokens_a), rng), NOT_NEXT
                i -= len(chunk) - end
            if len(tokens_a) + len(tokens_b) > room:
                tokens_a, tokens_b = _cut(tokens_a, tokens_b, room, rng)
            row = _masked_row(tokens_a, tokens_b, ids, len(tokenizer), max_length, rng, most)
            row["next_sentence_label"] = label
            instances.append(row)
            chunk, length, target = [], 0, room
    return instances


def _sentences_from_elsewhere(documents, here: int, wanted: int, rng: random.Random) -> list[int]:
    other = here
    while other == here or not documents[other]:
        other = rng.randrange(len(documents))
    tokens = []
    for sentence in documents[other][rng.randrange(len(documents[other])) :]:
        tokens.extend(sentence)
        if len(tokens) >= wanted:
            break
    return tokens


def _cut(tokens_a: list[int], tokens_b: list[int], room: int, rng: random.Random) -> tuple[list[int], list[int]]:
    """Take tokens from the longer segment, at a random end each, until both fit; the cuts are counted, then made."""
    left_a, left_b, front_a, front_b = len(tokens_a), len(tokens_b), 0, 0
    coins = rng.getrandbits(excess := left_a + left_b - room)
    for _ in range(excess):
        if left_a > left_b:
            left_a -= 1
            front_a += coins & 1
        else:
            left_b -= 1
            front_b += coins & 1
        coins >>= 1
    return tokens_a[front_a : front_a + left_a], tokens_b[front_b : front_b + left_b]


def _masked_row(tokens_a, tokens_b, ids, vocab_size: int, max_length: int, rng: random.Random, most: int) -> dict:
    cls_id, sep_id, mask_id, pad_id = ids
    input_ids = [cls_id, *tokens_a, sep_id, *tokens_b, sep_id]
    length, first_b = len(input_ids), len(tokens_a) + 2
    candidates = [i for i, token in enumerate(input_ids) if token != cls_id and token != sep_id]
    labels = [IGNORE] * max_length
    for i in rng.sample(candidates, min(most, len(candidates), max(1, round(0.15 * length)))):
        labels[i], fate = input_ids[i], rng.random()
        if fate < 0.8:
            input_ids[i] = mask_id
        elif fate < 0.9:
            input_ids[i] = rng.randrange(vocab_size)
    padding = [0] * (max_length - length)
    return {
        "input_ids": input_ids + [pad_id] * (max_length - length),
        "token_type_ids": [0] * first_b + [1] * (length - first_b) + padding,
        "attention_mask": [1] * length + padding,
        "labels": labels,
    }


def stack(instances: list[dict]) -> dict[str, Tensor]:
    """Turn padded instances into a batch of int64 tensors."""
    batch = {"next_sentence_label": torch.tensor([row["next_sentence_label"] for row in instances])}
    for key in ("input_ids", "token_type_ids", "attention_mask", "labels"):
        flat = array("q", chain.from_iterable([row[key] for row in instances]))  # half the time of NumPy's array
        batch[key] = torch.frombuffer(flat, dtype=torch.int64).view(len(instances), -1)
    return batch
