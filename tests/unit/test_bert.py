"""Our encoder equals transformers' with the real weights, and its heads do what the paper says."""

import copy
import math

import pytest
import torch
from torch.nn import functional as F
from transformers import BertModel

from helpers.bert import (
    NEIGHBOURS,
    STARTS,
    Encoder,
    EncoderConfig,
    PreTrainingModel,
    SequenceClassifier,
    count_parameters,
    make_config,
    pool,
    start_with_neighbours,
    started,
)
from helpers.masking import IGNORE
from helpers.tokenization import wheel_folder

FIRST = [
    "The [MASK] sat on the mat.",
    "An unflinching, heartfelt and surprisingly funny film; see it twice!",
    "Dull.",
    "I loved the first half, but the ending (all forty minutes of it) made me want to ask for my money back.",
]
SECOND = ["It was asleep.", "I did.", "Nobody in the audience laughed, not even once.", "The popcorn was good."]
INPUTS = {
    "single sentence": ([FIRST[1]], None),
    "padded batch": (FIRST, None),
    "padded batch of pairs": (FIRST, SECOND),
}


@pytest.fixture(scope="module", params=[(torch.float32, 1e-5), (torch.float64, 1e-9)], ids=["float32", "float64"])
def both(request, encoder):
    """Our encoder, transformers' model of the same weights with its plainest attention, and how far they may differ."""
    dtype, bound = request.param
    reference = BertModel.from_pretrained(wheel_folder(), attn_implementation="eager", dtype=dtype).eval()
    return copy.deepcopy(encoder).to(dtype), reference, bound


@pytest.mark.parametrize("name", INPUTS)
def test_equals_transformers_at_every_layer(both, tokenizer, name):
    encoder, reference, bound = both
    inputs = tokenizer(*INPUTS[name], padding=True, return_tensors="pt")
    assert inputs["token_type_ids"].any() == (INPUTS[name][1] is not None)
    real = inputs["attention_mask"].bool()
    with torch.no_grad():
        fused = encoder(**inputs, output_hidden_states=True)
        plain = encoder(**inputs, output_hidden_states=True, output_attentions=True)
        theirs = reference(**inputs, output_hidden_states=True, output_attentions=True)
    for ours in (fused, plain):
        assert len(ours.hidden_states) == len(theirs.hidden_states) == 7
        for mine, expected in zip(ours.hidden_states, theirs.hidden_states):
            torch.testing.assert_close(mine[real], expected[real], rtol=0, atol=bound)
        assert ours.last_hidden_state is ours.hidden_states[-1]
        pooled = encoder.pool(ours.last_hidden_state)
        torch.testing.assert_close(pooled, theirs.pooler_output, rtol=0, atol=bound)
    assert fused.attentions is None
    for mine, expected in zip(plain.attentions, theirs.attentions, strict=True):
        looking = real[:, None, :, None].expand_as(mine)  # a padding query's weights mean nothing
        torch.testing.assert_close(mine[looking], expected[looking], rtol=0, atol=bound)


def test_without_masks_and_segments_the_defaults_are_all_real_and_first(encoder, tokenizer):
    input_ids = tokenizer([FIRST[0]], return_tensors="pt")["input_ids"]
    with torch.no_grad():
        short = encoder(input_ids).last_hidden_state
        full = encoder(
            input_ids, torch.ones_like(input_ids), torch.zeros_like(input_ids), torch.arange(input_ids.shape[1])[None]
        ).last_hidden_state
    torch.testing.assert_close(short, full, rtol=0, atol=1e-5)


def test_parameters_are_counted_by_formula(encoder):
    c = encoder.config
    h, wide = c.hidden_size, c.intermediate_size
    embeddings = (c.vocab_size + c.max_position_embeddings + c.type_vocab_size) * h + 2 * h
    layer = 4 * (h * h + h) + (h * wide + wide) + (wide * h + h) + 2 * 2 * h
    assert count_parameters(encoder) == embeddings + c.num_hidden_layers * layer + h * h + h == 22_713_216


def test_the_defaults_are_bert_base():
    with torch.device("meta"):
        assert count_parameters(Encoder(EncoderConfig())) == 109_482_240  # as google-bert/bert-base-uncased


