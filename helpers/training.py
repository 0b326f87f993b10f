"""Three plain loops: pre-train, fine-tune, distil. Each is one function to be read from top to bottom.

Shared by all: AdamW without decay on norms and biases, linear warm-up and decay, gradient clipping, bf16 autocast on
CUDA, and run checkpoints that resume bit for bit on a CPU at the same thread count.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

Batches = Callable[[torch.Generator], Iterable[dict[str, Tensor]]]


@dataclass
class History:
    """What a run measured: one entry per logged step in `steps`, `loss`, `parts` (by name); `evaluations` as (step,
    result)."""

    steps: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    parts: dict[str, list[float]] = field(default_factory=dict)
    evaluations: list[tuple[int, dict]] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        """Real tokens (padding not counted) per second of training, evaluation left out."""
        return self.tokens / self.seconds if self.seconds else 0.0


def make_optimizer(model: nn.Module, learning_rate: float, weight_decay: float = 0.01) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019), fused, over the parameters that require a gradient; norms and biases, all
    vectors, are not decayed."""
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        raise ValueError("No parameter of the model requires a gradient: there is nothing to train.")
    groups = [
        {"params": [p for p in trained if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [g for g in groups if g["params"]], lr=learning_rate, betas=(0.9, 0.999), eps=1e-8, fused=True
    )


def warmup_then_decay(step: int, steps: int, warmup: int) -> float:
    """Return the factor on the learning rate at `step` (0-based): a straight line up over `warmup` steps, then down
    to zero at `steps`."""
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, (steps - step) / max(1, steps - warmup))


def pretrain(
    model: nn.Module,
    batches: Batches,
    *,
    steps: int,
    learning_rate: float,
    generator: torch.Generator,
    warmup_fraction: float = 0.1,
    weight_decay: float = 0.01,
    max_grad_norm: float = 1.0,
    evaluate: Callable[[nn.Module], dict] | None = None,
    evaluate_every: int = 0,
    run: "Run | None" = None,
    stop_after: int | None = None,
    progress: bool = True,
) -> History:
    """Train a `PreTrainingModel` (masked words, and next sentence where the batches carry its label) for `steps` steps.

    `batches(generator)` yields one epoch of batches, fresh pairs and masks at every call; it must draw from that
    generator alone. `evaluate` is called with the model every `evaluate_every` steps and at the end. With `run`, a
    checkpoint is written now and then and a run that was stopped goes on from it. `stop_after` ends early, as a
    killed kernel would. Raises ValueError for an epoch without batches.
    """
    device = next(model.parameters()).device
    optimizer = make_optimizer(model, learning_rate, weight_decay)
    state = LoopState(generator, History())
    if run is not None:
        run.restore(model, optimizer, state)
    bar = progress_bar(steps, "pre-training", progress, initial=state.step)
    model.train()
    while state.step < steps:
        for batch in state.epoch(batches):
            set_learning_rate(
                optimizer, learning_rate * warmup_then_decay(state.step, steps, int(warmup_fraction * steps))
            )
            with autocast(device):
                output = model(**to_device(batch, device))
            parts = {"mlm": output.mlm_loss, "nsp": output.nsp_loss}
            take_step(model, optimizer, output.loss, max_grad_norm)
            state.log(output.loss, parts, batch)
            bar.update()
            bar.set_postfix(
                loss=f"{state.history.loss[-1]:.2f}",
                tokens_per_s=f"{state.history.tokens_per_second:,.0f}",
                refresh=False,
            )
            if evaluate and (state.step == steps or evaluate_every and state.step % evaluate_every == 0):
                state.history.evaluations.append((state.step, evaluate(model)))
                state.clock = time.perf_counter()
            if run is not None and (state.step == steps or state.step % run.every == 0):
                run.save(model, optimizer, state)
            if state.step in (steps, stop_after):
                bar.close()
                return state.history
    bar.close()
    return state.history


def fine_tune(
    model: nn.Module,
    batches: Batches,
    *,
    epochs: int,
    steps_per_epoch: int,
    learning_rate: float,
    generator: torch.Generator,
    warmup_fraction: float = 0.1,
    weight_decay: float = 0.01,
    max_grad_norm: float = 1.0,
    evaluate: Callable[[nn.Module], dict] | None = None,
    progress: bool = True,
) -> History:
    """Train a classifier (any model whose output has `loss`) for whole epochs; `evaluate` is called after each.

    Only parameters that require a gradient are trained: freeze a part with `freeze` first. `batches(generator)`
    yields one epoch of `steps_per_epoch` batches with labels. Raises ValueError if an epoch has another number of them.
    """
    device = next(model.parameters()).device
    optimizer = make_optimizer(model, learning_rate, weight_decay)
    steps = epochs * steps_per_epoch
    state = LoopState(generator, History())
    bar = progress_bar(steps, "fine-tuning", progress)
    for _ in range(epochs):
        model.train()
        before = state.step
        for batch in state.epoch(batches):
            set_learning_rate(
                optimizer, learning_rate * warmup_then_decay(state.step, steps, int(warmup_fraction * steps))
            )
            with autocast(device):
                output = model(**to_device(batch, device))
            take_step(model, optimizer, output.loss, max_grad_norm)
            state.log(output.loss, {}, batch)
            bar.update()
            bar.set_postfix(
                loss=f"{state.history.loss[-1]:.2f}",
                tokens_per_s=f"{state.history.tokens_per_second:,.0f}",
                refresh=False,
            )
        if state.step - before != steps_per_epoch:
            raise ValueError(
                f"The epoch had {state.step - before} batches, not {steps_per_epoch}: the schedule would be wrong."
            )
        if evaluate:
            state.history.evaluations.append((state.step, evaluate(model)))
            state.clock = time.perf_counter()
    bar.close()
    return state.history


def distill(
    student: nn.Module,
    teacher: nn.Module,
    batches: Batches,
    *,
    epochs: int,
    steps_per_epoch: int,
    learning_rate: float,
    generator: torch.Generator,
    temperature: float = 2.0,
    weights: tuple[float, float, float] = (5.0, 2.0, 1.0),
    warmup_fraction: float = 0.1,
    weight_decay: float = 0.01,
    max_grad_norm: float = 1.0,
    evaluate: Callable[[nn.Module], dict] | None = None,
    progress: bool = True,
) -> History:
    """Train a `SequenceClassifier` student to answer as a fine-tuned teacher does (Hinton et al. 2015; Sanh et al.
    2019, section 2).

    The loss is `weights` · (soft targets, hard labels, 1 - cosine of the last hidden states at real tokens); 5, 2 and
    1 are those of DistilBERT's code.
    Raises ValueError if an epoch has another number of batches than `steps_per_epoch`.
    """
    device = next(student.parameters()).device
    optimizer = make_optimizer(student, learning_rate, weight_decay)
    steps = epochs * steps_per_epoch
    state = LoopState(generator, History())
    bar = progress_bar(steps, "distilling", progress)
    teacher.eval()
    for _ in range(epochs):
        student.train()
        before = state.step
        for batch in state.epoch(batches):
            set_learning_rate(
                optimizer, learning_rate * warmup_then_decay(state.step, steps, int(warmup_fraction * steps))
            )
            inputs = to_device(batch, device)
            labels, mask = inputs.pop("labels"), inputs["attention_mask"]
            with autocast(device):
                hidden, logits = student.hidden_and_logits(**inputs)
                with torch.no_grad():
                    teacher_hidden, teacher_logits = teacher.hidden_and_logits(**inputs)
            parts = {
                "soft": soft_target_loss(logits.float(), teacher_logits.float(), temperature),
                "hard": F.cross_entropy(logits.float(), labels),
                "cosine": cosine_loss(hidden.float(), teacher_hidden.float(), mask),
            }
            loss = sum(weight * part for weight, part in zip(weights, parts.values(), strict=True))
            take_step(student, optimizer, loss, max_grad_norm)
            state.log(loss, parts, batch)
            bar.update()
            bar.set_postfix(loss=f"{state.history.loss[-1]:.2f}", refresh=False)
        if state.step - before != steps_per_epoch:
            raise ValueError(
                f"The epoch had {state.step - before} batches, not {steps_per_epoch}: the schedule would be wrong."
            )
        if evaluate:
            state.history.evaluations.append((state.step, evaluate(student)))
            state.clock = time.perf_counter()
    bar.close()
    return state.history


def soft_target_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """KL(teacher ‖ student) of the softened answers, times T² so that its gradient keeps its size at any T (Hinton et
    al. 2015, section 2)."""
    student = F.log_softmax(student_logits / temperature, dim=-1)
    teacher = F.log_softmax(teacher_logits / temperature, dim=-1)
    return F.kl_div(student, teacher, log_target=True, reduction="batchmean") * temperature**2


def cosine_loss(student_hidden: Tensor, teacher_hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Mean of 1 - cosine between the two models' hidden states (batch, seq, hidden) at real tokens."""
    distance = 1 - F.cosine_similarity(student_hidden, teacher_hidden, dim=-1)  # (batch, seq)
    return (distance * attention_mask).sum() / attention_mask.sum()


def freeze(module: nn.Module) -> None:
    """Take a module out of training: its parameters get no gradient."""
    for parameter in module.parameters():
        parameter.requires_grad_(False)


def progress_bar(total: int, description: str, shown: bool, initial: int = 0) -> tqdm:
    hidden = not shown or bool(os.environ.get("TQDM_DISABLE"))  # tqdm's notebook bar does not look by itself
    return tqdm(total=total, desc=description, initial=initial, disable=hidden)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def autocast(device: torch.device):
    """bfloat16 on CUDA, plain float32 elsewhere (a CPU without matrix units gains nothing from it)."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


def to_device(batch: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    return {
        key: tensor.to(device, non_blocking=True)
        for key, tensor in batch.items()
        if key not in ("special_tokens_mask", "index")
    }


def take_step(model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, max_grad_norm: float) -> None:
    """Backward, clip the gradient's norm, step, and forget the gradient."""
    loss.backward()
    nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], max_grad_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


class LoopState:
    """Where a loop stands: the step, the position in the epoch, and the generator's state at the epoch's start, from
    which its batches follow."""

    def __init__(self, generator: torch.Generator, history: History):
        self.generator, self.history = generator, history
        self.step = self.position = 0
        self.epoch_start: Tensor | None = None  # set while an epoch is under way
        self.clock = time.perf_counter()  # of the last step; making the batch counts as training, evaluation does not

    def epoch(self, batches: Batches) -> Iterable[dict[str, Tensor]]:
        """Yield the batches of this epoch that are still to come: after a resume, those before the checkpoint are
        drawn again and passed over."""
        if self.epoch_start is None:
            self.epoch_start, self.position = self.generator.get_state(), 0
        else:
            self.generator.set_state(self.epoch_start)
        skip = self.position
        count = 0
        for count, batch in enumerate(batches(self.generator), 1):
            if count > skip:
                yield batch
            elif count == skip:
                self.clock = time.perf_counter()  # what was drawn again is not training
        if count == 0:
            raise ValueError("The epoch has no batches: there is no data to train on.")
        self.epoch_start = None

    def log(self, loss: Tensor, parts: dict[str, Tensor | None], batch: dict[str, Tensor]) -> None:
        now = time.perf_counter()
        self.history.seconds += now - self.clock
        self.clock = now
        self.step += 1
        self.position += 1
        self.history.steps.append(self.step)
        self.history.loss.append(loss.item())
        for name, part in parts.items():
            if part is not None:
                self.history.parts.setdefault(name, []).append(part.item())
        real = batch.get("attention_mask", torch.ones_like(batch["input_ids"]))
        # In packed rows the mask is (batch, seq, seq), and a padding slot sees itself alone.
        self.history.tokens += int((real.sum(-1) > 1).sum()) if real.dim() == 3 else int((real > 0).sum())


class Run:
    """Checkpoints of one run, in a folder whose name is a digest of the given configuration and data, and of helpers'
    source.

    Change any of them and the digest changes, so a stale checkpoint is never picked up. What else shapes a run, such
    as how its batches are made, belongs in `configuration`; its first batch will do. The folder lies in $COURSE_RUNS
    (default: runs/).
    """

    def __init__(self, name: str, configuration: dict, data: Iterable[str], every: int = 100):
        source = sorted(Path(__file__).parent.glob("*.py"))
        digest = hashlib.sha256(json.dumps(configuration, sort_keys=True, default=str).encode())
        for part in (*(text.encode() for text in data), *(path.read_bytes() for path in source)):
            digest.update(hashlib.sha256(part).digest())
        self.folder = Path(os.environ.get("COURSE_RUNS", "runs")) / f"{name}-{digest.hexdigest()[:16]}"
        self.every = every

    def save(self, model: nn.Module, optimizer: torch.optim.Optimizer, state: LoopState) -> None:
        """Write weights, optimizer moments and every generator's state as safetensors, the rest as JSON; swap them in
        at once."""
        tensors = {f"model.{key}": tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
        for index, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": tensor.cpu() for key, tensor in moments.items()}
        tensors |= {"generator": state.generator.get_state(), "global_generator": torch.get_rng_state()}
        if state.epoch_start is not None:
            tensors["epoch_start"] = state.epoch_start
        if torch.cuda.is_available():
            tensors["cuda_generator"] = torch.cuda.get_rng_state()
        self.folder.mkdir(parents=True, exist_ok=True)
        facts = {"step": state.step, "position": state.position, "history": vars(state.history)}
        # The step is part of both names: whichever write a crash interrupts, the last complete pair is still there.
        save_file(tensors, self.folder / f"step{state.step}.safetensors")
        (self.folder / "next.json").write_text(json.dumps(facts), encoding="utf-8")
        os.replace(self.folder / "next.json", self.folder / "state.json")
        for old in self.folder.glob("step*.safetensors"):
            if old.name != f"step{state.step}.safetensors":
                old.unlink()

    def remove(self) -> None:
        """Delete the run's checkpoint: what is finished must not be taken for a run that can go on."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer, state: LoopState) -> bool:
        """Put everything back as `save` found it; return False if there is no checkpoint."""
        if not (self.folder / "state.json").is_file():
            return False
        facts = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        # Read, not mapped: Windows refuses to delete a file that is mapped, and the next save deletes this one.
        tensors = load((self.folder / f"step{facts['step']}.safetensors").read_bytes())
        model.load_state_dict(
            {key.removeprefix("model."): tensor for key, tensor in tensors.items() if key.startswith("model.")}
        )
        moments = {}
        for key, tensor in tensors.items():
            if key.startswith("optimizer."):
                _, index, name = key.split(".")
                moments.setdefault(int(index), {})[name] = tensor
        optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
        state.generator.set_state(tensors["generator"])
        torch.set_rng_state(tensors["global_generator"])
        if "cuda_generator" in tensors:
            torch.cuda.set_rng_state(tensors["cuda_generator"])
        state.epoch_start = tensors.get("epoch_start")
        state.step, state.position = facts["step"], facts["position"]
        state.history = History(**facts["history"])
        state.history.evaluations = [tuple(entry) for entry in state.history.evaluations]
        state.clock = time.perf_counter()  # nor is reading a checkpoint
        return True
