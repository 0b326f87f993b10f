"""The course as a static site: `python -m publish.site [FOLDER]`, build/site if no folder is given.

Lessons and notebooks are copied side by side, as they lie in the repository, so that their links to each other hold;
Sphinx and myst-nb turn them into pages. Nothing is run: notebooks show their committed outputs.
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from sphinx.cmd.build import main as sphinx_build

from . import BUILD, ROOT, copy_mathjax, demo, fresh, results
from .copies import answers
from .notebooks import notebooks

FIRST = ["instructor-guide", "glossary", "scaling", "what-did-not-work"]  # the lessons' general pages, in this order
LINK = re.compile(r"\]\(([^)#:\s]+)")
RENAMED = {"README.md": "index.md", "publish/demo/demo.md": "demo.md"}  # a page in the repository → in the site


def build(output: Path) -> int:
    """Build the site. Return Sphinx's exit status: not 0 after a warning, such as a link that leads nowhere."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "source", Path(folder) / "site"
        stage(source)
        status = sphinx_build(["-q", "-W", "--keep-going", "-c", str(ROOT / "publish"), str(source), str(made)])
        shutil.copytree(made, fresh(output), dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "_sources"))
        shutil.copytree(source / "demo", output / "demo")
    copy_mathjax(output / "_static" / "mathjax")
    return status


def stage(source: Path) -> None:
    """Lay out what Sphinx reads: README as front page, lessons, notebooks, the data sheet, results, and the demo."""
    lessons = sorted((ROOT / "lessons").glob("*.md"))
    for page in (*lessons, ROOT / "data" / "README.md", ROOT / "CONTRIBUTING.md"):
        write(source / page.relative_to(ROOT), page.read_text(encoding="utf-8"), page.parent)
    for path in notebooks():
        notebook = nbformat.read(path, as_version=4)
        prepare(notebook)
        if path in notebooks("core") and (depth := depth_of(path)):
            notebook.cells.append(
                nbformat.v4.new_markdown_cell(toctree("", [f"depth/{p.stem}" for p in depth]).strip())
            )
        write(source / path.relative_to(ROOT), nbformat.writes(notebook), path.parent)
    write(source / "results.md", results.page(), ROOT)
    demo.stage(source)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    write(source / "index.md", readme + contents([lesson.stem for lesson in lessons]), ROOT)


def write(page: Path, text: str, origin: Path) -> None:
    """Write a page, and copy the files beside it that it links to: pictures, and sources to read.

    Links to a page of `RENAMED` lead to its place in the site.
    """

    def follow(link: re.Match) -> str:
        target = (origin / link[1]).resolve()
        name = target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else ""
        if name in RENAMED:
            return link[0].replace(name, RENAMED[name])
        if target.is_file() and target.is_relative_to(ROOT) and target.suffix not in (".md", ".ipynb"):
            copy = page.parent / link[1]
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(target, copy)
        return link[0]

    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(LINK.sub(follow, text), encoding="utf-8")


def prepare(notebook) -> None:
    """Put the alt text of each figure where myst-nb looks for it; fold solutions, and what a Predict asks for."""
    asked = False
    for cell in notebook.cells:
        tags = cell.metadata.setdefault("tags", [])
        asked = "**Predict.**" in cell.source if cell.cell_type == "markdown" else asked
        if cell.cell_type == "code" and "build" in tags:
            tags.append("hide-input")
        elif cell.cell_type == "code" and asked and cell.outputs:
            tags.append("hide-cell" if answers(cell.source) else "hide-output")
        kinds = ("image/png", "image/svg+xml")
        about = [output.get("metadata", {}) for output in cell.get("outputs", [])]
        alts = [facts.get(kind, {}).get("alt") for facts in about for kind in kinds]
        if any(alts):
            cell.metadata["mystnb"] = {"image": {"alt": " ".join(filter(None, alts))}}


def title(path: Path) -> str:
    """Return the heading that a notebook opens with."""
    return nbformat.read(path, as_version=4).cells[0].source.partition("\n")[0].lstrip("# ")


def depth_of(path: Path) -> list[Path]:
    """Return the depth notebooks of a core notebook."""
    return [each for each in notebooks("depth") if each.name[:2] == path.name[:2]]


def contents(lessons: list[str]) -> str:
    """Return the site's table of contents: the general pages, then lesson NN and notebook NN.

    Depth is folded away under its core notebook, whose page lists it.
    """
    general = [name for name in lessons if not name[:2].isdigit()]
    general.sort(key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    first, last = ["Try BERT in your browser <demo>"], ["results", "Data <data/README>", "CONTRIBUTING"]
    core = {}
    for path in notebooks("core"):
        beside = [f"Lesson {path.name[:2]} <lessons/{name}>" for name in lessons if name[:2] == path.name[:2]]
        core[title(path)] = [*beside, f"Notebook {path.name[:2]} <notebooks/{path.stem}>"]
    about = {"About the course": [*(f"lessons/{name}" for name in general if name != "README"), *last]}
    parts = {"Start here": [*first, "lessons/README"]} | core | about
    return "".join(toctree(caption, pages) for caption, pages in parts.items())


def toctree(caption: str, pages: list[str]) -> str:
    """Return a hidden table of contents in Markdown."""
    return "\n\n```{toctree}\n:hidden:\n" + f":caption: {caption}\n" * bool(caption) + "\n".join(["", *pages, "```"])


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD / "site"))
