"""Bugs for notebooks 05 and 06: each must turn exactly the named claim red."""

PLANTS = [
    # The attention's residual connection is lost.
    {
        "claim": "05.1",
        "module": "bert",
        "old": "self.attention_norm(hidden_states + self.dropout(mixed))",
        "new": "self.attention_norm(self.dropout(mixed))",
    },
    # Vectors (biases and norms) are left out of the count.
    {
        "claim": "05.2",
        "module": "bert",
        "old": "return sum(parameter.numel() for parameter in module.parameters())",
        "new": "return sum(parameter.numel() for parameter in module.parameters() if parameter.dim() > 1)",
    },
    # Segments are ignored: single sentences still agree, pairs do not.
    {
        "claim": "05.3",
        "module": "bert",
        "old": "+ self.token_type(token_type_ids)",
        "new": "+ self.token_type(torch.zeros_like(token_type_ids))",
    },
    # One LayerNorm has a slightly wrong epsilon: only float64 sees it.
    {
        "claim": "05.4",
        "module": "bert",
        "old": "self.output_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)",
        "new": "self.output_norm = nn.LayerNorm(config.hidden_size, eps=1e-9)",
    },
    # The loss is summed, not averaged, over the masked slots.
    {
        "claim": "05.6",
        "module": "bert",
        "old": "mlm_loss = F.cross_entropy(mlm_logits.float(), labels)",
        "new": 'mlm_loss = F.cross_entropy(mlm_logits.float(), labels, reduction="sum")',
    },
    # PyTorch's default start for embeddings, fifty times BERT's.
    {
        "claim": "05.7",
        "module": "bert",
        "old": "nn.init.normal_(module.weight, std=initializer_range)",
        "new": "nn.init.normal_(module.weight, std=1.0)",
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
