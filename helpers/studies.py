"""The studies behind the lessons, one function each: it trains, measures, and returns plain values.

A notebook calls some of them at the class budget; `helpers.experiments` records them at more.
"""

import copy
import math
import re
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from . import checkpoints, evaluation, toy, training
from .bert import (
    IGNORE,
    Encoder,
    EncoderConfig,
    PreTrainingModel,
    SequenceClassifier,
    count_parameters,
    student_from,
)
from .corpora import SPLITS, Review, load_documents, load_reviews, text_hash
from .recipes import (
    all_tokens,
    classification_examples,
    fine_tuned,
    frozen_windows,
    held_out_batches,
    length_batches,
    nsp_baselines,
    own_vocabulary,
    probe,
    right_in_order,
    text_vectors,
    tfidf_baseline,
)
from .runtime import generator
from .sentence_pairs import Pair, build_inputs, joined, make_nsp_pairs, make_order_pairs, tokenize_documents
from .timing import alternate, ratio, timed
from .tokenization import load_tokenizer
from .weights import CHECKPOINTS, load_checkpoint, load_encoder

# ---------------------------------------------------------------- three objectives


def three_objectives(seed: int, steps: int, sentences: int = 1000) -> dict:
    """Train the toy encoder three ways from the same start and set all three the same exam (notebook 02).

    Returns per objective the final `loss` (mean of the last 50 steps, nats) and the share of hidden words found, `noun`
    and `verb`, each as `evaluation.score` gives it; guessing finds one in eight.
    """
    exam, _ = toy.toy_sentences(sentences, generator(1000 + seed))
    results = {}
    for objective, make_batch in toy.OBJECTIVES.items():
        torch.manual_seed(seed)
        model = toy.TinyEncoder(len(toy.VOCABULARY), toy.LENGTH)
        losses = toy.train_tiny(model, partial(make_batch, generator(seed)), steps, learning_rate=5e-3)
        found = toy.hidden_words_found(model, objective, exam)
        shares = {word: evaluation.score(right.numpy()) for word, right in found.items()}
        results[objective] = {"loss": statistics.mean(losses[-50:])} | shares
    return results


# ---------------------------------------------------------------- the ladder


RUNGS = (
    "majority",
    "TF-IDF + logistic regression",
    "frozen [CLS]",
    "frozen mean",
    "last layer",
    "full",
    "random initialisation",
)

FOLDS = 5  # of the cross-validations


def ladder(
    rows: int | None = 300,
    epochs: int = 3,
    batch_size: int = 8,
    seed: int = 0,
    rungs: Iterable[str] = RUNGS,
    name_or_path: str | Path | None = None,
    device="cpu",
    progress: bool = True,
    sentences: tuple[list[Review], list[Review]] | None = None,
) -> dict:
    """Climb from the majority class to full fine-tuning on Rotten Tomatoes; every rung is trained on the same rows.

    rows: how many of our train split's sentences to learn from (None: all). sentences: others in place of both splits,
    to learn from and to judge by, as in cross-validation. name_or_path: the encoder, as in `weights.load_encoder`.
    Scores are on our held-out tenth, not on the official test set. Returns per rung `accuracy`, `interval`, `n`,
    `trained_parameters`, `right` (bool per test sentence, for paired tests) and, where one was fine-tuned, the `model`.
    """
    rungs, tokenizer, encoder = tuple(rungs), load_tokenizer(name_or_path), load_encoder(name_or_path).to(device)
    train, test = sentences or [load_reviews("rotten_tomatoes", split) for split in ("train", "test")]
    train = train if sentences else train[:rows]
    train_examples, test_examples = (classification_examples(reviews, tokenizer) for reviews in (train, test))
    y_train, y_test = ([review.label for review in reviews] for reviews in (train, test))
    right, trained, models = {}, {}, {}
    if any(rung.startswith("frozen") for rung in rungs):
        train_vectors, test_vectors = (
            text_vectors(encoder, examples, tokenizer, device=device) for examples in (train_examples, test_examples)
        )
    for rung in rungs:
        if rung == "majority":
            right[rung], trained[rung] = np.array(y_test) == statistics.mode(y_train), 0
        elif rung.startswith("TF-IDF"):
            right[rung], trained[rung] = tfidf_baseline(train, test), None
        elif rung.startswith("frozen"):
            key = (-1, "cls" if "[CLS]" in rung else "mean")
            right[rung] = probe(train_vectors[key], y_train, test_vectors[key], y_test)
            trained[rung] = encoder.config.hidden_size + 1
        else:
            torch.manual_seed(seed)
            start = Encoder(encoder.config).to(device) if rung.startswith("random") else encoder
            options = {"train_layers": 1 if rung == "last layer" else None, "batch_size": batch_size}
            model, _ = fine_tuned(
                start, train_examples, tokenizer, seed=seed, epochs=epochs, progress=progress, **options
            )
            right[rung], models[rung] = right_in_order(model, test_examples, tokenizer, device), model
            trained[rung] = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return {
        rung: evaluation.score(r) | {"trained_parameters": trained[rung], "right": r, "model": models.get(rung)}
        for rung, r in right.items()
    }


