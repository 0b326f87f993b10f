"""Put a pretrained encoder to use: fine-tune it, probe its frozen vectors, compare both with TF-IDF, and train a
classifier on a CSV file of your own."""

import codecs
import copy
import csv
import itertools
import json
import math
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from . import evaluation, training
from .batching import length_batches
from .bert import Encoder, SequenceClassifier, check_pooling, evaluating, pool
from .corpora import SPLITS, Review, load_reviews, text_hash
from .device import check_int, check_kind, check_list, check_number, check_text, generator, shown
from .tokenization import check_tokenizer, encode, load_tokenizer
from .weights import load_encoder, make_folder, save_pretrained

# ---------------------------------------------------------------- one encoder, one task


def classification_examples(
    reviews: list[Review], tokenizer, max_length: int = 128, truncate: bool = False
) -> list[dict]:
    """Return encoded reviews with `labels`. Raises TypeError for what is no list of reviews with whole numbers as
    labels, and the errors of `tokenization.encode`."""
    check_reviews(reviews, "reviews")
    examples = encode(tokenizer, [review.text for review in reviews], max_length, truncate)
    return [example | {"labels": review.label} for example, review in zip(examples, reviews, strict=True)]


def logits_in_order(model, examples: list[dict], tokenizer, device="cpu") -> torch.Tensor:
    """Return a classifier's logits, float (examples, classes), on the CPU, in the examples' order."""
    check_labeled(examples, needed=False)
    # Labels take no part in logits, but a batch carries them.
    batches = list(length_batches([{"labels": 0, **example} for example in examples], tokenizer, 64))
    logits, _ = evaluation.predict(model, batches, device)
    ordered = torch.empty_like(logits)
    ordered[torch.cat([batch["index"] for batch in batches])] = logits
    return ordered


def right_in_order(model, examples: list[dict], tokenizer, device="cpu") -> np.ndarray:
    """Return one bool per example, in the examples' order: did the classifier get it right?"""
    check_labeled(examples)
    predicted = logits_in_order(model, examples, tokenizer, device).argmax(-1).numpy()
    return predicted == np.array([example["labels"] for example in examples])


@torch.no_grad()
def text_vectors(
    encoder: Encoder, examples: list[dict], tokenizer, poolings=("cls", "mean"), layers=(-1,), device="cpu"
) -> dict:
    """Return {(layer, pooling): float array (texts, hidden)} of the frozen encoder, in the examples' order; layer 0
    is the embeddings. The encoder is put in eval mode and back."""
    check_vectors_wanted(encoder, examples, poolings, layers)
    found = {
        (layer, pooling): np.empty((len(examples), encoder.config.hidden_size), np.float32)
        for layer in layers
        for pooling in poolings
    }
    with evaluating(encoder):
        for batch in length_batches(examples, tokenizer, 64):
            batch = {key: tensor.to(device) for key, tensor in batch.items()}
            states = encoder(
                batch["input_ids"], batch["attention_mask"], batch.get("token_type_ids"), output_hidden_states=True
            ).hidden_states
            for layer, pooling in found:
                vectors = pool(states[layer], batch["attention_mask"], pooling, encoder).float().cpu()
                if not vectors.isfinite().all():
                    raise FloatingPointError("The vectors are not finite: look for nan in the encoder's weights.")
                found[layer, pooling][batch["index"].cpu()] = vectors.numpy()
    return found


def probe(train_vectors: np.ndarray, train_labels, test_vectors: np.ndarray, test_labels) -> np.ndarray:
    """Fit a logistic regression on frozen vectors; return one bool per test text. Raises ValueError for vectors that
    are not finite or not as many as the labels, and TypeError for labels that are no whole numbers."""
    train_vectors, train_labels = check_vectors(train_vectors, train_labels, "train")
    test_vectors, test_labels = check_vectors(test_vectors, test_labels, "test", train_vectors.shape[1])
    check_two_classes(train_labels)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    return classifier.fit(train_vectors, train_labels).predict(test_vectors) == np.asarray(test_labels)


def tfidf_baseline(train: list[Review], test: list[Review]) -> np.ndarray:
    """Fit TF-IDF over words and word pairs + logistic regression; return one bool per test text."""
    classifier = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10.0, max_iter=1000)
    )
    check_reviews(train, "train")
    check_reviews(test, "test")
    check_two_classes([review.label for review in train])
    if not test:
        raise ValueError("test is empty: there is no text to score on.")
    try:
        classifier.fit([r.text for r in train], [r.label for r in train])
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        raise ValueError("The texts to train on have an empty vocabulary: no word of two letters or more.") from None
    return classifier.predict([r.text for r in test]) == np.array([r.label for r in test])


