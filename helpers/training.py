"""Training: one step, two loops around it (pre-train, fine-tune), and checkpoints that survive a kill.

Shared by both loops: AdamW without decay on norms and biases, linear warm-up and decay, gradient clipping, bf16
autocast on CUDA. Run checkpoints resume bit for bit on a CPU at the same thread count.
"""

import hashlib
import inspect
import itertools
import json
import math
import os
import shutil
import statistics
import sys
import sysconfig
import time
import types
import warnings
from collections.abc import Callable, Iterable, Sized
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors import safe_open
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from .attention import MultiHeadAttention
from .batching import Batches
from .bert import Encoder, check_labels, evaluating
from .device import (
    check_callable,
    check_generator,
    check_int,
    check_kind,
    check_number,
    check_tensor,
    check_text,
    shown,
)

# What a loss function returns: the loss to minimize, and its parts by name (those that are None are not logged).
Losses = tuple[Tensor, dict[str, Tensor | None]]
READ_EVERY = 10  # steps between two readings of the losses; each makes a GPU wait


@dataclass(frozen=True)
class Optimization:
    """How both loops step, apart from the learning rate: the share of the steps that warm up, AdamW's weight decay, and
    the norm that gradients are clipped to."""

    warmup_fraction: float = 0.1
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0

    def __post_init__(self):
        check_number(self.warmup_fraction, "warmup_fraction", 0, 1)
        check_number(self.weight_decay, "weight_decay", 0)
        if self.max_grad_norm != math.inf:  # no clipping
            check_number(self.max_grad_norm, "max_grad_norm")
        if self.max_grad_norm <= 0:
            raise ValueError(f"max_grad_norm is {self.max_grad_norm}: clipped to that, nothing is trained.")


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

    def last_loss(self, steps: int = 50) -> float:
        """Return the mean training loss of the last steps."""
        check_int(steps, "steps", 1)
        if not self.loss:
            raise ValueError("The history is empty: no step has been logged yet.")
        return statistics.mean(self.loss[-steps:])


# ---------------------------------------------------------------- one step


