"""The command line that records the studies.

    python -m helpers.lab ladder --budget full --seeds 3

writes data/results/ladder-full.json, run by run: what was measured, with settings, machine, versions, seconds, and the
command. A study that was stopped goes on where it was. Tables are made from these files.
"""

import argparse
import sys

from .recorder import record
from .study import studies


def main(arguments: list[str] | None = None) -> None:
    """Run one study and record it."""
    found = studies()
    parser = argparse.ArgumentParser(prog="python -m helpers.lab", description=main.__doc__)
    parser.add_argument("study", choices=sorted(found))
    parser.add_argument("--budget", choices=("class", "full"), default="class")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds: 0, 1, …")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds is {options.seeds}; at least one seed must run")
    command = f"python -m helpers.lab {options.study} --budget {options.budget} --seeds {options.seeds}"
    name = options.study if options.study == "plan" else f"{options.study}-{options.budget}"
    runs = found[options.study].runs(options.budget == "full", list(range(options.seeds)))
    record(name, runs, command=command)
    print(f"recorded data/results/{name}.json")


if __name__ == "__main__":
    main(sys.argv[1:])
