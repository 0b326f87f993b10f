"""What each study's runs for a CPU cost at the full budget on this machine, from a few measured steps."""

from functools import partial

from ..study import Study, studies


def planned(unit: str, arms: int, seeds: int, steps: int) -> dict:
    """Return the seconds of one step of this unit, measured here, and the minutes that all steps of a study would take.
    `steps` is the sum over all runs (`arms` of them) and seeds; making batches, evaluation and loading come on top."""
    units = {study.cost.unit.name: study.cost.unit for study in studies().values() if study.cost}
    seconds = units[unit].seconds()
    return {"seconds_per_step": seconds, "minutes": steps * seconds / 60}


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    found = {}
    for name, study in studies().items():
        if study.cost:
            on_cpu = [
                run for run in study.runs(True, list(range(study.seeds))).values() if "device" not in run.keywords
            ]
            size = {"arms": len(on_cpu), "seeds": study.seeds, "steps": study.cost.steps(on_cpu)}
            found[name] = partial(planned, unit=study.cost.unit.name, **size)
    return found


STUDY = Study(
    title="What each study's runs for a CPU cost at the full budget on this machine, from a few measured steps",
    notebook="",
    runs=runs,
)