def ladder_scores(**settings) -> dict:
    """Return the ladder's scores alone, as a record keeps them."""
    return _scores(ladder(**settings, progress=False))


def _scores(found: dict[str, dict]) -> dict[str, dict]:
    return {rung: {k: v for k, v in score.items() if k not in ("right", "model")} for rung, score in found.items()}


def ladder_fold(fold: int, epochs: int, seed: int) -> dict:
    """Climb the ladder with one fold of all 8,530 Rotten Tomatoes sentences held out (folds by the hash of the text).

    Returns the scores of each rung and, for neighbours, McNemar's test. The mean over the folds is the cross-validated
    accuracy.
    """
    found = ladder(sentences=split_fold(fold), epochs=epochs, batch_size=32, seed=seed, progress=False)
    paired = {
        f"{lower} | {upper}": evaluation.mcnemar(found[lower]["right"], found[upper]["right"])
        for lower, upper in pairwise(RUNGS[:6])
    }
    return _scores(found) | {"neighbours": paired}


def split_fold(fold: int) -> tuple[list[Review], list[Review]]:
    """Return all Rotten Tomatoes sentences outside and inside one fold; the hash of the text says which fold it is
    in."""
    reviews = [review for split in SPLITS for review in load_reviews("rotten_tomatoes", split)]
    inside = [int(text_hash(review.text)[-8:], 16) // 10 % FOLDS == fold for review in reviews]
    return tuple([r for r, here in zip(reviews, inside, strict=True) if here == side] for side in (False, True))


def learning_rate_sweep(
    rows: int = 400,
    rates=(1e-5, 1e-4, 1e-3),
    epochs: int = 1,
    seed: int = 0,
    name_or_path: str | Path | None = None,
    device="cpu",
    progress: bool = True,
    **loop,
) -> dict:
    """Fine-tune at each learning rate on the same rows; score on as many of the validation tenth (a choice must not
    see the test tenth).

    Batches of 8, so that few rows still make a fair number of steps. `loop`: more settings of `training.fine_tune`.
    Returns per rate `accuracy`, `interval`, `n` and the training `loss` of every step.
    """
    tokenizer, encoder = load_tokenizer(name_or_path), load_encoder(name_or_path).to(device)
    train = classification_examples(load_reviews("rotten_tomatoes", "train")[:rows], tokenizer)
    validation = classification_examples(load_reviews("rotten_tomatoes", "validation")[:rows], tokenizer)
    found = {}
    for rate in rates:
        settings = {"seed": seed, "epochs": epochs, "learning_rate": rate, "batch_size": 8, "progress": progress}
        model, history = fine_tuned(encoder, train, tokenizer, **settings, **loop)
        found[rate] = evaluation.score(right_in_order(model, validation, tokenizer, device)) | {"loss": history.loss}
    return found


def learning_rate_scores(rates: Sequence[float], **settings) -> dict:
    """Return the sweep's scores alone, as a record keeps them; the rates become text."""
    found = learning_rate_sweep(rates=tuple(rates), **settings, progress=False)
    return {f"{rate:g}": score | {"loss": statistics.mean(score["loss"][-20:])} for rate, score in found.items()}


def epoch_by_epoch(rows: int, epochs: int, seed: int) -> dict:
    """Fine-tune on few sentences for many epochs, in batches of 8, and look after each one: at the mean training loss
    of its steps (dropout on), and at the whole validation tenth.

    Returns `curve`, one entry an epoch: `train_loss`, `loss` (nats), `accuracy`, `interval`, `n`.
    """
    tokenizer, encoder = load_tokenizer(), load_encoder()
    train = classification_examples(load_reviews("rotten_tomatoes", "train")[:rows], tokenizer)
    validation = classification_examples(load_reviews("rotten_tomatoes", "validation"), tokenizer)
    batches = list(length_batches(validation, tokenizer, 64)())

    def judge(model) -> dict:
        found = evaluation.evaluate_classifier(model, batches)
        return {key: found[key] for key in ("loss", "accuracy", "interval", "n")}

    _, history = fine_tuned(
        encoder, train, tokenizer, seed=seed, epochs=epochs, batch_size=8, evaluate=judge, progress=False
    )
    ends = [0, *(step for step, _ in history.evaluations)]
    losses = [statistics.mean(history.loss[start:end]) for start, end in pairwise(ends)]
    found = [judged for _, judged in history.evaluations]
    return {"curve": [{"train_loss": loss} | judged for loss, judged in zip(losses, found, strict=True)]}


BRAKES = {  # what holds the first steps and the odd batch back: settings of `training.fine_tune`
    "both": {},
    "no warm-up": {"warmup_fraction": 0.0},
    "no clipping": {"max_grad_norm": math.inf},
    "neither": {"warmup_fraction": 0.0, "max_grad_norm": math.inf},
}


def warmup_and_clipping(rows: int, rates: Sequence[float], seed: int) -> dict:
    """Repeat the sweep with and without warm-up and clipping; return the validation scores, as
    {"both, 0.0001": score, …}."""
    found = {}
    for name, brakes in BRAKES.items():
        scores = learning_rate_scores(rates, rows=rows, seed=seed, **brakes)
        found |= {f"{name}, {rate}": score for rate, score in scores.items()}
    return found


# ---------------------------------------------------------------- pre-training


def tiny_pretraining(fine_tuning_epochs: int = 0, **settings) -> dict:
    """Pre-train a small encoder from scratch (`checkpoints.pretrain_tiny`), and fine-tune it on Rotten Tomatoes if
    epochs are given; return what was measured."""
    model, tokenizer, measured = checkpoints.pretrain_tiny(**settings)
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
    chosen_by, judged = (
        evaluation.score(right_in_order(model, examples, tokenizer, device)) for examples in (validation, test)
    )
    return judged | {"validation": chosen_by}


def own_pretraining_pays(seed: int, pretrained: bool, learning_rate: float, epochs: int = 3, device="cpu") -> dict:
    """Fine-tune the shipped tiny-bert, or the same network from the fresh start that it had, on Rotten Tomatoes; return
    its scores, as `sentiment` gives them."""
    tokenizer = load_tokenizer(CHECKPOINTS / "tiny-bert")
    return sentiment(_own_start(pretrained, seed).to(device), tokenizer, seed, epochs, learning_rate)


def own_pretraining_fold(fold: int, seed: int, rates: Mapping[str, float], epochs: int) -> dict:
    """Fine-tune tiny-bert and the same network from its fresh start with one fold of all 8,530 Rotten Tomatoes
    sentences held out.

    rates: the learning rate of each start, "pre-trained" and "fresh". Returns the score of each on the fold, and
    McNemar's test of the first against the second, `paired`.
    """
    tokenizer, right = load_tokenizer(CHECKPOINTS / "tiny-bert"), {}
    train, inside = (classification_examples(reviews, tokenizer) for reviews in split_fold(fold))
    for start, rate in rates.items():
        encoder = _own_start(start == "pre-trained", seed)
        model, _ = fine_tuned(encoder, train, tokenizer, seed=seed, epochs=epochs, learning_rate=rate, progress=False)
        right[start] = right_in_order(model, inside, tokenizer)
    scores = {start: evaluation.score(found) for start, found in right.items()}
    return scores | {"paired": evaluation.mcnemar(right["pre-trained"], right["fresh"])}


def _own_start(pretrained: bool, seed: int) -> Encoder:
    encoder = load_checkpoint("tiny-bert").encoder
    if pretrained:
        return encoder
    torch.manual_seed(seed)
    return checkpoints.started(encoder.config, "neighbours")


def masked_word_head(**settings) -> dict:
    """Train a masked-word head on the pretrained encoder (`checkpoints.train_minilm_mlm`); return what was measured."""
    return checkpoints.train_minilm_mlm(**settings)[1]


def shipped_checkpoint(name: str) -> dict:
    """Score a shipped checkpoint as its file stands, in half precision, on the exam of its training; two guesses
    without reading beside it.

    Returns `test` (the whole exam) and `sample` (every sixth batch, for a test to repeat), as `evaluation.evaluate_mlm`
    gives them; the scores of `unigram`, always the train reviews' most frequent `word`, and of `neighbours`, the word
    that stood most often between the same two, both at [MASK] slots; McNemar's test of model against `neighbours`; and
    for minilm-mlm the twelve everyday sentences.
    """
    model = load_checkpoint(name)
    if name == "tiny-bert":
        tokenizer, documents = own_vocabulary(None, model.encoder.config.vocab_size)
        exam = held_out_batches(tokenizer, 300, 128, split="test")
    else:
        tokenizer = load_tokenizer()
        documents = tokenize_documents(load_documents("imdb", "train"), tokenizer)
        exam = frozen_windows(tokenizer, 300, 128, split="test")
    mask_token_id = tokenizer.mask_token_id
    hidden = torch.cat([b["labels"][b["input_ids"] == mask_token_id] for b in exam])
    commonest = torch.bincount(all_tokens(documents)).argmax()
    parted = [[*document, [tokenizer.sep_token_id]] for document in documents]
    guessed = evaluation.neighbour_guesses(all_tokens(parted), exam, mask_token_id, tokenizer.all_special_ids)
    found = {
        "test": evaluation.evaluate_mlm(model, exam, mask_token_id),
        "sample": evaluation.evaluate_mlm(model, exam[::6], mask_token_id),
        "unigram": evaluation.score((hidden == commonest).numpy()) | {"word": tokenizer.decode([commonest.item()])},
        "neighbours": evaluation.score(guessed),
        "against neighbours": evaluation.mcnemar(evaluation.right_at_masks(model, exam, mask_token_id), guessed),
    }
    return found | ({"cloze": checkpoints.cloze(model, tokenizer)} if name == "minilm-mlm" else {})


# ---------------------------------------------------------------- next sentence


def next_sentence_verdict(
    seed: int,
    negatives: str,
    steps: int,
    batch_size: int = 16,
    max_length: int = 128,
    train_layers: int | None = 3,
    learning_rate: float = 3e-4,
    judged: int = 1000,
    device="cpu",
) -> dict:
    """Fine-tune the pretrained encoder for next-sentence prediction on IMDb pairs and judge it, and its baselines.

    negatives: where a false B comes from, one of `sentence_pairs.NEGATIVES`. Pairs to train on are made from train
    reviews, pairs to judge from test reviews, and pairs to choose a recipe by from validation reviews. Where one walk
    through the reviews gives too few pairs, it is walked again, for fresh ones. Returns the score of majority, lengths
    only and word overlap (fitted on the same pairs), of the model, of the model asked for the order of the true pairs
    ("not next" read as swapped), and `validation`, the model's score on the pairs to choose by.
    """
    tokenizer, encoder = load_tokenizer(), load_encoder().to(device)
    made, counts = {}, {"train": steps * batch_size, "validation": judged, "test": judged}
    # The pairs to judge have a seed of their own: all kinds and seeds are set the same reviews.
    for split, draws in (("train", generator(seed)), ("validation", generator(1234)), ("test", generator(1234))):
        documents = tokenize_documents(load_documents("imdb", split)[: counts[split] + 100], tokenizer)
        loose = tokenize_documents(load_documents("rotten_tomatoes", split), tokenizer)
        pairs, options = [], {"negatives": negatives, "corpus": joined(loose, 10)}
        while len(pairs) < counts[split]:
            pairs += make_nsp_pairs(documents, max_length, draws, **options)[0]
        made[split] = [pairs[i] for i in torch.randperm(len(pairs), generator=draws)[: counts[split]]]
    order = make_order_pairs(made["test"], generator(1234))
    train, chosen_by, test, ordered = (nsp_examples(pairs, tokenizer) for pairs in (*made.values(), order))
    model, history = fine_tuned(
        encoder,
        train,
        tokenizer,
        seed=seed,
        epochs=1,
        learning_rate=learning_rate,
        batch_size=batch_size,
        train_layers=train_layers,
        progress=False,
    )
    right = nsp_baselines(made["train"], made["test"])
    right["NSP head"] = right_in_order(model, test, tokenizer, device)
    right["order task: NSP head"] = right_in_order(model, ordered, tokenizer, device)
    scores = {name: evaluation.score(found) for name, found in right.items()}
    scores["validation"] = evaluation.score(right_in_order(model, chosen_by, tokenizer, device))
    paired = evaluation.mcnemar(right["NSP head"], right["word overlap"])
    return scores | {"head against overlap": paired, "tokens": history.tokens, "train_loss": last_loss(history)}


def nsp_examples(pairs: Sequence[Pair], tokenizer) -> list[dict]:
    """Return [CLS] A [SEP] B [SEP] rows with `labels`, the pair's label."""
    rows = [build_inputs(pair, tokenizer.cls_token_id, tokenizer.sep_token_id) for pair in pairs]
    return [row | {"labels": row.pop("next_sentence_label")} for row in rows]


def last_loss(history: training.History, steps: int = 50) -> float:
    """Return the mean training loss of the last steps."""
    return statistics.mean(history.loss[-steps:])


# ---------------------------------------------------------------- IMDb


def imdb_fine_tuning(
    seed: int,
    rows: int | None = None,
    judged: int | None = None,
    max_length: int = 256,
    epochs: int = 1,
    batch_size: int = 16,
    learning_rate: float = 1e-4,
    device="cpu",
) -> dict:
    """Fine-tune the pretrained encoder on IMDb reviews cut to `max_length` tokens; TF-IDF beside it, on the same
    reviews, whole and cut. rows, judged: how many train and test reviews (None: all).

    Scores are on our held-out tenth of IMDb's train rows, not on its official test set; `validation` is the encoder's
    on as many reviews of the tenth to choose by.
    """
    tokenizer, encoder = load_tokenizer(), load_encoder().to(device)
    train, validation, test = (
        load_reviews("imdb", split)[:n] for split, n in zip(SPLITS, (rows, judged, judged), strict=True)
    )
    examples, chosen_by, judge = (
        classification_examples(reviews, tokenizer, max_length, truncate=True) for reviews in (train, validation, test)
    )
    model, history = fine_tuned(
        encoder,
        examples,
        tokenizer,
        seed=seed,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        progress=False,
    )
    seen = [
        [Review(tokenizer.decode(e["input_ids"], skip_special_tokens=True), e["labels"]) for e in rows]
        for rows in (examples, judge)
    ]
    right = {
        "full": right_in_order(model, judge, tokenizer, device),
        "TF-IDF": tfidf_baseline(train, test),
        "TF-IDF, cut as for the encoder": tfidf_baseline(*seen),
    }
    return {name: evaluation.score(found) for name, found in right.items()} | {
        "full against TF-IDF": evaluation.mcnemar(right["full"], right["TF-IDF"]),
        "whole against cut": evaluation.mcnemar(right["TF-IDF"], right["TF-IDF, cut as for the encoder"]),
        "validation": evaluation.score(right_in_order(model, chosen_by, tokenizer, device)),
        "train_loss": last_loss(history),
    }


# ---------------------------------------------------------------- distillation


def distillation(
    seed: int,
    rows: int | None = None,
    judged: int | None = None,
    teacher_epochs: int = 2,
    epochs: int = 3,
    learning_rate: float = 2e-4,
    repeats: int = 11,
    device="cpu",
) -> dict:
    """Fine-tune the six-layer teacher on Rotten Tomatoes, then three students of three layers on the same sentences:
    distilled, taught by labels from the same start, and taught by labels from the pretrained encoder's layers.

    Returns the score of each, `kept` (student's accuracy over teacher's, with a bootstrap interval), parameters, and
    how many times as fast the student is (medians of `repeats` runs in turns, on the CPU). rows, judged: how many train
    and test sentences (None: all).
    """
    tokenizer, encoder = load_tokenizer(), load_encoder().to(device)
    train, test = (
        classification_examples(load_reviews("rotten_tomatoes", split), tokenizer) for split in ("train", "test")
    )
    train, test = train[:rows], test[:judged]
    teacher, _ = fine_tuned(encoder, train, tokenizer, seed=seed, epochs=teacher_epochs, progress=False)
    every_second = range(0, len(encoder.layers), 2)
    batches = length_batches(train, tokenizer, 32)
    options = {"epochs": epochs, "steps_per_epoch": -(-len(train) // 32), "learning_rate": learning_rate}
    students = {}
    for name, source in (("distilled", teacher.encoder), ("same start, labels", teacher.encoder), ("labels", encoder)):
        torch.manual_seed(seed)
        student = SequenceClassifier(student_from(source, every_second)).to(device)
        if source is teacher.encoder:
            student.classifier.load_state_dict(teacher.classifier.state_dict())
        if name == "distilled":
            training.distill(student, teacher, batches, generator=generator(seed), progress=False, **options)
        else:
            training.fine_tune(student, batches, generator=generator(seed), progress=False, **options)
        students[name] = student
    right = {name: right_in_order(m, test, tokenizer, device) for name, m in ({"teacher": teacher} | students).items()}
    found = {name: evaluation.score(r) for name, r in right.items()}
    for name in students:
        found[name] |= {
            "kept": float(right[name].mean() / right["teacher"].mean()),
            "kept_interval": evaluation.bootstrap_ratio(right[name], right["teacher"], seed=seed),
            "against teacher": evaluation.mcnemar(right[name], right["teacher"]),
        }
    return found | {
        "distilled against same start": evaluation.mcnemar(right["distilled"], right["same start, labels"]),
        "parameters": {"teacher": count_parameters(teacher), "student": count_parameters(students["distilled"])},
        "times_as_fast": times_as_fast(students["distilled"].encoder, teacher.encoder, repeats),
    }


@torch.no_grad()
def times_as_fast(model: Encoder, other: Encoder, repeats: int = 11) -> dict:
    """Time two encoders on the CPU in turns, on one text and on a batch of 16; return how many times as fast `model`
    is, by medians."""

    def read(encoder: Encoder, input_ids: torch.Tensor) -> int:
        encoder(input_ids)
        return len(input_ids)

    found, encoders = {}, {side: copy.deepcopy(m).cpu().eval() for side, m in (("ours", model), ("theirs", other))}
    for batch_size in (1, 16):
        batch = torch.randint(1000, 20000, (batch_size, 32), generator=generator(0))  # any ids: the time is the same
        sides = {side: timed(partial(read, encoder, batch)) for side, encoder in encoders.items()}
        found[f"batch of {batch_size}"] = ratio(alternate(sides, repeats), "ours", "theirs")["value"]
    return found


# ---------------------------------------------------------------- the plan


def planned(unit: str, arms: int, seeds: int, steps: int) -> dict:
    """Return the seconds of one step of this unit, measured here, and the minutes that all steps of a study would
    take. `steps` is the sum over all arms and seeds; making batches, evaluation and loading come on top."""
    seconds = step_seconds(unit)
    return {"seconds_per_step": seconds, "minutes": steps * seconds / 60}


@lru_cache
def step_seconds(unit: str, repeats: int = 5) -> float:
    """Return the median seconds of one training step of a unit, named as in `experiments.UNITS`."""
    if unit == "seven minutes":
        return 420.0  # a race is measured by the clock
    if unit == "toy, three objectives":
        return _toy_step_seconds(repeats)
    shape, rows = unit.split(", ")
    batch_size, length = (int(number) for number in re.findall(r"\d+", rows))
    if " × " in shape:
        layers, width = (int(number) for number in re.findall(r"\d+", shape))
        config = EncoderConfig(8000, width, layers, width // 32, 4 * width, 128)
        encoder, words = Encoder(config), 0.15 if width == 128 else 0.3
    else:
        encoder, words = load_encoder(), 0.3
    pretraining = "scratch" in shape or "masked" in shape
    model = PreTrainingModel(encoder) if pretraining else SequenceClassifier(encoder)
    if "top three" in shape or "masked" in shape:
        for part in (encoder.embeddings, *encoder.layers[:3]):
            training.freeze(part)
    draws = generator(0)
    input_ids = torch.randint(1000, 8000, (batch_size, length), generator=draws)  # any ids: the time is the same
    hidden = torch.rand(input_ids.shape, generator=draws) >= words
    labels = input_ids.masked_fill(hidden, IGNORE) if pretraining else torch.arange(batch_size) % 2
    optimizer, seconds = training.make_optimizer(model, 1e-4), []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        training.take_step(model, optimizer, model(input_ids, labels=labels).loss, 1.0)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


def _toy_step_seconds(repeats: int) -> float:
    seconds = 0.0
    for make_batch in toy.OBJECTIVES.values():
        model = toy.TinyEncoder(len(toy.VOCABULARY), toy.LENGTH)
        started = time.perf_counter()
        toy.train_tiny(model, partial(make_batch, generator(0)), repeats, learning_rate=1e-3)
        seconds += (time.perf_counter() - started) / repeats
    return seconds
