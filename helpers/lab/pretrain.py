"""Pre-train a small BERT from scratch on IMDb train reviews, on as many processes as torchrun started.

torchrun --nproc_per_node=2 -m helpers.lab.pretrain --steps 1000 --output runs/mine
"""

import argparse
import sys
from pathlib import Path

import torch

from ..batching import own_vocabulary
from ..bert import PreTrainingModel, make_config, started
from ..device import generator
from ..weights import save_pretrained
from . import distributed
from .fast_pairs import bulk_batches
from .tiny import NARROW_HEADS


def main(arguments: list[str] | None = None) -> None:
    """Pre-train a small BERT from scratch on IMDb train reviews, on as many processes as torchrun started; store it in
    the Hugging Face layout."""
    parser = argparse.ArgumentParser(prog="python -m helpers.lab.pretrain", description=main.__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the folder of the finished model")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch-size", type=int, default=64, help="rows of a step, over all processes")
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--hidden-size", type=int, default=256)
    parser.add_argument("--num-hidden-layers", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--documents", type=int, help="reviews to read (all, if not given)")
    parser.add_argument("--vocab-size", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-every", type=int, default=500, help="steps between two run checkpoints")
    parser.add_argument("--stop-after", type=int, help="end early, as a killed process would; run again to go on")
    options = parser.parse_args(arguments)
    device = distributed.start()
    tokenizer, documents = own_vocabulary(options.documents, options.vocab_size)
    torch.manual_seed(options.seed)
    config = make_config(
        len(tokenizer),
        options.hidden_size,
        options.num_hidden_layers,
        max_position_embeddings=options.max_length,
        **NARROW_HEADS,
    )
    model = PreTrainingModel(started(config, "neighbours")).to(device)
    settings = {key: value for key, value in vars(options).items() if key not in ("output", "save_every", "stop_after")}
    history = distributed.pretrain(
        model,
        bulk_batches(documents, tokenizer, options.max_length, options.batch_size),
        steps=options.steps,
        learning_rate=options.learning_rate,
        generator=generator(options.seed),
        run=distributed.SharedRun("pretrain", settings, map(str, documents), options.save_every, options.stop_after),
        progress=False,
    )
    if distributed.is_first() and len(history.loss) == options.steps:
        save_pretrained(model, options.output, tokenizer)
        print(
            f"{options.steps} steps, {history.tokens_per_second:,.0f} tokens/s on this process: {options.output.name}"
        )
    distributed.finish()


if __name__ == "__main__":
    main(sys.argv[1:])
