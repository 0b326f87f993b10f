"""The masked-word head for the pretrained encoder, minilm-mlm: trained on reviews, then on general English as well;
and what dropout does to it."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle
from operator import itemgetter
from pathlib import Path

import torch
from safetensors.torch import load_file

from ... import evaluation, training
from ...batching import (
    Batches,
    LengthBucketSampler,
    MlmCollator,
    all_tokens,
    frozen_windows,
    window_batches,
)
from ...bert import PreTrainingModel
from ...corpora import load_documents
from ...device import generator
from ...sentence_pairs import tokenize_documents, window_inputs
from ...tokenization import load_tokenizer
from ...weights import CHECKPOINTS, TRAINED, hugging_face_name, load_checkpoint, load_encoder, save_trained
from .. import wordnet
from ..recorder import NotHere
from ..study import GPU, Cost, Study, Unit, seconds_per_step
from ..tiny import summary


@dataclass(frozen=True)
class HeadSettings:
    """All that shapes the training of the head. trained_layers: so many of the encoder's, from the top, are trained
    too. dropout: keep the encoder's own. documents: reviews to read (None: all)."""

    steps: int
    seed: int = 0
    learning_rate: float = 1e-3
    mask_probability: float = 0.3
    trained_layers: int = 3
    max_length: int = 128
    batch_size: int = 16
    dropout: bool = False
    evaluations: int = 8
    documents: int | None = None
    device: str = "cpu"


