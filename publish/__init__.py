"""What is made from the course and handed out: copies for students, slides, a site. Everything lands under build/."""

import re
import shutil
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
FIGURE = re.compile(r"\]\((?:\.\./)+lessons/figures/([\w.-]+)\)")  # as notebooks link to a diagram


def fresh(folder: Path) -> Path:
    """Empty a folder, or make it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def beside(source: str, up: str = "") -> str:
    """Return Markdown whose diagrams lie in `figures` beside the page, or `up` from it."""
    return FIGURE.sub(rf"]({up}figures/\1)", source)


def copy_figures(folder: Path) -> None:
    """Copy the diagrams into `figures` inside a folder."""
    shutil.copytree(ROOT / "lessons" / "figures", folder / "figures", dirs_exist_ok=True)


def copy_mathjax(folder: Path) -> None:
    """Copy MathJax 3 from its package, without the builds that we do not use."""
    package = files("sphinx-mathjax-offline") / "static" / "mathjax"
    shutil.copytree(package, folder, ignore=shutil.ignore_patterns("*svg*", "*mml-*", "*-full*", "node-main.js"))
