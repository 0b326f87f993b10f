"""What no other test sees: dropout's rates and places, how heads start, the optimizer's constants, settings that are
passed on, splits, and the order of copied layers. Each was once changed by hand, and every test stayed green."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers import batching, corpora, evaluation, training, transfer
from helpers.bert import Encoder, EncoderConfig, PreTrainingModel, SequenceClassifier, student_from
from helpers.device import generator
from helpers.lab.fast_pairs import draw_spans, lay_out
from helpers.training import Optimization, distillation_loss, fine_tune, make_optimizer, pretrain, soft_target_loss
from helpers.weights import CHECKPOINTS

CONFIG = EncoderConfig(50, 24, 2, 4, 40, 16, hidden_dropout_prob=0.25, attention_probs_dropout_prob=0.5)
BATCH, SEQ, HEADS, HIDDEN = 3, 5, 4, 24  # all different
IDS = torch.randint(5, 50, (BATCH, SEQ), generator=generator(0))


@pytest.fixture
def dropped(monkeypatch):
    """Every (rate, shape) that dropout acts on, in order; PyTorch's fused attention counts as its weights."""
    seen, plain, fused = [], F.dropout, F.scaled_dot_product_attention

    def dropout(x, p=0.5, training=True, inplace=False):
        if training and p:
            seen.append((p, tuple(x.shape)))
        return plain(x, p, training, inplace)

    def attention(query, key, value, attn_mask=None, dropout_p=0.0, **options):
        if dropout_p:
            seen.append((dropout_p, (*query.shape[:-1], key.shape[-2])))
        return fused(query, key, value, attn_mask, dropout_p, **options)

    monkeypatch.setattr(F, "dropout", dropout)
    monkeypatch.setattr(F, "scaled_dot_product_attention", attention)
    return seen


@pytest.mark.parametrize("need_weights", [False, True])
def test_dropout_acts_where_berts_does_and_at_its_own_rate(dropped, need_weights):
    """After the embeddings, inside the attention weights, and on what each half of a layer adds (Devlin et al. 2019,
    appendix A.2: 0.1 on all layers; two rates here, to tell them apart)."""
    states, weights = (0.25, (BATCH, SEQ, HIDDEN)), (0.5, (BATCH, HEADS, SEQ, SEQ))
    Encoder(CONFIG).train()(IDS, output_attentions=need_weights)
    assert dropped == [states, *[weights, states, states] * 2]
    dropped.clear()
    Encoder(CONFIG).eval()(IDS, output_attentions=need_weights)
    assert dropped == []


def test_the_classifier_drops_from_the_pooled_vector(dropped):
    SequenceClassifier(Encoder(CONFIG), 2).train()(IDS)
    assert dropped[-1] == (0.25, (BATCH, HIDDEN)) and len(dropped) == 8


@pytest.mark.parametrize("spread", [0.02, 0.3])
def test_heads_start_with_the_configurations_spread(spread):
    torch.manual_seed(0)
    config = EncoderConfig(50, 96, 1, 4, 40, 16, initializer_range=spread)
    encoder = Encoder(config)
    model = PreTrainingModel(encoder)
    parts = (
        SequenceClassifier(encoder, 50).classifier,
        model.mlm_head.dense,
        model.nsp_head.classifier,
        encoder.pooler,
    )
    for part in parts:
        # PyTorch's own start would be uniform, with a standard deviation of 0.06 here.
        assert part.weight.std().item() == pytest.approx(spread, rel=0.15) and not part.bias.any()
    assert not model.mlm_head.bias.any()


def test_the_optimizer_has_berts_constants():
    """Devlin et al. 2019, appendix A.2; eps is PyTorch's own."""
    optimizer = make_optimizer(nn.Linear(3, 2), 1e-3)
    assert type(optimizer) is torch.optim.AdamW and [len(group["params"]) for group in optimizer.param_groups] == [1, 1]
    for group, decay in zip(optimizer.param_groups, (0.01, 0.0), strict=True):
        assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.9, 0.999), 1e-8, decay)
        assert not group["amsgrad"] and not group["maximize"]


@pytest.mark.parametrize("loop", ["pretrain", "fine_tune"])
def test_the_loops_pass_their_settings_on(monkeypatch, loop):
    decays, norms, rates = [], [], []
    make, clip, rate = make_optimizer, nn.utils.clip_grad_norm_, training.set_learning_rate
    monkeypatch.setattr(
        training, "make_optimizer", lambda model, lr, decay: (decays.append((lr, decay)), make(model, lr, decay))[1]
    )
    monkeypatch.setattr(nn.utils, "clip_grad_norm_", lambda p, norm: (norms.append(norm), clip(p, norm))[1])
    monkeypatch.setattr(training, "set_learning_rate", lambda o, lr: (rates.append(lr), rate(o, lr)))
    optimization = Optimization(warmup_fraction=0.5, weight_decay=0.07, max_grad_norm=0.9)
    options = {"learning_rate": 0.008, "optimization": optimization, "progress": False}
    labels = torch.tensor([0, 1, 0])
    if loop == "pretrain":
        rows = {"input_ids": IDS, "labels": IDS, "next_sentence_label": labels}
        history = pretrain(
            PreTrainingModel(Encoder(CONFIG)), lambda _: [rows] * 4, steps=4, generator=generator(0), **options
        )
    else:
        rows = [{"input_ids": IDS, "labels": labels}] * 4
        history = fine_tune(SequenceClassifier(Encoder(CONFIG)), rows, epochs=1, **options)
    assert history.steps == [1, 2, 3, 4] and len(history.loss) == 4, "fewer steps than losses are read at once"
    assert decays == [(0.008, 0.07)] and norms == [0.9] * 4
    assert rates == pytest.approx([0.004, 0.008, 0.008, 0.004])


