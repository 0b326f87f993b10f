"""Slides from the notebooks: every cell's slide type by rule, and decks that open without a network.

`python -m publish.slides mark` writes the slide types into the notebooks; `python -m publish.slides [FOLDER]` exports
the decks, to build/slides if no folder is given.
"""

import ast
import html
import re
import shutil
import sys
import textwrap
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbformat.v4 import new_markdown_cell, new_notebook
from traitlets.config import Config

from . import BUILD, ROOT, beside, copies, copy_figures, copy_mathjax, fresh
from .notebooks import notebooks

PREDICT = "**Predict.**"
TASK = re.compile(r"\*\*Write|### Exercise")  # how the text begins that asks students to write something
SHORT = 280  # characters of prose, one to three sentences, that a page shows; the rest is for the speaker
WIDTH = 72  # characters of a line of code
ROWS = 8  # of a table; the notes have all of them


# ---------------------------------------------------------------- the rule


def slide_types(notebook) -> list[str]:
    """Return the slide type of each cell: slide, subslide, fragment, -, notes or skip.

    A section opens with its heading, the prose below it, and what this shows. Later prose opens a page if it asks for a
    prediction, shows a picture, or asks students to write a function; other prose is for the speaker's notes. What
    students write, and every output, comes up on request, or at once on a page that has nothing else to look at.
    """
    types, asks, cells = [], False, notebook.cells
    for before, cell, after in zip([None, *cells], cells, [*cells[1:], None]):
        if cell.cell_type == "markdown":
            if before is None or re.match("##? ", cell.source):
                kind = "slide"
            elif is_heading(before):
                kind = "-"
            elif PREDICT in cell.source or "![" in cell.source or (after is not None and is_written(after)):
                kind = "subslide"
            else:
                kind = "notes"
            if kind != "notes":
                asks = PREDICT in cell.source or any(map(is_look, blocks(cell.source)))
        elif is_written(cell) or (cell.cell_type == "code" and any(outcome(cell)[:2]) and not is_plumbing(cell)):
            kind, asks = "fragment" if asks else "-", True
        else:
            kind = "skip"
        types.append(kind)
    return types


def is_heading(cell) -> bool:
    """Is the cell a heading and nothing else?"""
    return cell.cell_type == "markdown" and re.fullmatch(r"#+ [^\n]+", cell.source.strip()) is not None


def is_written(cell) -> bool:
    """Is it a cell that students write in?"""
    return bool({"build", "exercise"} & set(cell.metadata.get("tags", [])))


def is_plumbing(cell) -> bool:
    """Does the cell only import and set up, or train and report it in one line?"""
    if all(isinstance(s, (ast.Import, ast.ImportFrom, ast.Assign)) for s in ast.parse(cell.source).body):
        return True
    report = [output.get("text", "") for output in cell.outputs]
    return "trains" in cell.metadata.get("tags", []) and len(report) == 1 and report[0].count("\n") == 1


def mark(notebook) -> None:
    """Write each cell's slide type into its metadata, where Jupyter's tools look for it."""
    for cell, kind in zip(notebook.cells, slide_types(notebook)):
        cell.metadata["slideshow"] = {"slide_type": kind}


# ---------------------------------------------------------------- what a cell shows, and what is said


def blocks(source: str) -> list[str]:
    """Part Markdown at its empty lines, fenced code excepted."""
    found = []
    for block in re.split(r"\n\n+", source.strip()):
        if found and found[-1].count("```") == 1:
            found[-1] += f"\n\n{block}"
        else:
            found.append(block)
    return found


def is_look(block: str) -> bool:
    """Is it a picture, a table, a formula, or code?"""
    return block.startswith(("![", "|", "$$", "```"))


