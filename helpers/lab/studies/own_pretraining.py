"""What our own pre-training is worth, each start at four learning rates."""

from functools import partial

from ...tokenization import load_tokenizer
from ...weights import CHECKPOINTS
from ..study import GPU, Study
from ..tiny import sentiment, tiny_start


def own_pretraining(seed: int, pretrained: bool, learning_rate: float, epochs: int = 3, device="cpu") -> dict:
    """Fine-tune the shipped tiny-bert, or the same network from the fresh start that it had, on Rotten Tomatoes; return
    its scores, as `sentiment` gives them."""
    tokenizer = load_tokenizer(CHECKPOINTS / "tiny-bert")
    return sentiment(tiny_start(pretrained, seed).to(device), tokenizer, seed, epochs, learning_rate)


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    return {
        f"{name}, {rate:g}, seed {seed}": partial(
            own_pretraining,
            seed=seed,
            pretrained=name == "pre-trained",
            learning_rate=rate,
            **({"epochs": 3} | GPU if full else {"epochs": 1}),
        )
        for seed in seeds
        for name in ("pre-trained", "fresh")
        for rate in (1e-4, 3e-4, 1e-3, 3e-3)
    }


STUDY = Study(
    title="What our own pre-training is worth, each start at four learning rates",
    notebook="05",
    runs=runs,
)
