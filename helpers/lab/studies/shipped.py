"""The two checkpoints as their files are, and what can be had without reading."""

from functools import partial

import torch

from ... import evaluation
from ...batching import all_tokens, frozen_windows, held_out_batches, own_vocabulary
from ...corpora import load_documents
from ...sentence_pairs import tokenize_documents
from ...tokenization import load_tokenizer
from ...weights import load_checkpoint
from ..study import Study


def shipped_checkpoint(name: str) -> dict:
    """Score a shipped checkpoint as its file stands, in half precision, on the test set of its training; two guesses
    without reading beside it.

    Returns `test` (the whole set) and `sample` (every sixth batch, for a test to repeat), as `evaluation.evaluate_mlm`
    gives them; the scores of `unigram`, always the train reviews' most frequent `word`, and of `neighbours`, the word
    that stood most often between the same two, both at [MASK] slots; McNemar's test of model against `neighbours`; and
    for minilm-mlm the twelve everyday sentences, and the twelve on which its settings were chosen.
    """
    model = load_checkpoint(name)
    if name == "tiny-bert":
        tokenizer, documents = own_vocabulary(None, model.encoder.config.vocab_size)
        batches = held_out_batches(tokenizer, 300, 128, split="test")
    else:
        tokenizer = load_tokenizer()
        documents = tokenize_documents(load_documents("imdb", "train"), tokenizer)
        batches = frozen_windows(tokenizer, 300, 128, split="test")
    mask_token_id = tokenizer.mask_token_id
    hidden = torch.cat([b["labels"][b["input_ids"] == mask_token_id] for b in batches])
    commonest = torch.bincount(all_tokens(documents)).argmax()
    parted = [[*document, [tokenizer.sep_token_id]] for document in documents]
    guessed = evaluation.neighbour_guesses(all_tokens(parted), batches, mask_token_id, tokenizer.all_special_ids)
    found = {
        "test": evaluation.evaluate_mlm(model, batches, mask_token_id),
        "sample": evaluation.evaluate_mlm(model, batches[::6], mask_token_id),
        "unigram": evaluation.score((hidden == commonest).numpy()) | {"word": tokenizer.decode([commonest.item()])},
        "neighbours": evaluation.score(guessed),
        "against neighbours": evaluation.mcnemar(evaluation.right_at_masks(model, batches, mask_token_id), guessed),
    }
    if name == "minilm-mlm":
        found["cloze"] = evaluation.cloze(model, tokenizer)
        found["cloze development"] = evaluation.cloze(model, tokenizer, "cloze_development")
    return found


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    return {name: partial(shipped_checkpoint, name=name) for name in ("tiny-bert", "minilm-mlm")}


STUDY = Study(
    title="The two checkpoints as their files stand, and what can be had without reading",
    notebook="03 and 05",
    runs=runs,
)