def sentences(prose: str) -> list[str]:
    """Part prose after each sentence. Those in parentheses are left out."""
    parted = re.split(r"""(?<=[.?!])(["*”)]*)\s+(?=["*$([]*(?:[A-Z]|`))""", prose)
    whole = [a + b for a, b in zip(parted[::2], [*parted[1::2], ""])]
    return [sentence for sentence in whole if not re.fullmatch(r"\(.*\)", sentence, re.DOTALL)]


def excerpt(prose: str, end: bool = False) -> str:
    """Return the first sentence, or the last, and up to two neighbors if they are short."""
    found = sentences(prose)
    while len(found) > 3 or (len(found) > 1 and len(" ".join(found)) > SHORT):
        found.pop(0 if end else -1)
    return " ".join(found)


def told(cell, whole: bool) -> tuple[list[tuple[str, str]], list[str], str]:
    """Return what a page shows of a Markdown cell, as (role, text); what asks students to write; what is only said.

    The roles: head; setup, which gives way to an answer; prompt, which stays; look. whole: show the first paragraph
    that has more than one sentence, as the first page and the last do, and not only its beginning.
    """
    found = blocks(cell.source)
    at = next((i for i, block in enumerate(found) if TASK.match(block) or block.startswith(PREDICT)), len(found))
    first, asked = found[:at], found[at:]
    prompt = asked if asked and asked[0].startswith(PREDICT) else []
    heads, pictures, looks, lists, prose = [], [], [], [], []
    for block in first:
        kinds = {"#": heads, "!": pictures, "|": looks, "$$": looks, "```": looks, "- ": lists, "1. ": lists}
        next((kind for mark, kind in kinds.items() if block.startswith(mark)), prose).append(block)

    above = [block for block in prose if pictures and first.index(block) < first.index(pictures[0])]
    if prompt:  # needs what was said right before it
        seen = [block for block in first if block in looks + lists][-1:]
        text = excerpt(prose[-1], end=True) if prose else ""
    elif whole:
        seen, text = [], next((block for block in prose if len(sentences(block)) > 1), "")
    elif pictures or looks or not asked:  # what leads to the picture, or else to the section
        seen = [] if pictures else looks[:1]
        lead = (above if cell.metadata["slideshow"]["slide_type"] == "subslide" else [])[-1:] or prose[:1]
        text = excerpt(lead[0]) if lead else ""
    else:
        seen, text = [], ""
    roles = [("head", head) for head in heads] + [("setup", text)] * bool(text)
    roles += [("setup" if pictures else "look", block) for block in seen]
    roles += [("prompt", "\n\n".join(prompt))] * bool(prompt) + [("look", picture) for picture in pictures[:1]]
    task = [] if prompt else asked[: 2 if asked and asked[0].startswith("#") else 1]
    task = [block if block.startswith("#") else excerpt(block) for block in task]
    shown = [*heads, text, *seen, *prompt, *task]
    return roles, task, "\n\n".join(block for block in found if block not in shown + pictures)


def stub(cell) -> str:
    """Return what students get: signatures and docstrings, or the code with a bug, but neither solution nor check."""
    source = re.sub(r"\n+(\w+ = check\(\w+\)\n?)+$", "", cell.source)
    if "build" in cell.metadata["tags"]:
        source = copies.blank(source)
        lines = source.splitlines()
        methods = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
        for node in sorted(methods, key=lambda node: -node.lineno):  # from below, so that the lines above keep theirs
            if not any("raise NotImplementedError" in line for line in lines[node.lineno - 1 : node.end_lineno]):
                del lines[node.lineno - 1 : node.end_lineno]  # given
        source = re.sub(r"\n{2,}(?= +def )", "\n", "\n".join(lines)).replace("raise NotImplementedError", "...")

    def narrow(found) -> str:
        """Fill the lines of a docstring, a signature, or a comment again."""
        indent, text = found.groups()
        start = "# " if text[0] == "#" else " " * 8 if text[0] == "d" else ""
        text = re.sub(r'\s*"""$', '"""', re.sub(r"(?<=\()\n +|,\n *(?=\):)", "", text))
        fill = textwrap.TextWrapper(WIDTH, initial_indent=indent, subsequent_indent=indent + start)
        return "\n".join(fill.fill(" ".join(paragraph.split())) for paragraph in text.split("\n\n"))

    parts = r'^( *)(def \w+\(\n.*?\):$|# [^\n]*$|""".*?""")'
    return re.sub(parts, narrow, source, flags=re.MULTILINE | re.DOTALL)


