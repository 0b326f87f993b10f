"""What the notebooks and the studies share does what it says."""

import copy

import numpy as np
import pytest
import torch

from helpers import training
from helpers.bert import IGNORE, SequenceClassifier
from helpers.corpora import Review, load_documents, load_reviews
from helpers.recipes import (
    classification_examples,
    fine_tuned,
    held_out_batches,
    length_batches,
    nsp_baselines,
    nsp_features,
    own_vocabulary,
    pretraining_batches,
    probe,
    right_in_order,
    static_batches,
    text_vectors,
    tfidf_baseline,
    tiny_config,
    window_batches,
    without_dropout,
)
from helpers.runtime import generator
from helpers.sentence_pairs import Pair, make_nsp_pairs

# ---------------------------------------------------------------- classification


@pytest.fixture(scope="module")
def reviews():
    return load_reviews("rotten_tomatoes", "test")[:50]


@pytest.fixture(scope="module")
def examples(reviews, small_tokenizer):
    return classification_examples(reviews, small_tokenizer, max_length=128)


@pytest.fixture(scope="module")
def small_encoder(small_tokenizer, tiny_encoder):
    return tiny_encoder(vocab_size=len(small_tokenizer), max_position_embeddings=128)


def test_examples_keep_text_and_label(reviews, examples, small_tokenizer):
    for review, example in zip(reviews, examples, strict=True):
        assert example["labels"] == review.label
        assert example["input_ids"] == small_tokenizer(review.text)["input_ids"]
    long = [Review("good " * 200, 1)]
    with pytest.raises(ValueError, match="truncate=True"):
        classification_examples(long, small_tokenizer)
    assert len(classification_examples(long, small_tokenizer, truncate=True)[0]["input_ids"]) == 128


def test_epochs_of_examples(examples, small_tokenizer):
    batches = length_batches(examples, small_tokenizer, batch_size=8)
    for epoch in (batches(generator(0)), batches(), batches(None)):
        assert sorted(torch.cat([batch["index"] for batch in epoch]).tolist()) == list(range(50))
    first, second = (torch.cat([batch["index"] for batch in batches(generator(seed))]).tolist() for seed in (0, 1))
    assert first != second


def test_predictions_are_put_back_in_order(examples, small_tokenizer, small_encoder, reviews):
    model = SequenceClassifier(small_encoder).eval()
    with torch.no_grad():
        model.classifier.weight.mul_(50)
        one_by_one = [
            model(torch.tensor([example["input_ids"]])).logits.argmax().item() == example["labels"]
            for example in examples
        ]
    right = right_in_order(model, examples, small_tokenizer)
    assert right.dtype == bool and right.tolist() == one_by_one and 0 < sum(one_by_one) < 50
    # Of any list of examples: some left out, two lists joined.
    assert right_in_order(model, examples[::3], small_tokenizer).tolist() == one_by_one[::3]
    assert right_in_order(model, examples[9:] + examples, small_tokenizer).tolist() == one_by_one[9:] + one_by_one


@torch.no_grad()
def test_vectors_are_those_of_each_text_alone(examples, small_tokenizer, small_encoder):
    vectors = text_vectors(small_encoder, examples, small_tokenizer, poolings=("cls", "mean", "max"), layers=(0, 2, -1))
    assert vectors.keys() == {(layer, pooling) for layer in (0, 2, -1) for pooling in ("cls", "mean", "max")}
    for i in (0, 17, 49):
        states = small_encoder(torch.tensor([examples[i]["input_ids"]]), output_hidden_states=True).hidden_states
        for (layer, pooling), rows in vectors.items():
            state = states[layer][0]
            expected = {"cls": state[0], "mean": state.mean(0), "max": state.max(0).values}[pooling]
            np.testing.assert_allclose(rows[i], expected, rtol=0, atol=1e-5)


def test_a_probe_finds_what_is_there_and_nothing_else():
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 600)
    noise = draw.normal(size=(600, 5))
    told = noise + np.outer(labels, [3, 0, 0, 0, 0])
    assert probe(told[:300], labels[:300], told[300:], labels[300:]).mean() > 0.85
    assert probe(noise[:300], labels[:300], noise[300:], labels[300:]).mean() < 0.6


def test_tfidf_reads_words():
    train = [Review("a fine film", 1), Review("a dull film", 0), Review("fine fun", 1), Review("dull and long", 0)]
    assert tfidf_baseline(train, [Review("fine", 1), Review("dull", 0), Review("dull", 1)]).tolist() == [
        True,
        True,
        False,
    ]


def test_fine_tuning_leaves_the_encoder_it_is_given_alone(examples, small_tokenizer, small_encoder):
    before = copy.deepcopy(small_encoder.state_dict())
    options = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 16, "progress": False}
    model, history = fine_tuned(small_encoder, examples, small_tokenizer, seed=1, **options)
    again, _ = fine_tuned(small_encoder, examples, small_tokenizer, seed=1, **options)
    other, _ = fine_tuned(small_encoder, examples, small_tokenizer, seed=2, **options)
    assert all(torch.equal(tensor, before[key]) for key, tensor in small_encoder.state_dict().items())
    assert len(history.loss) == 4 and not model.training
    weight = "encoder.layers.0.attention.query.weight"
    assert torch.equal(model.state_dict()[weight], again.state_dict()[weight])
    assert not torch.equal(model.state_dict()[weight], other.state_dict()[weight])


def test_the_new_classifier_lies_where_the_encoder_does(examples, small_tokenizer, small_encoder, monkeypatch):
    """On the meta device, which every machine has: left on the CPU, the classifier would fail on a GPU."""
    trained = []
    monkeypatch.setattr(training, "fine_tune", lambda model, *batches, **options: trained.append(model))
    fine_tuned(copy.deepcopy(small_encoder).to("meta"), examples, small_tokenizer, seed=0, epochs=1)
    assert {parameter.device.type for parameter in trained[0].parameters()} == {"meta"}


