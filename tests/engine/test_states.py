"""States and moves, exhaustively."""

from __future__ import annotations

import itertools

import pytest

from api.jobs.states import (
    JOB_MOVES,
    STEP_MOVES,
    TERMINAL,
    IllegalMoveError,
    JobState,
    StepState,
    check_job_move,
    check_step_move,
    conclude,
    is_ready,
    refusal_of,
)

Q, R, S, F, C = (StepState(word) for word in ("queued", "running", "succeeded", "failed", "cancelled"))

ALLOWED_JOB = {
    ("queued", "running"),
    ("queued", "cancelled"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("failed", "queued"),
    ("cancelled", "queued"),
}
ALLOWED_STEP = ALLOWED_JOB | {("running", "queued")}


@pytest.mark.parametrize(("source", "target"), list(itertools.product(JobState, JobState)))
def test_a_job_moves_only_where_the_table_says(source: JobState, target: JobState) -> None:
    if (source.value, target.value) in ALLOWED_JOB:
        check_job_move(source, target)
    else:
        with pytest.raises(IllegalMoveError):
            check_job_move(source, target)


@pytest.mark.parametrize(("source", "target"), list(itertools.product(StepState, StepState)))
def test_a_step_moves_only_where_the_table_says(source: StepState, target: StepState) -> None:
    if (source.value, target.value) in ALLOWED_STEP:
        check_step_move(source, target)
    else:
        with pytest.raises(IllegalMoveError):
            check_step_move(source, target)


def test_every_state_is_in_the_tables_and_success_is_the_end() -> None:
    assert set(JOB_MOVES) == set(JobState)
    assert set(STEP_MOVES) == set(StepState)
    assert JOB_MOVES[JobState.SUCCEEDED] == frozenset() == STEP_MOVES[StepState.SUCCEEDED]


@pytest.mark.parametrize("steps", list(itertools.product(StepState, repeat=3)))
def test_a_job_ends_exactly_when_its_steps_say_so(steps: tuple[StepState, ...]) -> None:
    final = conclude(steps)

    if F in steps:
        assert final == JobState.FAILED
    elif Q in steps or R in steps:
        assert final is None
    else:
        assert final == (JobState.CANCELLED if C in steps else JobState.SUCCEEDED)
        assert final in TERMINAL


def test_a_job_without_steps_never_ends_by_itself() -> None:
    assert conclude([]) is None


@pytest.mark.parametrize(
    ("after", "states", "ready"),
    [
        ((), {}, True),
        (("a",), {"a": [S]}, True),
        (("a",), {"a": [S, S, S]}, True),
        (("a",), {"a": [S, R, S]}, False),
        (("a",), {"a": [S, C]}, False),
        (("a", "b"), {"a": [S], "b": [S]}, True),
        (("a", "b"), {"a": [S], "b": [Q]}, False),
        (("a",), {}, False),
        (("a",), {"a": []}, False),
    ],
)
def test_a_step_is_ready_when_all_parts_before_it_have_succeeded(
    after: tuple[str, ...], states: dict[str, list[StepState]], ready: bool
) -> None:
    assert is_ready(after, states) is ready


@pytest.mark.parametrize(
    ("job", "step", "ready", "reason"),
    [
        (JobState.QUEUED, Q, True, ""),
        (JobState.RUNNING, Q, True, ""),
        (JobState.RUNNING, Q, False, "waiting"),
        (JobState.RUNNING, R, True, "running"),
        (JobState.RUNNING, S, True, "done"),
        (JobState.FAILED, F, True, "failed"),
        (JobState.FAILED, C, True, "cancelled"),
        (JobState.CANCELLED, C, True, "cancelled"),
        (JobState.CANCELLED, S, True, "done"),
        (JobState.CANCELLED, Q, True, "cancelled"),
        (JobState.FAILED, Q, True, "failed"),
    ],
)
def test_a_refused_claim_says_why(job: JobState, step: StepState, ready: bool, reason: str) -> None:
    assert refusal_of(job, step, ready=ready) == reason
