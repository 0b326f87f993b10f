"""What is made from the course and handed out: copies for students, slides, a site. Everything lands under build/."""

import shutil
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"


def fresh(folder: Path) -> Path:
    """Empty a folder, or make it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def copy_mathjax(folder: Path) -> None:
    """Copy MathJax 3 from its package, without the builds that we do not use."""
    package = files("sphinx-mathjax-offline") / "static" / "mathjax"
    shutil.copytree(package, folder, ignore=shutil.ignore_patterns("*svg*", "*mml-*", "*-full*", "node-main.js"))
