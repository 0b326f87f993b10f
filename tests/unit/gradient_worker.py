"""Started by torchrun in test_distributed: the gradient of one global batch, shared out, written by one process."""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.nn.parallel import DistributedDataParallel

from helpers import distributed
from helpers.bert import Encoder, EncoderConfig, PreTrainingModel

SHAPE = EncoderConfig(50, 24, 2, 4, 40, 16, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


def main(folder: Path) -> None:
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
    distributed.finish()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
