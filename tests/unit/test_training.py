"""The loops learn, stop and go on bit for bit, and touch nothing that they should leave alone."""

import copy
import errno
import itertools
import linecache
import os
import shutil
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import tqdm.notebook
from safetensors.torch import load_file
from torch import nn

from helpers import training
from helpers.batching import MlmCollator, length_batches, pad, pretraining_batches
from helpers.bert import Encoder, PreTrainingModel, SequenceClassifier, evaluating, make_config
from helpers.device import generator
from helpers.evaluation import evaluate_mlm
from helpers.sentence_pairs import build_inputs, make_nsp_pairs
from helpers.training import (
    LoopState,
    Optimization,
    Run,
    classification_loss,
    cosine_loss,
    distillation_loss,
    fine_tune,
    freeze,
    make_optimizer,
    pretrain,
    soft_target_loss,
    training_step,
    warmup_then_decay,
    without_dropout,
)

EPOCH, STEPS = 6, 15  # two epochs and a half


# ---------------------------------------------------------------- stop and go on


@pytest.fixture(scope="module")
def batches(documents, small_tokenizer):
    """Epochs of six batches, cut from fresh pairs with fresh masks."""
    epoch = pretraining_batches(documents[:6], small_tokenizer, max_length=32, batch_size=8)

    def first_six(generator):
        made = list(epoch(generator))
        assert len(made) >= EPOCH
        return made[:EPOCH]

    return first_six


@pytest.fixture(scope="module")
def frozen(documents, small_tokenizer):
    return list(pretraining_batches(documents[6:8], small_tokenizer, 32, 16)(generator(7)))


def tiny_model(tokenizer) -> PreTrainingModel:
    config = make_config(len(tokenizer), hidden_size=64, max_position_embeddings=32)
    return PreTrainingModel(Encoder(replace(config, intermediate_size=96)))


@pytest.fixture(scope="module")
def train(batches, small_tokenizer, frozen):
    """A function that trains for 15 steps, or until it is killed; `seed` is that of a kernel which has just started."""

    def train(run: Run | None, seed: int = 0, stop_after: int | None = None):
        if run is not None:
            run.stop_after = stop_after
        torch.manual_seed(seed)
        model = tiny_model(small_tokenizer)
        history = pretrain(
            model,
            batches,
            steps=STEPS,
            learning_rate=1e-3,
            generator=generator(seed),
            evaluate=lambda model: evaluate_mlm(model, frozen, small_tokenizer.mask_token_id),
            evaluate_every=4,
            run=run,
            progress=False,
        )
        return model, history

    return train


def new_run(every: int, configuration=None, data=("some text", "more text")) -> Run:
    return Run("tiny", {"learning_rate": 1e-3} if configuration is None else configuration, data, every)


def folder_of(run: Run) -> Path:
    """The folder that the run will use for a model of helpers' own classes."""
    run.begin(nn.Linear(1, 1), {"steps": STEPS, "learning_rate": 1e-3} | asdict(Optimization()))
    return run.folder


def checkpoint(run: Run) -> dict:
    """Everything in the run's last checkpoint: weights, optimizer moments, generators."""
    return load_file(run.checkpoints()[0])


