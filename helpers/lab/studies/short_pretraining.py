"""Whether a short pretraining pays if each start gets a learning rate of its own for fine-tuning."""

from functools import partial

from ..study import FROM_SCRATCH, Cost, Study
from ..tiny import TINY, pretrain_tiny, sentiment

STARTS = {"not pretrained": 0, "2,000 steps": 2000}  # on all reviews, rows of a single text: the best of `recipes`
RATES = [1e-4, 3e-4, 1e-3, 3e-3]


def short_pretraining(seed: int, rates: list[float], fine_tuning_epochs: int, **settings) -> dict:
    """Pretrain a small encoder, fine-tune a copy at each rate, and choose the rate by validation sentences; return the
    chosen rate, its test score, and the scores at all rates, as `sentiment` gives them."""
    model, tokenizer, measured = pretrain_tiny(seed=seed, **settings)
    scores = {f"{rate:g}": sentiment(model.encoder, tokenizer, seed, fine_tuning_epochs, rate) for rate in rates}
    chosen = max(scores, key=lambda rate: scores[rate]["validation"]["accuracy"])
    return measured | {"rotten_tomatoes": scores[chosen], "chosen": float(chosen), "rates": scores}


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    rates, epochs = (RATES, 2) if full else (RATES[1:3], 1)
    return {
        f"{name}, seed {seed}": partial(
            short_pretraining,
            seed=seed,
            rates=rates,
            fine_tuning_epochs=epochs,
            **TINY | {"pairs": False, "steps": steps if full else steps // 20, "evaluations": 6},
        )
        for seed in seeds
        for name, steps in STARTS.items()
    }


STUDY = Study(
    title="Whether a short pretraining pays if each start gets a learning rate of its own",
    notebook="08",
    runs=runs,
    cost=Cost(FROM_SCRATCH, 4 * 424),  # four times two epochs of fine-tuning, counted as in `recipes`
)