def make_optimizer(model: nn.Module, learning_rate: float, weight_decay: float = 0.01) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019), fused, over the parameters that require a gradient; norms and biases, all
    vectors, are not decayed."""
    check_kind(model, "model", nn.Module)
    check_rate(learning_rate)
    check_number(weight_decay, "weight_decay", 0)
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


def training_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: dict[str, Tensor],
    compute_loss: Callable[[nn.Module, dict[str, Tensor]], Losses],
    max_grad_norm: float,
) -> tuple[Tensor, dict[str, Tensor | None], Tensor]:
    """Take one training step on a batch: forward, backward, clip, step.

    Returns the loss, its parts, and whether loss and gradient are finite (bool, on the device: nothing waits for it).
    """
    device = next(model.parameters()).device
    check_batch(batch)
    with autocast(device):
        loss, parts = compute_loss(model, to_device(batch, device))
    if loss is None:
        raise ValueError(f"The model returned no loss: the batch has no labels, only {', '.join(map(str, batch))}.")
    loss.backward()
    norm = nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], max_grad_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.detach(), parts, torch.isfinite(loss.detach()) & torch.isfinite(norm)


def pretraining_loss(model: nn.Module, batch: dict[str, Tensor]) -> Losses:
    """Return the loss of a `PreTrainingModel` and its parts, masked words and next sentence."""
    output = model(**batch)
    return output.loss, {"mlm": output.mlm_loss, "nsp": output.nsp_loss}


def classification_loss(model: nn.Module, batch: dict[str, Tensor]) -> Losses:
    """Return the loss of a classifier, any model whose output has `loss`."""
    return model(**batch).loss, {}


def distillation_loss(
    teacher: nn.Module, temperature: float = 2.0, weights: tuple[float, float, float] = (5.0, 2.0, 1.0)
) -> Callable[[nn.Module, dict[str, Tensor]], Losses]:
    """Return the loss of a `SequenceClassifier` student that learns to answer as a fine-tuned teacher does (Hinton et
    al. 2015; Sanh et al. 2019, section 2).

    It is `weights` · (soft targets, hard labels, 1 - cosine of the last hidden states at real tokens); 5, 2 and 1 are
    those of DistilBERT's code. The teacher answers in eval mode, whatever mode it is in.
    """
    check_distillation(teacher, temperature, weights)

    def compute(student: nn.Module, batch: dict[str, Tensor]) -> Losses:
        inputs = {key: tensor for key, tensor in batch.items() if key != "labels"}
        check_labeled(batch)
        hidden, logits = student.hidden_and_logits(**inputs)
        with torch.no_grad(), evaluating(teacher):
            teacher_hidden, teacher_logits = teacher.hidden_and_logits(**inputs)
        check_answers(student_states=hidden, teacher_states=teacher_hidden)
        check_labels(batch["labels"], logits.shape[-1], logits.shape[:1])
        parts = {
            "soft": soft_target_loss(logits.float(), teacher_logits.float(), temperature),
            "hard": F.cross_entropy(logits.float(), batch["labels"].long()),
            "cosine": cosine_loss(hidden.float(), teacher_hidden.float(), batch["attention_mask"]),
        }
        return sum(weight * part for weight, part in zip(weights, parts.values(), strict=True)), parts

    return compute


def soft_target_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """KL(teacher ‖ student) of the softened answers, times T² so that its gradient keeps its size at any T (Hinton et
    al. 2015, section 2)."""
    check_temperature(temperature)
    check_answers(student_logits=student_logits, teacher_logits=teacher_logits)
    student = F.log_softmax(student_logits / temperature, dim=-1)
    teacher = F.log_softmax(teacher_logits / temperature, dim=-1)
    return F.kl_div(student, teacher, log_target=True, reduction="batchmean") * temperature**2


def cosine_loss(student_hidden: Tensor, teacher_hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Mean of 1 - cosine between the two models' hidden states (batch, seq, hidden) at real tokens."""
    check_answers(student_hidden=student_hidden, teacher_hidden=teacher_hidden)
    check_tensor(attention_mask, "attention_mask", shape=student_hidden.shape[:2])
    distance = 1 - F.cosine_similarity(student_hidden, teacher_hidden, dim=-1)  # (batch, seq)
    return (distance * attention_mask).sum() / attention_mask.sum()


# ---------------------------------------------------------------- the two loops


def pretrain(
    model: nn.Module,
    batches: Batches,
    *,
    steps: int,
    learning_rate: float,
    generator: torch.Generator,
    optimization: Optimization = Optimization(),  # noqa: B008 - frozen: sharing it is safe
    evaluate: Callable[[nn.Module], dict] | None = None,
    evaluate_every: int = 0,
    run: "Run | None" = None,
    progress: bool = True,
) -> History:
    """Train a `PreTrainingModel` (masked words, and next sentence where the batches carry its label) for `steps` steps.

    `batches(generator)` yields one epoch of batches, fresh pairs and masks at every call; it must sample from that
    generator alone. `evaluate` is called with the model, in eval mode, every `evaluate_every` steps and at the end; it
    returns a dictionary. With `run`, a checkpoint is written now and then and a run that was stopped goes on from it.
    Raises ValueError for an epoch without batches, and FloatingPointError, with the step, for a loss or gradient that
    is not finite; the checkpoint before it is kept.
    """
    check_loop(model, learning_rate, optimization, evaluate)
    check_pretraining(batches, steps, generator, evaluate_every, run)
    optimizer = make_optimizer(model, learning_rate, optimization.weight_decay)
    warmup = int(optimization.warmup_fraction * steps)
    state = LoopState(generator, History())
    if run is not None:
        run.begin(model, {"steps": steps, "learning_rate": learning_rate} | asdict(optimization))
    with nullcontext() if run is None else run.lock():
        if run is not None:
            run.restore(model, optimizer, state)
        model.train()
        with progress_bar(steps, "pre-training", progress, initial=state.step) as bar:
            while state.step < steps:
                for batch in state.epoch(batches):
                    set_learning_rate(optimizer, learning_rate * warmup_then_decay(state.step, steps, warmup))
                    step = training_step(model, optimizer, batch, pretraining_loss, optimization.max_grad_norm)
                    state.log(*step, batch, bar)
                    if evaluate and (state.step == steps or evaluate_every and state.step % evaluate_every == 0):
                        state.evaluate(evaluate, model)
                    stopping = state.step == steps or run is not None and state.step == run.stop_after
                    if run is not None and (state.step == steps or state.step % run.every == 0):
                        run.save(model, optimizer, state)
                    if stopping:
                        state.read()
                        return state.history
    return state.history


