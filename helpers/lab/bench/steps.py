"""Rows of the bench on training steps, on the CPU and on a GPU."""

import io
import statistics
from collections.abc import Callable
from contextlib import redirect_stderr

import torch
from torch import Tensor, nn

from ... import costs, training
from ...bert import Encoder, PreTrainingModel, make_config
from ...device import generator
from ...masking import IGNORE
from ..recorder import NotHere
from ..timing import alternate, by_operation, ratio, step_profile, summary, synchronise, timed
from . import hf_baselines


def made_up_batch(batch_size: int, max_length: int, vocab_size: int, draws: torch.Generator) -> dict[str, Tensor]:
    """Return a full batch of random ids with 15 % of the slots masked: any ids take the same time."""
    input_ids = torch.randint(vocab_size // 10, vocab_size, (batch_size, max_length), generator=draws)
    hidden = torch.rand(input_ids.shape, generator=draws) < 0.15
    return {
        "input_ids": input_ids,
        "attention_mask": torch.ones_like(input_ids),
        "token_type_ids": (torch.arange(max_length) >= max_length // 2).long().repeat(batch_size, 1),
        "labels": input_ids.masked_fill(~hidden, IGNORE),
        "next_sentence_label": torch.arange(batch_size) % 2,
    }


def stepper(model: nn.Module, batches: list[dict[str, Tensor]], device="cpu") -> Callable[[], int]:
    """Return a job that trains on the batches, as `training.pretrain` does, and returns how many tokens they hold."""
    device = torch.device(device)
    optimizer = training.make_optimizer(model, 1e-4)
    model.train()

    def job() -> int:
        for batch in batches:
            training.training_step(model, optimizer, batch, training.classification_loss, max_grad_norm=1.0)
        synchronise(device)
        return sum(batch["input_ids"].numel() for batch in batches)

    return job


def step(
    batch_size: int, max_length: int, hidden_size: int, num_hidden_layers: int, vocab_size: int, repeats: int
) -> dict:
    """Take whole training steps: forward, both losses, backward, clipping, fused AdamW."""
    torch.manual_seed(0)
    model = PreTrainingModel(
        Encoder(make_config(vocab_size, hidden_size, num_hidden_layers, max_position_embeddings=512))
    )
    other = hf_baselines.twin(model)
    batch = made_up_batch(batch_size, max_length, vocab_size, generator(0))
    losses = [float(side.eval()(**batch).loss.detach()) for side in (model, other)]
    sides = {"ours": timed(stepper(model, [batch])), "theirs": timed(stepper(other, [batch]))}
    speeds = alternate(sides, repeats)
    compared = "the same weights, batch and optimizer; ours decodes the masked slots only, theirs all of them"
    found, profile = {"theirs": ratio(speeds, "ours", "theirs")}, step_profile(model, [batch] * 4)
    return summary(speeds, "tokens/s", found, profile, compared) | {"losses at the start": losses}


def encoder(
    batch_size: int, max_length: int, hidden_size: int, num_hidden_layers: int, vocab_size: int, repeats: int
) -> dict:
    """Run the encoder forward and backward on full rows, with dropout, without any head."""
    torch.manual_seed(0)
    model = Encoder(make_config(vocab_size, hidden_size, num_hidden_layers, max_position_embeddings=512)).train()
    other = hf_baselines.twin(model, add_pooling_layer=False).train()
    batch = made_up_batch(batch_size, max_length, vocab_size, generator(0))
    inputs = {key: batch[key] for key in ("input_ids", "attention_mask", "token_type_ids")}
    gradient = torch.randn(batch_size, max_length, hidden_size, generator=generator(0))

    def run(model: nn.Module) -> int:
        model(**inputs).last_hidden_state.backward(gradient)
        model.zero_grad(set_to_none=True)
        return inputs["input_ids"].numel()

    speeds = alternate({"ours": timed(lambda: run(model)), "theirs": timed(lambda: run(other))}, repeats)
    compared = "the same weights and batch, in training mode"
    return summary(
        speeds, "tokens/s", {"theirs": ratio(speeds, "ours", "theirs")}, by_operation(lambda: run(model)), compared
    )


def loop(
    batch_size: int, max_length: int, hidden_size: int, num_hidden_layers: int, vocab_size: int, repeats: int
) -> dict:
    """Compare `training.pretrain` on batches that are ready with the three bare lines of a training step."""
    torch.manual_seed(0)
    model = PreTrainingModel(
        Encoder(make_config(vocab_size, hidden_size, num_hidden_layers, max_position_embeddings=512))
    )
    draws = generator(0)
    batches = [made_up_batch(batch_size, max_length, vocab_size, draws) for _ in range(4)]

    def whole() -> int:
        with redirect_stderr(io.StringIO()):  # the bar is drawn, but not shown
            training.pretrain(model, lambda _: iter(batches), steps=len(batches), learning_rate=1e-4, generator=draws)
        return len(batches)

    def bare() -> int:
        optimizer = training.make_optimizer(model, 1e-4)
        for batch in batches:
            model(**batch).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return len(batches)

    speeds = alternate({"ours": timed(whole), "bare": timed(bare)}, repeats)
    slower = ratio(speeds, "bare", "ours")
    found = {"overhead": {name: value - 1 for name, value in slower.items()}}
    compared = "the same model, batches and optimizer; the loop adds clipping, schedule, losses, token counts and a bar"
    return summary(speeds, "steps/s", found, step_profile(model, batches), compared)


def gpu_pretraining(
    batch_size: int,
    max_length: int,
    hidden_size: int,
    num_hidden_layers: int,
    vocab_size: int,
    repeats: int,
    steps: int,
    device: str = "cuda",
    backend: str = "inductor",
) -> dict:
    """Take whole training steps in bfloat16: ours compiled, transformers' eager and compiled.

    Raises NotHere without CUDA. `utilisation` is the share of the GPU's peak that the model's own FLOPs come to
    (`costs.flops_per_token`), where the peak is known. device, backend: for a test without a GPU.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise NotHere("no CUDA device")
    torch.manual_seed(0)
    config, draws = make_config(vocab_size, hidden_size, num_hidden_layers, max_position_embeddings=512), generator(0)
    model = PreTrainingModel(Encoder(config)).to(device)
    made = [made_up_batch(batch_size, max_length, vocab_size, draws) for _ in range(steps)]
    batches = [training.to_device(batch, torch.device(device)) for batch in made]
    models = {
        "ours": torch.compile(model, backend=backend),
        "eager": hf_baselines.twin(model).to(device),
        "compiled": torch.compile(hf_baselines.twin(model).to(device), backend=backend),
    }
    speeds = alternate({side: timed(stepper(m, batches, device)) for side, m in models.items()}, repeats)
    found = {side: ratio(speeds, "ours", side) for side in ("eager", "compiled")}
    name = torch.cuda.get_device_name() if device == "cuda" else device
    peak = next((peak for part, peak in costs.PEAKS.items() if part in name), None)
    if peak:
        decoded = sum(float((batch["labels"] != IGNORE).float().mean()) for batch in batches) / steps
        flops = costs.flops_per_token(config, max_length, decoded)
        shares = [speed * flops / peak for speed in speeds["ours"]]
        found["utilisation"] = {"value": statistics.median(shares), "lowest": min(shares), "highest": max(shares)}
    compared = "the same weights, batches and optimizer; autocast to bfloat16 on CUDA, sdpa"
    return summary(speeds, "tokens/s", found, step_profile(models["ours"], batches), compared)
