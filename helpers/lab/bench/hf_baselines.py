"""What people would otherwise use: transformers' own model, collator and Trainer, and data made token by token.

A race gives both sides the same text, vocabulary, shape, machine and seconds. `accelerate`, which the Trainer asks
for, comes with the extra `bench`.
"""

import random
import tempfile
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from . import evaluation, recipes, training
from .bert import IGNORE, PreTrainingModel, PreTrainingOutput
from .checkpoints import NARROW_HEADS, started
from .runtime import generator
from .sentence_pairs import IS_NEXT, NOT_NEXT, text_windows
from .weights import ARCHITECTURES, save_pretrained

MAX_LENGTH, BATCH_SIZE, HIDDEN_SIZE = 64, 32, 128


class MaskedOnly(nn.Module):
    """transformers' BertForMaskedLM behind the interface that `evaluation.evaluate_mlm` asks for."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> PreTrainingOutput:
        logits = self.model(input_ids, attention_mask).logits[labels != IGNORE]
        return PreTrainingOutput(None, None, None, logits, None)


def train_ours(documents, tokenizer, steps: int, seed: int, learning_rate: float) -> tuple[nn.Module, float]:
    """Pre-train our encoder on masked words alone; return it and the seconds that training took."""
    torch.manual_seed(seed)
    config = recipes.tiny_config(tokenizer, MAX_LENGTH, HIDDEN_SIZE, **NARROW_HEADS)
    model = PreTrainingModel(started(config, "neighbours"))
    begun = time.perf_counter()
    training.pretrain(
        model,
        recipes.window_batches(documents, tokenizer, MAX_LENGTH, BATCH_SIZE, mask_probability=0.3),
        steps=steps,
        learning_rate=learning_rate,
        generator=generator(seed),
        progress=False,
    )
    return model, time.perf_counter() - begun


def train_theirs(documents, tokenizer, steps: int, seed: int, learning_rate: float) -> tuple[nn.Module, float]:
    """Pre-train BertForMaskedLM of the same shape with transformers' Trainer; return it and the seconds of training.

    Its own start, collator, loss and optimizer, 15 % masked; as on our side, no dropout, a tenth of the steps to warm
    up, and linear decay.
    """
    import transformers

    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN_SIZE,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=4 * HIDDEN_SIZE,
        max_position_embeddings=MAX_LENGTH,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    rows = [
        {"input_ids": [tokenizer.cls_token_id, *window, tokenizer.sep_token_id]}
        for window in text_windows(documents, MAX_LENGTH - 2, generator(seed))
    ]
    transformers.set_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder,
            max_steps=steps,
            per_device_train_batch_size=BATCH_SIZE,
            learning_rate=learning_rate,
            warmup_steps=steps // 10,
            weight_decay=0.01,
            seed=seed,
            use_cpu=True,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        model = transformers.BertForMaskedLM(config)
        collator = transformers.DataCollatorForLanguageModeling(tokenizer)
        trainer = transformers.Trainer(model, arguments, data_collator=collator, train_dataset=rows)
        begun = time.perf_counter()
        trainer.train()
        return MaskedOnly(model), time.perf_counter() - begun


SIDES: dict[str, Callable] = {"ours": train_ours, "Trainer": train_theirs}


def wall_clock_race(
    side: str, seconds: float, seed: int, learning_rate: float, documents: int | None = None, vocab_size: int = 8000
) -> dict:
    """Train one side for about so many seconds on IMDb train reviews; return its score at [MASK] slots.

    side: "ours" or "Trainer". Short pilots say how many steps fit, so that the learning rate reaches zero in time;
    `seconds` in the answer is what the training then took. The exam is 300 test reviews, 15 % masked once and for all.
    """
    tokenizer, train = recipes.own_vocabulary(documents, vocab_size)
    # The first pilot warms up; the other two tell a step from what is done once, cutting the text into windows.
    _, short, longer = (SIDES[side](train, tokenizer, n, seed, learning_rate)[1] for n in (5, 5, 25))
    step = max(1e-3, (longer - short) / 20)
    steps = max(1, int((seconds - (short - 5 * step)) / step))
    model, taken = SIDES[side](train, tokenizer, steps, seed, learning_rate)
    exam = recipes.frozen_windows(tokenizer, 300, MAX_LENGTH, split="test")
    found = evaluation.evaluate_mlm(model, exam, tokenizer.mask_token_id)
    return {"steps": steps, "seconds": taken, "test": found}


# ---------------------------------------------------------------- the other side of a benchmark


def twin(model: nn.Module, **options) -> nn.Module:
    """Return transformers' model of the same kind with the same weights; `options` go to its `from_pretrained`."""
    import transformers

    with tempfile.TemporaryDirectory() as folder:
        kind = getattr(transformers, ARCHITECTURES[type(model)])
        return kind.from_pretrained(save_pretrained(model, folder), **options)


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
    import transformers

    arguments = transformers.TrainingArguments(
        folder,
        num_train_epochs=1,
        per_device_train_batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_steps=-(-len(examples) // batch_size) // 10,
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