@pytest.fixture(scope="module")
def uninterrupted(train, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_RUNS", str(tmp_path_factory.mktemp("runs")))
        run = new_run(every=STEPS)
        model, history = train(run)
        return model, history, checkpoint(run)


@pytest.fixture(autouse=True)
def runs(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.mark.parametrize(
    "every, stops",
    [
        (3, [3]),
        (3, [5]),  # killed two steps after the checkpoint
        (1, [EPOCH]),  # at the very end of an epoch
        (1, [EPOCH + 1]),  # one step into the next one
        (2, [3, EPOCH + 1, 2 * EPOCH]),  # killed three times
        (4, [STEPS]),  # nothing left to do
    ],
    ids=str,
)
def test_a_stopped_run_goes_on_bit_for_bit(train, uninterrupted, every, stops):
    expected_model, expected_history, expected_checkpoint = uninterrupted
    assert expected_model.encoder.config.hidden_dropout_prob > 0
    for kernel, stop_after in enumerate([*stops, None]):
        run = new_run(every)
        # A restarted kernel has other generators; the checkpoint must bring its own.
        model, history = train(run, seed=100 * kernel, stop_after=stop_after)
    for key, tensor in expected_model.state_dict().items():
        assert torch.equal(model.state_dict()[key], tensor), key
    assert history.loss == expected_history.loss and len(history.loss) == STEPS
    assert history.steps == list(range(1, STEPS + 1))
    assert history.parts == expected_history.parts and set(history.parts) == {"mlm", "nsp"}
    assert history.tokens == expected_history.tokens
    assert history.evaluations == expected_history.evaluations
    assert [step for step, _ in history.evaluations] == [4, 8, 12, 15]
    found = checkpoint(run)
    assert found.keys() == expected_checkpoint.keys()
    assert any(key.startswith("optimizer.") for key in found)
    for key, tensor in expected_checkpoint.items():
        assert torch.equal(found[key], tensor), key


def test_a_restored_checkpoint_can_be_deleted_on_windows(train, monkeypatch):
    """Windows refuses to delete a file that is mapped into memory; Linux says in /proc which files are."""
    run, maps, unlink = new_run(every=3), Path("/proc/self/maps"), Path.unlink
    train(run, stop_after=4)

    def as_on_windows(path):
        if maps.is_file() and str(path) in maps.read_text(encoding="utf-8"):
            raise PermissionError(f"{path.name} is in use")
        unlink(path)

    monkeypatch.setattr(Path, "unlink", as_on_windows)
    _, history = train(run, seed=100)
    assert len(history.loss) == STEPS


def test_what_a_resumed_run_draws_again_is_not_training(batches, small_tokenizer, monkeypatch):
    now = [0.0]  # a clock on which drawing a batch takes a second and all else no time
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def slow(generator):
        for batch in batches(generator):
            now[0] += 1
            yield batch

    run, options = new_run(every=4), {"learning_rate": 1e-3, "progress": False}
    for stop_after in (4, 5):
        model, run.stop_after = tiny_model(small_tokenizer), stop_after
        history = pretrain(model, slow, steps=6, generator=generator(0), run=run, **options)
        now[0] += 100  # the kernel is dead for a while
    assert len(history.loss) == 5 and history.seconds == 5 and now == [209]


def test_without_a_checkpoint_another_seed_gives_another_model(train, uninterrupted):
    """So the test above would notice a generator that is not restored."""
    _, history = train(new_run(every=STEPS), seed=100, stop_after=3)
    assert len(history.loss) == 3 and history.loss[:3] != uninterrupted[1].loss[:3]


def test_writing_checkpoints_changes_nothing(train, uninterrupted):
    _, history = train(None)
    assert history.loss == uninterrupted[1].loss


def test_a_crash_while_writing_leaves_the_last_checkpoint_whole(train, uninterrupted):
    run = new_run(every=3)
    train(run, stop_after=6)
    (run.folder / "step.part").write_bytes(b"half a fil")
    _, history = train(new_run(every=3), seed=100)
    assert history.loss == uninterrupted[1].loss
    assert [path.name.partition("-")[0] for path in run.checkpoints()] == [f"step{STEPS}", f"step{STEPS - 3}"]


@pytest.mark.parametrize("damage", ["cut short", "one byte", "emptied"])
def test_a_damaged_checkpoint_is_passed_over(train, uninterrupted, damage):
    run = new_run(every=3)
    train(run, stop_after=6)
    newest, older = run.checkpoints()
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes({"cut short": content[:-9], "one byte": content, "emptied": b""}[damage])
    with pytest.warns(UserWarning, match=r"step6-\w+\.safetensors is damaged; training goes on from the one before it"):
        _, history = train(new_run(every=3), seed=100)
    assert history.loss == uninterrupted[1].loss and older.name.startswith("step3-")


def test_other_steps_or_another_rate_are_another_run(batches, small_tokenizer):
    options = {"generator": generator(0), "progress": False}
    for steps, rate, warmup in ((3, 1e-3, 0.1), (2, 1e-3, 0.1), (3, 1e-4, 0.1), (3, 1e-3, 0.5)):
        model = tiny_model(small_tokenizer)
        settings = {"learning_rate": rate, "optimization": Optimization(warmup_fraction=warmup)}
        assert len(pretrain(model, batches, steps=steps, run=new_run(every=1), **settings, **options).loss) == steps
    folders = list(Path(os.environ["COURSE_RUNS"]).iterdir())
    assert len(folders) == 4


def test_two_kernels_on_one_run_get_a_sentence(train):
    first, second = new_run(every=3), new_run(every=3)
    for run in (first, second):
        run.begin(nn.Linear(1, 1), {})
    with (
        first.lock(),
        pytest.raises(RuntimeError, match="Another process is training this run, .*tiny-.*: wait for it"),
    ):
        second.lock()
    with second.lock():
        pass


def test_a_checkpoint_that_cannot_be_written_says_what_is_kept(train, monkeypatch):
    run = new_run(every=3)
    train(run, stop_after=3)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="step 6 can't be written: No space left on device; the last one, step3, is kept"):
        train(new_run(every=3), seed=100)
    assert [path.name.partition("-")[0] for path in run.checkpoints()] == ["step3"]
    assert not (run.folder / "step.part").exists()


def test_a_folder_that_cannot_be_made_says_so(train, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path / "file"))
    with pytest.raises(OSError, match="No checkpoint can be written: Not a directory; set COURSE_RUNS"):
        train(new_run(every=3))