def fine_tuned(
    encoder: Encoder,
    examples: list[dict],
    tokenizer,
    *,
    seed: int,
    epochs: int,
    learning_rate: float = 1e-4,
    batch_size: int = 32,
    train_layers: int | None = None,
    label_names: Sequence[str] | None = None,
    pooling: str = "pooler",
    **loop,
) -> tuple[SequenceClassifier, training.History]:
    """Fine-tune a copy of `encoder`, through its [CLS] unless `pooling` says otherwise, and return the classifier and
    its history.

    train_layers: train the pooler and only this many layers, counted from the top; the rest stays frozen. None trains
    everything, even if the given encoder is frozen: the copy is not. label_names: one for each class; without them
    there are two classes. loop: more settings of `training.fine_tune`, such as `evaluate` and `progress`. Raises
    ValueError for more layers than the encoder has.
    """
    check_kind(encoder, "encoder", Encoder)
    check_labeled(examples)
    check_two_classes([example["labels"] for example in examples])
    check_int(seed, "seed", 0)
    if train_layers is not None:
        check_int(train_layers, "train_layers")
    if train_layers is not None and not 0 <= train_layers <= len(encoder.layers):
        raise ValueError(f"train_layers is {train_layers}; the encoder has {len(encoder.layers)} layers.")
    torch.manual_seed(int(seed))  # the new head and dropout draw from the global generator
    like = encoder.pooler.weight
    model = SequenceClassifier(copy.deepcopy(encoder), pooling=pooling, label_names=label_names).to(
        like.device, like.dtype
    )
    model.requires_grad_(True)
    if train_layers is not None:
        training.freeze(model.encoder.embeddings)
        for layer in model.encoder.layers[: len(model.encoder.layers) - train_layers]:
            training.freeze(layer)
    history = training.fine_tune(
        model,
        length_batches(examples, tokenizer, batch_size, generator(seed)),
        epochs=epochs,
        learning_rate=learning_rate,
        **loop,
    )
    return model.eval(), history


# ---------------------------------------------------------------- ways to use it, side by side


RUNGS = (
    "majority",
    "TF-IDF + logistic regression",
    "frozen [CLS]",
    "frozen mean",
    "last layer",
    "full",
    "random initialisation",
)


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

    rows: how many sentences of our train split to train on (None: all). sentences: a train and a test list to use
    instead of our splits, as in cross-validation. name_or_path: the encoder, as in `weights.load_encoder`. Scores are
    on our held-out tenth, not on the official test set. Returns per rung `accuracy`, `interval`, `n`,
    `trained_parameters`, `right` (bool per test sentence, for paired tests), and the fine-tuned `model`, or None.
    """
    rungs = check_ladder(rows, rungs, sentences)
    tokenizer, encoder = load_tokenizer(name_or_path), load_encoder(name_or_path).to(device)
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
    """Fine-tune at each learning rate on the same rows; score on as many rows of the validation tenth, because a choice
    must not see the test tenth.

    Batches hold 8 rows, so that even a few rows make enough steps. loop: more settings of `training.fine_tune`.
    Returns per rate `accuracy`, `interval`, `n`, and the training `loss` of every step.
    """
    check_int(rows, "rows", 1)
    if not isinstance(rates, Sequence) or not rates:
        raise ValueError(f"rates is {shown(rates)}; give a list of learning rates, such as (1e-5, 1e-4).")
    tokenizer, encoder = load_tokenizer(name_or_path), load_encoder(name_or_path).to(device)
    train = classification_examples(load_reviews("rotten_tomatoes", "train")[:rows], tokenizer)
    validation = classification_examples(load_reviews("rotten_tomatoes", "validation")[:rows], tokenizer)
    found = {}
    for rate in rates:
        settings = {"seed": seed, "epochs": epochs, "learning_rate": rate, "batch_size": 8, "progress": progress}
        model, history = fine_tuned(encoder, train, tokenizer, **settings, **loop)
        found[rate] = evaluation.score(right_in_order(model, validation, tokenizer, device)) | {"loss": history.loss}
    return found


# ---------------------------------------------------------------- a CSV file of your own: read it, split it, encode it


MISSING = (
    "",
    "<NA>",
    "n/a",
    "nan",
    "NaN",
    "NA",
    "N/A",
    "#N/A",
    "null",
    "NULL",
)  # what pandas, R, Excel, and SQL write for "no value"


class LabeledTexts(NamedTuple):
    """The rows of a CSV file: for each its text, its label as text, and its row in a spreadsheet (the header is row
    1). `name` is the file's, for messages."""

    name: str
    texts: list[str]
    labels: list[str]
    rows: list[int]


