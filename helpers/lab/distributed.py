"""The same pre-training loop on many processes, on one machine or several, with PyTorch's own engine (DDP).

    torchrun --nproc_per_node=2 -m helpers.lab.pretrain --steps 100 --output runs/small

Every process draws the same global batch and takes its own rows of it. So the text that a step sees does not depend on
how many processes share it, and a run that was stopped goes on with another number of them.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import partial

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from .. import training
from ..bert import PreTrainingModel, PreTrainingOutput
from ..masking import IGNORE


def start() -> torch.device:
    """Join the processes that torchrun started, over NCCL on CUDA and gloo on a CPU; return this one's device.

    Without torchrun, this is a group of one.
    """
    for name, alone in (("RANK", "0"), ("WORLD_SIZE", "1"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "29400")):
        os.environ.setdefault(name, alone)
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if torch.cuda.is_available() else "cpu"
    if torch.cuda.is_available():
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return torch.device(device)


def is_first() -> bool:
    """Is this the process that writes?"""
    return dist.get_rank() == 0


def finish() -> None:
    """Leave the group."""
    dist.destroy_process_group()


def shard(batch: dict[str, Tensor], rank: int, world_size: int) -> dict[str, Tensor]:
    """Return every `world_size`-th row of a batch, from row `rank` on.

    A process that would get no row gets the first one without any label: it has to take part in the step, too.
    """
    mine = {key: tensor[rank::world_size] for key, tensor in batch.items()}
    if len(mine["input_ids"]):
        return mine
    first = {key: tensor[:1] for key, tensor in batch.items()}
    blank = {key: torch.full_like(first[key], IGNORE) for key in ("labels", "next_sentence_label") if key in batch}
    return first | blank


def own_rows(
    batches: Callable[[torch.Generator], Iterable[dict[str, Tensor]]],
    generator: torch.Generator,
    rank: int,
    world_size: int,
) -> Iterator[dict[str, Tensor]]:
    """Yield this process's rows of one epoch's batches, and before each seed the global generator, which dropout reads:
    every process drops others, and a run that goes on drops what it would have dropped."""
    ahead = torch.Generator()
    ahead.set_state(generator.get_state())  # a copy: the batches stay those of a single process
    first = int(torch.randint(2**62, (1,), generator=ahead))
    for number, batch in enumerate(batches(generator)):
        torch.manual_seed(first + number * world_size + rank)
        yield shard(batch, rank, world_size)


class GlobalMean(nn.Module):
    """A pre-training model whose losses are means over the labels of *all* processes.

    Shards hold unequal numbers of masked slots. A mean of each shard's mean would weigh a slot by where it lies; so the
    losses are summed and divided by the number of labels in all shards. DDP takes the mean of the gradients over the
    processes, hence the factor `world_size`.
    """

    def __init__(self, model: PreTrainingModel):
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        *,
        labels: Tensor,
        next_sentence_label: Tensor | None = None,
    ) -> PreTrainingOutput:
        """As `PreTrainingModel.forward`; this shard's part of the losses, which are means over all shards."""
        encoder = self.model.encoder
        hidden = encoder(input_ids, attention_mask, token_type_ids).last_hidden_state
        chosen = labels != IGNORE
        mlm_logits = self.model.mlm_head(hidden[chosen], encoder.embeddings.word.weight)
        mlm_loss = self.share(mlm_logits, labels[chosen])
        nsp_logits = self.model.nsp_head(encoder.pool(hidden))
        if next_sentence_label is None:
            # 0 times the logits: DDP waits for a gradient of every parameter, those of the pooler and this head too.
            return PreTrainingOutput(mlm_loss + 0 * nsp_logits.sum(), mlm_loss, None, mlm_logits, nsp_logits)
        nsp_loss = self.share(nsp_logits, next_sentence_label)
        return PreTrainingOutput(mlm_loss + nsp_loss, mlm_loss, nsp_loss, mlm_logits, nsp_logits)

    @staticmethod
    def share(logits: Tensor, labels: Tensor) -> Tensor:
        count = (labels != IGNORE).sum()
        dist.all_reduce(count)
        summed = F.cross_entropy(logits.float(), labels, ignore_index=IGNORE, reduction="sum")
        return summed * dist.get_world_size() / count


class SharedRun(training.Run):
    """Run checkpoints of many processes: the first one writes, all read (from a folder that all of them see)."""

    def lock(self):
        return super().lock() if is_first() else nullcontext()

    def save(self, model: nn.Module, optimizer: torch.optim.Optimizer, state: training.LoopState) -> None:
        state.read()  # on every process: all of them stop at a loss that is not finite
        if is_first():
            super().save(model.module.model, optimizer, state)
        dist.barrier()  # nobody goes on, and is killed, before the checkpoint is there

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer, state: training.LoopState) -> bool:
        return super().restore(model.module.model, optimizer, state)


def pretrain(
    model: PreTrainingModel,
    batches: Callable[[torch.Generator], Iterable[dict[str, Tensor]]],
    *,
    run: SharedRun | None = None,
    evaluate: Callable[[PreTrainingModel], dict] | None = None,
    **options,
) -> training.History:
    """Train with `training.pretrain` on all processes of the group; call `start` first, on each of them.

    `batches(generator)` yields global batches, the same on every process: give all the same seed; dropout has seeds of
    its own, see `own_rows`. `options`
    are those of `training.pretrain`; `evaluate` gets the model itself, on every process. The history's loss is this
    process's share, its tokens are its own.
    """
    rank, world_size = dist.get_rank(), dist.get_world_size()
    mine = partial(own_rows, batches, rank=rank, world_size=world_size)
    bare = None if evaluate is None else lambda wrapped: evaluate(wrapped.module.model)
    return training.pretrain(DistributedDataParallel(GlobalMean(model)), mine, run=run, evaluate=bare, **options)