def fine_tune(
    model: nn.Module,
    batches: Iterable[dict[str, Tensor]],
    *,
    epochs: int,
    learning_rate: float,
    max_steps: int | None = None,
    optimization: Optimization = Optimization(),  # noqa: B008 - frozen: sharing it is safe
    compute_loss: Callable[[nn.Module, dict[str, Tensor]], Losses] = classification_loss,
    evaluate: Callable[[nn.Module], dict] | None = None,
    progress: bool = True,
) -> History:
    """Train a classifier; `evaluate` is called at the end of each epoch, with the model in eval mode.

    batches: a DataLoader whose batches carry `labels`, as `batching.length_batches` makes it, or a list of batches;
    each epoch reads it once. max_steps: stop after this many steps, even in the middle of an epoch; the learning rate
    then reaches zero there, and `evaluate` is called there as at the end of an epoch. Only parameters that require a
    gradient are trained: freeze a part with `freeze` first. compute_loss: `distillation_loss(teacher)` lets the model
    learn from a teacher. Raises TypeError for batches without a length, which the schedule needs; ValueError for none,
    for an epoch with a different number of them, or for max_steps below 1; and FloatingPointError, with the step, for a
    loss or gradient that is not finite.
    """
    check_loop(model, learning_rate, optimization, evaluate)
    check_fine_tuning(model, batches, epochs, max_steps, compute_loss)
    optimizer = make_optimizer(model, learning_rate, optimization.weight_decay)
    steps = min(epochs * len(batches), max_steps or sys.maxsize)
    warmup = int(optimization.warmup_fraction * steps)
    state = LoopState(None, History())
    with progress_bar(steps, "training", progress) as bar:
        for epoch in range(1, math.ceil(steps / len(batches)) + 1):
            model.train()
            end = min(epoch * len(batches), steps)
            # A whole epoch is read to its real end, so that a wrong length shows; only a partial one is cut.
            for batch in batches if end == epoch * len(batches) else itertools.islice(batches, end - state.step):
                set_learning_rate(optimizer, learning_rate * warmup_then_decay(state.step, steps, warmup))
                state.log(*training_step(model, optimizer, batch, compute_loss, optimization.max_grad_norm), batch, bar)
            state.read()
            if state.step != end:
                seen = state.step - (epoch - 1) * len(batches)
                raise ValueError(f"The epoch had {seen} batches, not {len(batches)}: the schedule would be wrong.")
            if evaluate:
                state.evaluate(evaluate, model)
    return state.history


def freeze(module: nn.Module) -> None:
    """Take a module out of training: its parameters get no gradient."""
    check_kind(module, "module", nn.Module)
    for parameter in module.parameters():
        parameter.requires_grad_(False)


def without_dropout(model: nn.Module) -> nn.Module:
    """Switch every dropout of the model off, in place, and return it: for runs so short that nothing is seen often."""
    check_kind(model, "model", nn.Module)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, MultiHeadAttention):
            module.dropout = 0.0
    return model


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
        key: tensor.to(device, non_blocking=device.type == "cuda")  # elsewhere a copy may be read too early
        for key, tensor in batch.items()
        if key not in ("special_tokens_mask", "index")
    }