@pytest.fixture
def helpers_copy(tmp_path) -> Path:
    """A copy of the package's source, to be changed."""
    folder = tmp_path / "copy" / "helpers"
    shutil.copytree(Path(training.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def edit(folder: Path, name: str):
    with (folder / name).open("a", encoding="utf-8") as file:
        file.write("# changed\n")


def move(folder: Path, name: str, to: str):
    (folder / name).rename(folder / to)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: edit(folder, "attention.py"), id="core"),
        pytest.param(lambda folder: edit(folder, "lab/studies/ladder.py"), id="subfolder"),
        pytest.param(lambda folder: move(folder, "lab/tiny.py", "lab/small.py"), id="renamed"),
        pytest.param(lambda folder: move(folder, "lab/tiny.py", "tiny.py"), id="moved"),
        pytest.param(lambda folder: (folder / "costs.py").unlink(), id="deleted"),
    ],
)
def test_the_digest_of_the_source_sees_every_file_and_its_place(helpers_copy, change):
    assert training.source_digest(helpers_copy) == training.SOURCE
    change(helpers_copy)
    assert training.source_digest(helpers_copy) != training.SOURCE


def test_the_digest_is_that_of_the_code_that_was_imported(helpers_copy, monkeypatch):
    """A file that is edited while training runs changes neither a later checkpoint's folder nor a record."""
    monkeypatch.setattr(training, "__file__", str(helpers_copy / "training.py"))
    before = folder_of(new_run(1))
    edit(helpers_copy, "attention.py")
    assert folder_of(new_run(1)) == before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"configuration": {"learning_rate": 2e-3}}, id="configuration"),
        pytest.param({"data": ("some text", "more tex")}, id="data"),
        pytest.param({"data": ("some text more text",)}, id="how data is cut"),
        pytest.param({}, id="source"),
    ],
)
def test_a_stale_checkpoint_is_never_picked_up(train, uninterrupted, helpers_copy, monkeypatch, change):
    before = new_run(every=3)
    train(before, seed=100, stop_after=3)
    assert folder_of(new_run(every=3)) == before.folder and list(before.folder.glob("step*"))
    if not change:
        edit(helpers_copy, "attention.py")
        monkeypatch.setattr(training, "SOURCE", training.source_digest(helpers_copy))
    after = new_run(every=3, **change)
    assert folder_of(after) != before.folder and not after.folder.exists()
    _, history = train(after)
    assert history.loss == uninterrupted[1].loss, "the run did not start afresh"


