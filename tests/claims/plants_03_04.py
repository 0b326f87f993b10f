"""Bugs for notebooks 03 and 04: each must turn the named claim red."""

PLANTS = [
    # Capital letters stay.
    {
        "claim": "03.1",
        "module": "tokenization",
        "old": "BertNormalizer(lowercase=True)",
        "new": "BertNormalizer(lowercase=False)",
    },
    # Every position counts, as if all were targets.
    {
        "claim": "03.2",
        "module": "build",
        "old": "    is_target = labels != -100\n    log_probabilities",
        "new": "    is_target = labels != -1\n    labels = labels.clamp_min(0)\n    log_probabilities",
    },
    # One token in five instead of 15%.
    {
        "claim": "03.3",
        "module": "build",
        "old": "mask_probability=0.15,",
        "new": "mask_probability=0.2,",
    },
    # 100/0/0: every target becomes [MASK].
    {
        "claim": "03.4",
        "module": "build",
        "old": "mix=(0.8, 0.1, 0.1),",
        "new": "mix=(1.0, 0.0, 0.0),",
    },
    # 80/20/0: no target stays as it is.
    {
        "claim": "03.4",
        "module": "build",
        "old": "fates < mix[0] + mix[1], words",
        "new": "fates < 1.0, words",
    },
    # Special tokens become targets as well: more than 15% of the others, counted against them.
    {
        "claim": "03.3",
        "module": "build",
        "old": "is_target = (draws < mask_probability) & (special_tokens_mask == 0)",
        "new": "is_target = draws < mask_probability",
    },
    # Every call draws the same mask: dynamic masking has become static.
    {
        "claim": "03.7",
        "module": "build",
        "old": "draws = torch.rand(input_ids.shape, generator=generator)",
        "new": "draws = torch.rand(input_ids.shape, generator=torch.Generator().manual_seed(0))",
    },
    # Pieces of a word are chosen one by one.
    {
        "claim": "03.8",
        "module": "masking",
        "old": "draw = draw.gather(1, word_ids.clamp(min=0))",
        "new": "draw = draw.clone()",
    },
    # More masked slots than columns: the surplus is dropped silently.
    {
        "claim": "03.9",
        "module": "masking",
        "old": "if most > predictions_per_row:",
        "new": "if most > 10 * predictions_per_row:",
    },
    # The rate that was asked for is not the one that is used.
    {
        "claim": "03.10",
        "module": "masking",
        "old": "chosen = (draw < mask_probability) & eligible",
        "new": "chosen = (draw < MASK_PROBABILITY) & eligible",
    },
    # The trained layers are found, and left in the file.
    {
        "claim": "03.14",
        "module": "weights",
        "old": "model.load_state_dict({own[key]: tensor.float() for key, tensor in state.items()}, strict=False)",
        "new": "pass",
    },
    # The answer is compared with what stands in the slot, not with what stood there.
    {
        "claim": "03.15",
        "module": "evaluation",
        "old": "right = output.mlm_logits.argmax(-1) == labels",
        "new": "right = output.mlm_logits.argmax(-1) == inputs",
    },
    # A copy of the true B may come as a false one.
    {
        "claim": "04.3",
        "module": "build",
        "old": " or documents[b[0]][b[1]] == document[s + 1]):",
        "new": "):",
    },
    # A false B may come from the same document.
    {
        "claim": "04.3",
        "module": "build",
        "old": "(b[0] == d or documents",
        "new": "(b == (d, s + 1) or documents",
    },
    # Segments are cut to a tenth: few words are left to compare.
    {
        "claim": "04.9",
        "module": "build",
        "old": "while len(tokens_a) + len(tokens_b) > room:",
        "new": "while len(tokens_a) + len(tokens_b) > room / 10:",
    },
    # A false B is always the last passage of its review, which is shorter: lengths give it away.
    {
        "claim": "04.9",
        "module": "build",
        "old": "b = other, draw(len(documents[other]))",
        "new": "b = other, len(documents[other]) - 1",
    },
    # The sentences that a negative pushes out are dropped silently.
    {
        "claim": "04.6",
        "module": "sentence_pairs",
        "old": "start = cut if negative else end",
        "new": "start = end",
    },
    # Truncation is not counted.
    {
        "claim": "04.6",
        "module": "sentence_pairs",
        "old": 'counts["cut_tokens"] += len(tokens_a) + len(tokens_b) - len(cut_a) - len(cut_b)',
        "new": 'counts["cut_tokens"] += 0',
    },
    # Negatives are as long as can be: they fill every row.
    {
        "claim": "04.7",
        "module": "sentence_pairs",
        "old": "wanted, found = sum(map(len, true_b)), []",
        "new": "wanted, found = 1000, []",
    },
    # The order task labels pairs as swapped but leaves them in order.
    {
        "claim": "04.8",
        "module": "sentence_pairs",
        "old": "p.tokens_b, p.tokens_a, SWAPPED,",
        "new": "p.tokens_a, p.tokens_b, SWAPPED,",
    },
    # Overlap is measured against B alone, and so knows the order.
    {
        "claim": "04.8",
        "module": "evaluation",
        "old": "len(set(p.tokens_a) | set(p.tokens_b))",
        "new": "len(set(p.tokens_b))",
    },
    # A false B "from another corpus" comes from the reviews all the same.
    {
        "claim": "04.12",
        "module": "sentence_pairs",
        "old": 'pool = corpus if negatives == "another corpus" else documents',
        "new": "pool = documents",
    },
]
