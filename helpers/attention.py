"""Attention: every token looks at every other one and takes a weighted mean of what they offer (Vaswani et al. 2017,
section 3.2)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .device import check_int, check_number, check_tensor


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return softmax(Q Kᵀ / √d) V and the weights, line by line (Vaswani et al. 2017, equation 1).

    query (…, queries, d), key (…, keys, d), value (…, keys, d_v), floating point; `mask` is bool and broadcasts to
    (…, queries, keys), True where a query may look. Returns the output (…, queries, d_v) and the weights (…, queries,
    keys).
    Raises TypeError for a mask that is not bool, ValueError for one that does not fit or, looked at on the CPU
    only, leaves a query nothing to look at; the same two for queries, keys, and values that do not fit each other.
    """
    check_vectors(query, key, value)
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (…, queries, keys)
    if mask is not None:
        check_mask(mask, scores.shape)
        scores = scores.masked_fill(~mask, -torch.inf)
    weights = scores.softmax(dim=-1)
    return weights @ value, weights


def check_vectors(query: Tensor, key: Tensor, value: Tensor) -> None:
    """Raise TypeError unless all three are floating-point tensors of one dtype, ValueError unless their sizes fit."""
    for name, vectors in (("query", query), ("key", key), ("value", value)):
        check_tensor(vectors, name, "float")
        if vectors.dtype != query.dtype:
            raise TypeError(f"{name} has dtype {vectors.dtype} and query {query.dtype}; all three need the same.")
    if min(query.dim(), key.dim(), value.dim()) < 2 or query.shape[-1] != key.shape[-1]:
        raise ValueError(
            f"Queries {tuple(query.shape)} and keys {tuple(key.shape)} must be (…, queries, d) and (…, keys, d)."
        )
    if key.shape[-2] != value.shape[-2]:
        raise ValueError(f"There are {key.shape[-2]} keys and {value.shape[-2]} values; each key needs its value.")


def check_heads(hidden_size: int, num_attention_heads: int) -> None:
    """Raise TypeError or ValueError unless so many heads divide the hidden size."""
    check_int(hidden_size, "hidden_size", 1)
    check_int(num_attention_heads, "num_attention_heads", 1)
    if hidden_size % num_attention_heads:
        raise ValueError(f"{num_attention_heads} heads do not divide the hidden size {hidden_size}.")


def check_hidden(hidden_states: Tensor, hidden_size: int) -> None:
    """Raise TypeError unless these are floating point, ValueError unless they are (batch, seq, hidden) of its
    width."""
    check_tensor(hidden_states, "hidden_states", "float", dims=("batch", "seq", "hidden"))
    if hidden_states.shape[-1] != hidden_size:
        raise ValueError(f"hidden_states has width {hidden_states.shape[-1]}; this layer has {hidden_size}.")


def check_mask(mask: Tensor, shape: torch.Size) -> None:
    """Raise TypeError or ValueError, in one sentence, if `mask` cannot serve scores of this shape. Its values are
    looked at on the CPU only."""
    check_tensor(mask, "The attention mask")
    if mask.dtype != torch.bool:
        raise TypeError(f"The attention mask has dtype {mask.dtype}; it must be bool, True where a query may look.")
    try:
        fits = torch.broadcast_shapes(mask.shape, shape) == shape
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(
            f"A mask of shape {tuple(mask.shape)} does not fit scores of shape {tuple(shape)} (…, queries, keys)."
        )
    # On a GPU this look would make the CPU wait at every layer.
    if mask.device.type == "cpu" and not mask.any(dim=-1).all():
        raise ValueError(
            "The attention mask hides every key from some query: an all-padding row has nothing to attend to."
        )


def padding_mask(attention_mask: Tensor) -> Tensor:
    """Turn the tokenizer's `attention_mask` (batch, seq), 1 for real tokens and 0 for padding, into a bool mask
    (batch, 1, 1, seq).

    Raises ValueError unless it has two dimensions and, looked at on the CPU only, holds 0 and 1 alone with a real token
    in every row.
    """
    check_tensor(attention_mask, "attention_mask", dims=("batch", "seq"))
    if attention_mask.device.type == "cpu":
        if not ((attention_mask == 0) | (attention_mask == 1)).all():
            raise ValueError("attention_mask must hold only 1 (real token) and 0 (padding).")
        if not attention_mask.any(dim=1).all():
            raise ValueError("A row of attention_mask is all padding: every row needs at least one real token.")
    return attention_mask.bool()[:, None, None, :]


