"""Bugs for notebooks 07 and 08: each must turn the named claim red."""

PLANTS = [
    # The mean is divided by the padded length.
    {
        "claim": "07.2",
        "module": "build",
        "old": "return (hidden_states * real).sum(1) / real.sum(1)",
        "new": "return (hidden_states * real).mean(1)",
    },
    # Padding takes part in the mean.
    {
        "claim": "07.2",
        "module": "build",
        "old": "real = attention_mask[:, :, None]  # (batch, seq, 1)",
        "new": "real = torch.ones_like(attention_mask)[:, :, None]",
    },
    # Dropout stays on while vectors are measured.
    {"claim": "07.3", "module": "transfer", "old": "    with evaluating(encoder):\n", "new": "    if True:\n"},
    # A mask of shape (batch, seq, seq) is not applied.
    {
        "claim": "07.4",
        "module": "bert",
        "old": "mask = attention_mask[:, None] if attention_mask.dim() == 3 else padding_mask(attention_mask)",
        "new": "mask = None if attention_mask.dim() == 3 else padding_mask(attention_mask)",
    },
    # The second token takes the place of [CLS].
    {"claim": "07.5", "module": "build", "old": "return hidden_states[:, 0]", "new": "return hidden_states[:, 1]"},
    # A dot product, not a cosine.
    {
        "claim": "07.5",
        "module": "build",
        "old": "return (a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1))",
        "new": "return (a * b).sum(-1)",
    },
    # The keys and the queries are swapped.
    {
        "claim": "07.7",
        "module": "attention",
        "old": "scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])",
        "new": "scores = key @ query.transpose(-2, -1) / math.sqrt(query.shape[-1])",
    },
    # The pooler forgets its tanh.
    {
        "claim": "07.8",
        "module": "bert",
        "old": "return torch.tanh(self.pooler(last_hidden_state[:, 0]))",
        "new": "return self.pooler(last_hidden_state[:, 0])",
    },
    # [CLS] is the same for all texts.
    {
        "claim": "07.10",
        "module": "build",
        "old": "return hidden_states[:, 0]",
        "new": "return hidden_states[:, 0] * 0 + 1",
    },
    # The mean is [CLS] as well.
    {
        "claim": "07.20",
        "module": "build",
        "old": "return (hidden_states * real).sum(1) / real.sum(1)",
        "new": "return hidden_states[:, 0]",
    },
    # A feed-forward part of three times the width.
    {"claim": "08.1", "module": "bert", "old": "intermediate_size: int = 3072", "new": "intermediate_size: int = 2304"},
    # Vectors (biases and norms) are left out of the count.
    {
        "claim": "08.1",
        "module": "bert",
        "old": "return sum(parameter.numel() for parameter in module.parameters())",
        "new": "return sum(parameter.numel() for parameter in module.parameters() if parameter.dim() > 1)",
    },
    # A tied weight counts once for each of its names.
    {
        "claim": "08.4",
        "module": "bert",
        "old": "return sum(parameter.numel() for parameter in module.parameters())",
        "new": "return sum(p.numel() for _, p in module.named_parameters(remove_duplicate=False))",
    },
    # Static masking masks again every time.
    {
        "claim": "08.10",
        "module": "batching",
        "old": "yield from batches(generator(seed + next(turn)))",
        "new": "yield from batches(_)",
    },
    # Ten copies are made, but only the first is ever used again.
    {
        "claim": "08.10",
        "module": "batching",
        "old": "turn = itertools.cycle(range(copies))",
        "new": "turn = itertools.cycle([0])",
    },
    # The temperature is not squared.
    {"claim": "08.18", "module": "training", "old": "* temperature**2", "new": "* temperature"},
    # The student starts from the lowest layers, whatever its caller wants.
    {
        "claim": "08.20",
        "module": "bert",
        "old": "for copied, layer in zip(student.layers, layers):",
        "new": "for layer, copied in enumerate(student.layers):",
    },
    # The student keeps all of its teacher's layers.
    {
        "claim": "08.21",
        "module": "bert",
        "old": "replace(encoder.config, num_hidden_layers=len(layers))",
        "new": "replace(encoder.config)",
    },
    # The angle grows with the square of the position.
    {
        "claim": "08.8",
        "module": "build",
        "old": "angle = positions[:, None] * speeds",
        "new": "angle = positions[:, None] ** 2 * speeds",
    },
    # Tokens attend across texts.
    {
        "claim": "08.27",
        "module": "build",
        "old": "return input_ids[real], positions, text[:, None] == text[None, :]",
        "new": "return input_ids[real], positions, text[:, None] >= 0 * text[None, :]",
    },
    # Positions run on across texts.
    {
        "claim": "08.27",
        "module": "build",
        "old": "text, positions = real.nonzero().T",
        "new": "text, positions = real.nonzero().T[0], torch.arange(int(real.sum()))",
    },
    # Keys are not rotated: scores depend on where the query is, and not on how far the two are apart.
    {
        "claim": "08.30",
        "module": "build",
        "old": "query, key = rotate(query, positions, base), rotate(key, positions, base)",
        "new": "query = rotate(query, positions, base)",
    },
    # Keys are rotated by half of their position: what counts is no longer the distance alone.
    {
        "claim": "08.30",
        "module": "build",
        "old": "rotate(key, positions, base)",
        "new": "rotate(key, positions // 2, base)",
    },
]