def test_initial_weights(tiny_encoder):
    encoder = Encoder(EncoderConfig(vocab_size=2000, hidden_size=64, num_hidden_layers=1, num_attention_heads=1))
    assert encoder.embeddings.word.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert encoder.layers[0].attention.query.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert (encoder.layers[0].output.bias == 0).all() and (encoder.layers[0].output_norm.weight == 1).all()
    assert (encoder.embeddings.word.weight[encoder.config.pad_token_id] == 0).all()


@pytest.mark.parametrize("num_attention_heads", [2, 6])
def test_a_start_that_knows_its_neighbours(num_attention_heads):
    torch.manual_seed(0)
    config = EncoderConfig(500, 32 * num_attention_heads, 2, num_attention_heads, 64, 128, initializer_range=0.06)
    encoder = Encoder(config).eval()
    untouched = {name: p.clone() for name, p in encoder.named_parameters()}
    start_with_neighbours(encoder)
    first, second = encoder(torch.randint(1, 500, (4, 128)), output_attentions=True).attentions
    for head, offset in zip(range(num_attention_heads), NEIGHBOURS):
        places = torch.arange(4, 124)
        assert first[:, head, places, places + offset].mean() > 0.5  # of the attention goes to that neighbour
        assert second[:, head, places, places + offset].mean() < 0.1
    changed = {name for name, p in encoder.named_parameters() if not torch.equal(p, untouched[name])}
    assert changed == {
        "embeddings.word.weight",
        "embeddings.position.weight",
        "layers.0.attention.query.weight",
        "layers.0.attention.key.weight",
    }


def test_position_ids_say_where_a_token_stands(tiny_encoder):
    encoder = tiny_encoder()
    input_ids = torch.randint(5, 50, (1, 6))
    order = torch.randperm(6)
    before = encoder(input_ids).last_hidden_state
    moved = encoder(input_ids[:, order], position_ids=order[None]).last_hidden_state
    torch.testing.assert_close(moved, before[:, order], rtol=0, atol=1e-5)
    assert (encoder(input_ids[:, order]).last_hidden_state - before[:, order]).abs().max() > 1e-2


def test_dropout_acts_in_training_only(tiny_encoder, batch):
    encoder = tiny_encoder()
    assert torch.equal(encoder(**batch).last_hidden_state, encoder(**batch).last_hidden_state)
    encoder.train()
    assert not torch.equal(encoder(**batch).last_hidden_state, encoder(**batch).last_hidden_state)


@pytest.fixture
def model(tiny_encoder, shaken):
    return shaken(PreTrainingModel(tiny_encoder()))


@pytest.fixture
def labels(batch):
    labels = torch.full_like(batch["input_ids"], IGNORE)
    for row, column in [(0, 2), (0, 7), (1, 1), (2, 5)]:
        labels[row, column] = 5 + 10 * row + column
    return labels


def test_only_masked_slots_are_decoded_and_only_they_are_learned_from(model, batch, labels):
    output = model(**batch, labels=labels)
    everywhere = model(**batch).mlm_logits  # (batch, seq, vocab)
    assert output.mlm_logits.shape == (4, 50) and everywhere.shape == (3, 9, 50)
    torch.testing.assert_close(output.mlm_logits, everywhere[labels != IGNORE], rtol=0, atol=1e-5)
    expected = F.cross_entropy(everywhere.flatten(0, 1), labels.flatten(), ignore_index=IGNORE)
    assert output.loss.item() == output.mlm_loss.item() == pytest.approx(expected.item(), abs=1e-5)
    assert output.nsp_loss is None


def test_both_losses_add_up(model, batch, labels):
    follows = torch.tensor([0, 1, 1])
    output = model(**batch, labels=labels, next_sentence_label=follows)
    assert output.nsp_loss.item() == pytest.approx(F.cross_entropy(output.nsp_logits, follows).item(), abs=1e-6)
    assert output.loss.item() == pytest.approx((output.mlm_loss + output.nsp_loss).item(), abs=1e-6)
    output.loss.backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_without_labels_there_is_no_loss(model, batch):
    output = model(**batch)
    assert output.loss is output.mlm_loss is output.nsp_loss is None


