"""Runs after everything else: what the notebooks cost, and that nothing tried to leave the machine."""


def test_time(notebook_costs, class_budget):
    # A noisy neighbour halves a machine, so the limit is twice the budget; the printed table marks what is over it.
    notebook_seconds, course_seconds, _ = class_budget
    seconds = {path.stem: round(cost["seconds"]) for path, cost in notebook_costs.items()}
    slow = {name: spent for name, spent in seconds.items() if spent > 2 * notebook_seconds}
    assert not slow, f"these notebooks took more than twice their {notebook_seconds} seconds: {slow}"
    assert sum(seconds.values()) <= 2 * course_seconds, f"together the notebooks took {sum(seconds.values())} seconds"


def test_memory(notebook_costs, class_budget):
    *_, peak_bytes = class_budget
    large = {path.stem: cost["bytes"] for path, cost in notebook_costs.items() if cost["bytes"] > peak_bytes}
    assert not large, f"these kernels held more than {peak_bytes} bytes: {large}"


def test_nothing_tried_the_network(network_log):
    attempts = network_log.read_text(encoding="utf-8")
    assert not attempts, f"something tried to leave this machine:\n{attempts}"
