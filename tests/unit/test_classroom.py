"""A claim that holds shows one stable line; one that does not stops the notebook and names itself."""

import dataclasses
import functools
import signal

import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter

from helpers.classroom import check, checks, claim, examine, explore, hint, recorded, solution, submitted
from helpers.classroom.checks import compare, exercise
from helpers.classroom.claims import ClaimFailed


@pytest.mark.parametrize("true", [True, np.bool_(True), torch.tensor(True), np.array([True]), torch.tensor([True])])
def test_a_claim_that_holds(true):
    shown = claim("03.2", "the mix is 80/10/10", true, value="p = 0.31, above 0.001")
    assert repr(shown) == "✓ 03.2 the mix is 80/10/10"  # what nbval compares: no measured value in it
    assert (shown.id, shown.value) == ("03.2", "p = 0.31, above 0.001")


@pytest.mark.parametrize("false", [False, np.bool_(False), torch.tensor(False), torch.tensor([False])])
def test_a_claim_that_fails_names_itself(false):
    with pytest.raises(ClaimFailed, match=r"^✗ 03\.2 the mix is 80/10/10 \(measured: 0\.5\)$") as caught:
        claim("03.2", "the mix is 80/10/10", false, value=0.5)
    assert caught.value.id == "03.2" and isinstance(caught.value, AssertionError)
    with pytest.raises(ClaimFailed, match=r"^✗ 03\.2 text$"):
        claim("03.2", "text", false)


def test_several_lines_of_measurements_stand_below_the_claim():
    claimed = claim("01.1", "Rows differ", True, "a  1\n<b>  2")
    shown = claimed._repr_html_()
    assert "white-space:pre-wrap" in shown and shown.endswith(">a  1\n&lt;b&gt;  2</pre></div>")
    assert repr(claimed) == "✓ 01.1 Rows differ", "what is measured is not compared between machines"


def test_many_booleans_are_not_one_claim():
    with pytest.raises((RuntimeError, ValueError)):
        claim("01.1", "all rows sum to one", torch.tensor([True, False]))


@pytest.mark.parametrize("number", [0.3, 1, np.float64(0.9), torch.tensor(1), "yes", None])
def test_a_number_is_no_condition(number):
    with pytest.raises(
        TypeError, match=r"^The condition of claim 01\.1 is .*; it must be true or false, not a number\.$"
    ):
        claim("01.1", "accuracy", number)


def test_what_a_notebook_shows():
    data, _ = DisplayFormatter().format(claim("01.1", "a < b & c", True, value="<script>1</script> ± 2"))
    assert data["text/plain"] == "✓ 01.1 a < b & c"
    assert "a &lt; b &amp; c" in data["text/html"] and "(&lt;script&gt;1&lt;/script&gt; ± 2)" in data["text/html"]
    assert "<script>" not in data["text/html"]
    data, _ = DisplayFormatter().format(claim("01.1", "text", True))
    assert "(" not in data["text/html"].replace("(--", "")


# Exercises


def double(x):
    """Return twice x."""
    return x + x


def found_double(x):
    """Return twice x."""
    return x * x


@pytest.fixture
def entered(monkeypatch):
    """One exercise with a bug to spot."""
    monkeypatch.setattr(checks, "_EXERCISES", {})
    monkeypatch.setattr(checks.pkgutil, "iter_modules", lambda path: [])
    about = {"minutes": 5, "difficulty": 1, "hints": ("Twice 2 is 4, and so is 2².", "Add."), "found": found_double}

    @exercise(double, **about)
    def check_double(answer):
        yield answer(2) == 4, "Is twice 2 four?"
        yield answer(3) == 6, "Do you square?"


def answered(body):
    """Return `body` under the name of the exercise, as a student writes it."""
    body.__name__ = "double"
    return body


def out_of_range(x):
    return [][x]


