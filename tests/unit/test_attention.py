"""Our attention equals PyTorch's own."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.attention import MultiHeadAttention, causal_mask, padding_mask, scaled_dot_product_attention

BATCH, SEQ, HIDDEN = 3, 7, 24
REAL = torch.tensor([[1] * 7, [1] * 4 + [0] * 3, [1] + [0] * 6])  # (batch, seq): rows of 7, 4 and 1 real tokens

MASKS = {
    "none": None,
    "padding": padding_mask(REAL),
    "causal": causal_mask(SEQ),
    "both": padding_mask(REAL) & causal_mask(SEQ),
    "one per row": torch.arange(BATCH * SEQ * SEQ).view(BATCH, 1, SEQ, SEQ) % 5 < 2,
}


@pytest.fixture(params=MASKS)
def mask(request):
    return MASKS[request.param]


def test_equals_pytorch(mask):
    query, key = torch.randn(BATCH, 2, SEQ, 5), torch.randn(BATCH, 2, SEQ, 5)
    value = torch.randn(BATCH, 2, SEQ, 3)
    output, weights = scaled_dot_product_attention(query, key, value, mask)
    expected = F.scaled_dot_product_attention(query, key, value, mask)
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(weights.sum(-1), torch.ones(BATCH, 2, SEQ), rtol=0, atol=1e-6)
    if mask is not None:
        assert (weights[~mask.expand_as(weights)] == 0).all()
        assert (weights[mask.expand_as(weights)] > 0).all()


def test_queries_and_keys_may_differ_in_number():
    query, key, value = torch.randn(2, 4), torch.randn(6, 4), torch.randn(6, 3)
    output, weights = scaled_dot_product_attention(query, key, value)
    assert weights.shape == (2, 6)
    torch.testing.assert_close(output, F.scaled_dot_product_attention(query, key, value), rtol=0, atol=1e-6)


@pytest.mark.parametrize("heads", [1, 2, 8])
@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_equals_pytorch(mask, heads, need_weights):
    ours = MultiHeadAttention(HIDDEN, heads).eval()
    theirs = nn.MultiheadAttention(HIDDEN, heads, batch_first=True).eval()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in (ours.query, ours.key, ours.value)]))
        theirs.in_proj_bias.copy_(torch.cat([part.bias for part in (ours.query, ours.key, ours.value)]))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
        hidden = torch.randn(BATCH, SEQ, HIDDEN)
        output, weights = ours(hidden, mask, need_weights)
        blocked = None if mask is None else ~mask.expand(BATCH, heads, SEQ, SEQ).flatten(0, 1)  # True: may not look
        expected, expected_weights = theirs(hidden, hidden, hidden, attn_mask=blocked, average_attn_weights=False)
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-6)
    if need_weights:
        torch.testing.assert_close(weights, expected_weights, rtol=0, atol=1e-6)
    else:
        assert weights is None


def test_gradients_reach_every_projection():
    attention = MultiHeadAttention(HIDDEN, 4)
    attention(torch.randn(BATCH, SEQ, HIDDEN), padding_mask(REAL))[0].sum().backward()
    assert all(p.grad is not None for p in attention.parameters())


@pytest.mark.parametrize("need_weights", [True, False])
def test_padding_cannot_change_a_real_token(need_weights):
    attention = MultiHeadAttention(HIDDEN, 4).eval()
    hidden = torch.randn(BATCH, SEQ, HIDDEN)
    before, _ = attention(hidden, padding_mask(REAL), need_weights)
    changed = torch.where(REAL[..., None].bool(), hidden, 100 * torch.randn_like(hidden))
    after, _ = attention(changed, padding_mask(REAL), need_weights)
    assert torch.equal(before[REAL.bool()], after[REAL.bool()])


@pytest.mark.parametrize("need_weights", [True, False])
def test_dropout_acts_in_training_only(need_weights):
    attention = MultiHeadAttention(HIDDEN, 4, dropout=0.5)
    hidden = torch.randn(BATCH, SEQ, HIDDEN)
    (once, weights), (again, same) = (attention(hidden, need_weights=need_weights) for _ in range(2))
    assert not torch.equal(once, again)
    assert not need_weights or torch.equal(weights, same)  # those before dropout: every row still sums to one
    attention.eval()
    assert torch.equal(attention(hidden, need_weights=need_weights)[0], attention(hidden, need_weights=need_weights)[0])


def test_masks_say_who_may_look_where():
    assert padding_mask(torch.tensor([[1, 1, 0]])).tolist() == [[[[True, True, False]]]]
    assert causal_mask(3).tolist() == [[[[True, False, False], [True, True, False], [True, True, True]]]]