def train_minilm_mlm(**settings) -> tuple[PreTrainingModel, dict]:
    """Train a masked-word head and the encoder's top layers on IMDb train reviews; return the model and what was
    measured. settings: the fields of `HeadSettings`.

    All below the top layers is frozen, the word embeddings, which the head uses again, among it. The head's bias starts
    at the logarithm of the words' frequencies: no step is spent on which words are common. Rows are windows of one
    review, no pairs. The `curve` is measured on 60 validation reviews, `test` on 300 test reviews, 15 % masked once and
    for all.
    """
    s = HeadSettings(**settings)
    torch.manual_seed(s.seed)
    tokenizer, model = load_tokenizer(), PreTrainingModel(load_encoder())
    train = tokenize_documents(load_documents("imdb", "train")[: s.documents], tokenizer)
    encoder = model.encoder
    lower = encoder.layers[: len(encoder.layers) - s.trained_layers]
    for part in (encoder.embeddings, *lower, encoder.pooler, model.nsp_head):
        training.freeze(part)
    counts = torch.bincount(all_tokens(train), minlength=encoder.config.vocab_size) + 1
    model.mlm_head.bias.data = (counts / counts.sum()).log()
    if not s.dropout:
        training.without_dropout(model)
    model.to(s.device)
    curve = frozen_windows(tokenizer, 60, s.max_length)
    data, every = load_documents("imdb", "train")[: s.documents], max(50, s.steps // 100)
    run = training.Run("minilm-mlm", asdict(s), data=data, every=every)
    history = training.pretrain(
        model,
        window_batches(train, tokenizer, s.max_length, s.batch_size, mask_probability=s.mask_probability),
        steps=s.steps,
        learning_rate=s.learning_rate,
        generator=generator(s.seed),
        optimization=training.Optimization(warmup_fraction=0.05),
        evaluate=lambda model: evaluation.evaluate_mlm(model, curve, tokenizer.mask_token_id, s.device),
        evaluate_every=max(1, s.steps // s.evaluations),
        run=run,
        progress=False,
    )
    test = frozen_windows(tokenizer, 300, s.max_length, split="test")
    measured = {"test": evaluation.evaluate_mlm(model, test, tokenizer.mask_token_id, s.device)}
    run.remove()
    return model.eval(), summary(history, asdict(s)) | measured


def masked_word_head(**settings) -> dict:
    """Train a masked-word head on the pretrained encoder; return what was measured."""
    return train_minilm_mlm(**settings)[1]


def ship_minilm_mlm(seed: int, **settings) -> dict:
    """Train, store the first seed's model as data/checkpoints/minilm-mlm, and return what was measured."""
    model, measured = train_minilm_mlm(seed=seed, **settings)
    if seed == 0:
        save_trained(model, CHECKPOINTS / "minilm-mlm")
    return measured


@dataclass(frozen=True)
class GeneralSettings:
    """All that shapes the training on general English. general: sentences of WordNet, in so many of five steps; the
    other steps read windows of reviews. example_copies: how often an epoch reads an example sentence; a definition is
    read once."""

    steps: int
    seed: int = 0
    learning_rate: float = 6e-4
    general: int = 3
    sentences: int = 64
    example_copies: int = 3
    sentence_mask_probability: float = 0.25
    windows: int = 8
    window_mask_probability: float = 0.3
    max_length: int = 128
    trained_layers: int = 3
    evaluations: int = 11
    documents: int | None = None
    folder: str = str(wordnet.FOLDER)
    device: str = "cpu"


def alternating(reviews: Batches, sentences: Sequence[list[int]], tokenizer, s: GeneralSettings) -> Batches:
    """Return a function that yields one epoch of the sentences, each a row of its own, with batches of reviews in
    between: of five steps, `s.general` read sentences."""

    def batches(generator: torch.Generator) -> Iterator[dict[str, torch.Tensor]]:
        rows = [window_inputs(tokens, tokenizer.cls_token_id, tokenizer.sep_token_id) for tokens in sentences]
        mask = MlmCollator(tokenizer, generator, s.sentence_mask_probability)
        windows = iter(())
        turns = cycle([True] * s.general + [False] * (5 - s.general))
        for indices in LengthBucketSampler([len(row["input_ids"]) for row in rows], s.sentences, generator):
            while not next(turns):
                batch = next(windows, None)
                if batch is None:  # the reviews are through: cut and mask them again
                    windows = iter(reviews(generator))
                    batch = next(windows)
                yield batch
            yield mask([rows[i] for i in indices])

    return batches


def train_on_general_english(**settings) -> tuple[PreTrainingModel, dict]:
    """Train the shipped minilm-mlm further, on WordNet's sentences and on IMDb train reviews; return the model and what
    was measured. settings: the fields of `GeneralSettings`.

    No text that shares five words in a row with a cloze sentence is read; `dropped` counts what that cost. The `curve`
    scores 60 validation reviews and the twelve development sentences, `test` 300 test reviews.
    """
    s = GeneralSettings(**settings)
    torch.manual_seed(s.seed)
    tokenizer, model = load_tokenizer(), load_checkpoint("minilm-mlm")
    held_out = evaluation.cloze_sentences("cloze_sentences") + evaluation.cloze_sentences("cloze_development")
    definitions, examples = wordnet.read_sentences(s.folder)
    texts = {
        "definitions": definitions,
        "examples": examples,
        "reviews": load_documents("imdb", "train")[: s.documents],
    }
    kept = {kind: wordnet.without_overlap(found, held_out) for kind, found in texts.items()}
    dropped = {kind: len(found) - len(kept[kind]) for kind, found in texts.items()}
    read = kept["definitions"] + s.example_copies * kept["examples"]
    sentences = [ids[: s.max_length - 2] for ids in tokenizer(read, add_special_tokens=False)["input_ids"]]
    reviews = tokenize_documents(kept["reviews"], tokenizer)
    encoder = model.encoder
    lower = encoder.layers[: len(encoder.layers) - s.trained_layers]
    for part in (encoder.embeddings, *lower, encoder.pooler, model.nsp_head):
        training.freeze(part)
    training.without_dropout(model)
    model.to(s.device)
    curve, mask = frozen_windows(tokenizer, 60, s.max_length), tokenizer.mask_token_id

    def evaluate(model: PreTrainingModel) -> dict:
        filled = evaluation.cloze(model, tokenizer, "cloze_development")
        right = {"development_" + key: sum(entry[key] for entry in filled) for key in ("first", "right")}
        return evaluation.evaluate_mlm(model, curve, mask, s.device) | right

    start = evaluate(model)
    run = training.Run("minilm-mlm-general", asdict(s), data=kept["reviews"] + read, every=250)
    history = training.pretrain(
        model,
        alternating(
            window_batches(reviews, tokenizer, s.max_length, s.windows, mask_probability=s.window_mask_probability),
            sentences,
            tokenizer,
            s,
        ),
        steps=s.steps,
        learning_rate=s.learning_rate,
        generator=generator(s.seed),
        optimization=training.Optimization(warmup_fraction=0.05),
        evaluate=evaluate,
        evaluate_every=max(1, s.steps // s.evaluations),
        run=run,
        progress=False,
    )
    test = frozen_windows(tokenizer, 300, s.max_length, split="test")
    measured = {"start": start, "dropped": dropped, "test": evaluation.evaluate_mlm(model, test, mask, s.device)}
    run.remove()
    return model.eval(), summary(history, asdict(s)) | measured


def measured_on_general_english(**settings) -> dict:
    """Train on general English as well, ship nothing, and return what was measured: does a longer run help?"""
    return train_on_general_english(**settings)[1]


def stage(name: str, seed: int) -> Path:
    """Return the folder where the "start" or the "end" of the training on general English is kept for the average."""
    return Path(os.environ.get("COURSE_RUNS", "runs")) / f"minilm-mlm-{name}-{seed}"


def general_english(seed: int, **settings) -> dict:
    """Train the stored minilm-mlm further, keep its start and its end, and return what was measured."""
    shutil.copytree(CHECKPOINTS / "minilm-mlm", stage("start", seed), dirs_exist_ok=True)
    model, measured = train_on_general_english(seed=seed, **settings)
    save_trained(model, stage("end", seed))
    return measured


def ship_average(seed: int, shares: Sequence[float] = (0.4, 0.55, 0.7, 0.85, 1.0)) -> dict:
    """Average the weights before and after the training on general English (Wortsman et al. 2022, WiSE-FT), store the
    first seed's, and return what was measured.

    Each share of the end in the average is one of the `candidates`: scored on 60 validation reviews and the twelve
    development sentences. Chosen is the `share` with most development sentences right in the top five, then at first,
    then with the best score on reviews; `test` is its score on 300 test reviews. Raises NotHere if `general_english`
    has not run on this machine.
    """
    files = [stage(name, seed) / TRAINED for name in ("start", "end")]
    if not all(path.is_file() for path in files):
        raise NotHere("the training on general English has not run here")
    start, end = map(load_file, files)
    tokenizer, model = load_tokenizer(), load_checkpoint("minilm-mlm")
    names = {hugging_face_name(model, key): key for key in model.state_dict()}
    curve, mask = frozen_windows(tokenizer, 60, 128), tokenizer.mask_token_id

    def average(share: float) -> None:
        mixed = {key: (1 - share) * start[key].float() + share * end[key].float() for key in end}
        model.load_state_dict({names[key]: tensor for key, tensor in mixed.items()}, strict=False)

    candidates = []
    for share in shares:
        average(share)
        filled = evaluation.cloze(model, tokenizer, "cloze_development")
        right = {key: sum(entry[key] for entry in filled) for key in ("right", "first")}
        candidates.append({"share": share} | right | evaluation.evaluate_mlm(model, curve, mask)["kinds"]["mask"])
    best = max(candidates, key=itemgetter("right", "first", "accuracy"))
    average(best["share"])
    test = evaluation.evaluate_mlm(model, frozen_windows(tokenizer, 300, 128, split="test"), mask)
    if seed == 0:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(hugging_face_name(model, name) in end)
        save_trained(model, CHECKPOINTS / "minilm-mlm")
    return {"candidates": candidates, "share": best["share"], "test": test}


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    small = {"steps": 6000 if full else 10, "batch_size": 8}
    large = {"steps": 13000, "batch_size": 64, "mask_probability": 0.3, "learning_rate": 1e-3, "evaluations": 10} | GPU
    found = {}
    for seed in seeds:
        if full:
            found[f"seed {seed}"] = partial(ship_minilm_mlm, seed=seed, **large)
            found[f"with dropout, seed {seed}"] = partial(masked_word_head, seed=seed, **large, dropout=True)
        found[f"on a CPU, seed {seed}"] = partial(masked_word_head, seed=seed, **small)
        if full:  # from the checkpoint that "seed 0" has stored; twice the steps filled no more blanks
            longer = partial(measured_on_general_english, seed=seed, steps=2 * GENERAL_STEPS)
            found[f"general English, {2 * GENERAL_STEPS:,} steps, seed {seed}"] = longer
            found[f"general English, seed {seed}"] = partial(general_english, seed=seed, steps=GENERAL_STEPS)
            found[f"general English, averaged, seed {seed}"] = partial(ship_average, seed=seed)
    return found


GENERAL_STEPS = 5500


def pretrained_with_head() -> PreTrainingModel:
    return PreTrainingModel(load_encoder())


HEAD = partial(seconds_per_step, pretrained_with_head, 8, 96, masked=0.3, frozen_layers=3)
STUDY = Study(
    title="The masked-word head for the pretrained encoder, what dropout does to it, and a shorter run for a CPU",
    notebook="03",
    runs=runs,
    details="At the full budget the first seed's is trained further, averaged with its start, and shipped",
    seeds=1,
    cost=Cost(Unit("masked-word head, 8 × 96", HEAD)),
)
