"""WordPiece: the pretrained tokenizer and the ones we train."""

import hashlib

import pytest
from transformers import AutoTokenizer

from helpers import tokenization
from helpers.corpora import load_reviews
from helpers.evaluation import cloze_sentences
from helpers.tokenization import SPECIAL_TOKENS, encode, load_tokenizer, ordinary_ids, special_ids, train_wordpiece

TEXTS = ["Café at noon: a GREAT film.", "Unwatchable", "ok"]


@pytest.fixture(scope="module")
def texts():
    return [review.text for review in load_reviews("rotten_tomatoes", "train")[:400]]


def test_the_pretrained_vocabulary(tokenizer):
    assert len(tokenizer) == 30522
    assert special_ids(tokenizer) == [0, 100, 101, 102, 103]
    assert tokenizer.tokenize("Unaffable CAFÉ") == ["una", "##ffa", "##ble", "cafe"]
    assert len(ordinary_ids(tokenizer)) == 30522 - 5 - 994  # the released vocabulary keeps 994 [unused…] entries


def test_every_answer_to_an_everyday_sentence_is_one_piece(tokenizer):
    """Otherwise fill-mask, which writes one piece, could never give it."""
    sentences = [*cloze_sentences("cloze_sentences"), *cloze_sentences("cloze_development")]
    assert len(sentences) == 24
    for sentence in sentences:
        assert sentence["text"].count("[MASK]") == 1 and sentence["accepted"]
        assert all(tokenizer.tokenize(answer) == [answer] for answer in sentence["accepted"]), sentence


def test_a_tokenizer_without_segments_of_its_own(small_tokenizer, monkeypatch):
    """Some tokenizers on the hub name no token_type_ids among their inputs."""
    expected = encode(small_tokenizer, TEXTS, max_length=64)
    monkeypatch.setattr(small_tokenizer, "model_input_names", ["input_ids", "attention_mask"])
    assert "token_type_ids" not in small_tokenizer("ok")
    assert encode(small_tokenizer, TEXTS, max_length=64) == expected


def test_training_fills_the_vocabulary_exactly(small_tokenizer):
    vocabulary = small_tokenizer.get_vocab()
    assert sorted(vocabulary.values()) == list(range(600))
    assert [small_tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS] == special_ids(small_tokenizer)
    assert special_ids(small_tokenizer) == [0, 1, 2, 3, 4]
    assert ordinary_ids(small_tokenizer) == list(range(5, 600))
    assert any(token.startswith("##") for token in vocabulary)


def test_training_is_repeatable(small_tokenizer, texts):
    assert train_wordpiece(iter(texts), 600).get_vocab() == small_tokenizer.get_vocab()


def test_a_trained_tokenizer_works_like_berts(small_tokenizer, tokenizer):
    """Same lower-casing, same splitting, same special tokens and segments; only the pieces differ."""
    for text in TEXTS:
        assert "".join(small_tokenizer.tokenize(text)).replace("##", "") == "".join(tokenizer.tokenize(text)).replace(
            "##", ""
        )
    pair = small_tokenizer("the film", "is good")
    a, b = (small_tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("the film", "is good"))
    assert pair["input_ids"] == [2, *a, 3, *b, 3]
    assert pair["token_type_ids"] == [0] * (len(a) + 2) + [1] * (len(b) + 1)
    assert small_tokenizer.decode(a) == "the film"
    assert small_tokenizer.tokenize("☃ film") == ["[UNK]", "film"]


def test_saved_and_read_back(small_tokenizer, tmp_path):
    small_tokenizer.save_pretrained(tmp_path)
    for again in (load_tokenizer(tmp_path), AutoTokenizer.from_pretrained(tmp_path)):
        assert again.get_vocab() == small_tokenizer.get_vocab()
        assert special_ids(again) == special_ids(small_tokenizer)
        for text in TEXTS:
            assert dict(again(text, text)) == dict(small_tokenizer(text, text))


def test_a_vocabulary_that_the_texts_cannot_fill_is_refused():
    with pytest.raises(ValueError, match="gave only .* pieces of 8000"):
        train_wordpiece(["too little text"], 8000)


@pytest.mark.parametrize("which", ["tokenizer", "small_tokenizer"])
def test_encode_equals_the_tokenizer(which, request):
    tokenizer = request.getfixturevalue(which)
    for text, example in zip(TEXTS, encode(tokenizer, TEXTS, max_length=64), strict=True):
        expected = tokenizer(text, return_special_tokens_mask=True)
        assert example == {key: expected[key] for key in ("input_ids", "token_type_ids", "special_tokens_mask")}
        assert example["special_tokens_mask"] == [1] + [0] * (len(example["input_ids"]) - 2) + [1]
    assert encode(tokenizer, [], max_length=64) == []


def test_nothing_is_cut_unless_asked(tokenizer):
    text = "one two three four five six"
    whole = encode(tokenizer, [text], max_length=8)[0]["input_ids"]  # exactly as long as allowed
    assert len(whole) == 8
    with pytest.raises(ValueError, match="8 tokens, more than 7: truncate=True"):
        encode(tokenizer, ["short", text], max_length=7)
    short, cut = encode(tokenizer, ["short", text], max_length=5, truncate=True)
    assert cut["input_ids"] == whole[:4] + whole[-1:]  # the end goes, [SEP] stays
    assert cut["special_tokens_mask"] == [1, 0, 0, 0, 1] and cut["token_type_ids"] == [0] * 5
    assert len(short["input_ids"]) == 3


def test_a_folder_without_a_tokenizer_is_refused(tmp_path, tiny_encoder):
    """transformers would quietly make one up that knows five tokens."""
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="holds no tokenizer"):
        load_tokenizer(tmp_path)


def test_the_wheel_is_hashed_once_for_each_state_of_its_files(monkeypatch, tmp_path):
    """90 MB at every load_tokenizer() would be felt; a file that has changed is read again."""
    for name in tokenization.WHEEL_SHA256:
        (tmp_path / name).write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    monkeypatch.setattr(tokenization, "WHEEL_SHA256", dict.fromkeys(tokenization.WHEEL_SHA256, digest))
    read = []
    hashed = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, kind: (read.append(file.name), hashed(file, kind))[1])
    for _ in range(3):
        tokenization.verify_wheel(tmp_path)
    assert len(read) == len(tokenization.WHEEL_SHA256)
    (tmp_path / "config.json").write_bytes(b"others")
    with pytest.raises(ValueError, match="config.json has sha256"):
        tokenization.verify_wheel(tmp_path)
