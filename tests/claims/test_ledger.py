"""The ledger (ledger.yaml) knows every claim, exercise, and record and its fate: no notebook loses one when rebuilt.

Each function ending in `_faults` takes the parsed ledger and what it is held against, and returns what is wrong, one
sentence each. The second half of this file plants faults and sees each of them found.
"""

import ast
import copy
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager

from publish.notebooks import notebooks

ROOT = Path(__file__).parents[2]
LEDGER = Path(__file__).with_name("ledger.yaml")
NUMBERS = tuple(f"0{i}" for i in range(1, 9))
MOST = 8  # live claims in a core notebook

CLAIM_KEYS = {"fate", "text", "test", "reason", "note"}
OTHER_KEYS = {"fate", "notebook", "reason", "note"}
CLAIM_FATES = ("core", "depth", "recorded", "test", "dropped")
EXERCISE_FATES = ("build", "core", "depth", "dropped")
RECORD_FATES = ("core", "depth", "site", "dropped")
# Where a claim of a rebuilt notebook is made: by which call, in which kinds of notebook. Others are made nowhere.
MADE_IN = {"core": ("claim", {"core"}), "depth": ("claim", {"depth"}), "recorded": ("recorded", {"core", "depth"})}

CLAIM_ID = re.compile(r"0[1-8]\.[1-9]\d?")
# In running text: neither part of a longer number or version (1.05.4, 05.10.2018), nor a decimal (05.0, 05.125).
REFERENCE = re.compile(rf"(?<![\w.]){CLAIM_ID.pattern}(?!\w|\.\d)")
FENCE = re.compile(r"^ *(```+|~~~+).*?^ *\1", re.MULTILINE | re.DOTALL)


# What is there


class Call(NamedTuple):
    """A claim that a notebook makes; id and text are None where they are not written out."""

    name: str  # claim or recorded
    id: str | None
    text: str | None


class Notebook(NamedTuple):
    stem: str
    kind: str  # core or depth
    calls: list[Call]
    checked: set[str]  # names handed to check()
    strings: set[str]  # every string that its code holds
    markdown: str

    @property
    def number(self) -> str:
        return self.stem[:2]


class NoDuplicates(yaml.SafeLoader):
    """YAML lets the second of two equal keys overwrite the first; this loader refuses."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for (key, _), name in zip(node.value, keys):
            if keys.count(name) > 1:
                raise yaml.constructor.ConstructorError(
                    "in a mapping", node.start_mark, f"{name!r} is there twice", key.start_mark
                )
        return super().construct_mapping(node, deep)


def parse_ledger(text: str) -> dict:
    return yaml.load(text, Loader=NoDuplicates)


def called(node: ast.AST) -> str | None:
    """Return the name that a call calls: claim for `claim(…)` and for `classroom.claim(…)`."""
    return getattr(node.func, "id", getattr(node.func, "attr", None)) if isinstance(node, ast.Call) else None


def literal(call: ast.Call, position: int, name: str) -> str | None:
    """Return an argument that is a string written out, given by position or by name; None for any other."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == name]
    (found,) = call.args[position : position + 1] or named[:1] or [None]
    return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else None