def test_the_masked_lm_head_is_tied_to_the_word_embeddings(model, batch, labels):
    h, vocab = 24, 50
    assert count_parameters(model.mlm_head) == h * h + h + 2 * h + vocab  # no second matrix of vocabulary size
    model(**batch, labels=labels).loss.backward()
    unseen = sorted(set(range(vocab)) - set(batch["input_ids"].flatten().tolist()))
    assert model.encoder.embeddings.word.weight.grad[unseen].abs().min() > 0  # reached through the output side alone
    before = model(**batch).mlm_logits
    with torch.no_grad():
        model.encoder.embeddings.word.weight[unseen[0]] += 1
    after = model(**batch).mlm_logits
    moved = (before != after).any(dim=0).any(dim=0).nonzero().flatten().tolist()
    assert moved == [unseen[0]]


def test_a_fresh_model_guesses_evenly(tiny_encoder, batch, labels):
    model = PreTrainingModel(Encoder(EncoderConfig(50, 24, 3, 4, 40, 32))).eval()
    output = model(**batch, labels=labels, next_sentence_label=torch.tensor([0, 1, 0]))
    assert output.mlm_loss.item() == pytest.approx(math.log(50), abs=0.1)
    assert output.nsp_loss.item() == pytest.approx(math.log(2), abs=0.05)


def test_poolings_by_hand(tiny_encoder, batch):
    encoder = tiny_encoder()
    hidden = encoder(**batch).last_hidden_state
    mask = batch["attention_mask"]
    rows = [hidden[i, :n] for i, n in enumerate(mask.sum(1).tolist())]  # without padding
    expected = {
        "pooler": torch.stack([torch.tanh(encoder.pooler(row[0])) for row in rows]),
        "cls": torch.stack([row[0] for row in rows]),
        "mean": torch.stack([row.mean(0) for row in rows]),
        "max": torch.stack([row.max(0).values for row in rows]),
    }
    for pooling, vectors in expected.items():
        torch.testing.assert_close(pool(hidden, mask, pooling, encoder), vectors, rtol=0, atol=1e-6)
        model = SequenceClassifier(encoder, num_labels=3, pooling=pooling).eval()
        torch.testing.assert_close(model(**batch).logits, model.classifier(vectors), rtol=0, atol=1e-5)
    alone = pool(rows[0][None], None, "mean")
    torch.testing.assert_close(alone, expected["mean"][:1], rtol=0, atol=1e-6)


def test_the_classifier_has_a_loss_only_with_labels(tiny_encoder, batch):
    model = SequenceClassifier(tiny_encoder(), num_labels=3).eval()
    assert model(**batch).loss is None
    labels = torch.tensor([2, 0, 1])
    output = model(**batch, labels=labels)
    assert output.loss.item() == pytest.approx(F.cross_entropy(output.logits, labels).item(), abs=1e-6)
    hidden, logits = model.hidden_and_logits(**batch)
    assert torch.equal(hidden, model.encoder(**batch).last_hidden_state) and torch.equal(logits, output.logits)


def test_the_starts_differ_and_an_unknown_one_is_refused():
    config = EncoderConfig(100, 64, 1, 2, 64, 32, initializer_range=0.06)
    torch.manual_seed(0)
    made = {start: started(config, start) for start in STARTS}
    places = {start: encoder.embeddings.position.weight for start, encoder in made.items()}
    query = {start: encoder.layers[0].attention.query.weight.std() for start, encoder in made.items()}
    assert abs(places["sine"].std() / places["random"].std() - 1) < 0.3
    assert abs(places["BERT"].std() / 0.02 - 1) < 0.1 and abs(query["BERT"] / 0.02 - 1) < 0.1
    assert torch.equal(places["waves"][:, :32], places["neighbours"][:, :32])
    assert query["neighbours"] > 1.5 * query["waves"]
    with pytest.raises(ValueError, match="Unknown start 'cold'"):
        started(config, "cold")


def test_a_config_of_another_size_keeps_berts_shape():
    config = make_config(600, max_position_embeddings=64)
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (128, 2, 2)
    assert (config.intermediate_size, config.vocab_size, config.max_position_embeddings) == (512, 600, 64)
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0.1, 0.1)
    base = make_config(30522, hidden_size=768, num_hidden_layers=12)
    assert base == EncoderConfig()
    narrow = make_config(30522, 256, 4, head_size=32, dropout=0.0, initializer_range=0.06)
    assert (narrow.num_attention_heads, narrow.initializer_range) == (8, 0.06)
    assert (narrow.hidden_dropout_prob, narrow.attention_probs_dropout_prob) == (0.0, 0.0)
