"""The checkpoint from scratch, tiny-bert: how it is trained, and what dropout does to it."""

from functools import partial

import torch

from ...weights import CHECKPOINTS, save_pretrained
from ..study import GPU, Cost, Study, Unit, seconds_per_step, small_pretraining_model
from ..tiny import pretrain_tiny, tiny_pretraining


def ship_tiny_bert(seed: int, **settings) -> dict:
    """Pre-train, store the first seed's model as data/checkpoints/tiny-bert, and return what was measured."""
    model, tokenizer, measured = pretrain_tiny(seed=seed, **settings)
    if seed == 0:
        save_pretrained(model, CHECKPOINTS / "tiny-bert", tokenizer, torch.float16)
    return measured


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    small = {"hidden_size": 192, "num_hidden_layers": 2, "max_length": 128, "batch_size": 16}
    small |= {"steps": 18000 if full else 50, "mask_probability": 0.3, "evaluations": 9}
    large = {"hidden_size": 256, "num_hidden_layers": 4, "max_length": 128, "batch_size": 128, "steps": 16000}
    large |= {"mask_probability": 0.3, "learning_rate": 1e-3, "bulk": True, "evaluations": 10} | GPU
    found = {}
    for seed in seeds:
        if full:
            found[f"seed {seed}"] = partial(ship_tiny_bert, seed=seed, **large, dropout=0.0)
            found[f"with dropout, seed {seed}"] = partial(tiny_pretraining, seed=seed, **large, dropout=0.1)
        found[f"on a CPU, seed {seed}"] = partial(tiny_pretraining, seed=seed, **small)
    return found


TWO_LAYERS = partial(seconds_per_step, partial(small_pretraining_model, 192, 2), 16, 128, masked=0.3)
STUDY = Study(
    title="The checkpoint from scratch, what dropout does to it, and a smaller one for a CPU",
    notebook="05",
    runs=runs,
    details="At the full budget the first seed's model is shipped",
    seeds=1,
    cost=Cost(Unit("2 × 192 from scratch, 16 × 128", TWO_LAYERS)),
)