class LoopState:
    """Where a loop is: the step, the position in the epoch, and the generator's state at the epoch's start, from which
    its batches follow."""

    def __init__(self, generator: torch.Generator | None, history: History):
        self.generator, self.history = generator, history
        self.step = self.position = 0
        self.epoch_start: Tensor | None = None  # set while an epoch is under way
        self.waiting: list[tuple[int, dict[str, Tensor], Tensor]] = []  # steps whose losses have not been read
        self.clock = time.perf_counter()  # of the last step; making the batch counts as training, evaluation does not

    def epoch(self, batches: Batches) -> Iterable[dict[str, Tensor]]:
        """Yield the batches of this epoch that are still to come: after a resume, those before the checkpoint are made
        again and passed over."""
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
                self.clock = time.perf_counter()  # what was made again is not training
        if count == 0:
            raise ValueError("The epoch has no batches: there is no data to train on.")
        self.epoch_start = None

    def log(
        self, loss: Tensor, parts: dict[str, Tensor | None], finite: Tensor, batch: dict[str, Tensor], bar: tqdm
    ) -> None:
        """Note a step. Its losses stay on the device until `read`."""
        now = time.perf_counter()
        self.history.seconds += now - self.clock
        self.clock = now
        self.step += 1
        self.position += 1
        named = {name: part.detach() for name, part in parts.items() if part is not None}
        self.waiting.append((self.step, {"": loss, **named}, finite))
        real = batch.get("attention_mask")
        self.history.tokens += batch["input_ids"].numel() if real is None else int((real > 0).sum())
        if len(self.waiting) == READ_EVERY:
            self.read()
        bar.update()
        if self.history.loss:
            speed = f"{self.history.tokens_per_second:,.0f}"
            bar.set_postfix(loss=f"{self.history.loss[-1]:.2f}", tokens_per_s=speed, refresh=False)

    def read(self) -> None:
        """Move the losses that wait on the device into the history: one transfer for all of them. Raises
        FloatingPointError, with the step, at the first that is not finite."""
        if not self.waiting:
            return
        waiting, self.waiting = self.waiting, []
        values = iter(torch.stack([value for _, named, _ in waiting for value in named.values()]).tolist())
        finite = torch.stack([finite for *_, finite in waiting]).tolist()
        for (step, named, _), good in zip(waiting, finite, strict=True):
            found = {name: next(values) for name in named}
            if not good:
                raise FloatingPointError(
                    f"Training stops: the loss ({found['']:.3g}) or its gradient is not finite at step {step}; lower "
                    "the learning rate or check that step's batch (a checkpoint from before it is kept)."
                )
            self.history.steps.append(step)
            self.history.loss.append(found.pop(""))
            for name, value in found.items():
                self.history.parts.setdefault(name, []).append(value)

    def evaluate(self, evaluate: Callable[[nn.Module], dict], model: nn.Module) -> None:
        """Note what an evaluation returns, as plain values, and leave the model in the mode it was in."""
        self.read()
        with evaluating(model):
            result = evaluate(model)
        self.history.evaluations.append((self.step, plain(result)))
        self.clock = time.perf_counter()


def plain(value, place: str = "evaluate's result"):
    """Return a value as JSON gives it back: numbers, strings, None, lists, dictionaries with strings as keys; arrays,
    tensors, and NumPy's scalars become these. Raises TypeError, with the place, for anything else."""
    if isinstance(value, dict):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise TypeError(f"{place} has the key {wrong[0]!r}: a checkpoint can hold strings as keys only.")
        return {key: plain(part, f"{place}[{key!r}]") for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part, f"{place}[{i}]") for i, part in enumerate(value)]
    if hasattr(value, "tolist"):  # a tensor, an array, or a scalar of NumPy
        return plain(value.tolist(), place)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"{place} is {type(value).__name__}: a checkpoint can hold numbers, strings, lists, and dicts only."
    )


# ---------------------------------------------------------------- run checkpoints


