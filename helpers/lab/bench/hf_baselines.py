"""What people would otherwise use: transformers' own models and Trainer, and pre-training data made token by token.

`accelerate`, which the Trainer asks for, comes with the extra `bench`.
"""

import math
import random
import tempfile
from collections.abc import Sequence

import numpy as np
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
    """Make BERT's pre-training instances, one token at a time, as its paper (Devlin et al. 2019, section 3.1 and
    appendix A.2) and its released script describe them: plain Python, as one writes it at a first reading.

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
            tokens_a = [token for sentence in chunk[:end] for token in sentence]
            if rng.random() < 0.5:
                tokens_b, label = [token for sentence in chunk[end:] for token in sentence], IS_NEXT
            else:
                tokens_b, label = _sentences_from_elsewhere(documents, d, target - len(tokens_a), rng), NOT_NEXT
                i -= len(chunk) - end
            while len(tokens_a) + len(tokens_b) > room:
                longer = tokens_a if len(tokens_a) > len(tokens_b) else tokens_b
                if rng.random() < 0.5:
                    del longer[0]
                else:
                    longer.pop()
            row = _masked_row(tokens_a, tokens_b, ids, len(tokenizer), max_length, rng, most)
            instances.append(row | {"next_sentence_label": label})
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


def _masked_row(tokens_a, tokens_b, ids, vocab_size: int, max_length: int, rng: random.Random, most: int) -> dict:
    cls_id, sep_id, mask_id, pad_id = ids
    input_ids, token_type_ids = [cls_id], [0]
    for segment, tokens in enumerate((tokens_a, tokens_b)):
        for token in (*tokens, sep_id):
            input_ids.append(token)
            token_type_ids.append(segment)
    candidates = [i for i, token in enumerate(input_ids) if token not in (cls_id, sep_id)]
    rng.shuffle(candidates)
    labels = [IGNORE] * len(input_ids)
    for i in candidates[: min(most, max(1, round(0.15 * len(input_ids))))]:
        labels[i], fate = input_ids[i], rng.random()
        if fate < 0.8:
            input_ids[i] = mask_id
        elif fate < 0.9:
            input_ids[i] = rng.randrange(vocab_size)
    attention_mask = [1] * len(input_ids)
    while len(input_ids) < max_length:
        input_ids.append(pad_id)
        token_type_ids.append(0)
        attention_mask.append(0)
        labels.append(IGNORE)
    return {
        "input_ids": input_ids,
        "token_type_ids": token_type_ids,
        "attention_mask": attention_mask,
        "labels": labels,
    }


def stack(instances: list[dict]) -> dict[str, Tensor]:
    """Turn padded instances into a batch of int64 tensors."""
    return {key: torch.from_numpy(np.array([row[key] for row in instances])) for key in instances[0]}