def parse_notebook(stem: str, kind: str, cells: list) -> Notebook:
    found = Notebook(stem, kind, [], set(), set(), "\n\n".join(c.source for c in cells if c.cell_type == "markdown"))
    for cell in cells:
        if cell.cell_type != "code":
            continue
        for node in ast.walk(ast.parse(TransformerManager().transform_cell(cell.source))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.strings.add(node.value)
            elif called(node) in ("claim", "recorded"):
                found.calls.append(Call(called(node), literal(node, 0, "id"), literal(node, 1, "text")))
            elif called(node) == "check" and node.args and isinstance(node.args[0], ast.Name):
                found.checked.add(node.args[0].id)
    return found


def read_notebooks() -> list[Notebook]:
    return [
        parse_notebook(path.stem, kind, nbformat.read(path, as_version=4).cells)
        for kind in ("core", "depth")
        for path in notebooks(kind)
    ]


def registered_exercises() -> set[str]:
    """Return the names of all exercises: the first argument of @exercise, read without importing."""
    names = set()
    folders = (ROOT / "helpers" / "exercises", ROOT / "helpers" / "classroom" / "exercises")
    for path in sorted(path for folder in folders for path in folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for decorator in getattr(node, "decorator_list", []):
                if called(decorator) == "exercise":
                    names.add(ast.unparse(decorator.args[0]).strip("'\"").rpartition(".")[2])
    return names


def records() -> set[str]:
    return {path.stem for path in (ROOT / "data" / "results").glob("*.json")}


def pages(found: list[Notebook]) -> dict[str, str]:
    """Return every text that may name a claim: README, lessons with glossary and quizzes, the notebooks' markdown."""
    files = [ROOT / "README.md", *sorted((ROOT / "lessons").glob("*.md"))]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}
    return texts | {notebook.stem: notebook.markdown for notebook in found}


# What is wrong


def shape_faults(ledger: dict) -> list[str]:
    """Check the ledger by itself: keys and fates without typos, what each fate needs, eight core claims at most."""
    if set(ledger) != {"rebuilt", "claims", "exercises", "records"}:
        return [f"the ledger's parts are {sorted(ledger)}"]
    wrong = []
    if set(ledger["rebuilt"]) - set(NUMBERS) or len(set(ledger["rebuilt"])) < len(ledger["rebuilt"]):
        wrong.append(f"rebuilt is {ledger['rebuilt']}: it lists numbers of notebooks in quotes, each once")
    wrong += [f"{id!r} is no claim's id" for id in ledger["claims"] if not CLAIM_ID.fullmatch(str(id))]
    parts = {
        "claims": (CLAIM_KEYS, CLAIM_FATES),
        "exercises": (OTHER_KEYS, EXERCISE_FATES),
        "records": (OTHER_KEYS, RECORD_FATES),
    }
    for part, (keys, fates) in parts.items():
        for name, entry in ledger[part].items():
            if unknown := set(entry) - keys:
                wrong.append(f"{name} has unknown keys: {sorted(unknown)}")
            if entry.get("fate") not in fates:
                wrong.append(f"{name} has the fate {entry.get('fate')!r}, not one of {', '.join(fates)}")
            needed = {"dropped": {"reason"}, "test": {"test"}}.get(entry.get("fate"), set())
            needed = needed | ({"text"} if part == "claims" else set())
            if part == "exercises" or part == "records" and entry.get("fate") in ("core", "depth"):
                needed = needed | {"notebook"}
            wrong += [f"{name} needs a {key}" for key in sorted(needed) if not str(entry.get(key) or "").strip()]
            for key, fate in (("reason", "dropped"), ("test", "test")):
                if key in entry and entry.get("fate") != fate:
                    wrong.append(f"{name} has a {key}, which only {fate} entries have")
            if entry.get("notebook", "01") not in NUMBERS:
                wrong.append(f"{name} names the notebook {entry['notebook']!r}, not one of {', '.join(NUMBERS)}")
    cores = Counter(str(id)[:2] for id, entry in ledger["claims"].items() if entry.get("fate") == "core")
    return wrong + [f"{number} has {n} core claims, more than {MOST}" for number, n in cores.items() if n > MOST]


def claim_faults(ledger: dict, found: list[Notebook]) -> list[str]:
    """Compare claims with notebooks: as they were where a notebook has its old shape, by their fates where rebuilt."""
    wrong, made = [], {}  # id → each (notebook, call) that makes it
    for notebook in found:
        for call in notebook.calls:
            made.setdefault(call.id, []).append((notebook, call))
            if call.id is None:
                wrong.append(f"{notebook.stem}: an id of {call.name}() is not written out")
            elif call.id[:2] != notebook.number:
                wrong.append(f"{notebook.stem}: {call.id} does not carry the number of its notebook")
            elif call.id not in ledger["claims"]:
                wrong.append(f"{notebook.stem}: {call.id} is not in the ledger")
    wrong += [
        f"{id} is used {len(where)} times: {', '.join(notebook.stem for notebook, _ in where)}"
        for id, where in made.items()
        if id is not None and len(where) > 1
    ]
    for id, entry in ledger["claims"].items():
        where = made.get(id, [])
        if id[:2] in ledger["rebuilt"]:
            name, kinds = MADE_IN.get(entry["fate"], (None, set()))
            if kinds and not where:
                wrong.append(f"{id} is {entry['fate']} in the ledger, but no notebook makes it")
            for notebook, call in where:
                if (call.name, notebook.kind) not in {(name, kind) for kind in kinds}:
                    place = f"{call.name}() in {notebook.kind} notebook {notebook.stem}"
                    wrong.append(f"{id} is {entry['fate']} in the ledger, yet there is {place}")
        elif not any(notebook.kind == "core" for notebook, _ in where):
            wrong.append(f"{id} is gone from its core notebook, which the ledger does not list as rebuilt")
        else:
            wrong += [
                f"{id} reads {call.text!r}, in the ledger {entry['text']!r}"
                for _, call in where
                if call.text != entry["text"]
            ]
    return wrong


def replacement_faults(ledger: dict, root: Path = ROOT) -> list[str]:
    """Check that a claim with the fate `test` names a test function that exists."""
    wrong = []
    for id, entry in ledger["claims"].items():
        if entry["fate"] == "test":
            file, _, name = entry["test"].partition("::")
            path = root / file
            tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
            if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
                wrong.append(f"{id}: there is no test {entry['test']}")
    return wrong


def exercise_faults(ledger: dict, registered: set[str], found: list[Notebook]) -> list[str]:
    """Compare exercises with the ledger, both ways; a rebuilt notebook checks those that it should."""
    wrong = [f"the exercise {name} is not in the ledger" for name in sorted(registered - set(ledger["exercises"]))]
    for name, entry in ledger["exercises"].items():
        fate, number = entry["fate"], entry["notebook"]
        rebuilt = number in ledger["rebuilt"]
        if name not in registered and fate != "dropped" and not (fate == "build" and rebuilt):
            wrong.append(f"{name} is {fate} in the ledger, but no such exercise exists")
        asked = {notebook.kind for notebook in found if notebook.number == number and name in notebook.checked}
        if rebuilt and fate in ("core", "depth") and fate not in asked:
            wrong.append(f"{name} is {fate} in the ledger, but no {fate} notebook of {number} checks it")
    return wrong


def record_faults(ledger: dict, stems: set[str], found: list[Notebook]) -> list[str]:
    """Compare records with the ledger, both ways; a rebuilt notebook loads those that it should."""
    wrong = [f"the record {stem} is not in the ledger" for stem in sorted(stems - set(ledger["records"]))]
    for stem, entry in ledger["records"].items():
        fate, number = entry["fate"], entry.get("notebook")
        if stem not in stems and fate != "dropped":
            wrong.append(f"{stem} is {fate} in the ledger, but data/results has no such record")
        shown = {notebook.kind for notebook in found if notebook.number == number and stem in notebook.strings}
        if number in ledger["rebuilt"] and fate in ("core", "depth") and fate not in shown:
            wrong.append(f"{stem} is {fate} in the ledger, but no {fate} notebook of {number} loads it")
    return wrong


def reference_faults(ledger: dict, texts: dict[str, str]) -> list[str]:
    """Check that a claim that a page names can be found: in the ledger, and not gone from a rebuilt notebook."""
    wrong = []
    for page, text in texts.items():
        for id in dict.fromkeys(REFERENCE.findall(FENCE.sub("", text))):
            fate = ledger["claims"].get(id, {}).get("fate")
            if fate is None:
                wrong.append(f"{page} names {id}, which is no claim")
            elif fate not in MADE_IN and id[:2] in ledger["rebuilt"]:
                wrong.append(f"{page} names {id}, which no notebook makes any more ({fate})")
    return wrong


# The course's own ledger


@pytest.fixture(scope="module")
def ledger() -> dict:
    return parse_ledger(LEDGER.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def course() -> list[Notebook]:
    found = read_notebooks()
    assert sum(len(notebook.calls) for notebook in found) >= 40, "the search for claims is broken"
    return found


def test_the_ledger_is_well_formed(ledger):
    assert not shape_faults(ledger)


def test_every_claim_is_where_the_ledger_says(ledger, course):
    assert not claim_faults(ledger, course)


def test_every_test_that_replaces_a_claim_exists(ledger):
    assert not replacement_faults(ledger)


def test_every_exercise_has_a_fate(ledger, course):
    registered = registered_exercises()
    assert registered, "the search for exercises is broken"
    assert not exercise_faults(ledger, registered, course)


def test_every_record_has_a_fate(ledger, course):
    assert not record_faults(ledger, records(), course)


def test_every_claim_that_a_page_names_can_be_found(ledger, course):
    texts = pages(course)
    assert any(REFERENCE.search(text) for text in texts.values()), "the search for references is broken"
    assert not reference_faults(ledger, texts)


# Planted faults: a course of two notebooks, 01 rebuilt and 02 not

PLANTED = """
rebuilt: ["01"]
claims:
  "01.1": {fate: core, text: "One"}
  "01.2": {fate: depth, text: "Two"}
  "01.3": {fate: recorded, text: "Three"}
  "01.4": {fate: test, text: "Four", test: "tests/claims/test_ledger.py::test_the_ledger_is_well_formed"}
  "01.5": {fate: dropped, text: "Five", reason: "It asserts nothing."}
  "02.1": {fate: test, text: "Six", test: "tests/claims/test_ledger.py::test_the_ledger_is_well_formed"}
  "02.2": {fate: dropped, text: "Seven", reason: "It asserts nothing."}
exercises:
  built: {fate: build, notebook: "01"}
  inline: {fate: core, notebook: "01"}
  later: {fate: depth, notebook: "01"}
  waiting: {fate: build, notebook: "02"}
records:
  shown-full: {fate: core, notebook: "01"}
  plan: {fate: site}
"""
REGISTERED, RECORDS = {"inline", "later", "waiting"}, {"shown-full", "plan"}


def notebook(stem: str, kind: str, *code: str) -> Notebook:
    return parse_notebook(stem, kind, [nbformat.v4.new_code_cell(source) for source in code])


@pytest.fixture
def planted() -> dict:
    return parse_ledger(PLANTED)


@pytest.fixture
def small() -> list[Notebook]:
    return [
        notebook("01_one", "core", 'claim("01.1", "Reworded", holds)\ncheck(inline)', 'load_result("shown-full")'),
        notebook(
            "02_two", "core", 'classroom.claim("02.1", "Six", holds)', 'claim(id="02.2", text="Se" "ven", holds=x)'
        ),
        notebook(
            "01_one_more", "depth", 'claim("01.2", "Two", holds)', 'recorded("01.3", "Three", holds)\ncheck(later)'
        ),
    ]


def every_fault(ledger: dict, found: list[Notebook], registered=REGISTERED, stems=RECORDS, texts=None) -> list[str]:
    return [
        *shape_faults(ledger),
        *claim_faults(ledger, found),
        *replacement_faults(ledger),
        *exercise_faults(ledger, registered, found),
        *record_faults(ledger, stems, found),
        *reference_faults(ledger, texts or {}),
    ]


def test_no_fault_is_found_where_there_is_none(planted, small):
    assert every_fault(planted, small, texts={"page": "Claims 01.1, **01.3** and `✓ 02.1`; 02.2 goes later."}) == []


def only(faults: list[str], message: str) -> bool:
    """Is this message the one fault that was found?"""
    return len(faults) == 1 and re.search(message, faults[0]) is not None


def test_a_key_that_stands_twice_is_refused():
    twice = PLANTED.replace('"01.2": {fate: depth', '"01.1": {fate: depth')
    assert yaml.safe_load(twice)["claims"]["01.1"]["text"] == "Two", "plain YAML does not notice"
    with pytest.raises(yaml.YAMLError, match="'01.1' is there twice"):
        parse_ledger(twice)
    with pytest.raises(yaml.YAMLError, match="'fate' is there twice"):
        parse_ledger(PLANTED.replace("fate: site", "fate: site, fate: core"))


@pytest.mark.parametrize(
    "code, message",
    [
        ('claim("01.9", "New", holds)', "01_again: 01.9 is not in the ledger"),
        ('recorded("01.9", "New", holds)', "01_again: 01.9 is not in the ledger"),
        ('claim("02.3", "New", holds)', "02.3 does not carry the number of its notebook"),
        ("claim(name, text, holds)", r"an id of claim\(\) is not written out"),
        ('claim("01.2", "Two", holds)', "01.2 is used 2 times: 01_one_more, 01_again"),
        (
            'claim("01.4", "Four", holds)',
            r"01.4 is test in the ledger, yet there is claim\(\) in depth notebook 01_again",
        ),
        ('recorded("01.5", "Five", holds)', r"01.5 is dropped in the ledger, yet there is recorded\(\) in depth"),
    ],
)
def test_a_claim_that_should_not_be_there_is_found(planted, small, code, message):
    assert only(every_fault(planted, [*small, notebook("01_again", "depth", code)]), message)


@pytest.mark.parametrize(
    "where, calls, message",
    [
        (0, "", "01.1 is core in the ledger, but no notebook makes it"),
        (
            0,
            'recorded("01.1", "One", holds)',
            r"01.1 is core in the ledger, yet there is recorded\(\) in core notebook",
        ),
        (1, 'claim("02.2", "Seven", holds)', "02.1 is gone from its core notebook"),
        (1, 'claim("02.1", "6", holds); claim("02.2", "Seven", holds)', "02.1 reads '6', in the ledger 'Six'"),
        (1, 'claim("02.1", six, holds); claim("02.2", "Seven", holds)', "02.1 reads None, in the ledger 'Six'"),
        (2, 'claim("01.2", "Two", holds)', "01.3 is recorded in the ledger, but no notebook makes it"),
        (
            2,
            'claim("01.2", "Two", holds); claim("01.3", "Three", holds)',
            r"01.3 is recorded in the ledger, yet there is claim\(\) in depth notebook 01_one_more",
        ),
    ],
)
def test_a_claim_that_is_missing_or_changed_is_found(planted, small, where, calls, message):
    small[where] = small[where]._replace(calls=notebook("any", "any", calls).calls)
    assert only(every_fault(planted, small), message)


def test_a_claim_in_the_other_kind_of_notebook_is_found(planted, small):
    small[0], small[2] = small[0]._replace(kind="depth"), small[2]._replace(kind="core")
    faults = claim_faults(planted, small)
    assert [re.match(r"01\.\d is \w+", fault)[0] for fault in faults] == ["01.1 is core", "01.2 is depth"]


@pytest.mark.parametrize(
    "part, name, entry, message",
    [
        ("claims", "01.1", {"fate": "cor", "text": "One"}, "01.1 has the fate 'cor'"),
        ("claims", "01.1", {"fate": "core", "txt": "One", "text": "One"}, r"01.1 has unknown keys: \['txt'\]"),
        ("claims", "01.1", {"fate": "core"}, "01.1 needs a text"),
        ("claims", "01.5", {"fate": "dropped", "text": "Five"}, "01.5 needs a reason"),
        ("claims", "01.5", {"fate": "dropped", "text": "Five", "reason": " "}, "01.5 needs a reason"),
        ("claims", "01.1", {"fate": "core", "text": "One", "test": "x::y"}, "01.1 has a test, which only test entries"),
        ("claims", "01.1", {"fate": "core", "text": "One", "reason": "No."}, "01.1 has a reason, which only dropped"),
        ("exercises", "inline", {"fate": "site", "notebook": "01"}, "inline has the fate 'site'"),
        ("exercises", "inline", {"fate": "core"}, "inline needs a notebook"),
        ("exercises", "inline", {"fate": "core", "notebook": "1"}, "inline names the notebook '1'"),
        ("records", "plan", {"fate": "build"}, "plan has the fate 'build'"),
        ("records", "plan", {"fate": "dropped"}, "plan needs a reason"),
        ("records", "shown-full", {"fate": "core"}, "shown-full needs a notebook"),
    ],
)
def test_a_slip_in_the_ledger_is_found(planted, part, name, entry, message):
    planted[part][name] = entry
    assert only(shape_faults(planted), message)


@pytest.mark.parametrize("rebuilt", [["1"], [1], ["01", "01"], ["09"]])
def test_a_slip_in_the_list_of_rebuilt_notebooks_is_found(planted, rebuilt):
    planted["rebuilt"] = rebuilt
    assert only(shape_faults(planted), "rebuilt is")


@pytest.mark.parametrize("id", ["01.0", "1.1", "09.1", "01.100", 1.1])
def test_an_id_that_is_none_is_found(planted, id):
    planted["claims"][id] = {"fate": "core", "text": "New"}
    assert only(shape_faults(planted), "is no claim's id")


def test_a_ninth_core_claim_is_found(planted):
    new = {f"01.{k}": {"fate": "core", "text": "New"} for k in range(10, 10 + MOST - 1)}
    planted["claims"] |= new
    assert shape_faults(planted) == []
    planted["claims"]["01.99"] = {"fate": "core", "text": "New"}
    assert only(shape_faults(planted), "01 has 9 core claims, more than 8")


@pytest.mark.parametrize(
    "test",
    [
        "tests/claims/test_ledger.py::test_of_nothing",
        "tests/claims/test_nothing.py::test_the_ledger_is_well_formed",
        "tests/claims/test_ledger.py",
        "tests/claims/test_ledger.py::Call",
    ],
)
def test_a_fate_that_names_no_test_is_found(planted, small, test):
    planted["claims"]["01.4"]["test"] = test
    assert only(every_fault(planted, small), f"01.4: there is no test {re.escape(test)}")


def test_a_lost_or_unknown_exercise_is_found(planted, small):
    assert only(exercise_faults(planted, REGISTERED | {"new"}, small), "the exercise new is not in the ledger")
    assert only(exercise_faults(planted, REGISTERED - {"inline"}, small), "inline is core .* no such exercise exists")
    assert only(
        exercise_faults(planted, REGISTERED - {"waiting"}, small), "waiting is build .* no such exercise exists"
    )
    planted["exercises"]["waiting"] |= {"fate": "dropped", "reason": "It asks for nothing."}
    assert exercise_faults(planted, REGISTERED - {"waiting"}, small) == []
    small[0] = small[0]._replace(checked={"later"})
    assert only(exercise_faults(planted, REGISTERED, small), "inline is core .* no core notebook of 01 checks it")


def test_a_lost_or_unknown_record_is_found(planted, small):
    assert only(record_faults(planted, RECORDS | {"new-full"}, small), "the record new-full is not in the ledger")
    assert only(record_faults(planted, RECORDS - {"plan"}, small), "plan is site .* data/results has no such record")
    small[0] = small[0]._replace(strings={"other-full"})
    assert only(record_faults(planted, RECORDS, small), "shown-full is core .* no core notebook of 01 loads it")


@pytest.mark.parametrize(
    "text, message",
    [
        ("as claim 01.7 says", "page names 01.7, which is no claim"),
        ("- **08.1** New.", "page names 08.1, which is no claim"),
        ("`✓ 02.30 New`", "page names 02.30, which is no claim"),
        ("See 01.4.", r"page names 01.4, which no notebook makes any more \(test\)"),
        ("See 01.5, 01.2, and again 01.5.", r"page names 01.5, which no notebook makes any more \(dropped\)"),
    ],
)
def test_a_reference_to_no_claim_is_found(planted, text, message):
    assert only(reference_faults(planted, {"page": text}), message)


@pytest.mark.parametrize(
    "text",
    [
        "0.05, 05.0 and 05.125 are numbers, 1.05.7 a version, 05.10.2018 and 2018-10-05 dates",
        "arXiv:0805.1234, arXiv:1805.04770, 0805.12 and 105.7",
        "```python\nloss = 01.7\n```",
        "[07](../notebooks/07_cls_token.ipynb), 09.1, and x01.7",
    ],
)
def test_a_number_is_no_reference(planted, text):
    assert reference_faults(planted, {"page": text}) == []


def test_what_the_courses_own_ledger_forgets_is_found(ledger, course):
    changed, texts = copy.deepcopy(ledger), pages(course)
    made = next(call.id for notebook in course for call in notebook.calls)
    named = next(id for text in texts.values() for id in REFERENCE.findall(text))
    for id in {made, named}:
        del changed["claims"][id]
    assert any(fault.endswith(f": {made} is not in the ledger") for fault in claim_faults(changed, course))
    assert any(f"names {named}, which is no claim" in fault for fault in reference_faults(changed, texts))
