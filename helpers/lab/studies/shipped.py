"""The two checkpoints as their files are, and what can be had without reading."""

import re
from functools import partial
from unittest.mock import patch

import torch

from ... import evaluation, sentence_pairs
from ...batching import all_tokens, frozen_windows, held_out_batches, own_vocabulary
from ...corpora import load_documents
from ...tokenization import load_tokenizer
from ...weights import load_checkpoint
from ..study import Study

# When the two were trained, only single letters were initials: a sentence ended after U.S. and the like.
INITIALS_THEN = re.compile(r"(?!i$)[^\W\d_]")


def shipped_checkpoint(name: str) -> dict:
    """Score a shipped checkpoint as its file stands, in half precision, on the test set of its training; two guesses
    without reading beside it.

    Returns `test` (the whole set), `sample` (every sixth batch, for a test to repeat), and `test as trained` (the set
    as it was made at its training, when sentences were split in another way; for a comparison with the weights before
    they were rounded), as `evaluation.evaluate_mlm` gives them; the scores of `unigram`, always the train reviews' most
    frequent `word`, and of `neighbours`, the word that stood most often between the same two, both at [MASK] slots;
    McNemar's test of model against `neighbours`; and for minilm-mlm the twelve everyday sentences, and the twelve on
    which its settings were chosen.
    """
    model = load_checkpoint(name)
    if name == "tiny-bert":
        tokenizer, documents = own_vocabulary(None, model.encoder.config.vocab_size)
        held_out = held_out_batches
    else:
        tokenizer = load_tokenizer()
        documents = sentence_pairs.tokenize_documents(load_documents("imdb", "train"), tokenizer)
        held_out = frozen_windows
    batches = held_out(tokenizer, 300, 128, split="test")
    with patch.object(sentence_pairs, "INITIALS", INITIALS_THEN):
        batches_then = held_out(tokenizer, 300, 128, split="test")
    mask_token_id = tokenizer.mask_token_id
    hidden = torch.cat([b["labels"][b["input_ids"] == mask_token_id] for b in batches])
    commonest = torch.bincount(all_tokens(documents)).argmax()
    parted = [[*document, [tokenizer.sep_token_id]] for document in documents]
    guessed = evaluation.neighbour_guesses(all_tokens(parted), batches, mask_token_id, tokenizer.all_special_ids)
    found = {
        "test": evaluation.evaluate_mlm(model, batches, mask_token_id),
        "sample": evaluation.evaluate_mlm(model, batches[::6], mask_token_id),
        "test as trained": evaluation.evaluate_mlm(model, batches_then, mask_token_id),
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
