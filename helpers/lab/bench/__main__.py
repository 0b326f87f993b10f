"""Print the recorded table: `python -m helpers.lab.bench`."""

import sys

from ...results import load_result, markdown_table, origin
from .table import notes, table


def main(name: str = "bench-full") -> None:
    """Print the table and the notes of a recorded study."""
    result = load_result(name)
    print(origin(result), markdown_table(table(result)), "\n".join(notes(result)), sep="\n\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
