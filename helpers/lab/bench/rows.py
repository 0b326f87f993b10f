"""The course against what people would otherwise use: the rows of the table that `make bench` measures and prints.

Both sides of a row do the same work in one process, with the same threads, in turns: a b, b a, a b, … The first turn
warms up and is dropped. A ratio is that of the two medians; beside it stand the lowest and the highest of a single
turn. The other side gets its fast tokenizer, its fused attention and optimizer, and the same start. On a CPU both sides
compute in float32, since bfloat16 is no faster without matrix units; on CUDA both use bfloat16.
"""

import copy
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from . import costs, rivals, training
from .batching import pad
from .bert import IGNORE, Encoder, EncoderConfig, PreTrainingModel, SequenceClassifier
from .bulk_pairs import bulk_batches, draw_spans, lay_out, pad_spans
from .corpora import load_documents, load_reviews
from .evaluation import score
from .masking import MlmCollator, mask_tokens
from .recipes import classification_examples, length_batches, pretraining_batches, right_in_order
from .records import NotHere, load_result, markdown_table, origin
from .runtime import generator
from .sentence_pairs import text_windows, tokenize_documents
from .timing import (
    Stopwatch,
    alternate,
    by_operation,
    one_thread,
    ratio,
    speed_of,
    step_profile,
    summary,
    synchronise,
    timed,
)
from .tokenization import load_tokenizer
from .weights import load_encoder


@dataclass(frozen=True)
class Goal:
    """A line of the table: `key` says which of the row's findings must reach `bound` ("at least", or "at most" for an
    overhead). `share`: the finding is a share, shown in per cent; else it is a ratio. Without a bound it is only shown.
    """

    row: str
    key: str
    what: str
    against: str
    bound: float | None
    at_most: bool = False
    share: bool = False

    def met(self, measured: dict) -> bool:
        """Does this record of the row reach the goal? For fine-tuning, only if accuracy is not the price of speed."""
        value = measured["found"][self.key]["value"]
        reached = value <= self.bound if self.at_most else value >= self.bound
        return reached and measured.get("accuracy", {}).get(self.key, {}).get("no_worse", True)

    def show(self, value: float) -> str:
        return f"{100 * value:.1f} %" if self.share else f"{value:.2f} ×"


PAIRS = "NSP + MLM instances/s from token ids, one core"
STEP = "pre-training step, 4 × 256, 30,522 vocabulary, length 128"
EPOCH = "one epoch of fine-tuning on Rotten Tomatoes"
SMALL, BASE = "GPU: pre-training tokens/s, 4 × 256, bf16", "GPU: pre-training tokens/s, bert-base shape, bf16"
GOALS = (
    Goal("masking", "collator", "MLM masking, tokens/s", "`DataCollatorForLanguageModeling` on its own input", 10),
    Goal("masking", "collator, its default", "MLM masking, tokens/s", "the same without `special_tokens_mask`", None),
    Goal("masking", "step", "MLM masking, tokens/s", "its masking step alone", 3),
    Goal("pairs", "per token", PAIRS, "a per-token reading of the BERT paper's data algorithm", 20),
    Goal("pairs", "one by one", PAIRS, "our own `make_nsp_pairs`, which the notebooks build", None),
    Goal("step", "theirs", STEP, "`BertForPreTraining` with its own loss", 2),
    Goal("encoder", "theirs", "dense encoder forward + backward, same shape", "`BertModel`, sdpa", 1),
    Goal("fine-tuning", "Trainer", EPOCH, "`Trainer` with `DataCollatorWithPadding`", 1.5),
    Goal("fine-tuning", "Trainer, by length", EPOCH, "the same with its length grouping", 1),
    Goal("loop", "overhead", "loop overhead", "bare forward + backward + step", 0.03, at_most=True, share=True),
    Goal("GPU, 4 × 256", "eager", SMALL, "`BertForPreTraining`, eager", 3),
    Goal("GPU, 4 × 256", "compiled", SMALL, "`BertForPreTraining`, compiled", 1),
    Goal("GPU, bert-base", "eager", BASE, "`BertForPreTraining`, eager", 1.3),
    Goal("GPU, bert-base", "compiled", BASE, "`BertForPreTraining`, compiled", 1),
    Goal("GPU, bert-base", "utilisation", BASE, "the GPU's peak (model FLOP utilisation)", 0.45, share=True),
)


# ---------------------------------------------------------------- rows: data


