"""What the student writes is checked where it is written: `check` tries one mechanism after the other and hands the
notebook code to go on with; `hint` and `solution` help.

`examine` judges; `check` shows its verdict. `submitted` keeps what the student wrote, whatever the verdict.
"""

import _thread
import dis
import importlib
import inspect
import os
import pkgutil
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import wraps
from types import CodeType

import torch
from IPython.display import Code, display

from ..device import check_int, shown


@dataclass(frozen=True)
class Exercise:
    """One exercise: its solution, and how an answer is checked.

    reference: the solution, a function or class; its name is the name of the exercise. check: given an answer, yields
    one (holds, question) for each mechanism, from plain to subtle, or what `compare` returns; the question asks about
    the likely slip. found: for "spot the bug", the code as the notebook shows it. difficulty: 1 (a line), 2 (a
    function) or 3 (the day's main one). build: is it a part of BERT that later cells use?
    """

    reference: Callable
    check: Callable[[Callable], Iterator[tuple]]
    minutes: int
    difficulty: int
    hints: tuple[str, ...]
    found: Callable | None = None
    build: bool = False

    @property
    def name(self) -> str:
        return self.reference.__name__


_EXERCISES: dict[str, Exercise] = {}


def exercise(reference: Callable, **about) -> Callable:
    """Decorate the check of `reference`, and enter the exercise: `about` are the other fields of `Exercise`."""

    def enter(check: Callable) -> Callable:
        _EXERCISES[reference.__name__] = Exercise(reference, check, **about)
        return check

    return enter


def exercises() -> Mapping[str, Exercise]:
    """Return all exercises of the course by name."""
    package = importlib.import_module("helpers.classroom.exercises")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return _EXERCISES


SHOWN = 24  # tensors of at most so many numbers are printed whole
PATIENCE = 30  # seconds that an answer may run: far more than any reference needs
MARKS = {"passed": "✓", "failed": "✗", "not attempted": "○"}


@dataclass(frozen=True)
class Checked:
    """What came of an answer: `state` is "passed", "failed" or "not attempted"; `detail` holds the input that it failed
    on, what was expected, and what came."""

    name: str
    state: str
    text: str
    detail: str = ""

    def __repr__(self):
        return f"{MARKS[self.state]} {self.name}: {self.text}" + (f"\n{self.detail}" if self.detail else "")


class BuildFailed(AssertionError):
    """A build cell of the course itself does not pass its check: under test the notebook must not go on without it."""


submitted: dict[str, Callable] = {}  # name → the last answer given to `check`, for grading


def check(answer: Callable) -> Callable:
    """Check your answer, show the verdict, and return code for the notebook to go on with: your answer if it passes,
    else the course's version. Use it as in `padding_mask = check(padding_mask)`.

    Whatever the answer does, the notebook runs on. Raises TypeError for what is no function or class, KeyError if there
    is no such exercise, and, with COURSE_STRICT set, BuildFailed for a build cell whose answer does not pass.
    """
    verdict = examine(answer)
    task = _find(verdict.name)
    submitted[task.name] = answer
    if verdict.state == "passed":
        display(verdict)
        return answer
    end = "" if verdict.text[-1] in ".?" else "."
    display(replace(verdict, text=f"{verdict.text}{end} The notebook goes on with the course's version."))
    if os.environ.get("COURSE_STRICT") and task.build:
        raise BuildFailed(repr(verdict))
    return task.reference


def examine(answer: Callable) -> Checked:
    """Judge an answer to the exercise of the same name, mechanism by mechanism; stop at the first that fails.

    Whatever the answer does, this returns. Raises TypeError for what is no function or class, and KeyError if there is
    no such exercise.
    """
    if not hasattr(answer, "__name__"):
        raise TypeError(f"check takes the function itself, as in check(window_mask), not {shown(answer)}.")
    task = _find(answer.__name__)
    if task.found and _same_code(answer, task.found):
        return Checked(task.name, "not attempted", "not attempted; the bug is still there")
    passed = 0
    try:
        # A check leaves no trace in the notebook's own random numbers.
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())), _patience():
            for holds, question, *detail in task.check(_returning(answer)):
                if not holds:
                    return Checked(task.name, "failed", question, *detail)
                passed += 1
    except (Exception, SystemExit) as error:  # whatever an answer does, the lesson goes on
        if isinstance(error, NotImplementedError) and not error.args:  # torch raises it too, with a message
            return Checked(task.name, "not attempted", "not attempted")
        told = str(error) if isinstance(error, Unfinished) else f"stopped with {type(error).__name__}: {error}"
        return Checked(task.name, "failed", f"{told}{_line(error, answer)}")
    return Checked(task.name, "passed", f"all {passed} checks hold")


def compare(got, expected, question: str, tolerance: float = 1e-5, **inputs) -> tuple[bool, str, str]:
    """Return what a check yields for one mechanism: does `got` equal `expected`, shapes and kinds included? If not, the
    verdict shows the inputs by name, what was expected, and what came."""
    if isinstance(expected, torch.Tensor):
        holds = isinstance(got, torch.Tensor) and got.shape == expected.shape and got.dtype == expected.dtype
        if holds and expected.is_floating_point():
            holds = torch.allclose(got, expected, atol=tolerance, equal_nan=True)
        elif holds:
            holds = torch.equal(got, expected)
    else:
        holds = type(got) is type(expected) and got == expected
    shown = {**inputs, "expected": expected, "got": got}
    width = max(map(len, shown))
    lines = [f"    {name:{width}}  {_short(value)}" for name, value in shown.items()]
    return holds, question, "\n".join([*lines, *_first_difference(got, expected, tolerance)])


