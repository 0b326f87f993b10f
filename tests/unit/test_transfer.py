"""What the notebooks and the studies share does what it says."""

import copy

import numpy as np
import pytest
import torch

from helpers import training
from helpers.batching import length_batches
from helpers.bert import SequenceClassifier, student_from
from helpers.corpora import Review, load_reviews, split_fold
from helpers.device import generator
from helpers.tokenization import encode
from helpers.transfer import (
    classification_examples,
    fine_tuned,
    ladder,
    probe,
    right_in_order,
    text_vectors,
    tfidf_baseline,
)

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
    def order(loader):
        return torch.cat([batch["index"] for batch in loader]).tolist()

    fixed, shuffled = (length_batches(examples, small_tokenizer, 8, numbers) for numbers in (None, generator(0)))
    state = torch.get_rng_state()
    epochs = [order(fixed), order(fixed), order(shuffled), order(shuffled)]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs) and len(fixed) == len(shuffled) == 7
    assert epochs[0] == epochs[1] and epochs[2] != epochs[3]
    assert epochs[2] == order(length_batches(examples, small_tokenizer, 8, generator(0))) != epochs[0]
    assert epochs[2] != order(length_batches(examples, small_tokenizer, 8, generator(1)))
    assert torch.equal(state, torch.get_rng_state()), "dropout's generator is left alone"


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


def test_fine_tuning_takes_any_number_of_classes(examples, small_tokenizer, small_encoder):
    options = {"seed": 0, "epochs": 1, "progress": False}
    names, calls = ["bad", "fair", "good"], []
    several = [example | {"labels": i % 3} for i, example in enumerate(examples)]
    model, history = fine_tuned(
        small_encoder, several, small_tokenizer, label_names=names, max_steps=1, evaluate=calls.append, **options
    )
    assert model.label_names == names and model.classifier.out_features == 3
    assert len(history.loss) == len(calls) == 1
    assert fine_tuned(small_encoder, examples, small_tokenizer, **options)[0].label_names == ["LABEL_0", "LABEL_1"]


def test_the_new_classifier_is_on_the_encoders_device(examples, small_tokenizer, small_encoder, monkeypatch):
    """On the meta device, which every machine has: left on the CPU, the classifier would fail on a GPU."""
    trained = []
    monkeypatch.setattr(training, "fine_tune", lambda model, *batches, **options: trained.append(model))
    fine_tuned(copy.deepcopy(small_encoder).to("meta"), examples, small_tokenizer, seed=0, epochs=1)
    assert {parameter.device.type for parameter in trained[0].parameters()} == {"meta"}


def test_what_is_made_of_an_encoder_has_its_precision(examples, small_tokenizer, small_encoder):
    exact = copy.deepcopy(small_encoder).double()
    student = student_from(exact, [0])
    model, history = fine_tuned(exact, examples, small_tokenizer, seed=0, epochs=1, progress=False)
    for made in (student, model):
        assert {parameter.dtype for parameter in made.parameters()} == {torch.float64}
    assert torch.equal(student.layers[0].output.weight, exact.layers[0].output.weight)
    assert len(history.loss) > 0


def test_only_the_chosen_layers_are_trained(examples, small_tokenizer, small_encoder):
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


# ---------------------------------------------------------------- the ladder


def test_the_ladders_first_rungs():
    once = iter(("majority", "TF-IDF + logistic regression"))  # can be read only once
    found = ladder(rows=100, rungs=once, progress=False)
    majority, tfidf = found.values()
    test = load_reviews("rotten_tomatoes", "test")
    assert majority["n"] == tfidf["n"] == len(test)
    positive = sum(review.label for review in test) / len(test)
    assert majority["accuracy"] in (pytest.approx(positive), pytest.approx(1 - positive))
    assert majority["trained_parameters"] == 0 and tfidf["accuracy"] == tfidf["right"].mean()


def test_the_ladder_learns_from_all_of_other_sentences():
    train, test = split_fold(0)
    found = ladder(sentences=(train, test), rungs=("majority", "TF-IDF + logistic regression"), progress=False)
    majority, tfidf = found.values()
    assert majority["n"] == tfidf["n"] == len(test)
    assert tfidf["accuracy"] > 0.7  # the few hundred sentences of a class run bring it to 0.61


def test_a_frozen_encoder_is_trained_all_the_same(tiny_encoder, small_tokenizer):
    """Unless train_layers says otherwise, everything is trained; and in the encoder's own type."""
    encoder = tiny_encoder(vocab_size=len(small_tokenizer), type_vocab_size=2).double()
    training.freeze(encoder)
    examples = [
        example | {"labels": i % 2} for i, example in enumerate(encode(small_tokenizer, ["good film", "bad"], 16))
    ]
    model, _ = fine_tuned(encoder, examples, small_tokenizer, seed=0, epochs=1, progress=False)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float64}
    for before, after in zip(encoder.layers[0].parameters(), model.encoder.layers[0].parameters(), strict=True):
        assert not before.requires_grad and after.requires_grad and not torch.equal(before, after)
    student = student_from(encoder, [0])
    assert {parameter.dtype for parameter in student.parameters()} == {torch.float64}


def test_text_vectors_leave_the_mode_as_it_was(tiny_encoder, small_tokenizer):
    encoder = tiny_encoder(vocab_size=len(small_tokenizer), type_vocab_size=2).train()
    examples = encode(small_tokenizer, ["good film", "bad"], 16)
    first, second = (text_vectors(encoder, examples, small_tokenizer)[-1, "cls"] for _ in range(2))
    assert encoder.training and (first == second).all()
