"""The one list of the course's notebooks: core, then depth. `python -m publish.notebooks` prints it."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = {"core": "notebooks", "depth": "notebooks/depth"}


def notebooks(kind: str | None = None, root: Path = ROOT) -> list[Path]:
    """Return the paths of the course's notebooks in reading order; kind is "core", "depth", or None for both.

    Raises ValueError for an unknown kind, and for two notebooks of the same stem: copies, decks, and costs are named by
    it.
    """
    if kind is not None and kind not in FOLDERS:
        raise ValueError(f"Unknown kind of notebook {kind!r}; choose one of {', '.join(FOLDERS)}.")
    found = {name: sorted((root / folder).glob("*.ipynb")) for name, folder in FOLDERS.items()}
    stems = [path.stem for paths in found.values() for path in paths]
    if twice := sorted({stem for stem in stems if stems.count(stem) > 1}):
        raise ValueError(f"Two notebooks are called {twice[0]}: rename one, since copies and decks are named by it.")
    return [path for name, paths in found.items() if kind in (None, name) for path in paths]


if __name__ == "__main__":
    print(*(path.relative_to(ROOT).as_posix() for path in notebooks()))
