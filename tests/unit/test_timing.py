"""Turns, speeds and their ratio."""

import time

from helpers.lab.timing import alternate, ratio, speed_of


def test_sides_take_turns_and_the_first_turn_is_dropped():
    calls = []
    sides = {name: lambda turn, name=name: calls.append((turn, name)) or turn for name in ("a", "b")}
    assert alternate(sides, 3) == {"a": [1, 2, 3], "b": [1, 2, 3]}
    assert [name for _, name in calls] == ["b", "a", "a", "b", "b", "a", "a", "b"]
    assert [turn for turn, _ in calls] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_speed_is_work_over_time(monkeypatch):
    clock = iter([3.0, 5.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert speed_of(lambda: 10) == 5.0


def test_a_ratio_is_that_of_the_medians_with_the_range_of_the_turns():
    found = ratio({"ours": [10.0, 20.0, 30.0], "theirs": [5.0, 5.0, 30.0]}, "ours", "theirs")
    assert found == {"value": 4.0, "lowest": 1.0, "highest": 4.0}