def squeeze(text: str) -> str:
    """Narrow the gaps between printed columns to two spaces."""
    columns = list(zip_longest(*text.splitlines(), fillvalue=" "))
    blank = ["".join(column).isspace() for column in columns]
    kept = [column for i, column in enumerate(columns) if i < 2 or not all(blank[i - 2 : i + 1])]
    return "\n".join("".join(line).rstrip() for line in zip(*kept))


def outcome(cell) -> tuple[str, list[str], list[str]]:
    """Return what there is to see of a code cell's outputs (its figures, else its tables, else what it printed), as
    HTML or Markdown; its claims; and what is only said: all rows of a long table, and where a record comes from."""
    figures, tables, printed, claims, said = [], [], [], [], []
    for output in cell.outputs:
        data, plain = output.get("data", {}), output.get("data", {}).get("text/plain", "")
        alt = {kind: html.escape(about.get("alt", "")) for kind, about in output.get("metadata", {}).items() if about}
        if "image/png" in data:
            source = data["image/png"].replace("\n", "")
            figures.append(f'<img src="data:image/png;base64,{source}" alt="{alt.get("image/png", "")}">')
        elif "image/svg+xml" in data:
            drawing = re.sub(r"\n\s*", " ", data["image/svg+xml"])
            figures.append(f'<div role="img" aria-label="{alt.get("image/svg+xml", "")}">{drawing}</div>')
        elif re.match("(✓|recorded) ", plain):
            claim, *facts = re.split("<div style='font-size:90%'>(.*?)</div>", data["text/html"])
            claims.append(claim + "".join(facts[1:]))
            said += facts[:1]
        elif "text/markdown" in data:
            rows = data["text/markdown"].splitlines()
            more = len(rows) > ROWS + 2
            tables.append("\n".join(rows[: ROWS + 2] + ["| … " * (rows[0].count("|") - 1) + "|"] * more))
            said += [data["text/markdown"]] * more
        elif output.output_type == "stream" or data.keys() == {"text/plain"}:
            printed.append((output.get("text") or plain).strip("\n"))
    text = squeeze("\n".join(printed))
    return "\n".join(figures) or "\n\n".join(tables) or (f"```text\n{text}\n```" if text else ""), claims, said


# ---------------------------------------------------------------- the decks


def lesson_notes(lesson: str) -> dict[str, str]:
    """Return what a lesson tells its teacher: under "1", "2", … for its sections, under "start" the main idea."""
    _, _, notes = lesson.partition("\n## Instructor notes\n")
    found = {"start": main[0]} if (main := re.search(r"^\*\*The main idea\.\*\*.*$", notes, re.MULTILINE)) else {}
    for minutes, section, do, write in re.findall(r"^\| (\d+) \| (\w+) \| (.*?) \| (.*?) ?\|$", notes, re.MULTILINE):
        line = f"**{minutes} minutes.** {do}" + (f" Students write: {write}." if write else "")
        found[section] = f"{found[section]}\n\n{line}" if section in found else line
    return found


