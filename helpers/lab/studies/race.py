"""Our loop against transformers' Trainer, the same seconds each; the Trainer may try three rates."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import torch
from torch import Tensor, nn

from ... import evaluation, training
from ...batching import frozen_windows, own_vocabulary, window_batches
from ...bert import PreTrainingModel, PreTrainingOutput, make_config, started
from ...device import generator
from ...masking import IGNORE
from ...sentence_pairs import text_windows, window_inputs
from ..study import Cost, Study, Unit
from ..tiny import NARROW_HEADS

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
    config = make_config(len(tokenizer), HIDDEN_SIZE, max_position_embeddings=MAX_LENGTH, **NARROW_HEADS)
    model = PreTrainingModel(started(config, "neighbours"))
    begun = time.perf_counter()
    training.pretrain(
        model,
        window_batches(documents, tokenizer, MAX_LENGTH, BATCH_SIZE, mask_probability=0.3),
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

    shape = make_config(len(tokenizer), HIDDEN_SIZE, max_position_embeddings=MAX_LENGTH, head_size=32, dropout=0.0)
    config = transformers.BertConfig(**asdict(shape))
    windows = text_windows(documents, MAX_LENGTH - 2, generator(seed))
    rows = [
        {"input_ids": window_inputs(window, tokenizer.cls_token_id, tokenizer.sep_token_id)["input_ids"]}
        for window in windows
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
    `seconds` in the answer is what the training then took. Both are evaluated on 300 test reviews, 15 % masked once
    and for all.
    """
    tokenizer, train = own_vocabulary(documents, vocab_size)
    # The first pilot warms up; the other two tell a step from what is done once, cutting the text into windows.
    _, short, longer = (SIDES[side](train, tokenizer, n, seed, learning_rate)[1] for n in (5, 5, 25))
    step = max(1e-3, (longer - short) / 20)
    steps = max(1, int((seconds - (short - 5 * step)) / step))
    model, taken = SIDES[side](train, tokenizer, steps, seed, learning_rate)
    test = frozen_windows(tokenizer, 300, MAX_LENGTH, split="test")
    found = evaluation.evaluate_mlm(model, test, tokenizer.mask_token_id)
    return {"steps": steps, "seconds": taken, "test": found}


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    sides = {"ours": ("ours", 2e-3)} | {f"Trainer, {rate:g}": ("Trainer", rate) for rate in (5e-4, 1e-3, 2e-3)}
    seconds = 420 if full else 10
    return {
        f"{name}, seed {seed}": partial(wall_clock_race, side=side, seed=seed, seconds=seconds, learning_rate=rate)
        for seed in seeds
        for name, (side, rate) in sides.items()
    }


STUDY = Study(
    title="Our loop against transformers' Trainer, the same seconds each; the Trainer may try three rates",
    notebook="05",
    runs=runs,
    cost=Cost(Unit("seven minutes", lambda: 420.0), extra_steps=1),  # a race is measured by the clock
)
