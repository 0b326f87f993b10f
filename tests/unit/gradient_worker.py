"""Started by test_distributed: the gradient of one global batch, shared out among processes, written by the first.

On Linux one process imports PyTorch and then forks, which takes a fraction of what torchrun's separate ones would.
"""

import os
import socket
import sys
from pathlib import Path

import torch
import torch._dynamo  # noqa: F401 - DDP needs it: import it once, before forking
import torch.multiprocessing
from safetensors.torch import load_file, save_file
from torch.nn.parallel import DistributedDataParallel

from helpers.bert import Encoder, EncoderConfig, PreTrainingModel
from helpers.lab import distributed

SHAPE = EncoderConfig(50, 24, 2, 4, 40, 16, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


def work(rank: int, folder: Path, processes: int, port: int) -> None:
    """What one process does; torchrun would set these variables."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    distributed.start()
    model = PreTrainingModel(Encoder(SHAPE)).double()
    model.load_state_dict(load_file(folder / "model.safetensors"))
    batch = load_file(folder / "batch.safetensors")
    rank, world_size = torch.distributed.get_rank(), torch.distributed.get_world_size()
    mine = distributed.shard(batch, rank, world_size)
    parallel = DistributedDataParallel(distributed.GlobalMean(model))  # named: it must outlive the backward pass
    output = parallel(**mine)
    output.loss.backward()
    loss = output.loss.detach() / world_size
    torch.distributed.all_reduce(loss)
    if distributed.is_first():
        gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        save_file(gradients | {"loss": loss}, folder / f"{world_size}.safetensors")
    del output, parallel  # before its process group is gone: a later end has been seen to wait for ever
    distributed.finish()


def main(folder: Path, processes: int, work=work) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    method = "fork" if sys.platform == "linux" else "spawn"
    torch.multiprocessing.start_processes(work, (folder, processes, port), processes, start_method=method)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