def test_gradients_are_clipped_by_their_norm_not_by_value():
    layer = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    training.training_step(layer, optimizer, {}, lambda m, _: ((m.weight * torch.tensor([[3.0, 4.0]])).sum(), {}), 1.0)
    assert layer.weight[0].tolist() == pytest.approx([-0.6, -0.8], abs=1e-5), "the direction stays, the length is 1"


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_distillation_uses_the_temperature_it_is_given(temperature):
    torch.manual_seed(0)
    teacher, student = (SequenceClassifier(Encoder(CONFIG), 3).eval() for _ in range(2))
    for model in (teacher, student):
        nn.init.normal_(model.classifier.weight, std=5.0)
    batch = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS), "labels": torch.tensor([0, 1, 2])}
    loss, parts = distillation_loss(teacher, temperature, (1.0, 0.0, 0.0))(student, batch)
    expected = soft_target_loss(student(IDS).logits, teacher(IDS).logits, temperature)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5) and parts["hard"] > 0
    other = soft_target_loss(student(IDS).logits, teacher(IDS).logits, 2.0)
    assert abs(other - expected) > 0.01 * expected


@pytest.mark.parametrize("make", [batching.frozen_windows, batching.held_out_batches])
@pytest.mark.parametrize("split", ["validation", "test"])
def test_what_is_judged_is_the_split_that_was_asked_for(monkeypatch, small_tokenizer, make, split):
    asked, load = [], batching.load_documents

    def load_documents(corpus, split):
        asked.append((corpus, split))
        return load(corpus, split)

    monkeypatch.setattr(batching, "load_documents", load_documents)
    found = make(small_tokenizer, 3, 32, split=split)
    assert asked == [("imdb", split)] and found
    asked.clear()
    make(small_tokenizer, 3, 32)
    assert asked == [("imdb", "validation")], "the test split only when it is named"


def test_copied_layers_keep_the_order_they_are_given_in():
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig(50, 24, 3, 4, 40, 16))
    student = student_from(encoder, [2, 0])
    for copied, layer in zip(student.layers, (encoder.layers[2], encoder.layers[0]), strict=True):
        assert torch.equal(copied.attention.query.weight, layer.attention.query.weight)
    assert torch.equal(student.pooler.weight, encoder.pooler.weight)
    with torch.no_grad():
        student.layers[0].output.weight.zero_()
    assert encoder.layers[2].output.weight.any(), "a copy, not the layer itself"


def test_padding_is_filled_with_what_each_key_needs():
    rows = [
        {"input_ids": [7, 8, 9], "labels": [1, -100, 2], "special_tokens_mask": [1, 0, 1], "token_type_ids": [0, 1, 1]},
        {"input_ids": [7], "labels": [3], "special_tokens_mask": [0], "token_type_ids": [1]},
    ]
    batch = batching.pad(rows, pad_token_id=6)
    found = SimpleNamespace(**{key: tensor[1].tolist() for key, tensor in batch.items()})
    assert found.input_ids == [7, 6, 6] and found.labels == [3, -100, -100]
    assert found.special_tokens_mask == [0, 1, 1] and found.token_type_ids == [1, 0, 0]
    assert found.attention_mask == [1, 0, 0]


def test_an_epoch_that_is_cut_short_ends_there_at_a_rate_of_zero(monkeypatch):
    rates, rate = [], training.set_learning_rate
    monkeypatch.setattr(training, "set_learning_rate", lambda o, lr: (rates.append(lr), rate(o, lr)))
    rows = [{"input_ids": IDS, "labels": torch.tensor([0, 1, 0])}] * 4
    options = {"learning_rate": 0.006, "optimization": Optimization(warmup_fraction=0.0), "progress": False}
    history = fine_tune(SequenceClassifier(Encoder(CONFIG)), rows, epochs=2, max_steps=6, **options)
    assert history.steps == [1, 2, 3, 4, 5, 6] and rates == pytest.approx([0.006, 0.005, 0.004, 0.003, 0.002, 0.001])


