"""A small training that may be killed at any moment, for the study of faults: start it again, and it goes on.

python -m helpers.lab.killed STEPS OUTPUT

The checkpoint of every step goes to $COURSE_RUNS; at the end OUTPUT holds the weights.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from ..bert import Encoder, EncoderConfig, PreTrainingModel
from ..device import generator
from ..masking import IGNORE
from ..training import Run, pretrain

CONFIG = EncoderConfig(200, 32, 2, 4, 64, 24)  # with dropout: its random numbers must come back as well


def batches(generator: torch.Generator):
    """Yield one epoch of random rows; which words are masked, and what they are, the generator says."""
    for _ in range(50):
        input_ids = torch.randint(5, 200, (4, 24), generator=generator)
        masked = torch.rand(4, 24, generator=generator) < 0.3
        masked[0, 0] = True
        yield {"input_ids": input_ids.masked_fill(masked, 4), "labels": input_ids.masked_fill(~masked, IGNORE)}


def main(steps: int, output: str) -> None:
    """Train, or go on, and write the weights and the loss of every step."""
    torch.manual_seed(0)
    model = PreTrainingModel(Encoder(CONFIG))
    run = Run("killed", {}, data=[], every=1)
    history = pretrain(model, batches, steps=steps, learning_rate=1e-3, generator=generator(0), run=run, progress=False)
    save_file(model.state_dict() | {"loss": torch.tensor(history.loss, dtype=torch.float64)}, Path(output))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