def test_an_answer_passes_fails_or_is_not_attempted(entered):
    assert repr(examine(double)) == "✓ double: all 2 checks hold"
    assert repr(examine(answered(lambda x: x**2))) == "✗ double: Do you square?"
    says = "stopped with IndexError: list index out of range (in your line `return [][x]`)"
    assert repr(examine(answered(out_of_range))) == f"✗ double: {says}"
    assert checks._line(ValueError("raised elsewhere"), double) == ""
    assert repr(examine(answered(found_double))) == "○ double: not attempted; the bug is still there"

    def stub(x):
        raise NotImplementedError

    assert repr(examine(answered(stub))) == "○ double: not attempted"


def test_what_torch_does_not_implement_was_attempted(entered):
    def swapped(x):
        return torch.nn.functional.cross_entropy(torch.tensor([[1, 2]]), torch.tensor([0]))

    text = examine(answered(swapped)).text
    assert text.startswith("stopped with NotImplementedError: ") and "(in your line `return torch.nn" in text


def test_a_forgotten_return_is_named(entered):
    def silent(x):
        2 * x

    assert examine(answered(silent)).text.startswith("It gave back None: does every way through it end in a return?")


def test_an_answer_that_does_not_end_is_interrupted(entered, monkeypatch):
    def endless(x):
        while x:
            x += 1

    monkeypatch.setattr(checks, "PATIENCE", 0.5)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a notebook's kernel
    try:
        text = examine(answered(endless)).text
        assert text.startswith("It was still running after 0.5 seconds: can its loop always end? (in your line `")
        monkeypatch.setattr(checks, "PATIENCE", 30)

        def stopped(x):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):  # the student's own interrupt is theirs
            examine(answered(stopped))
    finally:
        signal.signal(signal.SIGINT, handler)
    assert examine(double).state == "passed"


def test_an_answer_may_be_wrapped(entered):
    """A decorator of the student's is no reason to stop; nor has every callable a line to show."""

    def cached(body):
        return answered(functools.lru_cache(body))

    assert repr(examine(cached(lambda x: 2 * x))) == "✓ double: all 2 checks hold"
    assert repr(examine(cached(found_double))) == "○ double: not attempted; the bug is still there"
    assert examine(cached(out_of_range)).text.endswith("(in your line `return [][x]`)")
    assert examine(answered(functools.partial(out_of_range))).text == "stopped with IndexError: list index out of range"


def test_check_wants_the_function_itself():
    for slip in ("window_mask", None, 5):
        with pytest.raises(TypeError, match="the function itself"):
            examine(slip)


def test_a_check_leaves_the_random_numbers_of_the_notebook_alone():
    for task in checks.exercises().values():
        before = torch.get_rng_state()
        assert examine(task.reference).state == "passed"
        assert torch.equal(torch.get_rng_state(), before), task.name


def test_an_answer_like_the_bug_but_other_code_is_attempted(entered):
    def tried(x):
        """Some other words."""
        return x * x + 0

    assert examine(answered(tried)).state == "failed"


def test_the_bug_is_known_wherever_its_imports_stand():
    """A call through an imported module compiles differently where the import stands in the same file."""
    source = "def root(x):\n    if x:\n        return [math.sqrt(i * {}) for i in x]\n    return math.sqrt(2)\n"
    found = {}
    for name, code in {"cell": source.format(2), "module": f"import math\n{source.format(2)}", "other": source}.items():
        place = {}
        exec(compile(code, name, "exec"), place)
        found[name] = place["root"]
    assert checks._same_code(found["cell"], found["module"])
    assert not checks._same_code(found["cell"], found["other"])


def test_an_answer_that_passes_goes_on_in_the_notebook(entered, capsys):
    mine = answered(lambda x: 2 * x)
    assert check(mine) is mine and submitted["double"] is mine
    assert capsys.readouterr().out == "✓ double: all 2 checks hold\n"