def causal_mask(length: int, device: torch.device | None = None) -> Tensor:
    """Return the bool mask (1, 1, length, length) that lets token i look at tokens 0 … i only."""
    check_int(length, "length", 1)
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()[None, None]


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each in its own slice of the hidden size (Vaswani et al. 2017, section 3.2.2).

    `forward(hidden_states (batch, seq, hidden), mask)` returns the mixed hidden states (batch, seq, hidden) and, with
    `need_weights=True`, the weights (batch, heads, seq, seq), before dropout, else None.
    """

    def __init__(self, hidden_size: int, num_attention_heads: int, dropout: float = 0.0):
        super().__init__()
        check_heads(hidden_size, num_attention_heads)
        check_number(dropout, "dropout", 0, 1)
        self.hidden_size, self.num_attention_heads = hidden_size, num_attention_heads
        self.dropout = dropout
        self.query = nn.Linear(hidden_size, hidden_size)
        self.key = nn.Linear(hidden_size, hidden_size)
        self.value = nn.Linear(hidden_size, hidden_size)
        self.output = nn.Linear(hidden_size, hidden_size)

    def forward(
        self, hidden_states: Tensor, mask: Tensor | None = None, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        check_hidden(hidden_states, self.hidden_size)
        query, key, value = (self.split_heads(project(hidden_states)) for project in (self.query, self.key, self.value))
        if need_weights:
            mixed, weights = scaled_dot_product_attention(query, key, value, mask)
            if self.training and self.dropout:
                mixed = F.dropout(weights, self.dropout) @ value
        else:
            # The same sum, fused: PyTorch's kernel never writes the (seq, seq) weights to memory.
            if mask is not None:
                check_mask(mask, torch.Size((*query.shape[:-1], key.shape[-2])))
            mixed = F.scaled_dot_product_attention(query, key, value, mask, self.dropout if self.training else 0.0)
            weights = None
        return self.output(self.join_heads(mixed)), weights

    def split_heads(self, x: Tensor) -> Tensor:
        batch, seq, hidden = x.shape
        head_size = hidden // self.num_attention_heads
        return x.view(batch, seq, self.num_attention_heads, head_size).transpose(1, 2)  # (batch, heads, seq, d)

    @staticmethod
    def join_heads(x: Tensor) -> Tensor:
        return x.transpose(1, 2).flatten(2)  # (batch, seq, hidden)


class AttentionCall(NamedTuple):
    """What an attention of ModernBERT was given and made, at the real tokens of a batch, text by text.

    query, key, value, and output, before the heads are joined: float (heads, tokens, d), the first two not rotated yet.
    reach: how many positions a token attends on each side; None: all. base: of the rotation.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    output: Tensor
    reach: int | None
    base: float


def attention_calls(model: nn.Module, input_ids: Tensor, attention_mask: Tensor) -> list[AttentionCall]:
    """Run a `ModernBertModel` of transformers 5 without gradients; return what happened in the attention of each layer.

    input_ids, attention_mask: int64 (batch, seq). The query, key, and value are what `Wqkv` returns, and the output is
    what `Wo` gets, each noted by a hook.
    """
    projected, mixed = [], []
    hooks = [
        layer.attn.Wqkv.register_forward_hook(lambda _, given, made: projected.append(made)) for layer in model.layers
    ]
    hooks += [
        layer.attn.Wo.register_forward_pre_hook(lambda _, given: mixed.append(given[0])) for layer in model.layers
    ]
    try:
        with torch.no_grad():
            model(input_ids, attention_mask=attention_mask)
    finally:
        for hook in hooks:
            hook.remove()
    real, calls = attention_mask.bool(), []
    for layer, kind, made, given in zip(model.layers, model.config.layer_types, projected, mixed, strict=True):
        d = layer.attn.head_dim
        heads = made[real].unflatten(-1, (3, -1, d)).permute(1, 2, 0, 3)  # (3, heads, tokens, d)
        reach = model.config.sliding_window if kind == "sliding_attention" else None
        base = model.config.rope_parameters[kind]["rope_theta"]
        calls.append(AttentionCall(*heads, given[real].unflatten(-1, (-1, d)).transpose(0, 1), reach, base))
    return calls
