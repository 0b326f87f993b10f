"""A student's own CSV file becomes a classifier; a bad file gets one sentence that says where and what to do."""

import contextlib
import copy
import csv
import io
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers

from helpers import evaluation, training, transfer
from helpers.bert import SequenceClassifier
from helpers.corpora import text_hash
from helpers.device import generator
from helpers.weights import load_encoder, load_model, save_pretrained

ROOT = Path(__file__).parents[2]
GIB = 2**30
WORDS = {"good": "a fine film", "mixed": "it has its moments", "bad": "dull and long"}
STRANGE = (
    "{}",
    '"{}", she said',
    "{}, {}, and so on",
    "first line\r\n{} 😀",
    "line\nline {}\n\nline",
    "’Tis {} – naïve",
)


def three_classes(size: int = 40) -> list[tuple[str, str]]:
    """Rows with whatever a text may hold: quotes, commas, line breaks, emoji."""
    return [
        (STRANGE[i % len(STRANGE)].format(*[f"{words} {i}"] * 2), name)
        for i in range(size)
        for name, words in WORDS.items()
    ]


def write(path: Path, rows, header=("sentence", "opinion"), encoding="utf-8", **options) -> Path:
    """Write a CSV file as spreadsheets do, with CRLF between the rows."""
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, **options).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory, tiny_encoder, small_tokenizer):
    """A folder with a small encoder of 64 positions and its tokenizer."""
    torch.manual_seed(0)
    encoder = tiny_encoder(vocab_size=len(small_tokenizer), max_position_embeddings=64, initializer_range=0.05)
    return save_pretrained(encoder, tmp_path_factory.mktemp("base"), small_tokenizer)


@pytest.fixture(scope="module")
def settings(base):
    options = {"epochs": 3, "learning_rate": 3e-3, "batch_size": 8, "max_length": 64}
    return {"text": "sentence", "label": "opinion", "name_or_path": base, "progress": False} | options


@pytest.fixture(scope="module")
def trained(settings, tmp_path_factory):
    """What a run with three classes returned, and what it printed."""
    folder = tmp_path_factory.mktemp("trained")
    path, printed = write(folder / "films.csv", three_classes()), io.StringIO()
    with contextlib.redirect_stdout(printed):
        report = transfer.fine_tune_csv(path, folder=folder / "classifier", **settings)
    return report, printed.getvalue()


def prepared(rows, tokenizer, **options) -> transfer.Prepared:
    texts, labels = (list(column) for column in zip(*rows))
    return transfer.prepare(
        transfer.LabeledTexts("films.csv", texts, labels, list(range(2, len(rows) + 2))), tokenizer, **options
    )


def one_sentence(error: Exception) -> str:
    text = str(error)
    assert "\n" not in text and 20 < len(text) < 250 and text.endswith("."), text
    assert not re.search(r"\. [A-Z]", text), text
    return text


# ---------------------------------------------------------------- the whole way


def test_a_csv_file_becomes_a_classifier(trained):
    report, _ = trained
    confusion = report["confusion"]
    assert report["labels"] == ["bad", "good", "mixed"] and report["cut"] == 0
    assert confusion.shape == (3, 3) and confusion.dtype.kind == "i" and confusion.sum(1).tolist() == [4, 4, 4]
    assert report["n"] == 12 and report["accuracy"] == confusion.trace() / 12 > 0.6, "three words give it away"
    assert report["interval"] == evaluation.wilson_interval(int(confusion.trace()), 12)
    precision, recall = (confusion.diagonal() / np.maximum(1, confusion.sum(axis)) for axis in (0, 1))
    f1 = [2 * p * r / (p + r) if p + r else 0.0 for p, r in zip(precision, recall)]
    assert report["macro_f1"] == pytest.approx(np.mean(f1)) and report["majority"] == pytest.approx(1 / 3)
    assert len(report["validation"]) == 3
    assert report["epoch"] == 1 + report["validation"].index(max(report["validation"]))


def test_transformers_loads_it_with_the_names_of_the_labels(trained, small_tokenizer):
    report, _ = trained
    pipeline = transformers.pipeline("text-classification", model=report["folder"])
    assert pipeline.model.config.id2label == {0: "bad", 1: "good", 2: "mixed"}
    ours = load_model(report["folder"])
    texts = [text for text, _ in three_classes(8)]
    for text, found in zip(texts, pipeline(texts), strict=True):
        with torch.no_grad():
            probabilities = ours(torch.tensor([small_tokenizer(text)["input_ids"]])).logits.softmax(-1)[0]
        assert found["label"] == report["labels"][probabilities.argmax()]
        assert found["score"] == pytest.approx(probabilities.max().item(), abs=1e-5)


