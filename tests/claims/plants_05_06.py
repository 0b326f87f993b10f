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
    # The new layer starts with weights a hundred times as large.
    {
        "claim": "06.23",
        "module": "build",
        "old": "initialize(self.classifier, encoder.config.initializer_range)",
        "new": "initialize(self.classifier, 2.0)",
    },
    # The first step is damped: small gradients move less.
    {"claim": "06.4", "module": "training", "old": "eps=1e-8", "new": "eps=1e-2"},
    # Another activation in the feed-forward part.
    {"claim": "06.19", "module": "bert", "old": "wide = F.gelu(", "new": "wide = F.relu("},
    # The sign of a rating is lost.
    {
        "claim": "06.27",
        "module": "corpora",
        "old": 'Rating(float(row["mean"]),',
        "new": 'Rating(abs(float(row["mean"])),',
    },
    # Freezing does nothing: all weights are trained.
    {
        "claim": "06.29",
        "module": "training",
        "old": "parameter.requires_grad_(False)",
        "new": "parameter.requires_grad_(True)",
    },
]