STUDENTS = """
import torch
from torch import nn

SCALE = 2.0


def mix(hidden):
    return hidden * SCALE


class Layer(nn.Module):
    eps = 1e-12
    sizes = [1, 2]

    @classmethod
    def scale(cls):
        return 1

    @property
    def twice(self):
        return 2 * SCALE

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, hidden):
        return mix(self.linear(hidden)) + self.eps


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Layer()])
"""


@pytest.fixture
def in_a_notebook(monkeypatch):
    """A function that defines classes as a kernel does, in __main__ and in a cell that inspect can read, and returns
    the folder of a run of the model."""
    cells = iter(range(100))

    def define(source: str) -> Path:
        name, namespace = f"<cell {next(cells)}>", {"__name__": "__main__"}
        monkeypatch.setitem(linecache.cache, name, (len(source), None, source.splitlines(keepends=True), name))
        exec(compile(source, name, "exec"), namespace)
        run = new_run(1)
        run.begin(namespace["Model"](), {})
        return run.folder

    return define


@pytest.mark.parametrize(
    "old, new",
    [
        ("mix(self.linear(hidden)) + self.eps", "mix(self.linear(hidden)) - self.eps"),  # a method of a layer
        ("eps = 1e-12", "eps = 1e-9"),  # a constant of the class
        ("hidden * SCALE", "hidden / SCALE"),  # a function that a layer calls
        ("SCALE = 2.0", "SCALE = 3.0"),  # a constant that this function reads
        ("return 1\n", "return 2\n"),  # a class method
        ("return 2 * SCALE", "return 3 * SCALE"),  # a property
        ("sizes = [1, 2]", "sizes = [1, 3]"),
        ("class Layer(nn.Module):\n    eps", "class Base(nn.Module):\n    pass\n\n\nclass Layer(Base):\n    eps"),
    ],
)
def test_a_class_edited_in_a_notebook_starts_training_afresh(in_a_notebook, old, new):
    assert STUDENTS.count(old) == 1
    before = in_a_notebook(STUDENTS)
    assert in_a_notebook(STUDENTS) == before, "the same cell, run again in another kernel"
    assert in_a_notebook(STUDENTS.replace(old, new)) != before


def test_the_models_of_helpers_have_no_source_of_their_own(small_tokenizer):
    assert training.own_source(tiny_model(small_tokenizer)) == []  # `SOURCE` covers them


def test_checkpoints_lie_where_course_runs_says(runs, monkeypatch):
    assert folder_of(new_run(1)).parent == runs and folder_of(new_run(1)).name.startswith("tiny-")
    monkeypatch.delenv("COURSE_RUNS")
    assert folder_of(new_run(1)).parent == Path("runs")


def test_checkpoints_hold_safetensors_and_json_only(train):
    run = new_run(every=2)
    train(run, stop_after=2)
    assert {path.suffix for path in run.folder.iterdir() if path.name != "lock"} == {".safetensors"}


# ---------------------------------------------------------------- losses that are no numbers, and evaluations