def test_what_is_printed(trained):
    report, printed = trained
    lines = printed.splitlines()
    assert lines[:5] == [
        "class  train  validation  test  all",
        "bad       32           4     4   40",
        "good      32           4     4   40",
        "mixed     32           4     4   40",
        "all       96          12    12  120",
    ]
    assert lines[5] == "No text is longer than 64 tokens, so none is cut."
    assert re.fullmatch(r"Training takes 36 steps, about \d+\.\d minutes on this machine\.", lines[6])
    epochs = ", ".join(f"{accuracy:.1%}" for accuracy in report["validation"])
    assert lines[7] == f"Validation accuracy after each epoch: {epochs}. Kept the weights of epoch {report['epoch']}."
    low, high = report["interval"]
    assert lines[8] == (
        f"Test accuracy: {report['accuracy']:.1%} (95% interval {low:.1%} to {high:.1%}, n = 12); "
        f"macro-F1: {report['macro_f1']:.3f}."
    )
    counted = f"TF-IDF + logistic regression: {report['tfidf']:.1%}."
    assert lines[9] == f"For comparison, always the most frequent class: 33.3%. {counted}"
    table = [line.split() for line in lines[11:15]]
    assert table == [["bad", "good", "mixed"], *([n, *map(str, r)] for n, r in zip(WORDS_SORTED, report["confusion"]))]
    assert len({len(line) for line in lines[11:15]}) == 1, "the table is aligned"
    assert lines[15:] == [f"Saved the classifier in the folder {Path(report['folder']).name!r}."]


WORDS_SORTED = sorted(WORDS)


def test_nothing_before_training_changes_it(trained, settings, base, small_tokenizer):
    """The estimate trains a copy; the run is the one that `fine_tuned` gives with the same seed."""
    report, _ = trained
    data = prepared(three_classes(), small_tokenizer, max_length=64)
    states = []
    transfer.fine_tuned(
        load_encoder(base),
        data.examples["train"],
        small_tokenizer,
        seed=0,
        epochs=3,
        learning_rate=3e-3,
        batch_size=8,
        label_names=data.names,
        evaluate=lambda model: states.append(copy.deepcopy(model.state_dict())),
        progress=False,
    )
    saved, expected = load_model(report["folder"]).state_dict(), states[report["epoch"] - 1]
    assert all(torch.equal(saved[key], expected[key]) for key in expected)


def test_mistakes_come_with_the_surest_first(tiny_encoder, small_tokenizer):
    torch.manual_seed(1)
    encoder = tiny_encoder(vocab_size=len(small_tokenizer), max_position_embeddings=64)
    data = prepared(three_classes(100), small_tokenizer, max_length=64)
    model = SequenceClassifier(encoder, label_names=data.names).eval()
    torch.nn.init.normal_(model.classifier.weight, std=0.5)
    report = transfer.score_test_split(model, data, small_tokenizer)
    mistakes = report["mistakes"]
    assert len(mistakes) == 30 - report["confusion"].trace() > 3
    assert [m[3] for m in mistakes] == sorted((m[3] for m in mistakes), reverse=True) and mistakes[0][3] < 1
    truth = dict(three_classes(100))
    counted = np.zeros((3, 3), dtype=int)
    for text, true, predicted, probability in mistakes:
        assert truth[text] == true != predicted and text in data.texts["test"]
        with torch.no_grad():
            scores = model(torch.tensor([small_tokenizer(text)["input_ids"]])).logits.softmax(-1)[0]
        assert data.names[scores.argmax()] == predicted and scores.max().item() == pytest.approx(probability, abs=1e-5)
        counted[data.names.index(true), data.names.index(predicted)] += 1
    assert (counted == report["confusion"] - np.diag(report["confusion"].diagonal())).all()


def test_the_most_frequent_class_is_the_training_splits(tiny_encoder, small_tokenizer):
    data = prepared([(f"film {i}", "b" if i % 5 else "a") for i in range(100)], small_tokenizer)
    model = SequenceClassifier(tiny_encoder(vocab_size=len(small_tokenizer)), label_names=data.names)
    report = transfer.score_test_split(model, data, small_tokenizer)
    assert report["majority"] == 0.8 and report["n"] == 10