def read_csv(path: str | Path, text: str, label: str, separator: str = ",", encoding: str = "utf-8") -> LabeledTexts:
    """Return the texts and labels in two columns of a CSV file, `text` and `label`; blank lines are skipped.

    Raises, in one sentence that says what to do, FileNotFoundError for a missing file, and ValueError for a file that
    is empty or in another encoding, for a missing column, and for a row, named by its number, with a missing value, a
    wrong number of fields, or broken quotes.
    """
    check_path(path, "The file")
    check_text(text, "The text's column")
    check_text(label, "The label's column")
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {str(path)!r}: check the name and the folder, or give the full path."
        )
    if text == label:
        raise ValueError(f"Text and label are the same column, {text!r}: name two different columns.")
    records = _records(path, separator, encoding)
    _, header = next(records, (0, []))
    header = [name.strip() for name in header]
    text_column, label_column = _find_columns(path.name, header, (text, label))
    data, missing = LabeledTexts(path.name, [], [], []), {"text": [], "label": []}
    for row, fields in records:
        if len(fields) != len(header):
            raise ValueError(
                f"Row {row} of {path.name} does not fit the header (fields: {len(fields)} in the row, {len(header)} in "
                f"the header): put a text that holds {separator!r} in double quotes, or correct the row."
            )
        found = {"text": fields[text_column], "label": fields[label_column].strip()}
        for what, value in found.items():
            if value.strip() in MISSING:
                missing[what].append(row)
        data.texts.append(found["text"])
        data.labels.append(found["label"])
        data.rows.append(row)
    for what, rows in missing.items():
        if rows:
            raise ValueError(
                f"Row {rows[0]} of {path.name} has no {what} in the column {text if what == 'text' else label!r} "
                f"(such rows in all: {len(rows)}): fill in the {what} or delete the row."
            )
    if not data.rows:
        raise ValueError(f"{path.name} has a header but no rows: add rows with texts and labels.")
    return data


