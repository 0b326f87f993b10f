"""Write every diagram of the course: `python -m publish.figures [FOLDER]`, by default into lessons/figures."""

import sys
from pathlib import Path

from publish import ROOT

from . import figures

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "lessons" / "figures"
for figure in figures():
    (folder / f"{figure.name}.svg").write_text(figure.svg(), encoding="utf-8", newline="\n")