def deck(notebook, teacher=None):
    """Return the notebook as it is exported: Markdown cells, each with its role as a tag, and each page's notes.

    teacher: what `lesson_notes` returned.
    """
    pages, heading, task, teacher = [], "", [], teacher or {}
    types = [cell.metadata["slideshow"]["slide_type"] for cell in notebook.cells]
    shown = [i for i, kind in enumerate(types) if kind not in ("notes", "skip")]
    for i, (cell, kind) in enumerate(zip(notebook.cells, types)):
        if cell.cell_type == "markdown" and (i == 0 or is_heading(cell)):
            heading = cell.source.partition("\n")[0]
        if kind in ("slide", "subslide") or not pages:
            pages.append(Page(kind, heading))
        page = pages[-1]
        if kind == "notes":
            page.say("\n\n".join(block for block in blocks(cell.source) if not block.startswith("![")))
        elif kind != "skip" and cell.cell_type == "markdown":
            if i == 0 or is_heading(cell):
                number = re.match(r"## (\d+)\.", heading)
                page.say(teacher.get(number[1] if number else "end" if i else "start", ""))
            roles, task, said = told(cell, whole=i in (0, shown[-1]))
            page.show(kind, *((role, beside(text)) for role, text in roles))
            page.say(said)
        elif kind != "skip" and is_written(cell):
            page.show(kind, *(("task", text) for text in task), ("look", f"```python\n{stub(cell)}\n```"))
        elif kind != "skip" and cell.cell_type == "code":
            look, claims, said = outcome(cell)
            page.show(kind, *[("look", look)] * bool(look), *(("claim", claim) for claim in claims))
            page.say(*said)
    return new_notebook(cells=[cell for page in pages for cell in page.all()], metadata=notebook.metadata)


class Page:
    """What one page of a deck shows, and what its speaker says."""

    def __init__(self, opens: str, heading: str):
        self.opens, self.heading, self.cells, self.notes = opens, heading, [], []

    def show(self, kind: str, *roles: tuple[str, str]):
        """Add texts with their roles; if `kind` is "fragment", they come up together. A page begins with a heading."""
        if roles and not self.cells and roles[0][0] != "head":
            roles = (("head", self.heading), *roles)
        for role, text in roles:
            about = {"slideshow": {"slide_type": kind if self.cells else self.opens}, "tags": [role]}
            self.cells.append(new_markdown_cell(text, metadata=about))
            kind = "-"

    def say(self, *texts: str):
        self.notes += [text for text in texts if text]

    def all(self) -> list:
        """Return the cells, the notes before all fragments: in a fragment, they would be of that fragment only."""
        notes = [new_markdown_cell("\n\n".join(self.notes), metadata={"slideshow": {"slide_type": "notes"}})]
        return self.cells[:1] + notes * bool(self.notes) + self.cells[1:]


def export(output: Path) -> None:
    """Write one deck for each core notebook, and beside them, in `shared`, the scripts, from their packages."""
    config = Config()
    config.SlidesExporter.extra_template_basedirs = [str(ROOT / "publish")]
    config.SlidesExporter.template_name = "deck"
    config.SlidesExporter.exclude_anchor_links = True
    config.CSSHTMLHeaderPreprocessor.style = "a11y-high-contrast-light"
    exporter = SlidesExporter(config=config)
    shared = fresh(output) / "shared"
    reveal = files("sphinx_revealjs") / "_static" / "revealjs"
    shutil.copytree(reveal / "dist", shared / "reveal")
    shutil.copy(reveal / "plugin" / "notes" / "notes.js", shared / "reveal")
    copy_mathjax(shared / "mathjax")
    copy_figures(output)
    for name in ("deck.css", "deck.js"):
        shutil.copy(ROOT / "publish" / "deck" / name, shared)
    for path in notebooks("core"):
        notebook = nbformat.read(path, as_version=4)
        if not all("slideshow" in cell.metadata for cell in notebook.cells):
            mark(notebook)  # here only: the file stays as it is
        lesson = (ROOT / "lessons" / f"{path.stem}.md").read_text(encoding="utf-8")
        made = deck(notebook, lesson_notes(lesson))
        page, _ = exporter.from_notebook_node(made, {"metadata": {"name": path.stem}})
        (output / f"{path.stem}.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["mark"]:
        for path in notebooks():
            notebook = nbformat.read(path, as_version=4)
            mark(notebook)
            nbformat.write(notebook, path)
    else:
        export(Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD / "slides")
