"""Percent and remaining time, computed from work done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api.jobs.progress import WEIGHTS, StepProgress, eta_of, percent_of, weight_of
from api.jobs.states import StepState
from tasks.names import POLICY, Queue, TaskName

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def part(task: TaskName, state: str, fraction: float = 0.0, elapsed_s: float = 0.0) -> StepProgress:
    return StepProgress(task.value, StepState(state), fraction, START, START + timedelta(seconds=elapsed_s))


def test_every_task_that_can_be_a_step_has_a_weight() -> None:
    assert set(WEIGHTS) == {task for task, policy in POLICY.items() if policy.queue != Queue.CONTROL}
    assert weight_of("something.else") == 1.0


def test_percent_is_weighted_by_the_work_of_each_task() -> None:
    steps = [
        part(TaskName.INGEST_PROBE, "succeeded", 1.0),
        part(TaskName.SPEECH_TRANSCRIBE, "running", 0.5),
        part(TaskName.INGEST_POSTER, "queued"),
    ]

    assert percent_of(steps) == 49.5  # (2 + 95 / 2) of 100


@pytest.mark.parametrize("fraction", [0.9999, 1.0])
def test_percent_never_passes_99_before_the_end(fraction: float) -> None:
    assert percent_of([part(TaskName.RENDER_VIDEO, "running", fraction)]) == 99.0


def test_nothing_done_is_zero_percent() -> None:
    assert percent_of([part(TaskName.RENDER_VIDEO, "queued")]) == 0.0
    assert percent_of([]) == 0.0


def test_the_rest_is_estimated_from_the_speed_of_the_running_step() -> None:
    assert eta_of([part(TaskName.RENDER_VIDEO, "running", 0.25, elapsed_s=10)]) == 30.0


def test_the_slowest_of_steps_side_by_side_counts_and_queued_ones_come_on_top() -> None:
    steps = [
        part(TaskName.RENDER_VIDEO, "running", 0.5, elapsed_s=10),
        part(TaskName.RENDER_VIDEO, "running", 0.25, elapsed_s=10),
        part(TaskName.RENDER_VIDEO, "queued"),
    ]

    assert eta_of(steps) == round(30.0 + 100 * 20 / 75, 1)


def test_nothing_is_estimated_before_something_was_observed() -> None:
    assert eta_of([part(TaskName.RENDER_VIDEO, "running", 0.0, elapsed_s=5)]) is None
    assert eta_of([part(TaskName.RENDER_VIDEO, "queued")]) is None
