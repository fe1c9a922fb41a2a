"""What the rest of the API does when steps and jobs end: a registry, so that the engine knows no feature.

Effects run inside the engine's finishing transaction, with the job's row locked: they add to the session, never commit,
and touch nothing outside the database (removing an object waits for the commit). A step's effect that raises
PermanentError refuses the result, and the step fails with that code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, false, or_
from sqlalchemy.orm import Session

from api.jobs.change import JobEvent
from api.jobs.models import Job, Step
from tasks.names import TaskName

StepEffect = Callable[[Session, Job, Step, dict[str, Any]], None]
ClaimEffect = Callable[[Session, Job, Step], dict[str, Any]]
NewsEffect = Callable[[Session, Job, Step, dict[str, Any]], None]
JobEffect = Callable[[Session, Job], None]
RetryEffect = Callable[[Session, Job], datetime | None]
EventEffect = Callable[[Session, Job, Sequence[JobEvent]], None]

S = TypeVar("S", bound=StepEffect)
C = TypeVar("C", bound=ClaimEffect)
J = TypeVar("J", bound=JobEffect)
R = TypeVar("R", bound=RetryEffect)
E = TypeVar("E", bound=EventEffect)

_step_succeeded: dict[TaskName, list[StepEffect]] = {}
_step_claimed: dict[TaskName, list[ClaimEffect]] = {}
_step_told: dict[tuple[TaskName, str], list[NewsEffect]] = {}
_job_ended: dict[str, list[JobEffect]] = {}
_job_retried: dict[str, list[RetryEffect]] = {}
_job_events: list[EventEffect] = []
_listening: list[Callable[[], ColumnElement[bool]]] = []


def on_step_succeeded(task: TaskName) -> Callable[[S], S]:
    """Register ``f(session, job, step, result)`` for every step of ``task`` that succeeds."""

    def register(effect: S) -> S:
        _add(_step_succeeded.setdefault(task, []), effect)
        return effect

    return register


def on_step_claimed(task: TaskName) -> Callable[[C], C]:
    """Register ``f(session, job, step)`` for claims of ``task``; it returns what the worker gets besides the input.

    For what must not lie in a row, or is known only by then.
    """

    def register(effect: C) -> C:
        _add(_step_claimed.setdefault(task, []), effect)
        return effect

    return register


def on_step_told(task: TaskName, kind: str) -> Callable[[S], S]:
    """Register ``f(session, job, step, data)`` for news of a kind that running steps of ``task`` have."""

    def register(effect: S) -> S:
        _add(_step_told.setdefault((task, kind), []), effect)
        return effect

    return register


def on_job_ended(kind: str) -> Callable[[J], J]:
    """Register ``f(session, job)`` for every job of a kind that succeeds, fails or is cancelled."""

    def register(effect: J) -> J:
        _add(_job_ended.setdefault(kind, []), effect)
        return effect

    return register


def on_job_retried(kind: str) -> Callable[[R], R]:
    """Register ``f(session, job)`` for a failed or cancelled job that is queued again; raising refuses the retry.

    It returns when the job may begin at the earliest, None for at once.
    """

    def register(effect: R) -> R:
        _add(_job_retried.setdefault(kind, []), effect)
        return effect

    return register


def on_job_events(listening: Callable[[], ColumnElement[bool]]) -> Callable[[E], E]:
    """Register ``f(session, job, events)`` for the events that a transaction stores of a job.

    :param listening: returns the condition over the table ``job`` under which the effect may have something to do.
    """

    def register(effect: E) -> E:
        _add(_job_events, effect)
        _add(_listening, listening)
        return effect

    return register


def run_step_succeeded(session: Session, job: Job, step: Step, result: dict[str, Any]) -> bool:
    """Run the effects of a step that succeeded; tell whether there are any."""
    wanted = _step_succeeded.get(TaskName(step.task), [])
    for effect in wanted:
        effect(session, job, step, result)
    return bool(wanted)


def claim_input(session: Session, job: Job, step: Step) -> dict[str, Any]:
    """Return what the worker of a step is given."""
    given: dict[str, Any] = step.input
    for effect in _step_claimed.get(TaskName(step.task), []):
        given = {**given, **effect(session, job, step)}
    return given


def run_step_told(session: Session, job: Job, step: Step, kind: str, data: dict[str, Any]) -> bool:
    """Run the effects of a step's news; tell whether anybody wanted them."""
    wanted = _step_told.get((TaskName(step.task), kind), [])
    for effect in wanted:
        effect(session, job, step, data)
    return bool(wanted)


def run_job_ended(session: Session, job: Job) -> None:
    """Run the effects of a job that ended; ``job.state`` says how."""
    for effect in _job_ended.get(job.kind, []):
        effect(session, job)


def run_job_retried(session: Session, job: Job) -> datetime | None:
    """Run the effects of a job that starts again: what its end gave back is taken anew; return when it may begin."""
    told = [effect(session, job) for effect in _job_retried.get(job.kind, [])]
    return max((moment for moment in told if moment is not None), default=None)


def run_job_events(session: Session, job: Job, events: Sequence[JobEvent]) -> None:
    """Run the effects of events, in their order."""
    for effect in _job_events:
        effect(session, job, events)


def is_heard() -> ColumnElement[bool]:
    """Return the condition that the effects of a job's events may have something to do."""
    return or_(false(), *(condition() for condition in _listening))


def _add(effects: list[Any], effect: Any) -> None:
    if effect not in effects:
        effects.append(effect)