@pytest.mark.parametrize("bad", [4, 10, 13], ids="step {}".format)
@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_step_that_is_not_finite_stops_the_run_and_keeps_its_checkpoint(batches, small_tokenizer, bad, what):
    """Losses are read every ten steps: the step is named all the same, and nothing bad is saved."""

    class Poisoned(PreTrainingModel):
        calls = 0

        def forward(self, *args, **kwargs):
            output = super().forward(*args, **kwargs)
            self.calls += 1
            if self.calls == bad:
                parameter = self.mlm_head.bias
                factor = float("nan") if what == "loss" else 1.0
                output.loss = output.loss * factor + 0 * parameter.sum()
                if what == "gradient":
                    output.loss.register_hook(lambda gradient: gradient * float("inf"))
            return output

    model = Poisoned(tiny_model(small_tokenizer).encoder)
    run = new_run(every=3)
    message = rf"Training stops: the loss \(.*\) or its gradient is not finite at step {bad}; lower the learning rate"
    with pytest.raises(FloatingPointError, match=message):
        pretrain(model, batches, steps=15, learning_rate=1e-3, generator=generator(0), run=run, progress=False)
    kept = [int(path.name[4:].partition("-")[0]) for path in run.checkpoints()]
    assert kept[0] == 3 * ((bad - 1) // 3)
    assert all(tensor.isfinite().all() for tensor in load_file(run.checkpoints()[0]).values())


def test_fine_tuning_stops_at_a_loss_that_is_not_finite(task, tiny_encoder):
    model = SequenceClassifier(Encoder(tiny_encoder().config))
    calls = itertools.count(1)

    def compute(model, batch):
        loss, parts = classification_loss(model, batch)
        return loss * (float("inf") if next(calls) == 2 else 1.0), parts

    with pytest.raises(FloatingPointError, match=r"the loss \(inf\) or its gradient is not finite at step 2;"):
        learn(model, task, epochs=1, compute_loss=compute)


def test_the_history_has_every_step_though_losses_are_read_in_blocks(batches, small_tokenizer, monkeypatch):
    read = []
    reading = LoopState.read
    monkeypatch.setattr(LoopState, "read", lambda state: (read.append(len(state.waiting)), reading(state))[1])
    history = pretrain(
        tiny_model(small_tokenizer), batches, steps=15, learning_rate=1e-3, generator=generator(0), progress=False
    )
    assert history.steps == list(range(1, 16)) and len(history.loss) == len(history.parts["mlm"]) == 15
    assert read == [10, 5]


def test_training_goes_on_in_training_mode_after_an_evaluation_that_left_it(batches, small_tokenizer):
    model, modes = tiny_model(small_tokenizer), []
    model.nsp_head.eval()

    def evaluate(model):
        modes.append(model.training)
        model.eval()
        return {}

    model.register_forward_pre_hook(lambda model, _: modes.append(model.training))
    pretrain(
        model,
        batches,
        steps=4,
        learning_rate=1e-3,
        generator=generator(0),
        evaluate=evaluate,
        evaluate_every=2,
        progress=False,
    )
    assert modes == [True, True, False, True, True, False] and model.training


def test_evaluating_puts_every_module_back_into_its_own_mode(small_tokenizer):
    model = tiny_model(small_tokenizer).train()
    model.nsp_head.eval()
    before = [module.training for module in model.modules()]
    with pytest.raises(KeyError), evaluating(model) as same:
        assert same is model and not any(module.training for module in model.modules())
        raise KeyError
    assert [module.training for module in model.modules()] == before and len(set(before)) == 2


def test_what_an_evaluation_returns_survives_a_checkpoint_as_it_is(batches, small_tokenizer):
    found = {"share": np.float32(0.5), "right": np.array([True, False]), "n": np.int64(3), "pair": (1, 2), "no": None}
    options = {"steps": 4, "learning_rate": 1e-3, "generator": generator(0), "progress": False}
    for stop_after in (2, None):
        run = new_run(every=1)
        run.stop_after = stop_after
        model = tiny_model(small_tokenizer)
        history = pretrain(model, batches, evaluate=lambda _: found, evaluate_every=1, run=run, **options)
        values = {"share": 0.5, "right": [True, False], "n": 3, "pair": [1, 2], "no": None}
        assert history.evaluations == [(step, values) for step in range(1, (stop_after or 4) + 1)]


@pytest.mark.parametrize(
    "value, message",
    [
        ({3: 0.5}, r"evaluate's result has the key 3: a checkpoint can hold strings as keys only\."),
        ({"a": [{1, 2}]}, r"evaluate's result\['a'\]\[0\] is set: a checkpoint can hold numbers"),
    ],
)
def test_an_evaluation_that_no_checkpoint_can_hold_is_refused(value, message):
    with pytest.raises(TypeError, match=message):
        training.plain(value)


# ---------------------------------------------------------------- the optimizer and its schedule


def test_norms_and_biases_are_not_decayed(tiny_encoder):
    model = PreTrainingModel(tiny_encoder())
    before = copy.deepcopy(model.state_dict())
    optimizer = make_optimizer(model, learning_rate=0.1, weight_decay=0.5)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, after in model.named_parameters():
        spared = "norm" in name or name.endswith("bias")
        expected = before[name] if spared else before[name] * (1 - 0.1 * 0.5)
        torch.testing.assert_close(after.data, expected, rtol=1e-6, atol=0)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(before)
    assert optimizer.defaults["fused"]


def test_the_schedule_by_hand():
    rates = [warmup_then_decay(step, steps=10, warmup=2) for step in range(10)]
    assert rates == pytest.approx([1 / 2, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    assert [warmup_then_decay(step, 4, 0) for step in range(5)] == pytest.approx([1, 3 / 4, 1 / 2, 1 / 4, 0])


class Slope(nn.Module):
    """Its loss is its weight, so the gradient is always one and AdamW moves by exactly the learning rate."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, input_ids, labels=None):
        return SimpleNamespace(loss=self.weight.sum(), mlm_loss=self.weight.sum(), nsp_loss=None)


@pytest.mark.parametrize("loop", [pretrain, fine_tune], ids=["pretrain", "fine_tune"])
def test_the_loops_follow_the_schedule(loop):
    data = [{"input_ids": torch.ones(1, 1, dtype=torch.int64)}]
    seen = [0.0]
    if loop is pretrain:
        batches, options = lambda _: data, {"steps": 10, "evaluate_every": 1, "generator": generator(0)}
    else:
        batches, options = data, {"epochs": 10}
    loop(
        Slope(),
        batches,
        **options,
        learning_rate=0.1,
        optimization=Optimization(warmup_fraction=0.2),
        evaluate=lambda model: seen.append(model.weight.item()),
        progress=False,
    )
    moved = [before - after for before, after in zip(seen, seen[1:])]
    assert moved == pytest.approx([0.1 * warmup_then_decay(step, 10, 2) for step in range(10)], rel=1e-6)


@pytest.mark.parametrize("size, moved", [(30.0, 1.0), (0.25, 0.5)])
def test_only_large_gradients_are_clipped(size, moved):
    """The gradient (size, size, size, size) has norm 2 · size; a step of plain SGD at rate 1 shows what was left."""
    layer = nn.Linear(4, 1, bias=False)
    before = layer.weight.detach().clone()
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    training_step(layer, optimizer, {}, lambda model, _: (size * model.weight.sum(), {}), max_grad_norm=1.0)
    assert (layer.weight - before).norm().item() == pytest.approx(moved, rel=1e-4)
    assert layer.weight.grad is None


# ---------------------------------------------------------------- the loops learn


def test_one_batch_can_be_overfitted(small_tokenizer, documents):
    pairs, _ = make_nsp_pairs(documents, 32, generator(0))
    examples = [build_inputs(pair, small_tokenizer.cls_token_id, small_tokenizer.sep_token_id) for pair in pairs[:8]]
    batch = MlmCollator(small_tokenizer, generator(0))(examples)
    model = tiny_model(small_tokenizer)
    history = pretrain(model, lambda _: [batch], steps=80, learning_rate=5e-3, generator=generator(0), progress=False)
    assert history.parts["mlm"][0] == pytest.approx(torch.tensor(600.0).log().item(), abs=0.3)
    assert history.parts["mlm"][-1] < 0.3 and history.parts["nsp"][-1] < 0.1


def find_the_word(count: int, seed: int) -> list[dict]:
    """A tiny task: is the word 7 in the text? Lengths differ, so that batches are padded."""
    draw = generator(seed)
    examples = []
    for index in range(count):
        length = int(torch.randint(4, 12, (), generator=draw))
        words = torch.randint(8, 50, (length,), generator=draw).tolist()
        label = index % 2
        if label:
            words[int(torch.randint(length, (), generator=draw))] = 7
        examples.append({"input_ids": [2, *words, 3], "token_type_ids": [0] * (length + 2), "labels": label})
    return examples


@pytest.fixture(scope="module")
def task():
    """(a function that returns a loader of ten batches, batches of held-out examples)."""
    make = partial(length_batches, tokenizer=SimpleNamespace(pad_token_id=0), batch_size=32)
    held_out = [training.to_device(batch, torch.device("cpu")) for batch in make(find_the_word(200, 1))]
    return lambda: make(find_the_word(320, 0), generator=generator(0)), held_out


def accuracy(model, held_out) -> float:
    model.eval()
    with torch.no_grad():
        right = [model(**batch).logits.argmax(-1) == batch["labels"] for batch in held_out]
    return torch.cat(right).double().mean().item()


def learn(model, task, epochs=8, **options):
    options = {"learning_rate": 5e-3, "progress": False} | options
    return fine_tune(model, task[0](), epochs=epochs, **options)


@pytest.fixture(scope="module")
def taught(task, tiny_encoder):
    """A classifier that has learned the tiny task, and its history."""
    torch.manual_seed(0)
    model = SequenceClassifier(Encoder(tiny_encoder(initializer_range=0.02).config), num_labels=2, pooling="mean")
    history = learn(model, task, evaluate=lambda model: accuracy(model, task[1]))
    return model.eval(), history


def test_fine_tuning_learns(taught, task):
    _, history = taught
    assert sum(history.loss[:5]) / 5 > 0.6 and sum(history.loss[-5:]) / 5 < 0.3
    assert [step for step, _ in history.evaluations] == [10 * epoch for epoch in range(1, 9)]
    assert history.evaluations[-1][1] > 0.9
    # Real tokens only: padding would make it more.
    assert history.tokens == 8 * sum(len(example["input_ids"]) for example in find_the_word(320, 0))


def test_training_goes_on_after_an_evaluation_that_switched_dropout_off(taught, task, tiny_encoder):
    model = SequenceClassifier(Encoder(tiny_encoder().config))
    modes = []
    hook = model.dropout.register_forward_hook(lambda module, *_: modes.append(module.training))
    learn(model, task, epochs=2, evaluate=lambda model: model.eval() and None)
    hook.remove()
    assert modes == [True] * 20


def test_frozen_weights_stay_as_they_are(task, tiny_encoder):
    model = SequenceClassifier(tiny_encoder())
    freeze(model.encoder.embeddings)
    freeze(model.encoder.layers[0])
    before = copy.deepcopy(model.state_dict())
    learn(model, task, epochs=1)
    for name, after in model.state_dict().items():
        frozen = name.startswith(("encoder.embeddings.", "encoder.layers.0."))
        assert torch.equal(after, before[name]) == frozen, name


def test_a_student_learns_from_its_teacher(task, taught, tiny_encoder):
    teacher, modes = copy.deepcopy(taught[0]).train(), set()  # with dropout on: it must not answer so
    teacher.encoder.register_forward_pre_hook(lambda encoder, _: modes.add(encoder.training))
    before = copy.deepcopy(teacher.state_dict())
    config = tiny_encoder(num_hidden_layers=1, initializer_range=0.02).config
    student = SequenceClassifier(Encoder(config), num_labels=2, pooling="mean")
    batches, held_out = task
    wrong = [{**batch, "labels": 0 * batch["labels"]} for batch in batches()]
    history = fine_tune(
        student,
        wrong,  # the labels are wrong on purpose: all that it can learn from is the teacher
        epochs=8,
        learning_rate=5e-3,
        compute_loss=distillation_loss(teacher, weights=(5.0, 0.0, 1.0)),
        evaluate=lambda model: accuracy(model, held_out),
        progress=False,
    )
    assert set(history.parts) == {"soft", "hard", "cosine"}
    for part in ("soft", "cosine"):
        assert sum(history.parts[part][-5:]) < 0.5 * sum(history.parts[part][:5]), part
    expected = [5 * soft + cosine for soft, cosine in zip(history.parts["soft"], history.parts["cosine"])]
    assert history.loss == pytest.approx(expected, rel=1e-4)
    assert history.evaluations[-1][1] > 0.85
    assert modes == {False} and teacher.training and all(p.grad is None for p in teacher.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())


def test_soft_targets_by_hand():
    student, teacher = torch.randn(4, 3), torch.randn(4, 3)
    p, q = (torch.softmax(logits / 2.0, -1) for logits in (teacher, student))
    expected = 4 * (p * (p / q).log()).sum(-1).mean()
    assert soft_target_loss(student, teacher, 2.0).item() == pytest.approx(expected.item(), abs=1e-6)
    assert soft_target_loss(teacher, teacher, 2.0).item() == pytest.approx(0, abs=1e-6)


def test_the_cosine_loss_does_not_see_padding():
    a, b = torch.randn(2, 5, 8), torch.randn(2, 5, 8)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
    rows = [(0, i) for i in range(5)] + [(1, 0), (1, 1)]
    expected = sum(1 - (a[r] @ b[r] / a[r].norm() / b[r].norm()).item() for r in rows) / len(rows)
    assert cosine_loss(a, b, mask).item() == pytest.approx(expected, abs=1e-6)
    b[1, 2:] = 1e3
    assert cosine_loss(a, b, mask).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("layout", ["padded", "without a mask"])
def test_padding_does_not_count_as_tokens(layout):
    examples = [{"input_ids": [5] * n, "token_type_ids": [0] * n} for n in (3, 7, 4, 2)]
    if layout == "padded":
        batch, tokens = pad(examples, 0, length=9), 16
    else:
        batch, tokens = {"input_ids": torch.ones(2, 9, dtype=torch.int64)}, 18
    state = LoopState(generator(0), training.History())
    state.log(torch.tensor(1.0), {}, torch.tensor(True), batch, training.progress_bar(1, "", shown=False))
    assert state.history.tokens == tokens


def test_without_dropout_training_is_the_same_twice(tiny_encoder, batch):
    model = tiny_encoder(hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.2).train()
    assert not torch.equal(model(**batch).last_hidden_state, model(**batch).last_hidden_state)
    assert without_dropout(model) is model
    assert torch.equal(model(**batch).last_hidden_state, model(**batch).last_hidden_state)


# ---------------------------------------------------------------- what cannot be trained


class Short(list):
    """Ten batches that say they are nine."""

    def __len__(self):
        return 9


@pytest.mark.parametrize("distilling", [False, True])
def test_an_epoch_of_another_length_is_refused(task, tiny_encoder, distilling):
    batches, model = Short(task[0]()), SequenceClassifier(tiny_encoder())
    options = {"compute_loss": distillation_loss(copy.deepcopy(model))} if distilling else {}
    with pytest.raises(ValueError, match="10 batches, not 9"):
        fine_tune(model, batches, epochs=1, learning_rate=1e-3, progress=False, **options)


def test_batches_without_a_length_are_refused(task, tiny_encoder):
    with pytest.raises(TypeError, match="no length, which the schedule needs: give a DataLoader or a list"):
        fine_tune(
            SequenceClassifier(tiny_encoder()),
            (batch for batch in task[0]()),
            epochs=1,
            learning_rate=1e-3,
            progress=False,
        )


# ---------------------------------------------------------------- progress


@pytest.mark.parametrize("kind", [tqdm.std.tqdm, tqdm.notebook.tqdm], ids=["text", "widget"])
def test_bars_are_hidden_on_request_and_by_the_environment(monkeypatch, kind):
    """tqdm's widget does not look at TQDM_DISABLE; a stored one would stand at 0 % for ever."""
    monkeypatch.setattr(training, "tqdm", kind)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert training.progress_bar(3, "", shown=True).disable
    monkeypatch.delenv("TQDM_DISABLE")
    assert training.progress_bar(3, "", shown=False).disable
    monkeypatch.setattr(training, "tqdm", tqdm.std.tqdm)
    assert not training.progress_bar(3, "", shown=True).disable
