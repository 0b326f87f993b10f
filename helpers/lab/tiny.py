"""Small encoders trained from scratch, as several studies need them, and what fine-tuning makes of them."""

import statistics
from dataclasses import asdict, dataclass

import torch

from .. import evaluation, training
from ..batching import (
    all_tokens,
    frozen_windows,
    held_out_batches,
    own_vocabulary,
    pretraining_batches,
    static_batches,
    window_batches,
)
from ..bert import Encoder, PreTrainingModel, make_config, started
from ..corpora import SPLITS, load_reviews
from ..device import generator
from ..masking import MASK_PROBABILITY, MIX
from ..transfer import classification_examples, fine_tuned, right_in_order
from ..weights import load_checkpoint
from .fast_pairs import bulk_batches

# What the small encoders trained from scratch have in common: more heads than BERT's size asks for, and no dropout.
NARROW_HEADS = {"head_size": 32, "initializer_range": 0.06, "dropout": 0.0}
TINY = {"hidden_size": 128, "num_hidden_layers": 2, "max_length": 64, "batch_size": 32}  # as a CPU can afford it


@dataclass(frozen=True)
class TinySettings:
    """All that shapes the pre-training of a small encoder.

    steps: 0 leaves the model as it starts. start: see `bert.started`. static: pairs and masks are made once and used in
    every epoch. pairs: rows are two segments; if False, windows of one review. documents: the number of reviews to
    train on, vocabulary_documents: to learn the vocabulary from (None: all). bulk: pairs are made for all reviews at
    once (`fast_pairs`), as a GPU needs them.
    """

    steps: int
    seed: int = 0
    hidden_size: int = 128
    num_hidden_layers: int = 2
    max_length: int = 64
    batch_size: int = 32
    learning_rate: float = 2e-3
    start: str = "neighbours"
    mask_probability: float = MASK_PROBABILITY
    mix: tuple[float, float, float] = MIX
    whole_word: bool = False
    static: bool = False
    next_sentence: bool = True
    pairs: bool = True
    documents: int | None = None
    vocab_size: int = 8000
    vocabulary_documents: int | None = None
    dropout: float = 0.0
    bulk: bool = False
    evaluations: int = 4
    device: str = "cpu"


def pretrain_tiny(**settings) -> tuple[PreTrainingModel, object, dict]:
    """Pre-train a small encoder from scratch on IMDb train reviews; return the model, its tokenizer and what was
    measured. settings: the fields of `TinySettings`.

    The held-out sets are the same for every run: 300 test reviews, 15 % of the tokens masked 80/10/10, once and for
    all, as pairs (`test`) and as windows (`test_windows`); the `curve` is measured on 60 validation reviews, in the
    form that the training rows have. Raises ValueError for an unknown start, and for bulk without pairs and their
    label.
    """
    s = TinySettings(**settings)
    recorded = NARROW_HEADS | asdict(s) | {"mix": list(s.mix)}
    if s.bulk and not (s.pairs and s.next_sentence):
        raise ValueError("bulk makes pairs with their next-sentence label, and nothing else.")
    tokenizer, train = own_vocabulary(s.vocabulary_documents, s.vocab_size)
    train = train[: s.documents]
    torch.manual_seed(s.seed)
    shape = NARROW_HEADS | {"dropout": s.dropout, "max_position_embeddings": s.max_length}
    config = make_config(len(tokenizer), s.hidden_size, s.num_hidden_layers, **shape)
    model = PreTrainingModel(started(config, s.start)).to(s.device)
    options = {"mask_probability": s.mask_probability, "mix": tuple(s.mix), "whole_word": s.whole_word}
    make = bulk_batches if s.bulk else window_batches
    if s.pairs and not s.bulk:
        make, options["next_sentence"] = pretraining_batches, s.next_sentence
    batches = make(train, tokenizer, s.max_length, s.batch_size, **options)
    held_out = held_out_batches if s.pairs else frozen_windows
    curve = held_out(tokenizer, 60, s.max_length)
    run = training.Run("tiny-bert", recorded, data=map(str, train), every=500)
    history = training.pretrain(
        model,
        static_batches(batches, seed=s.seed) if s.static else batches,
        steps=s.steps,
        learning_rate=s.learning_rate,
        generator=generator(s.seed),
        evaluate=lambda model: evaluation.evaluate_mlm(model, curve, tokenizer.mask_token_id, s.device),
        evaluate_every=max(1, s.steps // s.evaluations),
        run=run,
        progress=False,
    )
    sets = {
        "test": held_out_batches(tokenizer, 300, s.max_length, split="test"),
        "test_windows": frozen_windows(tokenizer, 300, s.max_length, split="test"),
    }
    measured = summary(history, recorded) | {
        name: evaluation.evaluate_mlm(model, batches, tokenizer.mask_token_id, s.device)
        for name, batches in sets.items()
    }
    run.remove()
    return model.eval(), tokenizer, measured | {"train_tokens": len(all_tokens(train))}


def summary(history: training.History, settings: dict) -> dict:
    """Return what a record keeps of a run: all its settings, tokens, seconds of training (those before a restart
    included), speed, the mean masked-word loss of the last 50 steps (None without a step), the held-out curve at
    [MASK] positions."""
    return {
        "all_settings": settings | {"device": str(settings["device"])},
        "tokens": history.tokens,
        "training_seconds": history.seconds,
        "tokens_per_second": history.tokens_per_second,
        "train_loss": statistics.mean(history.parts["mlm"][-50:]) if history.loss else None,
        "curve": [{"step": step} | found["kinds"]["mask"] for step, found in history.evaluations],
    }


def tiny_pretraining(fine_tuning_epochs: int = 0, **settings) -> dict:
    """Pre-train a small encoder from scratch (`pretrain_tiny`), and fine-tune it on Rotten Tomatoes if epochs are
    given; return what was measured."""
    model, tokenizer, measured = pretrain_tiny(**settings)
    if fine_tuning_epochs:
        measured |= {"rotten_tomatoes": sentiment(model.encoder, tokenizer, settings["seed"], fine_tuning_epochs)}
    return measured


def sentiment(encoder: Encoder, tokenizer, seed: int, epochs: int, learning_rate: float = 5e-4) -> dict:
    """Fine-tune a small encoder on all Rotten Tomatoes train sentences; return its score on the held-out tenth, and
    `validation`, its score on the tenth to choose by.

    Sentences longer than the encoder's positions are cut.
    """
    length = encoder.config.max_position_embeddings
    train, validation, test = (
        classification_examples(load_reviews("rotten_tomatoes", split), tokenizer, length, truncate=True)
        for split in SPLITS
    )
    model, _ = fine_tuned(
        encoder, train, tokenizer, seed=seed, epochs=epochs, learning_rate=learning_rate, progress=False
    )
    device = encoder.pooler.weight.device
    chosen_by, held_out = (
        evaluation.score(right_in_order(model, examples, tokenizer, device)) for examples in (validation, test)
    )
    return held_out | {"validation": chosen_by}


def tiny_start(pretrained: bool, seed: int) -> Encoder:
    """Return the shipped tiny-bert's encoder, or the same network from the fresh start that it had."""
    encoder = load_checkpoint("tiny-bert").encoder
    if pretrained:
        return encoder
    torch.manual_seed(seed)
    return started(encoder.config, "neighbours")
