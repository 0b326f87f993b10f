"""General English for minilm-mlm: WordNet's lines become sentences, none of them gives a cloze sentence away, and the
training reads them beside the reviews."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from helpers.batching import window_batches
from helpers.device import generator
from helpers.evaluation import cloze_sentences
from helpers.lab import wordnet
from helpers.lab.studies import minilm_mlm
from helpers.results import load_result
from helpers.tokenization import load_tokenizer

DATA = Path(__file__).parents[2] / "data"
SYNSETS = {  # lines of our own, in WordNet's format
    "noun": [
        "  1 This line stands for the license.",
        "00000001 05 n 01 tabby_cat 0 001 @ 00000002 n 0000 | a cat with (usually grey) stripes; a mouser; "
        '"the tabby cat slept on the roof"; "a tabby"',
        "00000002 05 n 01 ore 0 000 | an earth that metal is won from",
        "00000003 15 n 01 Lisbon 0 000 | capital of Portugal",
    ],
    "verb": ['00000004 29 v 01 nibble 0 000 01 + 08 00 | eat with small bites; "she nibbled at a piece of cheese!"'],
    "adj": ["00000005 00 a 01 asleep(p) 0 000 | in a state of sleep"],
    "adv": ["00000006 02 r 01 at_dawn 0 000 | when the sun comes up"],
}


@pytest.fixture
def folder(tmp_path):
    for part, lines in SYNSETS.items():
        (tmp_path / f"data.{part}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_synsets_become_sentences(folder):
    definitions, examples = wordnet.read_sentences(folder)
    assert definitions == [
        "A tabby cat is a cat with stripes.",
        "An ore is an earth that metal is won from.",
        "Lisbon is capital of Portugal.",
        "To nibble is to eat with small bites.",
        "Asleep means in a state of sleep.",
        "At dawn means when the sun comes up.",
    ]
    assert examples == ["The tabby cat slept on the roof.", "She nibbled at a piece of cheese!"]


def test_a_missing_file_is_named(folder):
    (folder / "data.adv").unlink()
    with pytest.raises(FileNotFoundError, match=r"data\.adv is not there: install Debian's wordnet-base"):
        wordnet.read_sentences(folder)


def test_what_shares_five_words_in_a_row_is_dropped():
    sentences = [{"text": "The [MASK] slept on the roof.", "accepted": ["tabby", "cat"]}]
    kept = ["The dog slept on the roof!", "On the roof the cat slept.", "Cat", "A cat slept on a roof of the house."]
    dropped = ["The tabby cat slept on the roof.", "THE CAT, slept on the hill", "He slept on, the tabby slept on the"]
    assert wordnet.without_overlap([*kept, *dropped], sentences) == kept
    assert wordnet.without_overlap(dropped, [sentences[0] | {"accepted": ["bird"]}]) == dropped


def test_the_two_sets_of_sentences_have_no_five_words_in_common():
    ours, theirs = (cloze_sentences(name) for name in ("cloze_development", "cloze_sentences"))
    assert len(ours) == len(theirs) == 12
    filled = [s["text"].replace("[MASK]", word) for s in ours for word in s["accepted"]]
    assert wordnet.without_overlap(filled, theirs) == filled
    for entry in ours:
        assert entry["text"].count("[MASK]") == 1 and entry["accepted"]


def test_of_five_steps_so_many_read_sentences():
    tokenizer = load_tokenizer()
    reviews = [[[2023, 3185, 2003, 2204, 1012]] * 40 for _ in range(3)]
    sentences = [[1037 + i, 4937, 2938, 1012] for i in range(96)]
    settings = minilm_mlm.GeneralSettings(steps=0, general=3, sentences=8, windows=2, max_length=32)
    windows = window_batches(reviews, tokenizer, 32, 2, mask_probability=0.3)
    batches = minilm_mlm.alternating(windows, sentences, tokenizer, settings)
    epoch = list(batches(generator(0)))
    kinds = ["sentences" if batch["input_ids"].shape[1] == 6 else "reviews" for batch in epoch]
    assert Counter(kinds) == {"sentences": 12, "reviews": 6}, "the last sentences end the epoch"
    assert kinds[:10] == 2 * (["sentences"] * 3 + ["reviews"] * 2)
    firsts = torch.cat(
        [b["labels"].where(b["labels"] >= 0, b["input_ids"])[:, 1] for b in epoch if len(b["labels"]) == 8]
    )
    assert sorted(firsts.tolist()) == [1037 + i for i in range(96)], "every sentence once"
    again = list(batches(generator(0)))
    assert all(torch.equal(a["labels"], b["labels"]) for a, b in zip(epoch, again, strict=True))


def test_the_training_reads_both_and_says_what_it_dropped(folder, monkeypatch, tmp_path):
    (folder / "data.noun").write_text(
        SYNSETS["noun"][1] + '; "Paris is the capital of France"\n' + "\n".join(SYNSETS["noun"][2:]) + "\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path / "runs"))
    whole = minilm_mlm.frozen_windows
    monkeypatch.setattr(minilm_mlm, "frozen_windows", lambda *args, **kw: whole(*args, **kw)[:1])
    sizes = {"sentences": 4, "windows": 2, "max_length": 48, "documents": 4, "folder": str(folder), "evaluations": 1}
    model, found = minilm_mlm.train_on_general_english(steps=5, **sizes)
    assert found["dropped"]["examples"] == 1 and found["dropped"]["definitions"] == 0
    assert 0 <= found["start"]["development_first"] <= found["start"]["development_right"] <= 12
    assert found["start"]["kinds"]["mask"]["loss"] != found["curve"][0]["loss"] > 0
    assert [p.requires_grad for p in model.encoder.layers[2].parameters()] == [False] * 16
    assert all(p.requires_grad for p in model.encoder.layers[3].parameters())
    assert not list((tmp_path / "runs").glob("*")), "a finished run leaves no checkpoint"


def test_no_text_of_wordnet_is_committed():
    assert not [path for path in DATA.rglob("*") if path.name.startswith("data.") or "wordnet" in path.name]
    assert load_result("minilm-mlm-full")["arms"]
