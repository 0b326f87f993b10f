"""Slides from the notebooks: every cell's slide type by rule, and decks that open without a network.

    python -m publish.slides mark           # write the slide types into the notebooks
    python -m publish.slides [FOLDER]       # export the decks, to build/slides if no folder is given
"""

import ast
import math
import re
import shutil
import sys
from importlib.resources import files
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from traitlets.config import Config

from . import BUILD, NOTEBOOKS, ROOT, copy_mathjax, fresh

# In pixels of a slide of 1280 × 720; see deck.css.
ROOM, PROSE_LINE, PROSE_WIDTH, CODE_LINE, FIGURE = 650, 37, 92, 23, 400  # (the width in characters)
LONG = 15  # lines of code
PICTURES = {"image/png", "image/svg+xml"}


# ---------------------------------------------------------------- the rule


def slide_types(notebook) -> list[str]:
    """Return the slide type of each cell: slide, subslide, fragment or skip.

    A section opens a slide, other prose a subslide. Code comes up under its prose if there is room, else on a subslide
    of its own; a claim always comes up under what it is about; an exercise has a subslide to itself. Left out: imports,
    and long code that neither shows nor defines anything.
    """
    types, used = [], 0  # pixels of the slide so far
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            kind = "slide" if not types or re.search(r"^## ", cell.source, re.MULTILINE) else "subslide"
        elif cell.cell_type == "raw" or is_plumbing(cell):
            kind = "skip"
        elif "exercise" in cell.metadata.get("tags", []):
            kind = "subslide"
        else:
            kind = "fragment" if shows_claim(cell) or used + height(cell) <= ROOM else "subslide"
        if kind != "skip":
            # After a cell that goes on with a new section, the slide holds that section only.
            used = height(parts(cell)[-1]) if kind != "fragment" else used + height(cell)
        types.append(kind)
    return types


def is_plumbing(cell) -> bool:
    """Does the cell only import and set up, or is it long code without an output that is no definition?"""
    statements = ast.parse(cell.source).body
    if any(isinstance(s, (ast.Import, ast.ImportFrom)) for s in statements[:1]):
        return all(isinstance(s, (ast.Import, ast.ImportFrom, ast.Assign)) for s in statements)
    definition = len(statements) == 1 and isinstance(statements[0], (ast.FunctionDef, ast.ClassDef))
    return not cell.outputs and not definition and len(cell.source.splitlines()) > LONG


def data(cell) -> set[str]:
    """Return the kinds of data (MIME types) that a code cell's outputs hold."""
    return {kind for output in cell.get("outputs", []) for kind in output.get("data", {})}


def shows_claim(cell) -> bool:
    return any(output.get("data", {}).get("text/plain", "").startswith("✓ ") for output in cell.get("outputs", []))


def hides_code(cell) -> bool:
    """Is the output what matters: a figure, a view, a table, a claim?"""
    return cell.cell_type == "code" and bool(data(cell) & {*PICTURES, "text/html", "text/markdown"})


def height(cell) -> int:
    """Estimate how many pixels of a slide a cell takes."""
    lines = cell.source.splitlines()
    if cell.cell_type == "markdown":
        return sum(PROSE_LINE * math.ceil(len(line) / PROSE_WIDTH) for line in lines)
    pixels = 0 if hides_code(cell) else CODE_LINE * (len(lines) + 1)
    for output in cell.outputs:
        shown = output.get("data", {})
        text = output.get("text") or shown.get("text/markdown") or shown.get("text/plain", "")
        is_figure = shown.keys() & PICTURES or "<iframe" in shown.get("text/html", "")
        pixels += FIGURE if is_figure else CODE_LINE * (len(text.splitlines()) + 1)
    return pixels


def mark(notebook) -> None:
    """Write each cell's slide type into its metadata, where Jupyter's tools look for it."""
    for cell, kind in zip(notebook.cells, slide_types(notebook)):
        cell.metadata["slideshow"] = {"slide_type": kind}


# ---------------------------------------------------------------- the decks


def parts(cell) -> list:
    """Return a cell as the cells of a deck: prose is parted before each heading inside it.

    What stands before a cell's first section still belongs to the slide before, and comes up there.
    """
    if cell.cell_type != "markdown":
        return [cell]
    sources = [part.strip() for part in re.split(r"^(?=##)", cell.source, flags=re.MULTILINE) if part.strip()]
    found = []
    for source in sources:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        if kind != "skip" and len(sources) > 1:
            heading = re.match(r"#+", source)
            kind = {"#": kind, "##": "slide", "###": "subslide"}[heading[0]] if heading else "fragment"
        found.append(nbformat.v4.new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}}))
    return found


def deck(notebook):
    """Return the notebook as it is exported: parted prose, and no code above what is there to be looked at."""
    cells = [part for cell in notebook.cells for part in parts(cell)]
    for cell in cells:
        cell.metadata["transient"] = {"remove_source": hides_code(cell)}
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)


def export(output: Path) -> None:
    """Write one deck for each notebook, and beside them, in `shared`, the scripts, from their packages."""
    config = Config()
    config.SlidesExporter.extra_template_basedirs = [str(ROOT / "publish")]
    config.SlidesExporter.template_name = "deck"
    config.SlidesExporter.exclude_input_prompt = config.SlidesExporter.exclude_output_prompt = True
    config.SlidesExporter.exclude_anchor_links = True
    config.CSSHTMLHeaderPreprocessor.style = "a11y-high-contrast-light"
    exporter = SlidesExporter(config=config)
    shared = fresh(output) / "shared"
    shutil.copytree(files("sphinx_revealjs") / "_static" / "revealjs" / "dist", shared / "reveal")
    copy_mathjax(shared / "mathjax")
    for name in ("deck.css", "deck.js"):
        shutil.copy(ROOT / "publish" / "deck" / name, shared)
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        if not all("slideshow" in cell.metadata for cell in notebook.cells):
            mark(notebook)  # here only: the file stays as it is
        html, _ = exporter.from_notebook_node(deck(notebook), {"metadata": {"name": path.stem}})
        (output / f"{path.stem}.html").write_text(html, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["mark"]:
        for path in NOTEBOOKS:
            notebook = nbformat.read(path, as_version=4)
            mark(notebook)
            nbformat.write(notebook, path)
    else:
        export(Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD / "slides")
