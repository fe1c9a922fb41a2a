"""States of jobs and steps, the moves between them, and what the states of the steps imply for their job. Pure.

::

    queued ──> running ──> succeeded
      │           ├──────> failed ─────┐
      └───────────┴──────> cancelled ──┤  retry
      ^───────────────────────────────-┘

A running step also goes back to ``queued`` on its own: lease over, transient failure, or handed back by a worker that
does not speak its version. Rows are moved by :mod:`api.jobs.engine` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum


class JobState(StrEnum):
    """Life of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepState(StrEnum):
    """Life of a step; the same words mean the same."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """How one attempt of a step ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETRIED = "retried"
    LOST = "lost"
    HANDED_BACK = "handed_back"
    CANCELLED = "cancelled"


TERMINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})
TERMINAL_STEP = frozenset({StepState.SUCCEEDED, StepState.FAILED, StepState.CANCELLED})
ACTIVE = (JobState.QUEUED.value, JobState.RUNNING.value)
"""States of jobs that are not over. Asked for by name, since the index of such jobs is found by that alone."""
RETRYABLE = frozenset({JobState.FAILED, JobState.CANCELLED})
RETRYABLE_STEP = frozenset({StepState.FAILED, StepState.CANCELLED})

JOB_MOVES: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED}),
    JobState.RUNNING: TERMINAL,
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
}

STEP_MOVES: Mapping[StepState, frozenset[StepState]] = {
    StepState.QUEUED: frozenset({StepState.RUNNING, StepState.CANCELLED}),
    StepState.RUNNING: frozenset({StepState.QUEUED, *TERMINAL_STEP}),
    StepState.SUCCEEDED: frozenset(),
    StepState.FAILED: frozenset({StepState.QUEUED}),
    StepState.CANCELLED: frozenset({StepState.QUEUED}),
}


class IllegalMoveError(RuntimeError):
    """Raised when code asks for a move that the tables above do not have: a defect of ours, never of the input."""


def check_job_move(source: JobState, target: JobState) -> None:
    """Raise IllegalMoveError unless a job may go from ``source`` to ``target``."""
    if target not in JOB_MOVES[source]:
        raise IllegalMoveError(f"a job cannot go from {source} to {target}")


def check_step_move(source: StepState, target: StepState) -> None:
    """Raise IllegalMoveError unless a step may go from ``source`` to ``target``."""
    if target not in STEP_MOVES[source]:
        raise IllegalMoveError(f"a step cannot go from {source} to {target}")


def conclude(steps: Collection[StepState]) -> JobState | None:
    """Return the final state that the states of all steps imply for their job, or None while there is work left."""
    if StepState.FAILED in steps:
        return JobState.FAILED
    if not steps or not set(steps) <= TERMINAL_STEP:
        return None
    return JobState.CANCELLED if StepState.CANCELLED in steps else JobState.SUCCEEDED


def is_ready(after: Iterable[str], states: Mapping[str, Collection[StepState]]) -> bool:
    """Tell whether all parts of every step in ``after`` have succeeded.

    :param states: states of all parts, by step name.
    """
    return all(name in states and set(states[name]) == {StepState.SUCCEEDED} for name in after)


def refusal_of(job: JobState, step: StepState, *, ready: bool) -> str:
    """Return why a step cannot be claimed now (``done running waiting cancelled failed``), or an empty string."""
    if step == StepState.SUCCEEDED:
        return "done"
    if step != StepState.QUEUED:
        return step.value
    if job in TERMINAL:
        return "done" if job == JobState.SUCCEEDED else job.value
    return "" if ready else "waiting"
