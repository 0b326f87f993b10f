"""Copies of the notebooks to hand out, without outputs: for students, and with every exercise solved.

`python -m publish.copies student [FOLDER]` writes to build/student if no folder is given, `solutions` to
build/solutions.
"""

import ast
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path

import nbformat

from helpers.classroom.checks import exercises

from . import BUILD
from .notebooks import notebooks


def clear(notebook) -> None:
    """Take all outputs and counters away."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def solve(notebook, references: Mapping) -> None:
    """Fill each stub, in a cell tagged `exercise`, with the source of its reference; the rest of the cell stays.

    references: name → an object whose `reference` is the function that solves the exercise. Raises KeyError for a stub
    without one, ValueError for a tagged cell without a stub.
    """
    for cell in notebook.cells:
        if "exercise" not in cell.metadata.get("tags", []):
            continue
        stubs = [node for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef)]
        if not stubs:
            raise ValueError(f"This cell is tagged as an exercise and defines no function:\n{cell.source}")
        lines = cell.source.splitlines()
        for stub in reversed(stubs):  # from below, so that the lines above keep their numbers
            if stub.name not in references:
                raise KeyError(f"No reference for the exercise {stub.name!r}.")
            lines[stub.lineno - 1 : stub.end_lineno] = [inspect.getsource(references[stub.name].reference).rstrip()]
        cell.source = "\n".join(lines)


def copy(kind: str, folder: Path) -> None:
    """Write a copy of every notebook into a folder; kind is "student" or "solutions".

    Raises FileExistsError, and writes nothing, if a notebook of that name is there and differs from its copy: somebody
    may have worked on it.
    """
    fresh = {}
    for path in notebooks():
        notebook = nbformat.read(path, as_version=4)
        if kind == "solutions":
            solve(notebook, exercises())
        clear(notebook)
        fresh[folder / path.name] = nbformat.writes(notebook) + "\n"
    worked_on = [p.name for p, text in fresh.items() if p.exists() and p.read_text(encoding="utf-8") != text]
    if worked_on:
        raise FileExistsError(f"{folder} holds other notebooks, perhaps your work: {', '.join(worked_on)}. Move them.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in fresh.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    kind, *folder = sys.argv[1:] or [""]
    if kind not in ("student", "solutions"):
        sys.exit(__doc__)
    try:
        copy(kind, Path(folder[0]) if folder else BUILD / kind)
    except FileExistsError as refused:
        sys.exit(str(refused))