# ---------------------------------------------------------------- files that are read


@pytest.mark.parametrize("encoding, bom", [("utf-8", "utf-8"), ("utf-8", "utf-8-sig"), ("utf-16", "utf-16")])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_spreadsheets_write_is_read(tmp_path, encoding, bom, separator):
    rows = three_classes(10)
    path = write(
        tmp_path / "films.csv",
        [(i, f" {label} ", text) for i, (text, label) in enumerate(rows)],
        ("", " opinion", "sentence"),
        encoding=bom,
        delimiter=separator,
    )
    data = transfer.read_csv(path, "sentence", "opinion", separator, encoding)
    assert list(zip(data.texts, data.labels)) == rows and data.rows == list(range(2, 32))


def test_excels_old_encoding_is_read(tmp_path):
    path = write(tmp_path / "films.csv", [("schön, naïve", "été")], encoding="cp1252")
    data = transfer.read_csv(path, "sentence", "opinion", encoding="cp1252")
    assert (data.texts, data.labels) == (["schön, naïve"], ["été"])


def test_blank_lines_are_skipped_but_counted(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text('text,label\n\n"two\nlines",a\n  \nfine,b\n\n', encoding="utf-8")
    data = transfer.read_csv(path, "text", "label")
    assert data.texts == ["two\nlines", "fine"] and data.rows == [3, 5]


@pytest.mark.parametrize(
    "labels, names",
    [
        (["10", "0", "2", "1"], ["0", "1", "2", "10"]),
        (["-1", "0.5", "1e1"], ["-1", "0.5", "1e1"]),
        (["10", "9", "b", "a"], ["10", "9", "a", "b"]),
    ],
)
def test_labels_are_sorted_as_numbers_if_all_are(labels, names, small_tokenizer):
    data = prepared([(f"film {i} {label}", label) for i in range(3) for label in labels], small_tokenizer)
    assert data.names == names
    for split, texts in data.texts.items():
        found = [names[example["labels"]] for example in data.examples[split]]
        assert found == [text.split()[-1] for text in texts]


# ---------------------------------------------------------------- files that are refused

GOOD = [(f"film {i}", "ab"[i % 2]) for i in range(12)]


def with_row(number: int, *row: str) -> list[tuple]:
    """Return good rows, but for one; the header is row 1."""
    rows = [*GOOD, *GOOD[:0]]
    rows[number - 2] = row
    return rows


def missing(number: int, what: str, column: str, total: int = 1) -> str:
    return rf"Row {number} of films.csv has no {what} in the column '{column}' \(such rows in all: {total}\): fill in"


BAD = {
    "missing column": ([], ("text", "opinion"), r"row 1\) .* no column 'sentence'; its columns are 'text', 'opinion'"),
    "two columns of that name": ([], ("sentence",) * 2 + ("opinion",), "more than one column 'sentence'"),
    "header alone": ([], None, "has a header but no rows: add rows"),
    "empty text": (with_row(7, "", "a"), None, missing(7, "text", "sentence")),
    "white space": (with_row(3, " \n\t", "a"), None, missing(3, "text", "sentence")),
    "no label": (with_row(13, "film", " "), None, missing(13, "label", "opinion")),
    "several without text": (
        [*with_row(4, "NaN", "a"), ("NULL", "b"), (" N/A ", "b")],
        None,
        missing(4, "text", "sentence", 3),
    ),
    **{f"text {mark}": (with_row(5, mark, "a"), None, missing(5, "text", "sentence")) for mark in transfer.MISSING},
    **{f"label {mark}": (with_row(5, "x", mark), None, missing(5, "label", "opinion")) for mark in transfer.MISSING},
    "too few fields": (
        with_row(9, "film"),
        None,
        r"Row 9 of films.csv does not fit the header \(fields: 1 in the row, 2 in the header\)",
    ),
    "too many fields": (with_row(2, "a", "b", "c"), None, r"Row 2 of films.csv does not fit the header \(fields: 3 in"),
    "row after line breaks": ([("a\n\nb\nc", "a"), ("x",)], None, "Row 3 of films.csv does not fit"),
    "one class": ([(text, "a") for text, _ in GOOD], None, "films.csv has only one class, 'a'"),
    "class of two": (
        [*GOOD, ("x", "c"), ("y", "c")],
        None,
        "The class 'c' has only 2 different texts in films.csv",
    ),
    "class of one copied text": ([*GOOD, *[("x", "c")] * 4], None, "The class 'c' has only 1 different text in films"),
    "small classes": ([*GOOD, ("x", "c"), ("y", "d")], None, r"'c' has only 1 .* \(other classes as small: 1\): each"),
    "text without a token": (with_row(6, "\u200b", "b"), None, "Row 6 of films.csv holds no token"),
}


@pytest.mark.parametrize("rows, header, message", BAD.values(), ids=BAD)
def test_bad_rows_are_named(tmp_path, small_tokenizer, rows, header, message):
    path = write(tmp_path / "films.csv", rows, header or ("sentence", "opinion"))
    with pytest.raises(ValueError, match=message) as caught:
        transfer.prepare(transfer.read_csv(path, "sentence", "opinion"), small_tokenizer)
    one_sentence(caught.value)


LATIN = 'sentence,opinion\r\n"two\r\nlines",a\r\nfine,b\r\nna\xefve,a\r\n'
BYTES = {
    "nothing": (b"", {}, "films.csv is empty: its first row must name the columns"),
    "byte order mark alone": (b"\xef\xbb\xbf", {}, "films.csv is empty"),
    "blank lines alone": (b"\r\n \r\n", {}, "films.csv is empty"),
    "cp1252": (LATIN.encode("cp1252"), {}, r'Row 4 of films.csv is not UTF-8: pass encoding="cp1252".*"CSV UTF-8"'),
    "cp1252 later on": (
        b"sentence,opinion\n" + b"fine,a\n" * 9000 + b"na\xefve,a\n",
        {},
        "Row 9002 of films.csv is not UTF-8",
    ),
    "UTF-16": (LATIN.encode("utf-16"), {}, r'films.csv is UTF-16: pass encoding="utf-16"'),
    "UTF-16 without its mark": (LATIN.encode("utf-16-le"), {}, "films.csv is UTF-16"),
    "UTF-8 read as another": (LATIN.encode(), {"encoding": "ascii"}, "Row 4 of films.csv is not ascii: pass the enc"),
    "unknown encoding": (LATIN.encode(), {"encoding": "utf-9"}, "There is no encoding 'utf-9'"),
    "Excel workbook": (b"PK\x03\x04\x14\0", {}, "films.csv is an Excel workbook or a zip file: save the sheet"),
    "semicolons": (b"sentence;opinion\na;b\n", {}, r"single column, 'sentence;opinion': pass separator=';'"),
    "tabs": (b"sentence\topinion\na\tb\n", {}, r"single column, .*: pass separator='\\t'"),
    "bars": (b"sentence|opinion\na|b\n", {}, r"pass separator='\|'"),
    "commas after all": (b"sentence,opinion\na,b\n", {"separator": ";"}, "pass separator=','"),
    "two characters": (b"sentence,opinion\na,b\n", {"separator": "; "}, "separator is '; '; it must be one character"),
    "open quote": (
        b'sentence,opinion\nfine,a\n"fine,a\nfine,b\n',
        {},
        r"Row 3 of films.csv has broken double quotes \(unexpected end of data\): close",
    ),
    "quote in a quote": (b'sentence,opinion\n"a "fine" film",a\n', {}, "Row 2 of films.csv has broken double quotes"),
    "same column": (b"sentence,opinion\na,b\n", {"label": "sentence"}, "are the same column, 'sentence': name two"),
}


@pytest.mark.parametrize("content, options, message", BYTES.values(), ids=BYTES)
def test_bad_files_are_explained(tmp_path, content, options, message):
    path = tmp_path / "films.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        transfer.read_csv(path, **{"text": "sentence", "label": "opinion"} | options)
    one_sentence(caught.value)


@pytest.mark.parametrize("name", ["film.csv", "."])
def test_a_file_that_is_not_there(monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"There is no file '{name}': check the name") as caught:
        transfer.read_csv(name, "sentence", "opinion")
    one_sentence(caught.value)


# ---------------------------------------------------------------- copies and splits


def test_copies_are_never_in_two_splits(small_tokenizer, capsys):
    rows = [(f"Film number {i}", "ab"[i % 2]) for i in range(60)]
    copies = [(f"film  NUMBER\n{i}", "ab"[(i + (i < 5)) % 2]) for i in range(30)]  # five with another label
    data = prepared([*rows[:30], *copies, *rows[30:]], small_tokenizer)
    found = {split: {text_hash(text) for text in texts} for split, texts in data.texts.items()}
    assert sum(map(len, data.texts.values())) == len(set.union(*found.values())) == 60
    assert set().union(*data.texts.values()) == {text for text, _ in rows}, "the first one stays"
    assert (data.copies, data.disagreeing) == (30, 5)
    truth = dict(rows)
    for split, texts in data.texts.items():
        assert [data.names[e["labels"]] for e in data.examples[split]] == [truth[text] for text in texts]
    transfer.print_data(data, 128, 512)
    assert capsys.readouterr().out.splitlines()[0] == (
        "Dropped copies of earlier texts (case and spacing aside): 30, of which 5 had a different label."
    )


@pytest.mark.parametrize("seed", range(5))
def test_every_split_holds_every_class(seed):
    sizes = [3, 4, 9, 26, 200, 1000]
    classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(6), sizes))
    parts = transfer.split_by_label(classes, seed)
    assert list(parts) == ["train", "validation", "test"]
    assert sorted(np.concatenate(list(parts.values()))) == list(range(sum(sizes)))
    counts = {split: np.bincount(classes[part], minlength=6).tolist() for split, part in parts.items()}
    assert counts["validation"] == counts["test"] == [1, 1, 1, 3, 20, 100]
    assert counts["train"] == [1, 2, 7, 20, 160, 800]
    again, other = (transfer.split_by_label(classes, number) for number in (seed, seed + 1))
    assert all((parts[split] == again[split]).all() for split in parts)
    assert set(parts["test"]) != set(other["test"])