def _records(path: Path, separator: str, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (spreadsheet row, fields) for each row that is not blank."""
    if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
        raise ValueError(f"The separator is {separator!r}; it must be one character, such as ',' or ';'.")
    encoding = _check_encoding(path, encoding)
    csv.field_size_limit(10**7)
    row = 0
    try:
        with path.open(encoding=encoding, newline="") as file:
            for row, fields in enumerate(csv.reader(file, delimiter=separator, strict=True), 1):
                if "\0" in "".join(fields):
                    raise ValueError(f"Row {row} of {path.name} holds a zero byte, which no text has: save it again.")
                if len(fields) > 1 or "".join(fields).strip():
                    yield row, fields
    except csv.Error as error:
        raise ValueError(
            f"Row {row + 1} of {path.name} has broken double quotes ({error}): close every quoted text, and write a "
            'double quote inside one twice, "".'
        ) from None
    except UnicodeError:
        where = _first_unreadable(path, separator, encoding)
        what, remedy = encoding, "pass the encoding it was saved in"
        if encoding == "utf-8-sig":
            what, remedy = "UTF-8", 'pass encoding="cp1252", Excel\'s usual one on Windows'
        raise ValueError(f'{where}{path.name} is not {what}: {remedy}, or save the file as "CSV UTF-8".') from None


def _check_encoding(path: Path, encoding: str) -> str:
    """Return the codec to read with (UTF-8 may begin with a byte order mark); raise ValueError for an unknown encoding,
    and for what is plainly not UTF-8."""
    try:
        name = codecs.lookup(encoding).name
        "".encode(encoding)  # base64 and its like are codecs, but no encodings of text
    except (LookupError, TypeError, UnicodeError):
        raise ValueError(f"There is no encoding {encoding!r}: try 'utf-8', 'cp1252', or 'utf-16'.") from None
    if not name.startswith("utf-8"):
        return encoding
    with path.open("rb") as file:
        start = file.read(1000)
    if start.startswith(b"PK\x03\x04"):
        raise ValueError(f'{path.name} is an Excel workbook or a zip file: save the sheet as "CSV UTF-8".')
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in start:
        raise ValueError(f'{path.name} is UTF-16: pass encoding="utf-16", or save the file as "CSV UTF-8".')
    return "utf-8-sig"


def _first_unreadable(path: Path, separator: str, encoding: str) -> str:
    """Return "Row n of " for the first row with a byte that the encoding does not know, or nothing if it has no row."""
    with path.open(encoding=encoding, newline="", errors="surrogateescape") as file:
        try:
            for row, fields in enumerate(csv.reader(file, delimiter=separator), 1):
                if re.search("[\udc80-\udcff]", "".join(fields)):
                    return f"Row {row} of "
        except (UnicodeError, csv.Error):
            pass
    return ""


def _find_columns(name: str, header: list[str], wanted: tuple[str, str]) -> list[int]:
    if not any(header):
        raise ValueError(f"{name} is empty: its first row must name the columns, and each later row holds a text.")
    for column in wanted:
        if header.count(column) == 1:
            continue
        if len(header) == 1 and (others := [mark for mark in ";\t|," if mark in header[0]]):
            raise ValueError(
                f"The header of {name} is a single column, {header[0][:60]!r}: pass separator={others[0]!r}."
            )
        columns = ", ".join(repr(other[:20]) for other in header[:6]) + ", …" * (len(header) > 6)
        times = "more than one column" if column in header else "no column"
        raise ValueError(f"The header (row 1) of {name} has {times} {column!r}; its columns are {columns}.")
    return [header.index(column) for column in wanted]


@dataclass(frozen=True)
class Prepared:
    """Encoded texts, by split: `examples` and, in the same order, `texts`. `names` of the classes; `cut` counts the
    texts that lost their end, `copies` the texts that were dropped, and `disagreeing` the copies with another label."""

    names: list[str]
    examples: dict[str, list[dict]]
    texts: dict[str, list[str]]
    cut: int
    copies: int
    disagreeing: int


def prepare(data: LabeledTexts, tokenizer, max_length: int = 128, seed: int = 0) -> Prepared:
    """Drop copies, split 80/10/10 by label, and encode: everything before training.

    Two texts that differ only in case or spacing are copies, and the first one stays. Raises ValueError for fewer than
    two classes, for a class with fewer than three texts, and for a text without a token.
    """
    check_labeled_texts(data)
    check_tokenizer(tokenizer)
    check_int(max_length, "max_length", 3)
    check_int(seed, "seed", 0)
    labels = [*map(str, data.labels)]
    first, kept, disagreeing = {}, [], 0
    for i, text in enumerate(data.texts):
        original = first.setdefault(text_hash(text), i)
        if original == i:
            kept.append(i)
        else:
            disagreeing += labels[i] != labels[original]
    names = class_names([labels[i] for i in kept], data.name)
    number = {name: i for i, name in enumerate(names)}
    classes = np.array([number[labels[i]] for i in kept])
    examples, cut = [], 0
    for start in range(0, len(kept), 1000):  # in chunks: all tokens at once, as Python's numbers, would fill the memory
        part = kept[start : start + 1000]
        encoded = tokenizer([data.texts[i] for i in part], truncation=False, verbose=False)
        for i, ids in zip(part, encoded["input_ids"], strict=True):
            if len(ids) <= 2:
                raise ValueError(
                    f"Row {data.rows[i]} of {data.name} holds no token, only characters that the tokenizer drops: "
                    "fill in the text or delete the row."
                )
            cut += len(ids) > max_length
            ids = ids if len(ids) <= max_length else ids[: max_length - 1] + ids[-1:]  # the last [SEP] stays
            examples.append({"input_ids": np.array(ids, dtype=np.int32), "labels": int(classes[len(examples)])})
    parts = split_by_label(classes, seed)
    return Prepared(
        names,
        {split: [examples[i] for i in part] for split, part in parts.items()},
        {split: [data.texts[kept[i]] for i in part] for split, part in parts.items()},
        cut,
        len(data.texts) - len(kept),
        disagreeing,
    )


def class_names(labels: Sequence[str], name: str = "The file") -> list[str]:
    """Return the different labels, sorted, as numbers if all are numbers. Raises ValueError unless there are at least
    two classes with at least three texts each."""
    check_list(labels, "labels", "labels")
    if not len(labels):
        raise ValueError(f"{name} has no labels: a classifier needs texts of at least two classes.")
    for i, found in enumerate(labels):
        check_label(found, i, name)
    counts = Counter(map(str, labels))
    if len(counts) < 2:
        raise ValueError(f"{name} has only one class, {labels[0]!r}: a classifier needs texts of at least two.")
    if small := [found for found, count in counts.items() if count < 3]:
        count = counts[small[0]]
        others = f" (other classes as small: {len(small) - 1})" if len(small) > 1 else ""
        raise ValueError(
            f"The class {small[0][:40]!r} has only {count} different text{'s' * (count > 1)} in {name}{others}: each "
            "class needs three, one for each split; add some, or merge or delete the class."
        )
    try:
        names = sorted(counts, key=lambda label: (float(label), label))
    except ValueError:
        return sorted(counts)
    for one, other in itertools.pairwise(names):
        if float(one) == float(other):
            raise ValueError(f"The classes {one!r} and {other!r} of {name} are one number: write it in one way.")
    return names


def split_by_label(classes: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Return the sorted indices of each split, 80/10/10 within every class; a class of three has one text in each."""
    classes = np.asarray(classes)
    if classes.ndim != 1 or not len(classes) or classes.dtype.kind not in "iu":
        raise TypeError(f"classes is {shown(classes)}; it must hold the number of each text's class, int (n,).")
    if (small := np.unique(classes, return_counts=True)[1].min()) < 3:
        raise ValueError(f"A class has {small} text(s); each needs three, one for each split.")
    check_int(seed, "seed", 0)
    numbers, parts = np.random.default_rng(seed), {split: [] for split in SPLITS}
    for members in (np.flatnonzero(classes == number) for number in np.unique(classes)):
        tenth = max(1, round(len(members) / 10))
        cuts = (len(members) - 2 * tenth, len(members) - tenth)
        for split, part in zip(SPLITS, np.split(numbers.permutation(members), cuts), strict=True):
            parts[split].append(part)
    return {split: np.sort(np.concatenate(part)) for split, part in parts.items()}


# ---------------------------------------------------------------- a CSV file of your own: train, test, save


@dataclass(frozen=True)
class TrainingSettings:
    """How `fine_tune_csv` trains. max_steps: stop after this many steps, even in the middle of an epoch."""

    epochs: int = 3
    learning_rate: float = 1e-4
    batch_size: int = 16
    max_length: int = 128
    max_steps: int | None = None
    seed: int = 0

    def __post_init__(self):
        for name, least in (("epochs", 1), ("batch_size", 1), ("max_length", 3), ("max_steps", 1)):
            if (value := getattr(self, name)) is not None or name != "max_steps":
                check_int(value, name, least)
        check_number(self.learning_rate, "learning_rate")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be above 0, such as 1e-4.")
        check_int(self.seed, "seed", 0)

    def steps(self, examples: int) -> int:
        """Return the number of training steps on so many examples."""
        whole = self.epochs * math.ceil(examples / self.batch_size)
        return whole if self.max_steps is None else min(whole, self.max_steps)


def fine_tune_csv(
    path: str | Path,
    text: str,
    label: str,
    folder: str | Path,
    *,
    name_or_path: str | Path | None = None,
    device="cpu",
    separator: str = ",",
    encoding: str = "utf-8",
    progress: bool = True,
    **settings,
) -> dict:
    """Fine-tune a pretrained encoder on a CSV file, in which one column holds texts and another their labels.

    The classifier is saved in `folder`, from which `transformers.pipeline("text-classification", model=folder)` loads
    it. name_or_path: the encoder, as in `weights.load_encoder`. settings: the fields of `TrainingSettings`: epochs,
    learning_rate, batch_size, max_length, max_steps, seed. Prints the splits, an estimate of the time, and the results.
    The weights kept are those of the epoch with the best validation accuracy; the test split is used once, at the end.

    Returns what `score_test_split` does, and `epoch` (the one kept, from 1), `validation` (accuracy per epoch), `cut`
    (number of texts that lost their end), and `folder`. Raises the errors of `read_csv` and `prepare`; FileExistsError
    for a folder that holds files but no model; and ValueError for settings that do not fit.
    """
    check_path(folder, "The folder for the classifier")
    settings, folder = TrainingSettings(**settings), Path(folder)
    check_folder(folder)
    data = read_csv(path, text, label, separator, encoding)
    tokenizer, encoder = load_tokenizer(name_or_path), load_encoder(name_or_path).to(device)
    positions = encoder.config.max_position_embeddings
    if settings.max_length > positions:
        raise ValueError(
            f"max_length is {settings.max_length}, but the encoder has only {positions} positions: pass "
            f"max_length={positions} or less."
        )
    prepared = prepare(data, tokenizer, settings.max_length, settings.seed)
    make_folder(folder)  # before the training: a folder that cannot be written would cost it
    print_data(prepared, settings.max_length, positions)
    steps = settings.steps(len(prepared.examples["train"]))
    minutes = max(0.1, estimate_minutes(encoder, prepared, tokenizer, settings))
    print(f"Training takes {steps:,} steps, about {minutes:.1f} minutes on this machine.")
    best = BestEpoch(list(length_batches(prepared.examples["validation"], tokenizer, 64)), device)
    model, _ = fine_tuned(
        encoder,
        prepared.examples["train"],
        tokenizer,
        seed=settings.seed,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        batch_size=settings.batch_size,
        max_steps=settings.max_steps,
        label_names=prepared.names,
        evaluate=best,
        progress=progress,
    )
    model.load_state_dict(best.state)
    report = score_test_split(model, prepared, tokenizer, device)
    report |= {"epoch": best.epoch, "validation": best.accuracies, "cut": prepared.cut, "folder": str(folder)}
    save_pretrained(model, folder, tokenizer)
    print_report(report)
    return report


def check_folder(folder: Path) -> None:
    """Raise FileExistsError if there is something in the way that is not a saved model: it would be overwritten."""
    if folder.is_file():
        raise FileExistsError(f"{str(folder)!r} is a file: give the name of a new folder for the classifier.")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    try:
        model = "model_type" in json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        model = False
    if not model:
        raise FileExistsError(
            f"The folder {str(folder)!r} holds files, but no saved model: give the name of a new folder, so that none "
            "of your files is overwritten."
        )


def estimate_minutes(encoder: Encoder, prepared: Prepared, tokenizer, settings: TrainingSettings) -> float:
    """Return about how many minutes training and its evaluations take: time a copy of the model on a few real batches,
    and scale by the number of tokens, padding included. The encoder and the global generator stay as they are."""
    like, train = encoder.pooler.weight, prepared.examples["train"]
    batches = length_batches(train, tokenizer, settings.batch_size, generator(settings.seed))
    sample, rates, begin = list(itertools.islice(batches, 6)), [], time.perf_counter()
    with torch.random.fork_rng([like.device] if like.device.type == "cuda" else []):
        model = SequenceClassifier(copy.deepcopy(encoder), label_names=prepared.names).to(like.device, like.dtype)
        model.requires_grad_(True).train()
        optimizer = training.make_optimizer(model, settings.learning_rate)
        for batch in [*sample, *sample][:6]:
            start = time.perf_counter()
            training.training_step(model, optimizer, batch, training.classification_loss, 1.0)[0].item()
            rates.append((time.perf_counter() - start) / batch["input_ids"].numel())
            if len(rates) > 1 and time.perf_counter() - begin > 10:
                break
    rate = statistics.median(rates[1:])  # seconds per token; the first step is slow, and other programs cause outliers
    lengths = {split: [len(example["input_ids"]) for example in prepared.examples[split]] for split in SPLITS}
    epoch = sum(len(rows) * max(lengths["train"][i] for i in rows) for rows in batches.batch_sampler)
    epochs = settings.steps(len(train)) / len(batches)
    evaluated = math.ceil(epochs) * sum(lengths["validation"]) + sum(lengths["test"])
    return rate * (epochs * epoch + evaluated / 3) / 60  # a forward pass is a third of a step


class BestEpoch:
    """Score the model that it is called with after each epoch, and keep the best epoch's weights in CPU memory:
    `accuracies` per epoch, the best `epoch` (from 1; the first of equals), and its `state`."""

    def __init__(self, batches: list[dict], device="cpu"):
        check_list(batches, "batches", "batches")
        if not batches:
            raise ValueError("There are no batches to score an epoch on.")
        self.batches, self.device = batches, device
        self.accuracies, self.epoch, self.state = [], 0, {}

    def __call__(self, model: SequenceClassifier) -> dict:
        found = evaluation.evaluate_classifier(model, self.batches, self.device)
        if found["accuracy"] > max(self.accuracies, default=-1.0):
            self.epoch = len(self.accuracies) + 1
            self.state = {key: tensor.detach().to("cpu", copy=True) for key, tensor in model.state_dict().items()}
        self.accuracies.append(found["accuracy"])
        return {"accuracy": found["accuracy"], "loss": found["loss"]}


def score_test_split(model: SequenceClassifier, prepared: Prepared, tokenizer, device="cpu") -> dict:
    """Return how the classifier does on the test split.

    `accuracy`, its `interval` (95%, Wilson), and `n`; `macro_f1`; two accuracies to compare with, `tfidf` (None for
    texts without words) and `majority`, always giving the training split's most frequent class; `confusion` (int; a row
    for each true class); `labels`, the class names; and `mistakes`: text, true label, predicted label, and its
    probability, the surest first.
    """
    examples, names = prepared.examples["test"], prepared.names
    probabilities = logits_in_order(model, examples, tokenizer, device).softmax(-1).numpy()
    predicted, true = probabilities.argmax(-1), np.array([example["labels"] for example in examples])
    majority = statistics.mode(example["labels"] for example in prepared.examples["train"])
    wrong = np.flatnonzero(predicted != true)
    wrong = wrong[np.argsort(-probabilities.max(-1)[wrong], kind="stable")]
    classes = range(len(names))
    return evaluation.score(predicted == true) | {
        "macro_f1": float(f1_score(true, predicted, labels=classes, average="macro", zero_division=0)),
        "majority": float((true == majority).mean()),
        "tfidf": tfidf_accuracy(prepared),
        "confusion": confusion_matrix(true, predicted, labels=classes),
        "labels": names,
        "mistakes": [
            (prepared.texts["test"][i], names[true[i]], names[predicted[i]], float(probabilities[i].max()))
            for i in wrong.tolist()
        ],
    }


def tfidf_accuracy(prepared: Prepared) -> float | None:
    """Return the test accuracy of `tfidf_baseline` on the same splits; None for texts in which it finds no words."""
    splits = [
        [Review(text, example["labels"]) for text, example in zip(prepared.texts[s], prepared.examples[s], strict=True)]
        for s in ("train", "test")
    ]
    try:
        return float(tfidf_baseline(*splits).mean())
    except ValueError as error:  # what scikit-learn raises for texts of emoji alone, for example
        if "empty vocabulary" not in str(error):
            raise
        return None


def print_data(prepared: Prepared, max_length: int, positions: int) -> None:
    """Print what was dropped, how many texts of each class are in each split, and how many are cut."""
    if prepared.copies:
        print(
            f"Dropped copies of earlier texts (case and spacing aside): {prepared.copies:,}, of which "
            f"{prepared.disagreeing:,} had a different label."
        )
    classes = {split: [example["labels"] for example in prepared.examples[split]] for split in SPLITS}
    counts = [np.bincount(classes[split], minlength=len(prepared.names)) for split in SPLITS]
    counts = np.array([*counts, sum(counts)]).T  # (classes, splits and their sum)
    rows = [[name, *row] for name, row in zip(prepared.names, counts, strict=True)]
    print(_table([["class", *SPLITS, "all"], *rows, ["all", *counts.sum(0)]]))
    are = "is" if prepared.cut == 1 else "are"
    longer = f"{prepared.cut:,} of {counts[:, -1].sum():,} texts {are} longer than {max_length} tokens"
    if not prepared.cut:
        print(f"No text is longer than {max_length} tokens, so none is cut.")
    elif max_length < positions:
        print(
            f"{longer}: the model never sees what comes after. Raise max_length, up to {positions}, to keep more; "
            "training then takes longer."
        )
    else:
        print(f"{longer}, all that this encoder has positions for: the model never sees what comes after.")


def print_report(report: dict) -> None:
    """Print the results of `fine_tune_csv`, the confusion matrix with at most 12 classes."""
    low, high = report["interval"]
    epochs = ", ".join(f"{accuracy:.1%}" for accuracy in report["validation"])
    print(f"Validation accuracy after each epoch: {epochs}. Kept the weights of epoch {report['epoch']}.")
    print(
        f"Test accuracy: {report['accuracy']:.1%} (95% interval {low:.1%} to {high:.1%}, n = {report['n']:,}); "
        f"macro-F1: {report['macro_f1']:.3f}."
    )
    counted = "" if report["tfidf"] is None else f" TF-IDF + logistic regression: {report['tfidf']:.1%}."
    print(f"For comparison, always the most frequent class: {report['majority']:.1%}.{counted}")
    if len(report["labels"]) <= 12:
        rows = [[name, *row] for name, row in zip(report["labels"], report["confusion"], strict=True)]
        print("Confusion matrix: a row for each true class, a column for each predicted one.")
        print(_table([["", *report["labels"]], *rows]))
    print(f"Saved the classifier in the folder {Path(report['folder']).name!r}.")


def _table(rows: list[list]) -> str:
    """Return rows of cells as aligned lines, the first column to the left and the others to the right."""
    cells = [[" ".join(str(cell).split())[:20] for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in cells
    ]
    return "\n".join(line.rstrip() for line in lines)


# ---------------------------------------------------------------- input checks


def check_path(path: str | Path, name: str) -> None:
    """Raise TypeError unless this is a path, as text or as a Path."""
    if not isinstance(path, str | Path):
        raise TypeError(f"{name} is {shown(path)}; give its path as text.")


def check_reviews(reviews: Sequence[Review], name: str) -> None:
    """Raise TypeError unless these are reviews: a text and a whole number as its label each."""
    check_list(reviews, name, "reviews, Review(text, label)")
    for i, review in enumerate(reviews):
        if not hasattr(review, "text") or not hasattr(review, "label"):
            raise TypeError(f"{name}[{i}] is {shown(review)}; it must be a Review(text, label).")
        check_text(review.text, f"The text of {name}[{i}]")
        check_int(review.label, f"The label of {name}[{i}]")


def check_labeled(examples: Sequence[dict], needed: bool = True) -> None:
    """Raise TypeError unless these are encoded texts, ValueError for none, or for one without labels if these are
    needed."""
    check_list(examples, "examples", "encoded texts")
    if not len(examples):
        raise ValueError("There are no examples: the sampler needs at least one length.")
    for i, example in enumerate(examples):
        if not hasattr(example, "keys"):
            raise TypeError(f"examples[{i}] is {shown(example)}; it must be a dictionary with input_ids.")
        if needed and "labels" not in example:
            raise ValueError(f"Example {i} has no labels, only {', '.join(map(str, example))}.")


def check_vectors_wanted(encoder: Encoder, examples: Sequence[dict], poolings: Sequence[str], layers) -> None:
    """Raise TypeError or ValueError for poolings or layers that `text_vectors` cannot give."""
    check_kind(encoder, "encoder", Encoder)
    check_labeled(examples, needed=False)
    if isinstance(poolings, str) or not hasattr(layers, "__iter__"):
        raise TypeError("poolings and layers are lists of what is wanted, such as ('cls', 'mean') and (0, -1).")
    for pooling in poolings:
        check_pooling(pooling)
    for layer in layers:
        check_int(layer, "A layer", -len(encoder.layers) - 1, len(encoder.layers))


def check_vectors(vectors, labels, name: str, width: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors (n, width) and labels (n,) as arrays; raise TypeError or ValueError unless they fit."""
    vectors, labels = (np.asarray(x.cpu() if isinstance(x, torch.Tensor) else x) for x in (vectors, labels))
    if vectors.dtype.kind not in "fiu" or vectors.ndim != 2 or not len(vectors) or not np.isfinite(vectors).all():
        raise ValueError(f"The {name} vectors must be finite numbers (n, width), not {vectors.dtype} {vectors.shape}.")
    if width is not None and vectors.shape[1] != width:
        raise ValueError(f"The {name} vectors have width {vectors.shape[1]}; those to train on have {width}.")
    if labels.dtype.kind not in "iub":
        raise TypeError(f"The {name} labels are {shown(labels)}; they must be whole numbers.")
    if labels.shape != (len(vectors),):
        raise ValueError(f"The {name} labels have shape {labels.shape}; {len(vectors)} vectors need ({len(vectors)},).")
    return vectors, labels


def check_two_classes(labels) -> None:
    """Raise ValueError for labels of one class: nothing can be learned from them."""
    if len(set(np.asarray(labels).tolist())) < 2:
        raise ValueError("All texts to train on have one label: a classifier needs texts of at least two classes.")


def check_ladder(rows: int | None, rungs: Iterable[str], sentences) -> tuple[str, ...]:
    """Return the rungs; raise TypeError or ValueError for one, or a number of rows, that the ladder does not have."""
    if isinstance(rungs, str) or not hasattr(rungs, "__iter__"):
        raise TypeError(f"rungs is {shown(rungs)}; give a list of rungs, such as ('majority', 'full').")
    if rows is not None:
        check_int(rows, "rows", 1)
    rungs = tuple(rungs)
    for rung in rungs:
        if rung not in RUNGS:
            raise ValueError(f"Unknown rung {rung!r}; choose from {', '.join(RUNGS)}.")
    if sentences:
        for name, reviews in zip(("train", "test"), sentences, strict=True):
            check_reviews(reviews, name)
            if not reviews:
                raise ValueError(f"sentences holds no reviews to {name}: give both lists.")
    return rungs


def check_labeled_texts(data: LabeledTexts) -> None:
    """Raise TypeError or ValueError unless these are texts, each with its label and row."""
    check_kind(data, "data (what read_csv returns)", LabeledTexts)
    if not len(data.texts) == len(data.labels) == len(data.rows):
        raise ValueError(f"{data.name} has {len(data.texts)} texts, {len(data.labels)} labels, {len(data.rows)} rows.")
    for i, (text, label) in enumerate(zip(data.texts, data.labels)):
        check_text(text, f"Text {i} of {data.name}")
        check_label(label, i, data.name)


def check_label(label: str | int, i: int, name: str) -> None:
    """Raise TypeError unless a label is text or a whole number, ValueError if it says that there is none."""
    if not isinstance(label, str | int | np.integer) or isinstance(label, bool):
        raise TypeError(f"Label {i} of {name} is {shown(label)}; labels must be text (or whole numbers).")
    if str(label).strip() in MISSING:
        raise ValueError(f"Label {i} of {name} is {label!r}, which says that there is none: leave such texts out.")
