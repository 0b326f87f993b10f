"""Bugs for notebooks 05 and 06: each must turn exactly the named claim red."""

PLANTS = [
    # The attention's residual connection is lost: float32 sees that, whatever the epsilon.
    {
        "claim": "05.5",
        "module": "build",
        "old": "self.attention_norm(hidden_states + self.dropout(mixed))",
        "new": "self.attention_norm(self.dropout(mixed))",
    },
    # The saved configuration names another activation than the model has.
    {
        "claim": "05.12",
        "module": "weights",
        "old": '"hidden_act": "gelu",',
        "new": '"hidden_act": "relu",',
    },
    # The rotations turn the wrong way.
    {
        "claim": "05.13",
        "module": "bert",
        "old": "sines, cosines = (frequencies * offset).sin(), (frequencies * offset).cos()",
        "new": "sines, cosines = (frequencies * -offset).sin(), (frequencies * offset).cos()",
    },
    # The checkpoint's shape is read, its weights are not.
    {
        "claim": "05.15",
        "module": "weights",
        "old": "        return load_model(folder)",
        "new": "        return PreTrainingModel(Encoder(read_config(folder))).eval()",
    },
    # Nothing is sorted by length.
    {
        "claim": "06.2",
        "module": "batching",
        "old": "for index in sorted(pool, key=self.lengths.__getitem__)]",
        "new": "for index in pool]",
    },
    # The first step of the warm-up has a learning rate of zero.
    {
        "claim": "06.3",
        "module": "training",
        "old": "return (step + 1) / warmup",
        "new": "return step / warmup",
    },
    # The first step is damped: small gradients move less.
    {"claim": "06.4", "module": "training", "old": "eps=1e-8", "new": "eps=1e-2"},
    # Freezing does nothing.
    {
        "claim": "06.16",
        "module": "training",
        "old": "parameter.requires_grad_(False)",
        "new": "parameter.requires_grad_(True)",
    },
    # The pooler forgets its tanh.
    {
        "claim": "06.18",
        "module": "bert",
        "old": "return torch.tanh(self.pooler(last_hidden_state[:, 0]))",
        "new": "return self.pooler(last_hidden_state[:, 0])",
    },
    # Another activation in the feed-forward part.
    {"claim": "06.19", "module": "bert", "old": "wide = F.gelu(", "new": "wide = F.relu("},
]