# ---------------------------------------------------------------- lengths and memory


@pytest.mark.parametrize("max_length, positions, cut", [(8, 64, 7), (12, 64, 3), (14, 14, 1), (15, 64, 0)])
def test_long_texts_are_cut_and_counted(small_tokenizer, capsys, max_length, positions, cut):
    rows = [("a " * (length - 2) + ".", "xy"[length % 2]) for length in range(2, 15)]  # 3 to 15 tokens
    data = prepared(rows, small_tokenizer, max_length=max_length)
    assert data.cut == cut
    for split, texts in data.texts.items():
        for text, example in zip(texts, data.examples[split], strict=True):
            whole, ids = small_tokenizer(text)["input_ids"], example["input_ids"].tolist()
            assert ids == (whole if len(whole) <= max_length else [*whole[: max_length - 1], whole[-1]])
            assert example["input_ids"].dtype == np.int32
    transfer.print_data(data, max_length, positions)
    line, unseen = capsys.readouterr().out.splitlines()[-1], "the model never sees what comes after."
    raise_it = "Raise max_length, up to 64, to keep more; training then takes longer."
    expected = {
        7: f"7 of 13 texts are longer than 8 tokens: {unseen} {raise_it}",
        3: f"3 of 13 texts are longer than 12 tokens: {unseen} {raise_it}",
        1: f"1 of 13 texts is longer than 14 tokens, all that this encoder has positions for: {unseen}",
        0: "No text is longer than 15 tokens, so none is cut.",
    }
    assert line == expected[cut]


