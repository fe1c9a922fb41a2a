"""Trials allow what is promised and no more: idle workers, late joins, points that were hardly met."""

from __future__ import annotations

from typing import Any

import pytest

from bench.chaos import comeback, joins
from bench.chaos.check import Verdict
from bench.chaos.comeback import Broken, Watch
from bench.chaos.farm import CPU, RENDER
from bench.chaos.zombies import STOPS, Woken

POINTS = [point for stops in STOPS.values() for point in stops.values()]


def watch_of(seconds: int) -> Watch:
    """Look every second, at work that waits for render workers alone."""
    return Watch("", [(float(second), 1, 0) for second in range(seconds + 1)])


def test_the_length_of_a_fault_is_nobodys_idleness_and_all_else_is() -> None:
    watch = watch_of(30)
    outage = Broken("restart", 4.5, 9.5)

    assert watch.waited_s(RENDER, 0, 30) == 30
    assert watch.waited_s(RENDER, 0, 30, faults=[outage]) == 25
    assert watch.waited_s(RENDER, 6, 30, faults=[outage]) == 20.5
    assert watch.waited_s(RENDER, 10, 30, faults=[outage]) == 20
    assert watch.waited_s(RENDER, 0, 30, faults=[outage, Broken("cut", 12.0, 12.0), Broken("restart", 20, 22)]) == 23
    assert watch.waited_s(CPU, 0, 30, faults=[outage]) == 0


@pytest.mark.parametrize(("idle_s", "kept"), [(20.0, True), (20.1, False), (24.9, False)])
def test_a_worker_may_stand_idle_for_twenty_seconds_whatever_the_fault(idle_s: float, kept: bool) -> None:
    waited = {CPU: 40, RENDER: 40}
    figures: dict[str, Any] = {"longest idle s": {"cpu1": 1.0, "render1": idle_s}, "work waited s": waited}
    figures |= {"watched s": 100, "restarts by hand": 0, "failed": 0}
    assert comeback.is_kept(figures) is kept


@pytest.mark.parametrize(("p95_s", "kept"), [(3.0, True), (3.01, False)])
def test_joins_begin_within_three_seconds_of_their_last_piece(p95_s: float, kept: bool) -> None:
    figures: dict[str, Any] = {"fan-outs": 2, "joined": 2, "early": 0, "failed": 0, "pieces": 80, "lost workers": 4}
    figures |= {"messages": {"sent": 100, "dropped": 20, "delivered": 240}}
    figures["join after last piece s"] = {"p50": 0.1, "p95": p95_s}
    assert joins.is_kept(figures) is kept


@pytest.mark.parametrize(
    ("jobs", "times", "kept"), [(100, 10, True), (100, 9, False), (60, 9, False), (59, 1, True), (20, 0, False)]
)
def test_each_point_is_met_ten_times_where_there_are_jobs_enough(jobs: int, times: int, kept: bool) -> None:
    points = {**dict.fromkeys(POINTS, 40), POINTS[0]: times}
    found = Woken(jobs, 160, {point: count for point, count in points.items() if count}, Verdict())
    assert found.passed is kept
