"""Bugs for notebooks 01 and 02: each must turn the named claim red."""

PLANTS = [
    # Divided by d, not by its root.
    {
        "claim": "01.1",
        "module": "build",
        "old": "/ math.sqrt(query.shape[-1])",
        "new": "/ query.shape[-1]",
    },
    # With a batch in front, the softmax runs over the queries: columns sum to one, not rows.
    {
        "claim": "01.2",
        "module": "build",
        "old": "weights = scores.softmax(dim=-1)",
        "new": "weights = scores.softmax(dim=-1 if scores.dim() == 2 else -2)",
    },
    # The scale is forgotten.
    {
        "claim": "01.3",
        "module": "attention",
        "old": " / math.sqrt(query.shape[-1])",
        "new": "",
    },
    # The mask is read the other way round, as nn.MultiheadAttention reads its own.
    {
        "claim": "01.4",
        "module": "attention",
        "old": "scores.masked_fill(~mask, -torch.inf)",
        "new": "scores.masked_fill(mask, -torch.inf)",
    },
    # Padding counts as real.
    {
        "claim": "01.5",
        "module": "build",
        "old": "return attention_mask.bool()[:, None, None, :]",
        "new": "return (attention_mask >= 0)[:, None, None, :]",
    },
    # Heads are cut without the transpose: the shapes fit, the words are mixed.
    {
        "claim": "01.6",
        "module": "attention",
        "old": "x.view(batch, seq, self.num_attention_heads, head_size).transpose(1, 2)",
        "new": "x.view(batch, self.num_attention_heads, seq, head_size)",
    },
    # The fast path forgets the mask.
    {
        "claim": "01.6",
        "module": "attention",
        "old": "F.scaled_dot_product_attention(query, key, value, mask, self.dropout if self.training else 0.0)",
        "new": "F.scaled_dot_product_attention(query, key, value, None, self.dropout if self.training else 0.0)",
    },
    # Without a mask the module is causal, so the order of the words matters.
    {
        "claim": "01.7",
        "module": "build",
        "old": "scaled_dot_product_attention(query, key, value, mask)  # (batch",
        "new": "scaled_dot_product_attention(query, key, value, causal_mask(seq) if mask is None else mask)  # (batch",
    },
    # The right weights, but the scores are worked out twice.
    {
        "claim": "01.8",
        "module": "attention",
        "old": "weights = scores.softmax(dim=-1)",
        "new": "weights = (scores + 0 * (query @ key.transpose(-2, -1))).softmax(dim=-1)",
    },
    # Heads are cut without the swap: the shapes fit, and no head finds the negation.
    {
        "claim": "01.12",
        "module": "build",
        "old": "x.reshape(batch, seq, self.num_attention_heads, -1).transpose(1, 2)",
        "new": "x.reshape(batch, self.num_attention_heads, seq, -1)",
    },
    # Every token gets the first position: the head cannot tell which word the negation belongs to.
    {
        "claim": "01.12",
        "module": "bert",
        "old": "self.position(position_ids)",
        "new": "self.position(torch.zeros_like(position_ids))",
    },
    # Heads are joined without the swap back: what the head found never reaches its own columns of the output matrix.
    {
        "claim": "01.15",
        "module": "build",
        "old": "output.transpose(1, 2).reshape(batch, seq, hidden)",
        "new": "output.transpose(1, 2).flip(2).reshape(batch, seq, hidden)",
    },
    # Every token gets the first position.
    {
        "claim": "01.10",
        "module": "bert",
        "old": "self.position(position_ids)",
        "new": "self.position(torch.zeros_like(position_ids))",
    },
    # What attention brings is thrown away, so no cut can have an effect.
    {
        "claim": "01.14",
        "module": "bert",
        "old": "self.attention_norm(hidden_states + self.dropout(mixed))",
        "new": "self.attention_norm(hidden_states)",
    },
    # The position_ids that are passed in are ignored.
    {
        "claim": "01.11",
        "module": "bert",
        "old": "if position_ids is None:",
        "new": "if True:",
    },
    # The causal mask lets every token see the next one.
    {
        "claim": "02.2",
        "module": "attention",
        "old": ".tril()[None, None]",
        "new": ".tril(1)[None, None]",
    },
    # The test of the future gives up after the first word.
    {
        "claim": "02.2",
        "module": "build",
        "old": "            return True\n    return False",
        "new": "            return False\n    return False",
    },
    # The mask holds in the first layer only.
    {
        "claim": "02.2",
        "module": "bert",
        "old": "layer(hidden, mask, output_attentions)",
        "new": "layer(hidden, mask if layer is self.layers[0] else None, output_attentions)",
    },
    # 1e-9 for -1e9: what is masked still gets weight.
    {
        "claim": "02.3",
        "module": "attention",
        "old": "scores.masked_fill(~mask, -torch.inf)",
        "new": "scores.masked_fill(~mask, 1e-9)",
    },
    # The tiny encoder never passes its mask on.
    {
        "claim": "02.4",
        "module": "toy",
        "old": "attention(self.norms[2 * i](hidden), mask)[0]",
        "new": "attention(self.norms[2 * i](hidden))[0]",
    },
    # A mask of three dimensions is taken for no mask.
    {
        "claim": "02.11",
        "module": "bert",
        "old": "if attention_mask is not None:\n            mask =",
        "new": "if attention_mask is not None and attention_mask.dim() == 2:\n            mask =",
    },
    # Under a causal mask, each word attends only to itself and to [CLS]: earlier words cannot decide either.
    {
        "claim": "02.12",
        "module": "attention",
        "old": ".tril()[None, None]",
        "new": ".tril().triu().logical_or(torch.arange(length) == 0)[None, None]",
    },
]
