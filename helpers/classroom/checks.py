"""Exercises that say what went wrong: `check` tries one mechanism after the other, `hint` and `solution` help."""

import _thread
import dis
import importlib
import inspect
import pkgutil
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from types import CodeType

import torch
from IPython.display import Code


@dataclass(frozen=True)
class Exercise:
    """One exercise: its solution, and how an answer is checked.

    reference: the solution, a function; its name is the name of the exercise. check: given an answer, yields one
    (holds, question) for each mechanism, from plain to subtle; the question asks about the likely slip. found: for
    "spot the bug", the code as the notebook shows it. difficulty: 1 (a line), 2 (a function) or 3 (the day's main one).
    """

    reference: Callable
    check: Callable[[Callable], Iterator[tuple[bool, str]]]
    minutes: int
    difficulty: int
    hints: tuple[str, ...]
    found: Callable | None = None

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


PATIENCE = 30  # seconds that an answer may run: far more than any reference needs
MARKS = {"passed": "✓", "failed": "✗", "not attempted": "○"}


@dataclass(frozen=True)
class Checked:
    """What came of an answer: `state` is "passed", "failed" or "not attempted"."""

    name: str
    state: str
    text: str

    def __repr__(self):
        return f"{MARKS[self.state]} {self.name}: {self.text}"


def check(answer: Callable) -> Checked:
    """Check your answer to the exercise of the same name, mechanism by mechanism; stop at the first that fails.

    Whatever the answer does, the notebook runs on. Raises TypeError for what is no function, and KeyError if there is
    no such exercise.
    """
    if not hasattr(answer, "__name__"):
        raise TypeError(f"check takes the function itself, as in check(window_mask) without quotes, not {answer!r}.")
    task = _find(answer.__name__)
    if task.found and _same_code(answer, task.found):
        return Checked(task.name, "not attempted", "not attempted, the bug is still there")
    passed = 0
    try:
        # A check leaves no trace in the notebook's own draws.
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())), _patience():
            for holds, question in task.check(_returning(answer)):
                if not holds:
                    return Checked(task.name, "failed", question)
                passed += 1
    except Exception as error:  # whatever an answer does, the lesson goes on
        if isinstance(error, NotImplementedError) and not error.args:  # torch raises it too, with a message
            return Checked(task.name, "not attempted", "not attempted")
        told = str(error) if isinstance(error, Unfinished) else f"stopped with {type(error).__name__}: {error}"
        return Checked(task.name, "failed", f"{told}{_line(error, answer)}")
    return Checked(task.name, "passed", f"all {passed} checks hold")


def hint(name: str, number: int = 1) -> str:
    """Return a hint for an exercise; ask for number 2, 3, … when the first was not enough."""
    hints = _find(name).hints
    if not 1 <= number <= len(hints):
        raise ValueError(f"Exercise {name!r} has hints 1 to {len(hints)}, not {number}.")
    return hints[number - 1]


def solution(name: str) -> Code:
    """Show the solution of an exercise: the source of the reference that the checks were tried on."""
    return Code(inspect.getsource(_find(name).reference), language="python")


def _find(name: str) -> Exercise:
    if name not in exercises():
        raise KeyError(f"No exercise {name!r}; there are: {', '.join(sorted(_EXERCISES))}.")
    return _EXERCISES[name]


class Unfinished(Exception):
    """An answer that gave nothing back, or did not end."""


def _returning(answer: Callable) -> Callable:
    """Return the answer, made to raise Unfinished where it forgets its `return`: no exercise asks for None."""

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
    frames = traceback.extract_tb(error.__traceback__)
    code = getattr(inspect.unwrap(answer), "__code__", None)
    lines = [frame.line for frame in frames if code and frame.filename == code.co_filename and frame.line]
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