def source_digest(folder: Path) -> str:
    """Return the sha256 (hex) of all Python files under a folder, their places included."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        for part in (path.relative_to(folder).as_posix().encode(), path.read_bytes()):
            digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


# Taken once, at import: it names the code that runs, even if a file is edited while it does.
SOURCE = source_digest(Path(__file__).parent)
INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})


def own_source(model: nn.Module) -> list[str]:
    """Return the source of the model's classes, and of the functions, classes, and plain constants that they name,
    where these are written outside helpers and the installed packages: a student's encoder lives in a notebook."""
    found, waiting = {}, [type(module) for module in model.modules()]
    while waiting:
        thing = waiting.pop()
        name = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}"
        if name in found or not _is_own(thing):
            continue
        if isinstance(thing, type):
            named = {key: value for key, value in vars(thing).items() if not key.startswith("__") or callable(value)}
            source, bases = "", thing.__mro__[1:]
        else:
            named = {key: thing.__globals__[key] for key in _names(thing.__code__) if key in thing.__globals__}
            source, bases = _source(thing), ()
        constants = sorted((key, value) for key, value in named.items() if _is_plain(value))
        found[name] = f"{source}{constants}{[base.__qualname__ for base in bases]}"
        waiting += [*bases, *(function for value in named.values() for function in _functions(value))]
    return [f"{name} {text}" for name, text in sorted(found.items())]


def _is_own(thing) -> bool:
    """Is this a class or function of the user's, and not of helpers, whose source is known, or of a package?"""
    if not isinstance(thing, type | types.FunctionType):
        return False
    package = str(thing.__module__).partition(".")[0]
    file = getattr(sys.modules.get(package), "__file__", None)
    return package == "__main__" or package != "helpers" and file is not None and not file.startswith(INSTALLED)


def _is_plain(value) -> bool:
    """Is this a constant whose text is the same in every process?"""
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _functions(value) -> list:
    """Return the functions and classes behind a name: those of a property, and what a decorator wraps."""
    parts = (value.fget, value.fset) if isinstance(value, property) else (getattr(value, "__func__", value),)
    return [inspect.unwrap(part) for part in parts if callable(part)]


def _names(code: types.CodeType) -> set[str]:
    """Return the names that compiled code uses, in functions inside it as well."""
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _source(function: types.FunctionType) -> str:
    try:
        return inspect.getsource(function)
    except OSError:  # made without a file, as a dataclass makes its methods
        code = function.__code__
        return repr((code.co_code, code.co_names, [constant for constant in code.co_consts if _is_plain(constant)]))