def masking(documents: int, max_length: int, batch_size: int, repeats: int) -> dict:
    """Mask windows of IMDb reviews: lists of ids in, a masked batch of tensors out; and the masking step alone."""
    import transformers

    tokenizer = load_tokenizer()
    texts = tokenize_documents(load_documents("imdb", "train")[:documents], tokenizer)
    rows = [
        {
            "input_ids": [tokenizer.cls_token_id, *window, tokenizer.sep_token_id],
            "special_tokens_mask": [1] + [0] * len(window) + [1],
        }
        for window in text_windows(texts, max_length - 2, generator(0))
    ]
    bare = [{"input_ids": row["input_ids"]} for row in rows]
    tokens = sum(len(row["input_ids"]) for row in rows)
    theirs = transformers.DataCollatorForLanguageModeling(tokenizer)
    ours = MlmCollator(tokenizer, generator(0))
    batches = [pad(rows[i : i + batch_size], tokenizer.pad_token_id) for i in range(0, len(rows), batch_size)]

    def collate(collator, rows) -> int:
        for i in range(0, len(rows), batch_size):
            collator(rows[i : i + batch_size])
        return tokens

    def our_step() -> int:
        for batch in batches:
            masking_step(ours, batch)
        return tokens

    def their_step() -> int:
        for batch in batches:  # it writes into what it is given, so it gets a copy
            theirs.torch_mask_tokens(batch["input_ids"].clone(), special_tokens_mask=batch["special_tokens_mask"])
        return tokens

    sides = {
        "ours": timed(lambda: collate(ours, rows)),
        "collator": timed(lambda: collate(theirs, rows)),
        "collator, its default": timed(lambda: collate(theirs, bare)),
        "our step": timed(our_step),
        "step": timed(their_step),
    }
    speeds = alternate(sides, repeats)
    found = {name: ratio(speeds, "ours", name) for name in ("collator", "collator, its default")}
    found["step"] = ratio(speeds, "our step", "step")
    watch = Stopwatch()
    collate_by_parts(ours, rows, batch_size, watch)
    compared = "the same windows; theirs is given special_tokens_mask, then not; for the step both start from tensors"
    return summary(speeds, "tokens/s", found, watch.seconds, compared)


def masking_step(collator: MlmCollator, batch: dict[str, Tensor]) -> None:
    """Mask a padded batch, as the collator does."""
    mask_tokens(
        batch["input_ids"],
        batch["special_tokens_mask"],
        mask_token_id=collator.mask_token_id,
        replacement_ids=collator.replacement_ids,
        generator=collator.generator,
    )


def collate_by_parts(collator: MlmCollator, rows: list[dict], batch_size: int, watch: Stopwatch) -> None:
    """Do what the collator does, under the watch."""
    for i in range(0, len(rows), batch_size):
        with watch.part("lists to tensors"):
            batch = pad(rows[i : i + batch_size], collator.pad_token_id)
        with watch.part("masking step"):
            masking_step(collator, batch)


def pairs(documents: int, max_length: int, batch_size: int, repeats: int) -> dict:
    """Make pre-training batches of IMDb reviews from token ids, on one core: fresh pairs, fresh masks, tensors."""
    tokenizer = load_tokenizer()
    texts = tokenize_documents(load_documents("imdb", "train")[:documents], tokenizer)
    begun = time.perf_counter()
    ready, draws = bulk_batches(texts, tokenizer, max_length, batch_size), generator(0)
    once = time.perf_counter() - begun
    one_by_one = pretraining_batches(texts, tokenizer, max_length, batch_size)

    def epoch(batches) -> int:
        return sum(len(batch["input_ids"]) for batch in batches(draws))

    def theirs() -> int:
        rows = rivals.paper_instances(texts, tokenizer, max_length, seed=0)
        for i in range(0, len(rows), batch_size):
            rivals.stack(rows[i : i + batch_size])
        return len(rows)

    def by_parts() -> dict[str, float]:
        watch, text, collator = Stopwatch(), lay_out(texts), MlmCollator(tokenizer, draws)
        special = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id
        with watch.part("drawing pairs"):
            spans = draw_spans(text, max_length, draws)
        for i in range(0, len(spans.label), batch_size):
            with watch.part("tensors"):
                batch = pad_spans(text, spans, range(i, min(i + batch_size, len(spans.label))), special)
            with watch.part("masking"):
                collator.mask(batch)
        return watch.seconds

    sides = {"ours": lambda: epoch(ready), "per token": theirs, "one by one": lambda: epoch(one_by_one)}
    with one_thread():
        speeds = alternate({side: timed(job) for side, job in sides.items()}, repeats)
        found = {side: ratio(speeds, "ours", side) for side in ("per token", "one by one")}
        compared = f"""the same reviews, as token ids by sentence; all end in batches of int64 tensors; ours has laid
            the ids out in arrays beforehand, once for all epochs, in {once:.2f} s"""
        return summary(speeds, "instances/s", found, by_parts(), compared)