def _first_difference(got, expected, tolerance) -> list[str]:
    """Return one line about the first number that differs between tensors too large to be shown, if shapes agree."""
    tensors = isinstance(got, torch.Tensor) and isinstance(expected, torch.Tensor)
    if not tensors or got.shape != expected.shape:
        return []
    ours, theirs = got.double(), expected.double()
    if _rounded(ours.tolist()) == _rounded(theirs.tolist()) and got.dtype == expected.dtype:
        largest = (ours - theirs).abs().max().item()
        return [f"    the largest difference is {largest:.1g}, more than rounding"]
    if expected.numel() <= SHOWN:
        return []
    at = tuple((~torch.isclose(ours, theirs, atol=tolerance, equal_nan=True)).nonzero()[:1].flatten().tolist())
    return [f"    at {at}: expected {theirs[at]:.3f}, got {ours[at]:.3f}"] if at else []


def _short(value) -> str:
    """Return a value on one line: small tensors with their numbers, large ones by shape and dtype."""
    if not isinstance(value, torch.Tensor):
        return " ".join(repr(value).split())[:100]
    kind = f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if value.numel() > SHOWN:
        return kind
    numbers = value.tolist() if not value.is_floating_point() else _rounded(value.tolist())
    return f"{numbers}  {kind}"


def _rounded(numbers):
    return [_rounded(n) for n in numbers] if isinstance(numbers, list) else round(numbers, 3)


def hint(name: str, number: int = 1) -> str:
    """Return a hint for an exercise; ask for number 2, 3, … when the first was not enough, as it then says."""
    hints = _find(name).hints
    check_int(number, "The number of the hint")
    if not 1 <= number <= len(hints):
        raise ValueError(f"Exercise {name!r} has hints 1 to {len(hints)}, not {number}.")
    more = f' (More: hint("{name}", {number + 1}).)' if number < len(hints) else ""
    return hints[number - 1] + more


def solution(name: str) -> Code:
    """Show the solution of an exercise: the source of the reference that the checks were tried on. Raises
    PermissionError in a graded class (COURSE_GRADED)."""
    if os.environ.get("COURSE_GRADED"):
        raise PermissionError(f'Solutions are switched off in this class; try hint("{name}").')
    return Code(inspect.getsource(_find(name).reference), language="python")


def _find(name: str) -> Exercise:
    if not isinstance(name, str) or name not in exercises():
        names = get_close_matches(str(getattr(name, "__name__", name)), sorted(exercises()), n=3, cutoff=0)
        more = f", and {len(_EXERCISES) - 3} more" if len(_EXERCISES) > 3 else ""
        raise KeyError(f"No exercise {shown(name)}; there are: {', '.join(names)}{more}.")
    return _EXERCISES[name]


class Unfinished(Exception):
    """An answer that gave nothing back, or did not end."""


def _returning(answer: Callable) -> Callable:
    """Return the answer, made to raise Unfinished where it forgets its `return`: no exercise asks for None."""
    if isinstance(answer, type):
        return answer

    @wraps(answer)
    def returning(*args, **kwargs):
        result = answer(*args, **kwargs)
        if result is None:
            raise Unfinished("It gave back None: does every way through it end in a return?")
        return result

    return returning


@contextmanager
def _patience():
    """Interrupt what takes more than PATIENCE seconds, and raise Unfinished in its place. Only the main thread can be
    interrupted; in it a notebook runs its cells."""
    too_late = threading.Event()

    def interrupt():
        too_late.set()
        _thread.interrupt_main()

    timer = threading.Timer(PATIENCE, interrupt)
    if threading.current_thread() is threading.main_thread():
        timer.start()
    try:
        yield
    except KeyboardInterrupt as error:
        if not too_late.is_set():  # the student's own
            raise
        late = Unfinished(f"It was still running after {PATIENCE} seconds: can its loop always end?")
        raise late.with_traceback(error.__traceback__) from None
    finally:
        timer.cancel()


def _line(error: Exception, answer: Callable) -> str:
    """Return the line of the answer in which it stopped, as the end of a message; nothing if it stopped elsewhere."""
    parts = vars(answer).values() if isinstance(answer, type) else (inspect.unwrap(answer),)
    files = {part.__code__.co_filename for part in parts if hasattr(part, "__code__")}
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.line for frame in frames if frame.filename in files and frame.line]
    return f" (in your line `{lines[-1]}`)" if lines else ""


def _same_code(one: Callable, other: Callable) -> bool:
    """Do two functions do the same, step by step? Files, lines and docstrings do not count."""
    codes = [getattr(inspect.unwrap(function), "__code__", None) for function in (one, other)]
    return None not in codes and _steps(codes[0]) == _steps(codes[1])


def _steps(code: CodeType) -> list[tuple[str, object]]:
    """Return the instructions of a function by name.

    A call through a module, as in `F.softmax(x)`, compiles in another way where the import stands in the same file; the
    two ways are made one, and the targets of jumps, which move with them, are left out.
    """
    steps = []
    for step in dis.get_instructions(code):
        if step.opname != "PUSH_NULL":
            value = _steps(step.argval) if isinstance(step.argval, CodeType) else step.argval
            jumps = step.opcode in (*dis.hasjrel, *dis.hasjabs)
            steps.append((step.opname.replace("LOAD_METHOD", "LOAD_ATTR"), None if jumps else repr(value)))
    return steps