class Run:
    """Checkpoints of one run, in a folder whose name is a digest of the given configuration and data, of the loop's own
    settings, of helpers' source, and of the model's own.

    Change any of them and the digest changes, so a stale checkpoint is never picked up. What else shapes a run, such
    as how its batches are made, belongs in `configuration`; its first batch will do. The folder lies in $COURSE_RUNS
    (default: runs/). A checkpoint is one file whose name holds the step and the digest of its content; the last two are
    kept. every: steps between two checkpoints. stop_after: end early, at this step, as a killed kernel would.
    """

    def __init__(
        self, name: str, configuration: dict, data: Iterable[str], every: int = 100, stop_after: int | None = None
    ):
        check_run(name, configuration, data, every, stop_after)
        self.name, self.every, self.stop_after = name, every, stop_after
        self.digest = hashlib.sha256()
        _add(self.digest, json.dumps(configuration, sort_keys=True, default=str), *data, SOURCE)
        self.folder: Path | None = None  # known once there is a model

    def begin(self, model: nn.Module, loop: dict) -> None:
        """Settle the run's folder, which depends on the model's own classes and the settings of the loop."""
        digest = self.digest.copy()
        _add(digest, json.dumps(loop, sort_keys=True), *own_source(model))
        self.folder = Path(os.environ.get("COURSE_RUNS", "runs")) / f"{self.name}-{digest.hexdigest()[:16]}"

    def lock(self) -> FileLock:
        """Return the held lock of the run's folder, a context manager; the system frees it when the process dies.
        Raises RuntimeError if another process trains this run, OSError if the folder cannot be written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return FileLock(self.folder / "lock").acquire(timeout=0)
        except Timeout:
            raise RuntimeError(
                f"Another process is training this run, {self.folder}: wait for it or stop it, or set COURSE_RUNS."
            ) from None
        except OSError as error:
            message = f"No checkpoint can be written: {error.strerror}; set COURSE_RUNS"
            raise OSError(error.errno, message, str(self.folder)) from None

    def checkpoints(self) -> list[Path]:
        """Return the run's checkpoints, the newest first."""
        found = self.folder.glob("step*-*.safetensors")
        return sorted(found, key=lambda path: int(path.name[4:].partition("-")[0]), reverse=True)

    def save(self, model: nn.Module, optimizer: torch.optim.Optimizer, state: LoopState) -> None:
        """Write weights, optimizer moments, every generator's state, and the history as one file: written beside,
        synced, and swapped in. Raises FloatingPointError for weights that are not finite, and OSError with the step
        that is kept if the file cannot be written. `begin` comes first."""
        state.read()
        tensors = {f"model.{key}": tensor.detach().cpu().contiguous() for key, tensor in model.state_dict().items()}
        for index, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": tensor.cpu() for key, tensor in moments.items()}
        for key, tensor in tensors.items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise FloatingPointError(f"Training stops: {key} is not finite after step {state.step}.")
        tensors |= {"generator": state.generator.get_state(), "global_generator": torch.get_rng_state()}
        if state.epoch_start is not None:
            tensors["epoch_start"] = state.epoch_start
        if torch.cuda.is_available():
            tensors["cuda_generator"] = torch.cuda.get_rng_state()
        facts = {"step": state.step, "position": state.position, "history": vars(state.history)}
        content = save(tensors, metadata={"facts": json.dumps(facts)})
        beside = self.folder / "step.part"
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self.folder / f"step{state.step}-{hashlib.sha256(content).hexdigest()}.safetensors")
        except OSError as error:
            beside.unlink(missing_ok=True)
            kept = self.checkpoints()[:1]
            last = f"the last one, {kept[0].name.partition('-')[0]}, is kept" if kept else "there is none yet"
            message = f"The checkpoint of step {state.step} can't be written: {error.strerror}; {last}"
            raise OSError(error.errno, message, str(self.folder)) from None
        for old in self.checkpoints()[2:]:
            old.unlink()

    def remove(self) -> None:
        """Delete the run's checkpoints: what is finished must not be taken for a run that can go on."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer, state: LoopState) -> bool:
        """Put everything back as the newest whole checkpoint has it; return False if there is none. A damaged one is
        passed over with a warning."""
        for path in self.checkpoints():
            # Read, not mapped: Windows refuses to delete a file that is mapped, and a later save deletes this one.
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() == path.stem.partition("-")[2]:
                break
            warnings.warn(f"The checkpoint {path} is damaged; training goes on from the one before it.", stacklevel=3)
        else:
            return False
        tensors = load(content)
        with safe_open(path, "pt") as file:
            facts = json.loads(file.metadata()["facts"])
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


def _add(digest, *texts: str) -> None:
    for text in texts:
        check_text(text, "A text of the run's data")
        digest.update(hashlib.sha256(text.encode()).digest())


# ---------------------------------------------------------------- input checks


def check_rate(learning_rate: float) -> None:
    """Raise TypeError or ValueError unless this rate trains something."""
    check_number(learning_rate, "learning_rate")
    if learning_rate <= 0:
        raise ValueError(f"learning_rate is {learning_rate}; it must be above 0, such as 1e-4.")


def check_batch(batch: dict[str, Tensor]) -> None:
    """Raise TypeError or ValueError unless this is a batch: a dictionary of tensors, input_ids among them."""
    if not isinstance(batch, dict):
        raise TypeError(f"A batch is {shown(batch)}; it must be a dictionary of tensors: give a list of such batches.")
    for key, tensor in batch.items():
        check_tensor(tensor, key)


def check_labeled(batch: dict[str, Tensor]) -> None:
    """Raise ValueError unless a batch has what distillation reads."""
    for key in ("labels", "attention_mask"):
        if key not in batch:
            raise ValueError(f"The batch has no {key}, which distillation needs, only {', '.join(batch)}.")


def check_temperature(temperature: float) -> None:
    """Raise TypeError or ValueError unless logits can be divided by this."""
    check_number(temperature, "temperature")
    if temperature <= 0:
        raise ValueError(f"temperature is {temperature}; it must be above 0.")


def check_distillation(teacher: nn.Module, temperature: float, weights: tuple[float, float, float]) -> None:
    """Raise TypeError or ValueError for a teacher without logits and states, or settings that cannot be."""
    if not hasattr(teacher, "hidden_and_logits"):
        raise TypeError(f"The teacher is {type(teacher).__name__}; it must be a SequenceClassifier, fine-tuned.")
    check_temperature(temperature)
    if not isinstance(weights, tuple | list) or len(weights) != 3:
        raise ValueError(f"weights is {shown(weights)}; give three: soft targets, hard labels, cosine.")
    for weight in weights:
        check_number(weight, "A weight", 0)


def check_answers(**answers: Tensor) -> None:
    """Raise TypeError or ValueError unless the answers of student and teacher have one shape."""
    (mine, ours), (theirs, other) = answers.items()
    for name, answer in answers.items():
        check_tensor(answer, name, "float")
    if ours.shape != other.shape:
        raise ValueError(f"{mine} is {tuple(ours.shape)} and {theirs} {tuple(other.shape)}; they must be alike.")


def check_loop(model: nn.Module, learning_rate: float, optimization: Optimization, evaluate: Callable | None) -> None:
    """Raise TypeError or ValueError for settings of either loop that cannot be."""
    check_kind(model, "model", nn.Module)
    check_rate(learning_rate)
    check_kind(optimization, "optimization", Optimization)
    if evaluate is not None:
        check_callable(evaluate, "evaluate", "one that takes the model and returns a dictionary")


def check_pretraining(
    batches: Batches, steps: int, generator: torch.Generator, evaluate_every: int, run: "Run | None"
) -> None:
    """Raise TypeError or ValueError for arguments of `pretrain` that cannot be."""
    check_callable(batches, "batches", "pretraining_batches(…) returns, which makes an epoch from a generator")
    check_int(steps, "steps", 0)
    check_generator(generator)
    check_int(evaluate_every, "evaluate_every", 0)
    if run is not None:
        check_kind(run, "run", Run)


def check_fine_tuning(
    model: nn.Module, batches: Iterable, epochs: int, max_steps: int | None, compute_loss: Callable
) -> None:
    """Raise TypeError or ValueError for arguments of `fine_tune` that cannot be."""
    if not isinstance(batches, Sized) or isinstance(batches, dict | str):
        what = "are one batch" if isinstance(batches, dict) else "have no length, which the schedule needs"
        raise TypeError(f"The batches {what}: give a DataLoader or a list of batches.")
    if not len(batches):
        raise ValueError("The epoch has no batches: there is no data to train on.")
    check_int(epochs, "epochs", 1)
    if max_steps is not None:
        check_int(max_steps, "max_steps")
        if max_steps < 1:
            raise ValueError(f"max_steps is {max_steps}; it must be at least 1, or None for whole epochs.")
    check_callable(compute_loss, "compute_loss", "classification_loss")
    if isinstance(model, Encoder):
        raise TypeError("The model is an Encoder without a head: give a classifier, SequenceClassifier(encoder).")


def check_run(name: str, configuration: dict, data: Iterable[str], every: int, stop_after: int | None) -> None:
    """Raise TypeError or ValueError for arguments of `Run` that cannot be."""
    check_text(name, "The run's name")
    if not name or Path(name).name != name:
        raise ValueError(f"The run's name is {name!r}; it must be a plain name, which a folder can have.")
    check_kind(configuration, "configuration", dict)
    for key in configuration:
        check_text(key, "A key of configuration")
    if isinstance(data, str | bytes) or not hasattr(data, "__iter__"):
        raise TypeError(f"data is {shown(data)}; give a list of strings, [text].")
    check_int(every, "every", 1)
    if stop_after is not None:
        check_int(stop_after, "stop_after", 1)
