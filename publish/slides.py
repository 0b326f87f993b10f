"""Slides from the notebooks: every cell's slide type by rule, and decks that open without a network.

`python -m publish.slides mark` writes the slide types into the notebooks; `python -m publish.slides [FOLDER]` exports
the decks, to build/slides if no folder is given.
"""

import ast
import copy
import math
import re
import shutil
import sys
from importlib.resources import files
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from traitlets.config import Config

from . import BUILD, ROOT, beside, copy_figures, copy_mathjax, fresh
from .notebooks import notebooks

# In pixels of a slide of 1280 × 720; see deck.css.
ROOM, PROSE_LINE, PROSE_WIDTH, CODE_LINE, FIGURE = 650, 37, 92, 23, 400  # (the width in characters)
LONG = 15  # lines of code
PICTURES = {"image/png", "image/svg+xml"}


# ---------------------------------------------------------------- the rule


def slide_types(notebook) -> list[str]:
    """Return the slide type of each cell: slide, subslide, fragment or skip.

    A section opens a slide, other prose a subslide. What follows a heading in a cell of its own stays on its slide.
    Code, a figure or a claim comes up under its prose if there is room, else on a subslide of its own. Left out:
    imports, and long code that neither shows nor defines anything.
    """
    types, used, before = [], 0, None
    for cell in notebook.cells:
        if before is not None and is_heading(before) and not (cell.cell_type == "code" and is_plumbing(cell)):
            kind = "-"
        elif cell.cell_type == "markdown":
            kind = "slide" if not types or re.search(r"^## ", cell.source, re.MULTILINE) else "subslide"
        elif cell.cell_type == "raw" or is_plumbing(cell):
            kind = "skip"
        else:
            kind = "fragment" if used + height(cell) <= ROOM else "subslide"
        for part in parts(cell, kind):
            used = filled(used, part)
        types.append(kind)
        before = before if kind == "skip" else cell
    return types


def is_heading(cell) -> bool:
    """Is the cell a heading and nothing else?"""
    return cell.cell_type == "markdown" and re.fullmatch(r"#+ [^\n]+", cell.source.strip()) is not None


def filled(used: int, cell) -> int:
    """Return how many pixels of its slide are used up after a cell, `used` of them before it."""
    kind = cell.metadata["slideshow"]["slide_type"]
    return used if kind == "skip" else used + height(cell) if kind in ("fragment", "-") else height(cell)


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


def hides_code(cell) -> bool:
    """Is the output what matters: a figure, a view, a table, a claim?"""
    return cell.cell_type == "code" and bool(data(cell) & {*PICTURES, "text/html", "text/markdown"})


def height(cell) -> int:
    """Estimate how many pixels of a slide a cell takes."""
    if cell.cell_type == "markdown":
        return prose_height(cell.source)
    pixels = 0 if hides_code(cell) else CODE_LINE * (len(cell.source.splitlines()) + 1)
    for output in cell.outputs:
        shown = output.get("data", {})
        text = output.get("text") or shown.get("text/markdown") or shown.get("text/plain", "")
        view = re.search(r"height:(\d+)px.*<iframe", shown.get("text/html", ""), re.DOTALL)
        figure = int(view[1]) if view else FIGURE if shown.keys() & PICTURES else 0
        pixels += figure or CODE_LINE * (len(text.splitlines()) + 1)
    return pixels


def prose_height(source: str) -> int:
    return sum(
        FIGURE if line.startswith("![") else PROSE_LINE * math.ceil(len(line) / PROSE_WIDTH)
        for line in source.splitlines()
    )


def mark(notebook) -> None:
    """Write each cell's slide type into its metadata, where Jupyter's tools look for it."""
    for cell, kind in zip(notebook.cells, slide_types(notebook)):
        cell.metadata["slideshow"] = {"slide_type": kind}


# ---------------------------------------------------------------- the decks


def parts(cell, kind: str) -> list:
    """Return a cell of slide type `kind` as the cells of a deck, with their types.

    Prose is parted before each heading, and where it would fill more than a slide. What stands before a cell's first
    section still belongs to the slide before, and comes up there.
    """
    if cell.cell_type != "markdown" or kind == "skip":
        whole = copy.deepcopy(cell)
        whole.metadata["slideshow"] = {"slide_type": kind}
        return [whole]
    sections = [part.strip() for part in re.split(r"^(?=##)", cell.source, flags=re.MULTILINE) if part.strip()]
    found = []
    for source in sections:
        opens = {"#": kind, "##": "slide", "###": "subslide"}.get(source.partition(" ")[0], "fragment")
        for i, page in enumerate(pages(source)):
            slide_type = "subslide" if i else opens if len(sections) > 1 else kind
            found.append(nbformat.v4.new_markdown_cell(page, metadata={"slideshow": {"slide_type": slide_type}}))
    return found


def pages(source: str) -> list[str]:
    """Part prose between its paragraphs, so that each page fits on a slide. A heading is not left alone."""
    first, *others = re.split(r"\n\n+", source)
    found = [first]
    for paragraph in others:
        longer = f"{found[-1]}\n\n{paragraph}"
        if prose_height(longer) <= ROOM or re.fullmatch("#.*", found[-1]):
            found[-1] = longer
        else:
            found.append(paragraph)
    return found


def deck(notebook):
    """Return the notebook as it is exported: parted prose, and no code above what is there to be looked at."""
    cells, used = [], 0
    for cell in notebook.cells:
        for part in parts(cell, cell.metadata["slideshow"]["slide_type"]):
            slideshow = part.metadata["slideshow"]
            if part.cell_type == "markdown" and slideshow["slide_type"] == "fragment" and used + height(part) > ROOM:
                slideshow["slide_type"] = "subslide"
            used = filled(used, part)
            part.metadata["transient"] = {"remove_source": hides_code(part)}
            part.source = beside(part.source)
            cells.append(part)
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
    copy_figures(output)
    for name in ("deck.css", "deck.js"):
        shutil.copy(ROOT / "publish" / "deck" / name, shared)
    for path in notebooks("core"):
        notebook = nbformat.read(path, as_version=4)
        if not all("slideshow" in cell.metadata for cell in notebook.cells):
            mark(notebook)  # here only: the file stays as it is
        html, _ = exporter.from_notebook_node(deck(notebook), {"metadata": {"name": path.stem}})
        (output / f"{path.stem}.html").write_text(html, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["mark"]:
        for path in notebooks("core"):
            notebook = nbformat.read(path, as_version=4)
            mark(notebook)
            nbformat.write(notebook, path)
    else:
        export(Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD / "slides")