@pytest.mark.parametrize(
    "wrong, verdict",
    [
        (lambda x: x**2, "✗ double: Do you square?"),
        (found_double, "○ double: not attempted; the bug is still there"),
        (out_of_range, "✗ double: stopped with IndexError: list index out of range (in your line `return [][x]`)"),
    ],
)
def test_in_place_of_one_that_fails_the_courses_own_goes_on(entered, capsys, wrong, verdict):
    wrong = answered(wrong)
    assert check(wrong) is double and submitted["double"] is wrong
    assert (
        capsys.readouterr().out
        == f"{verdict}{'' if verdict.endswith('?') else '.'} The notebook goes on with the course's version.\n"
    )


def test_an_answer_that_leaves_python_is_judged_all_the_same(entered):
    def leaving(x):
        raise SystemExit(0)

    assert examine(answered(leaving)).text.startswith("stopped with SystemExit: 0 (in your line `raise SystemExit")


@pytest.mark.parametrize("build", [True, False])
def test_under_test_a_build_that_fails_stops_the_notebook(entered, monkeypatch, build):
    task = dataclasses.replace(checks._EXERCISES["double"], build=build, found=None)
    monkeypatch.setitem(checks._EXERCISES, "double", task)
    monkeypatch.delenv("COURSE_STRICT", raising=False)
    wrong = answered(lambda x: x**2)
    assert check(wrong) is double
    monkeypatch.setenv("COURSE_STRICT", "1")
    if build:
        with pytest.raises(checks.BuildFailed, match="✗ double: Do you square?"):
            check(wrong)
    else:
        assert check(wrong) is double
    assert check(answered(lambda x: 2 * x))(4) == 8


class Doubler(torch.nn.Module):
    """Twice its input."""

    def forward(self, x):
        return 2 * x


def test_a_whole_class_is_checked_and_handed_back(entered, monkeypatch):
    @exercise(Doubler, minutes=1, difficulty=1, hints=("Add x to itself.",))
    def check_doubler(answer):
        yield compare(answer()(torch.tensor([3.0])), torch.tensor([6.0]), "Is it twice the input?", x=3)

    def written(body):
        return type("Doubler", (torch.nn.Module,), {"forward": body})

    right = written(lambda self, x: x + x)
    assert check(right) is right
    assert check(written(lambda self, x: x)) is Doubler

    def stub(self, x):
        raise NotImplementedError

    assert examine(written(stub)).state == "not attempted"

    def stopped(self, x):
        return x[5]

    assert "(in your line `return x[5]`)" in examine(written(stopped)).text


def test_a_check_that_fails_shows_input_expected_and_got(entered):
    @exercise(Doubler, minutes=1, difficulty=1, hints=("Add x to itself.",))
    def check_doubler(answer):
        x = torch.tensor([[1.0, 2.5]])
        yield compare(answer()(x), 2 * x, "Is it twice the input?", x=x)

    wrong = type("Doubler", (torch.nn.Module,), {"forward": lambda self, x: x / 3})
    assert repr(examine(wrong)).splitlines() == [
        "✗ Doubler: Is it twice the input?",
        "    x         [[1.0, 2.5]]  float32 (1, 2)",
        "    expected  [[2.0, 5.0]]  float32 (1, 2)",
        "    got       [[0.333, 0.833]]  float32 (1, 2)",
    ]


@pytest.mark.parametrize(
    "got, expected, holds",
    [
        (torch.tensor([1.0]), torch.tensor([1.0 + 1e-6]), True),
        (torch.tensor([1.0]), torch.tensor([1.1]), False),
        (torch.tensor([[1.0]]), torch.tensor([1.0]), False),  # another shape
        (torch.tensor([1]), torch.tensor([1.0]), False),  # another dtype
        (torch.tensor([True]), torch.tensor([True]), True),
        (torch.tensor([True]), torch.tensor([False]), False),
        ([1.0], torch.tensor([1.0]), False),
        (None, torch.tensor([1.0]), False),
        ([1, 2], [1, 2], True),
        ((1, 2), [1, 2], False),
    ],
)
def test_what_counts_as_equal(got, expected, holds):
    assert compare(got, expected, "?")[0] is holds