def test_labeled_batches_come_in_the_order_of_their_generator():
    rows = [{"input_ids": [5] * (1 + i % 7), "labels": i % 2} for i in range(40)]
    tokenizer = SimpleNamespace(pad_token_id=0)

    def orders(seed: int) -> list[list[int]]:
        loader = batching.length_batches(rows, tokenizer, 4, generator(seed))
        return [[i for batch in loader for i in batch["index"].tolist()] for _ in range(2)]

    first, second = orders(0)
    assert first != second and orders(0) == [first, second] and orders(1)[0] != first
    fixed = [[i for b in batching.length_batches(rows, tokenizer, 4) for i in b["index"].tolist()] for _ in range(2)]
    assert fixed[0] == fixed[1] and sorted(first) == sorted(fixed[0]) == list(range(40))


@pytest.mark.parametrize("make", [batching.pretraining_batches, batching.window_batches])
def test_masks_are_drawn_from_the_epochs_generator(monkeypatch, small_tokenizer, documents, make):
    given, collator = [], batching.MlmCollator

    def recording(tokenizer, generator, **options):
        given.append(generator)
        return collator(tokenizer, generator, **options)

    monkeypatch.setattr(batching, "MlmCollator", recording)
    draws = generator(3)
    next(iter(make(documents, small_tokenizer, 32, 8)(draws)))
    assert len(given) == 1 and given[0] is draws


def test_of_two_equal_texts_the_first_stays(monkeypatch, tmp_path):
    texts = [(source, f"text {i}", i % 2) for source in corpora.CORPORA for i in range(200)]
    copies = [(source, f"  TEXT   {text.split()[1]} ", 1 - label) for source, text, label in texts]
    with (tmp_path / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("source", "text", "label"), *texts, *copies])
    monkeypatch.setattr(corpora, "wheel_csv", lambda: tmp_path / "reviews.csv")
    monkeypatch.setattr(corpora, "verify_wheel", lambda path: "")
    splits = corpora._splits.__wrapped__()
    found = {(source, review.text, review.label) for (source, _), reviews in splits.items() for review in reviews}
    assert found == set(texts) and sum(map(len, splits.values())) == len(texts)


def test_the_bootstraps_interval_covers_95_percent():
    """With each value in a group of its own it is nearly the normal one, 1.96 standard errors to each side."""
    values = np.random.default_rng(0).random(900) < 0.3
    low, high = evaluation.bootstrap_interval(values, np.arange(900))
    error = values.std() / 30
    assert (high - low) / (2 * error) == pytest.approx(1.96, rel=0.06)  # 90 percent would be 1.64
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.2 * error)


def test_the_seed_of_fine_tuning_reaches_its_batches(monkeypatch, tiny_encoder, small_tokenizer):
    seeds, make = [], transfer.length_batches

    def recording(examples, tokenizer, batch_size, generator):
        seeds.append(generator.initial_seed())
        return make(examples, tokenizer, batch_size, generator)

    monkeypatch.setattr(transfer, "length_batches", recording)
    rows = [{"input_ids": [2, 5 + i, 3], "labels": i % 2} for i in range(4)]
    for seed in (3, 11):
        transfer.fine_tuned(tiny_encoder(), rows, small_tokenizer, seed=seed, epochs=1, progress=False)
    assert seeds == [3, 11]


def test_a_learning_rate_is_chosen_on_the_validation_split(monkeypatch):
    asked, load = [], transfer.load_reviews
    monkeypatch.setattr(transfer, "load_reviews", lambda name, split: (asked.append(split), load(name, split))[1])
    found = transfer.learning_rate_sweep(8, (1e-4,), name_or_path=CHECKPOINTS / "tiny-bert", progress=False)
    assert asked == ["train", "validation"] and found[1e-4]["n"] == 8


def test_the_majority_class_is_that_of_the_texts_to_train_on(tiny_encoder, small_tokenizer):
    labels = {"train": [0, 0, 0, 1], "validation": [0, 1], "test": [1, 1, 1, 0]}
    examples = {split: [{"input_ids": [2, 7, 3], "labels": i} for i in numbers] for split, numbers in labels.items()}
    texts = {split: [f"good film {i}" for i in numbers] for split, numbers in labels.items()}
    prepared = transfer.Prepared(["a", "b"], examples, texts, 0, 0, 0)
    report = transfer.score_test_split(SequenceClassifier(tiny_encoder()).eval(), prepared, small_tokenizer)
    assert report["majority"] == 0.25, "class 0, the most frequent to train on, is one in four here"


def test_pairs_in_bulk_lose_tokens_at_both_ends():
    text = lay_out([[list(range(40)), list(range(40, 80))], [list(range(80, 120)), list(range(120, 160))]])
    front = cut = 0
    for seed in range(40):
        spans = draw_spans(text, 23, generator(seed))
        for start, length in ((spans.start_a, spans.length_a), (spans.start_b, spans.length_b)):
            front += int((start % 40).sum())
            cut += int((40 - length).sum())
    assert cut > 2000 and abs(front / cut - 0.5) < 0.05