PREPARE = """
import sys, time
from helpers import transfer
from helpers.lab.studies.tokenizing import peak_memory
from helpers.tokenization import load_tokenizer

tokenizer = load_tokenizer()
before = peak_memory()
prepared = transfer.prepare(transfer.read_csv(sys.argv[1], "text", "label"), tokenizer)
sizes = [len(examples) for examples in prepared.examples.values()]
print(*sizes, prepared.copies, before, peak_memory(), time.process_time())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak may be that of the process that started this")
def test_200_000_rows_need_little_memory(tmp_path):
    words = "a film that is good and long with an actor who was dull".split()
    rows = ((f"{i} " + " ".join(words[(i >> k) % 13] for k in range(6)), "abcd"[i % 4]) for i in range(200_000))
    path = write(tmp_path / "films.csv", rows, ("text", "label"))
    done = subprocess.run([sys.executable, "-c", PREPARE, path], cwd=ROOT, capture_output=True, text=True, check=True)
    *sizes, copies, before, peak, seconds = map(float, done.stdout.split())
    print(f"{seconds:.1f} s of processor time, {before / GIB:.2f} GiB before, {peak / GIB:.2f} GiB at most")
    assert sizes == [160_000, 20_000, 20_000] and copies == 0
    assert peak < 4 * GIB and peak - before < 0.3 * GIB, f"{peak / GIB:.2f} GiB, {before / GIB:.2f} before"


# ---------------------------------------------------------------- steps, the estimate, the best epoch


def test_max_steps_ends_the_schedule(monkeypatch, tiny_encoder, batch):
    rates, evaluated = [], []
    monkeypatch.setattr(training, "set_learning_rate", lambda optimizer, rate: rates.append(rate))
    batches = [batch | {"labels": torch.tensor([0, 1, 0])}] * 10
    options = {"learning_rate": 1.0, "progress": False, "evaluate": lambda model: evaluated.append(model.training)}

    def run(epochs, max_steps):
        rates.clear()
        evaluated.clear()
        history = training.fine_tune(
            SequenceClassifier(tiny_encoder()), batches, epochs=epochs, max_steps=max_steps, **options
        )
        return len(history.loss), [step for step, _ in history.evaluations]

    assert run(3, 25) == (25, [10, 20, 25]) and evaluated == [False] * 3
    assert rates == [training.warmup_then_decay(step, 25, 2) for step in range(25)]
    assert rates[-1] == pytest.approx(1 / 23)
    assert run(3, 20) == (20, [10, 20])
    assert run(3, 1) == (1, [1])
    assert run(1, 99) == run(1, 10) == run(1, None) == (10, [10])
    with pytest.raises(ValueError, match="max_steps is 0; it must be at least 1, or None for whole epochs") as caught:
        run(1, 0)
    one_sentence(caught.value)


class OfLength(list):
    """A list that says it has another length."""

    def __init__(self, items, length):
        super().__init__(items)
        self.length = length

    def __len__(self):
        return self.length


@pytest.mark.parametrize("there, said, max_steps", [(10, 9, 9), (10, 9, 20), (3, 9, 5), (8, 9, None)])
def test_max_steps_still_notices_an_epoch_of_the_wrong_length(tiny_encoder, batch, there, said, max_steps):
    batches = OfLength([batch | {"labels": torch.tensor([0, 1, 0])}] * there, said)
    options = {"learning_rate": 1e-3, "progress": False, "epochs": 3, "max_steps": max_steps}
    with pytest.raises(ValueError, match=f"The epoch had {there} batches, not {said}"):
        training.fine_tune(SequenceClassifier(tiny_encoder()), batches, **options)


def test_max_steps_through_a_csv_file(settings, tmp_path, capsys):
    path = write(tmp_path / "films.csv", three_classes())
    report = transfer.fine_tune_csv(path, folder=tmp_path / "classifier", max_steps=14, **settings)
    assert len(report["validation"]) == 2
    assert "Training takes 14 steps, about" in capsys.readouterr().out


def test_the_weights_of_the_best_epoch_are_saved(settings, tmp_path, monkeypatch):
    accuracies, states = iter([0.5, 0.8, 0.8, 0.6]), []

    def evaluate(model, batches, device):
        assert sum(len(batch["labels"]) for batch in batches) == 12
        states.append(copy.deepcopy(model.state_dict()))
        return {"accuracy": next(accuracies), "loss": 0.0}

    monkeypatch.setattr(evaluation, "evaluate_classifier", evaluate)
    path = write(tmp_path / "films.csv", three_classes())
    report = transfer.fine_tune_csv(path, folder=tmp_path / "classifier", **settings | {"epochs": 4})
    assert report["epoch"] == 2 and report["validation"] == [0.5, 0.8, 0.8, 0.6]
    saved = load_model(tmp_path / "classifier").state_dict()
    same = [all(torch.equal(saved[key], state[key]) for key in saved) for state in states]
    assert same == [False, True, False, False]


def test_the_estimate_leaves_weights_and_random_numbers_alone(base, small_tokenizer):
    encoder, data = load_encoder(base), prepared(three_classes(), small_tokenizer, max_length=64)
    training.freeze(encoder)
    before, state = copy.deepcopy(encoder.state_dict()), torch.get_rng_state()
    assert transfer.estimate_minutes(encoder, data, small_tokenizer, transfer.TrainingSettings()) > 0
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(tensor, before[key]) for key, tensor in encoder.state_dict().items())
    assert not encoder.training and not any(p.requires_grad or p.grad is not None for p in encoder.parameters())


@pytest.mark.parametrize("max_steps", [None, 30])
def test_the_estimate_by_hand(monkeypatch, base, small_tokenizer, max_steps):
    """With a clock that runs a millisecond per token, and a first and a fourth step that take far longer."""
    clock, steps = [0.0], []

    def step(model, optimizer, batch, *others):
        steps.append(batch["input_ids"].numel())
        clock[0] += 1e-3 * steps[-1] * (50 if len(steps) in (1, 4) else 1)
        return (torch.tensor(0.0),)

    monkeypatch.setattr(transfer, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(training, "training_step", step)
    data = prepared(three_classes(), small_tokenizer, max_length=64)
    settings = transfer.TrainingSettings(batch_size=8, epochs=3, max_steps=max_steps)
    minutes = transfer.estimate_minutes(load_encoder(base), data, small_tokenizer, settings)
    assert len(steps) >= 4
    loader = transfer.length_batches(data.examples["train"], small_tokenizer, 8, generator(9))
    padded = sum(batch["input_ids"].numel() for batch in loader)
    validation, test = (sum(len(e["input_ids"]) for e in data.examples[split]) for split in ("validation", "test"))
    epochs = 3 if max_steps is None else 2.5
    expected = (padded * epochs + (validation * math.ceil(epochs) + test) / 3) / 60_000
    assert minutes == pytest.approx(expected, rel=0.05)  # other batches are padded a little differently


# ---------------------------------------------------------------- settings and folders


@pytest.mark.parametrize(
    "options, message",
    [
        ({"max_length": 65}, "max_length is 65, but the encoder has only 64 positions: pass max_length=64 or less"),
        ({"max_length": 2}, "max_length is 2; it must be at least 3"),
        ({"epochs": 0}, "epochs is 0; it must be at least 1"),
        ({"batch_size": 0}, "batch_size is 0; it must be"),
        ({"max_steps": 0}, "max_steps is 0; it must be"),
    ],
)
def test_settings_that_do_not_fit(settings, tmp_path, options, message):
    path = write(tmp_path / "films.csv", three_classes(3))
    with pytest.raises(ValueError, match=message) as caught:
        transfer.fine_tune_csv(path, folder=tmp_path / "classifier", **settings | options)
    one_sentence(caught.value)
    assert not (tmp_path / "classifier").exists()


@pytest.mark.parametrize("files", [{"thesis.txt": "mine"}, {"config.json": "{}"}, {"config.json": "[1"}])
def test_a_folder_of_ones_own_is_not_overwritten(settings, tmp_path, monkeypatch, files):
    monkeypatch.setattr(transfer, "read_csv", lambda *_: pytest.fail("must be refused first"))
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    with pytest.raises(FileExistsError, match="mine' holds files, but no saved model: give the name of a") as caught:
        transfer.fine_tune_csv(tmp_path / "films.csv", folder=folder, **settings)
    one_sentence(caught.value)
    assert {path.name: path.read_text() for path in folder.iterdir()} == files
    with pytest.raises(FileExistsError, match="is a file: give the name of a new folder"):
        transfer.fine_tune_csv(tmp_path / "films.csv", folder=folder / next(iter(files)), **settings)


def test_an_earlier_classifier_or_an_empty_folder_may_be_used(tmp_path):
    transfer.check_folder(tmp_path)
    transfer.check_folder(tmp_path / "new")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    transfer.check_folder(tmp_path)


def prepared_of(train: list[tuple[str, int]], test: list[tuple[str, int]]) -> transfer.Prepared:
    rows = {"train": train, "validation": [], "test": test}
    examples = {split: [{"labels": label} for _, label in pairs] for split, pairs in rows.items()}
    return transfer.Prepared(
        ["no", "yes"], examples, {s: [text for text, _ in pairs] for s, pairs in rows.items()}, 0, 0, 0
    )


def test_counting_words_is_compared_on_the_same_split():
    train = [("good film", 1), ("a good one", 1), ("bad film", 0), ("a bad one", 0)]
    assert transfer.tfidf_accuracy(prepared_of(train, [("good", 1), ("bad", 0), ("bad", 1), ("so bad", 0)])) == 0.75
    assert transfer.tfidf_accuracy(prepared_of([("\N{GRINNING FACE}", 1), ("!", 0)], [("?", 1)])) is None