def test_large_values_are_shown_by_shape():
    shown = compare(torch.zeros(5, 9), torch.zeros(5, 9, dtype=torch.bool), "?", name="x" * 300)[2].splitlines()
    assert shown[0] == f"    name      {repr('x' * 300)[:100]}"
    assert shown[1:] == ["    expected  bool (5, 9)", "    got       float32 (5, 9)"]


def test_solutions_can_be_switched_off(entered, monkeypatch):
    monkeypatch.setenv("COURSE_GRADED", "1")
    with pytest.raises(PermissionError, match=r'switched off in this class; try hint\("double"\)'):
        solution("double")
    assert hint("double")


# Recorded results


RECORD = {
    "name": "ladder-full",
    "command": "python -m somewhere.else",
    "not_run": [],
    "arms": {
        "seed 0": {"settings": {"seed": 0}, "machine": {"gpu": None, "processor": "AMD EPYC"}, "date": "2026-11-28"}
    },
}


def test_a_recorded_result_has_a_badge_and_no_tick():
    shown = recorded("06.9", "Full fine-tuning won", RECORD, True, value="83 %")
    assert repr(shown) == "recorded 06.9 Full fine-tuning won"
    data, _ = DisplayFormatter().format(shown)
    assert "✓" not in data["text/plain"] + data["text/html"]
    for fact in (
        ">recorded</b>",
        "06.9",
        "83 %",
        "AMD EPYC",
        "2026-11-28",
        "python -m helpers.lab ladder --budget full",
    ):
        assert fact in data["text/html"]


def test_a_record_that_does_not_bear_the_text_out_stops_the_notebook():
    with pytest.raises(ClaimFailed, match="✗ 06.9 Full fine-tuning won"):
        recorded("06.9", "Full fine-tuning won", RECORD, False)
    with pytest.raises(TypeError, match="must be true or false"):
        recorded("06.9", "Full fine-tuning won", RECORD, 1)


@pytest.mark.parametrize("shape", [(2, 3), (6, 5)])
def test_a_difference_too_small_to_be_seen_is_named(shape):
    expected = torch.full(shape, 0.929)
    holds, _, detail = compare(expected + 2e-4, expected, "Is it [CLS]?")
    assert not holds and detail.splitlines()[-1] == "    the largest difference is 0.0002, more than rounding"
    assert "largest" not in compare(expected + 2e-2, expected, "Is it [CLS]?")[2]


def test_of_large_tensors_the_first_difference_is_shown():
    expected = torch.zeros(5, 6)
    got = expected.clone()
    got[2, 3] = 0.25
    holds, _, detail = compare(got, expected, "Equal?")
    assert not holds and detail.splitlines()[-1] == "    at (2, 3): expected 0.000, got 0.250"
    assert "at (" not in compare(expected, expected, "Equal?")[2]
    assert "at (" not in compare(got[:2], expected, "Equal?")[2], "shapes that differ say enough"


def test_hints_and_solution(entered):
    assert (hint("double"), hint("double", 2)) == ('Twice 2 is 4, and so is 2². (More: hint("double", 2).)', "Add.")
    with pytest.raises(ValueError, match="hints 1 to 2, not 3"):
        hint("double", 3)
    assert solution("double").data.endswith("return x + x\n")
    with pytest.raises(KeyError, match="No exercise 'tripel'; there are: double"):
        examine(answered(double)) and hint("tripel")


# Pictures that move


def test_a_control_moves_the_picture(monkeypatch):
    monkeypatch.delenv("COURSE_STATIC", raising=False)
    drawn = []

    def draw(layer=2):
        drawn.append(layer)

    moving = explore(draw, layer=(0, 5))
    assert moving.children[0].value == 2
    moving.children[0].value = 4
    assert drawn[-1] == 4


def test_a_stored_notebook_keeps_the_first_picture(monkeypatch):
    monkeypatch.setenv("COURSE_STATIC", "1")
    assert explore(lambda layer=2: f"layer {layer}", layer=(0, 5)) == "layer 2"