# ---------------------------------------------------------------- rows: steps


def made_up_batch(batch_size: int, max_length: int, vocab_size: int, draws: torch.Generator) -> dict[str, Tensor]:
    """Return a full batch of random ids with 15 % of the slots masked: any ids take the same time."""
    input_ids = torch.randint(vocab_size // 10, vocab_size, (batch_size, max_length), generator=draws)
    hidden = torch.rand(input_ids.shape, generator=draws) < 0.15
    return {
        "input_ids": input_ids,
        "attention_mask": torch.ones_like(input_ids),
        "token_type_ids": (torch.arange(max_length) >= max_length // 2).long().repeat(batch_size, 1),
        "labels": input_ids.masked_fill(~hidden, IGNORE),
        "next_sentence_label": torch.arange(batch_size) % 2,
    }


def shape(hidden_size: int, num_hidden_layers: int, vocab_size: int) -> EncoderConfig:
    """Return BERT's shape at this width and depth: heads of 64, a feed-forward part of four times the width."""
    return EncoderConfig(vocab_size, hidden_size, num_hidden_layers, hidden_size // 64, 4 * hidden_size)


def stepper(model: nn.Module, batches: list[dict[str, Tensor]], device="cpu") -> Callable[[], int]:
    """Return a job that trains on the batches, as `training.pretrain` does, and returns how many tokens they hold."""
    device = torch.device(device)
    optimizer = training.make_optimizer(model, 1e-4)
    model.train()

    def job() -> int:
        for batch in batches:
            with training.autocast(device):
                loss = model(**batch).loss
            training.take_step(model, optimizer, loss, max_grad_norm=1.0)
        synchronise(device)
        return sum(batch["input_ids"].numel() for batch in batches)

    return job


def step(
    batch_size: int, max_length: int, hidden_size: int, num_hidden_layers: int, vocab_size: int, repeats: int
) -> dict:
    """Take whole training steps: forward, both losses, backward, clipping, fused AdamW."""
    torch.manual_seed(0)
    model = PreTrainingModel(Encoder(shape(hidden_size, num_hidden_layers, vocab_size)))
    other = rivals.twin(model)
    batch = made_up_batch(batch_size, max_length, vocab_size, generator(0))
    losses = [float(side.eval()(**batch).loss.detach()) for side in (model, other)]
    sides = {"ours": timed(stepper(model, [batch])), "theirs": timed(stepper(other, [batch]))}
    speeds = alternate(sides, repeats)
    compared = "the same weights, batch and optimizer; ours decodes the masked slots only, theirs all of them"
    found, profile = {"theirs": ratio(speeds, "ours", "theirs")}, step_profile(model, [batch] * 4)
    return summary(speeds, "tokens/s", found, profile, compared) | {"losses at the start": losses}


def encoder(
    batch_size: int, max_length: int, hidden_size: int, num_hidden_layers: int, vocab_size: int, repeats: int
) -> dict:
    """Run the encoder forward and backward on full rows, with dropout, without any head."""
    torch.manual_seed(0)
    model = Encoder(shape(hidden_size, num_hidden_layers, vocab_size)).train()
    other = rivals.twin(model, add_pooling_layer=False).train()
    batch = made_up_batch(batch_size, max_length, vocab_size, generator(0))
    inputs = {key: batch[key] for key in ("input_ids", "attention_mask", "token_type_ids")}
    gradient = torch.randn(batch_size, max_length, hidden_size, generator=generator(0))

    def run(model: nn.Module) -> int:
        model(**inputs).last_hidden_state.backward(gradient)
        model.zero_grad(set_to_none=True)
        return inputs["input_ids"].numel()

    speeds = alternate({"ours": timed(lambda: run(model)), "theirs": timed(lambda: run(other))}, repeats)
    compared = "the same weights and batch, in training mode"
    return summary(
        speeds, "tokens/s", {"theirs": ratio(speeds, "ours", "theirs")}, by_operation(lambda: run(model)), compared
    )


def loop(
    batch_size: int, max_length: int, hidden_size: int, num_hidden_layers: int, vocab_size: int, repeats: int
) -> dict:
    """Compare `training.pretrain` on batches that are ready with the three bare lines of a training step."""
    torch.manual_seed(0)
    model = PreTrainingModel(Encoder(shape(hidden_size, num_hidden_layers, vocab_size)))
    draws = generator(0)
    batches = [made_up_batch(batch_size, max_length, vocab_size, draws) for _ in range(4)]

    def whole() -> int:
        with redirect_stderr(io.StringIO()):  # the bar is drawn, but not shown
            training.pretrain(model, lambda _: iter(batches), steps=len(batches), learning_rate=1e-4, generator=draws)
        return len(batches)

    def bare() -> int:
        optimizer = training.make_optimizer(model, 1e-4)
        for batch in batches:
            model(**batch).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return len(batches)

    speeds = alternate({"ours": timed(whole), "bare": timed(bare)}, repeats)
    slower = ratio(speeds, "bare", "ours")
    found = {"overhead": {name: value - 1 for name, value in slower.items()}}
    compared = "the same model, batches and optimizer; the loop adds clipping, schedule, losses, token counts and a bar"
    return summary(speeds, "steps/s", found, step_profile(model, batches), compared)


# ---------------------------------------------------------------- rows: fine-tuning


def fine_tuning(
    rows: int,
    judged: int | None,
    batch_size: int,
    repeats: int,
    learning_rate: float = 1e-4,
    name_or_path: str | Path | None = None,
) -> dict:
    """Fine-tune the pretrained encoder for one epoch on so many Rotten Tomatoes sentences; every turn is another seed.

    Both sides start from the same weights, the head's among them. `accuracy`: on the validation tenth (or so many of
    it), over all turns; `no_worse` unless the 95 % interval of the difference, by sentence, lies below zero.
    name_or_path: the encoder, as in `weights.load_encoder`.
    """
    tokenizer, pretrained = load_tokenizer(name_or_path), load_encoder(name_or_path)
    examples = classification_examples(load_reviews("rotten_tomatoes", "train")[:rows], tokenizer)
    exam = classification_examples(load_reviews("rotten_tomatoes", "validation")[:judged], tokenizer)
    right = {"ours": [], "Trainer": [], "Trainer, by length": []}

    def start(turn: int) -> tuple[SequenceClassifier, list[dict]]:
        torch.manual_seed(turn)  # of the head
        return SequenceClassifier(copy.deepcopy(pretrained)), examples if turn else examples[: 2 * batch_size]

    def finish(side: str, turn: int, model: nn.Module, job: Callable[[], float]) -> float:
        speed = speed_of(job)
        if turn:
            right[side].append(right_in_order(model, exam, tokenizer))
        return speed

    def ours(turn: int) -> float:
        model, seen = start(turn)

        def job() -> int:
            training.fine_tune(
                model,
                length_batches(seen, tokenizer, batch_size),
                epochs=1,
                steps_per_epoch=-(-len(seen) // batch_size),
                learning_rate=learning_rate,
                generator=generator(turn),
                progress=False,
            )
            return len(seen)

        return finish("ours", turn, model, job)

    def theirs(side: str, turn: int) -> float:
        model, seen = start(turn)
        settings = {"batch_size": batch_size, "learning_rate": learning_rate, "by_length": "by length" in side}
        with tempfile.TemporaryDirectory() as folder:
            trainer = rivals.fine_tuning_trainer(rivals.twin(model), seen, tokenizer, folder, seed=turn, **settings)

            def job() -> int:
                trainer.train()
                return len(seen)

            return finish(side, turn, trainer.model, job)

    sides = {side: lambda turn, side=side: theirs(side, turn) for side in right if side != "ours"} | {"ours": ours}
    speeds = alternate(sides, repeats)
    others = [side for side in right if side != "ours"]
    found = {side: ratio(speeds, "ours", side) for side in others}
    accuracy = {"ours": score(np.concatenate(right["ours"]))}
    for side in others:
        accuracy[side] = score(np.concatenate(right[side])) | difference(right["ours"], right[side])
    compared = f"{len(examples)} sentences, the same start, batches of {batch_size}, the same rate and warm-up"
    few = islice(length_batches(examples, tokenizer, batch_size)(generator(0)), 11)
    profile = step_profile(start(1)[0], few)
    return summary(speeds, "sentences/s", found, profile, compared) | {"accuracy": accuracy}


def difference(right_a: list[np.ndarray], right_b: list[np.ndarray]) -> dict:
    """Return accuracy a - accuracy b and its 95 % interval over sentences, each one's mean over the turns (normal
    approximation); `no_worse`: the interval does not lie below zero."""
    by_sentence = np.mean(right_a, axis=0, dtype=float) - np.mean(right_b, axis=0, dtype=float)
    mean, margin = by_sentence.mean(), 1.96 * by_sentence.std(ddof=1) / len(by_sentence) ** 0.5
    return {
        "difference": float(mean),
        "difference_interval": [float(mean - margin), float(mean + margin)],
        "no_worse": bool(mean + margin >= 0),
    }


# ---------------------------------------------------------------- rows: GPU


def gpu_pretraining(
    batch_size: int,
    max_length: int,
    hidden_size: int,
    num_hidden_layers: int,
    vocab_size: int,
    repeats: int,
    steps: int,
    device: str = "cuda",
    backend: str = "inductor",
) -> dict:
    """Take whole training steps in bfloat16: ours compiled, transformers' eager and compiled.

    Raises NotHere without CUDA. `utilisation` is the share of the GPU's peak that the model's own FLOPs come to
    (`costs.flops_per_token`), where the peak is known. device, backend: for a test without a GPU.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise NotHere("no CUDA device")
    torch.manual_seed(0)
    config, draws = shape(hidden_size, num_hidden_layers, vocab_size), generator(0)
    model = PreTrainingModel(Encoder(config)).to(device)
    made = [made_up_batch(batch_size, max_length, vocab_size, draws) for _ in range(steps)]
    batches = [training.to_device(batch, torch.device(device)) for batch in made]
    models = {
        "ours": torch.compile(model, backend=backend),
        "eager": rivals.twin(model).to(device),
        "compiled": torch.compile(rivals.twin(model).to(device), backend=backend),
    }
    speeds = alternate({side: timed(stepper(m, batches, device)) for side, m in models.items()}, repeats)
    found = {side: ratio(speeds, "ours", side) for side in ("eager", "compiled")}
    name = torch.cuda.get_device_name() if device == "cuda" else device
    peak = next((peak for part, peak in costs.PEAKS.items() if part in name), None)
    if peak:
        decoded = sum(float((batch["labels"] != IGNORE).float().mean()) for batch in batches) / steps
        flops = costs.flops_per_token(config, max_length, decoded)
        shares = [speed * flops / peak for speed in speeds["ours"]]
        found["utilisation"] = {"value": statistics.median(shares), "lowest": min(shares), "highest": max(shares)}
    compared = "the same weights, batches and optimizer; autocast to bfloat16 on CUDA, sdpa"
    return summary(speeds, "tokens/s", found, step_profile(models["ours"], batches), compared)


# ---------------------------------------------------------------- the table


def table(result: dict) -> list[dict]:
    """Return the table of a recorded `bench` study, one row a goal, as text."""
    rows = []
    for goal in GOALS:
        measured = result["arms"].get(goal.row, {}).get("measured")
        found = measured["found"].get(goal.key) if measured else None
        sign = "≤" if goal.at_most else "≥"
        row = {"what": goal.what, "against": goal.against, "measured": "–", "turns": "–"}
        row |= {"goal": "–" if goal.bound is None else f"{sign} {goal.show(goal.bound)}", "result": "not run"}
        if found:
            row["measured"] = goal.show(found["value"])
            row["turns"] = f"{goal.show(found['lowest'])} … {goal.show(found['highest'])}"
            row["result"] = "–" if goal.bound is None else "met" if goal.met(measured) else "missed"
        rows.append(row)
    return rows


def notes(result: dict) -> list[str]:
    """Return a sentence for every row that missed a goal, on where the time goes, one on accuracy, and one on what was
    not run."""
    lines = []
    for row in dict.fromkeys(goal.row for goal in GOALS):
        if row not in result["arms"]:
            lines.append(f"{row}: not run; it needs CUDA." if row in result["not_run"] else f"{row}: not run.")
            continue
        measured = result["arms"][row]["measured"]
        for side, found in measured.get("accuracy", {}).items():
            line = f"{row}: accuracy of {side} {100 * found['accuracy']:.1f} %"
            if side != "ours":
                low, high = (100 * bound for bound in found["difference_interval"])
                line += f"; ours minus theirs {100 * found['difference']:.1f} points ({low:.1f} … {high:.1f})"
            lines.append(line + ".")
        if any(g.row == row and g.bound and g.key in measured["found"] and not g.met(measured) for g in GOALS):
            total = sum(measured["profile"].values())
            parts = (f"{part} {100 * seconds / total:.0f} %" for part, seconds in measured["profile"].items())
            lines.append(f"{row}: missed; our time goes to {', '.join(parts)}.")
    return lines


def main(name: str = "bench-full") -> None:
    """Print the table and the notes of a recorded study."""
    result = load_result(name)
    print(origin(result), markdown_table(table(result)), "\n".join(notes(result)), sep="\n\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
