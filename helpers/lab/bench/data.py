"""Rows of the bench on data: masking, and pairs with masks."""

import time

import transformers
from torch import Tensor

from ...batching import MlmCollator, pad, pretraining_batches
from ...corpora import load_documents
from ...device import generator
from ...masking import mask_tokens
from ...sentence_pairs import text_windows, tokenize_documents, window_inputs
from ...tokenization import load_tokenizer
from ..fast_pairs import BulkCollator, bulk_batches, draw_spans, lay_out, pad_spans, windows
from ..timing import Stopwatch, alternate, one_thread, ratio, summary, timed
from . import hf_baselines


def masking(documents: int, max_length: int, batch_size: int, repeats: int) -> dict:
    """Mask windows of IMDb reviews: lists of ids in, a masked batch of tensors out; and the masking step alone."""
    tokenizer = load_tokenizer()
    texts = tokenize_documents(load_documents("imdb", "train")[:documents], tokenizer)
    windows = text_windows(texts, max_length - 2, generator(0))
    rows = [window_inputs(window, tokenizer.cls_token_id, tokenizer.sep_token_id) for window in windows]
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
        rows = hf_baselines.paper_instances(texts, tokenizer, max_length, seed=0)
        for i in range(0, len(rows), batch_size):
            hf_baselines.stack(rows[i : i + batch_size])
        return len(rows)

    def by_parts() -> dict[str, float]:
        watch, text, collator = Stopwatch(), lay_out(texts), BulkCollator(tokenizer, draws)
        special = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id
        stretches = windows(text, max_length, len(tokenizer))
        with watch.part("drawing pairs"):
            spans = draw_spans(text, max_length, draws)
        for i in range(0, len(spans.label), batch_size):
            with watch.part("tensors"):
                batch = pad_spans(stretches, spans, slice(i, i + batch_size), special)
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
