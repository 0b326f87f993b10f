"""The table of `make bench`: the course against what people would otherwise use."""

from functools import partial

from ..bench import data, fine_tuning, steps, table
from ..study import Study


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    rows = {"max_length": 128, "repeats": 7 if full else 5}
    small = rows | {"hidden_size": 256, "num_hidden_layers": 4, "vocab_size": 30522, "batch_size": 16 if full else 2}
    base = small | {"hidden_size": 768, "num_hidden_layers": 12, "batch_size": 128, "steps": 10}
    text = rows | {"documents": 2000 if full else 100, "batch_size": 256 if full else 32}
    # The Trainer's default batch of 8; with 640 sentences its length grouping finds nearly what it finds in all 6,773.
    size = {"rows": 640, "judged": 400} if full else {"rows": 32, "judged": 32}
    return {
        "masking": partial(data.masking, **text),
        "pairs": partial(data.pairs, **text | {"documents": 4000 if full else 100}),
        "step": partial(steps.step, **small),
        "encoder": partial(steps.encoder, **small | {"repeats": 15 if full else 5}),
        "loop": partial(steps.loop, **small),
        "fine-tuning": partial(fine_tuning.fine_tuning, batch_size=8, repeats=5, **size),
        "GPU, 4 × 256": partial(steps.gpu_pretraining, **small | {"batch_size": 256, "steps": 20}),
        "GPU, bert-base": partial(steps.gpu_pretraining, **base),
    }


STUDY = Study(
    title="The table of `make bench`: the course against what people would otherwise use",
    notebook="",
    runs=runs,
    details="There is nothing to seed",
    table=table.table,
    notes=table.notes,
)