def test_only_the_layers_asked_for_are_trained(examples, small_tokenizer, small_encoder):
    with pytest.raises(ValueError, match="train_layers is 9; the encoder has"):
        fine_tuned(small_encoder, examples, small_tokenizer, seed=0, epochs=1, train_layers=9)
    model, _ = fine_tuned(
        small_encoder, examples, small_tokenizer, seed=0, epochs=1, learning_rate=1e-3, train_layers=1, progress=False
    )
    changed = {
        name
        for name, tensor in model.encoder.state_dict().items()
        if not torch.equal(tensor, small_encoder.state_dict()[name])
    }
    assert changed == {name for name in model.encoder.state_dict() if name.startswith(("layers.2.", "pooler."))}


# ---------------------------------------------------------------- pre-training


def test_epochs_of_pairs_are_fresh_and_repeat_with_the_seed(documents, small_tokenizer):
    batches = pretraining_batches(documents[:4], small_tokenizer, max_length=32, batch_size=8)
    draw = generator(0)
    first, second = list(batches(draw)), list(batches(draw))
    again = list(batches(generator(0)))
    assert same(first, again) and not same(first, second)
    assert first[0].keys() == {"input_ids", "token_type_ids", "attention_mask", "labels", "next_sentence_label"}
    assert all(batch["input_ids"].shape[1] <= 32 for batch in first)
    without = next(iter(pretraining_batches(documents[:4], small_tokenizer, 32, 8, next_sentence=False)(generator(0))))
    assert "next_sentence_label" not in without


def same(epoch: list[dict], other: list[dict]) -> bool:
    return len(epoch) == len(other) and all(
        a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a) for a, b in zip(epoch, other)
    )


@pytest.mark.parametrize("copies", [1, 3])
def test_static_masks_come_back_and_dynamic_ones_do_not(documents, small_tokenizer, copies):
    dynamic = pretraining_batches(documents[:4], small_tokenizer, max_length=32, batch_size=8)
    static = static_batches(dynamic, copies)
    draw = generator(0)
    epochs = [list(static(draw)) for _ in range(3 * copies)]
    for i, epoch in enumerate(epochs):
        for j, other in enumerate(epochs):
            assert same(epoch, other) == (i % copies == j % copies)
    assert same(list(static_batches(dynamic, copies)(generator(7))), epochs[0])  # as another process makes them
    fresh = [list(dynamic(draw)) for _ in range(3)]
    assert not same(fresh[0], fresh[1]) and not same(fresh[1], fresh[2])


def test_held_out_batches_are_frozen(small_tokenizer):
    first = held_out_batches(small_tokenizer, documents=3, max_length=32)
    torch.manual_seed(99)
    assert same(first, held_out_batches(small_tokenizer, documents=3, max_length=32))
    assert all((batch["labels"] != IGNORE).any() for batch in first)


def test_windows_are_single_texts_with_nothing_special_masked(documents, small_tokenizer):
    epoch = list(window_batches(documents, small_tokenizer, 32, 8, mask_probability=0.3)(generator(0)))
    chosen = torch.cat([(batch["labels"] != IGNORE)[batch["attention_mask"].bool()] for batch in epoch])
    assert 0.2 < chosen.float().mean() < 0.35
    for batch in epoch:
        assert "next_sentence_label" not in batch and batch["input_ids"].shape[1] <= 32
        restored = batch["input_ids"].where(batch["labels"] == IGNORE, batch["labels"])
        assert (restored[:, 0] == small_tokenizer.cls_token_id).all()
        assert ((restored == small_tokenizer.sep_token_id).sum(1) == 1).all()
    assert not same(epoch, list(window_batches(documents, small_tokenizer, 32, 8)(generator(1))))


def test_without_dropout_training_is_the_same_twice(tiny_encoder, batch):
    model = tiny_encoder(hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.2).train()
    assert not torch.equal(model(**batch).last_hidden_state, model(**batch).last_hidden_state)
    assert without_dropout(model) is model
    assert torch.equal(model(**batch).last_hidden_state, model(**batch).last_hidden_state)


def test_an_own_vocabulary_is_learned_from_reviews_of_the_train_split():
    tokenizer, tokenized = own_vocabulary(documents=20, vocab_size=400)
    assert len(tokenizer) == 400 and len(tokenized) == 20
    words = tokenizer.decode(tokenized[0][0])
    start = "".join(load_documents("imdb", "train")[0].lower().split())
    assert start.startswith("".join(words.split())[:20])


def test_the_tiny_shape(small_tokenizer):
    config = tiny_config(small_tokenizer, max_length=64)
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (128, 2, 2)
    assert (config.intermediate_size, config.vocab_size, config.max_position_embeddings) == (512, 600, 64)


# ---------------------------------------------------------------- next sentence


def test_what_can_be_seen_of_a_pair_without_reading_it():
    pair = Pair((1, 2, 2, 3), (3, 4), 0)
    features = nsp_features([pair])
    assert features["overlap"].tolist() == [[pytest.approx(1 / 4)]] and features["lengths"].tolist() == [[4, 2]]


def test_baselines_without_reading(documents):
    train, test = (make_nsp_pairs(documents, 64, generator(seed))[0] for seed in (0, 1))
    found = nsp_baselines(train, test)
    assert found.keys() == {"majority", "lengths only", "word overlap"}
    assert all(right.dtype == bool and right.shape == (len(test),) for right in found.values())
    assert found["lengths only"].mean() < 0.62, "the label can be read off the lengths"
