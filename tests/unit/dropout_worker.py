"""Started by test_distributed: two processes train with dropout, undisturbed and with a stop, and write what came."""

import os
import sys
from pathlib import Path

import gradient_worker
import torch
from safetensors.torch import save_file

from helpers.bert import Encoder, EncoderConfig, PreTrainingModel
from helpers.device import generator
from helpers.lab import distributed
from helpers.lab.killed import batches

SHAPE = EncoderConfig(200, 32, 1, 4, 64, 24, hidden_dropout_prob=0.5, attention_probs_dropout_prob=0.5)
SETTINGS = {"steps": 6, "learning_rate": 1e-3, "progress": False}


def global_batches(generator: torch.Generator):
    """Batches of four rows, two a process, with the mask that the shared loop asks for."""
    for batch in batches(generator):
        yield batch | {"attention_mask": torch.ones_like(batch["input_ids"])}


def train(stops: list[int | None]) -> tuple[dict, list[torch.Tensor]]:
    """Train, stopped and gone on with as often as said; return the weights and where dropout struck at each step."""
    dropped = []
    for stop in stops:
        torch.manual_seed(0)
        model = PreTrainingModel(Encoder(SHAPE))
        model.encoder.embeddings.dropout.register_forward_hook(lambda *found: dropped.append(found[2] == 0))
        run = distributed.SharedRun(f"run{len(stops)}", {}, [], every=2, stop_after=stop)
        distributed.pretrain(model, global_batches, generator=generator(0), run=run, **SETTINGS)
    return model.state_dict(), dropped


def work(rank: int, folder: Path, processes: int, port: int) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "COURSE_RUNS": str(folder)}
    distributed.start()
    for name, stops in (("whole", [None]), ("stopped", [4, None])):
        weights, dropped = train(stops)
        save_file(weights | {"dropped": torch.stack(dropped)}, folder / f"{name}-{rank}.safetensors")
    distributed.finish()


if __name__ == "__main__":
    gradient_worker.main(Path(sys.argv[1]), 2, work)
