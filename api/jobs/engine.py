"""The one place that moves jobs and steps: locks, transitions, what follows from them, events.

Locks are always taken in the same order: the job's row, then rows of its steps, then its bell in the outbox. Whoever
holds the job's row owns the job for the length of the transaction. All times are the database's. What happens to a job
is gathered in a :class:`api.jobs.change.Change` and nowhere written before :func:`settle`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.jobs import effects, poison
from api.jobs.change import Change
from api.jobs.models import Job, Step
from api.jobs.outbox import queue_of
from api.jobs.progress import StepProgress, eta_of, percent_of, weight_of
from api.jobs.publish import wake_after_commit
from api.jobs.states import (
    TERMINAL,
    TERMINAL_STEP,
    JobState,
    Outcome,
    StepState,
    check_job_move,
    check_step_move,
    conclude,
    is_ready,
)
from tasks.contracts import StepFailure

PROGRESS_EVENT_S = 0.5
"""Stored progress events of a job are at least so far apart, except when its stage changes."""


class StepView(Protocol):
    """What is looked at of a step when its job is judged: a whole step, or a row of these columns."""

    id: Any
    position: Any
    name: Any
    task: Any
    after: Any
    state: Any
    fraction: Any
    started_at: Any
    seen_at: Any
    stage: Any
    done: Any
    total: Any
    unit: Any


VIEWED = (
    *(
        Step.id,
        Step.position,
        Step.name,
        Step.task,
        Step.after,
        Step.state,
        Step.fraction,
        Step.started_at,
        Step.seen_at,
    ),
    *(Step.stage, Step.done, Step.total, Step.unit),
)


def lock_job(session: Session, job_id: UUID) -> Job | None:
    """Lock a job's row and return it as it is now, or None. Rows that refer to the job can still be added by others."""
    return session.get(Job, job_id, with_for_update={"key_share": True}, populate_existing=True)


def read_steps(session: Session, job: Job) -> list[Step]:
    """Return all steps of a locked job in their order, as they are now."""
    chosen = select(Step).where(Step.job_id == job.id).order_by(Step.position)
    return list(session.scalars(chosen.execution_options(populate_existing=True)))


def read_others(session: Session, job: Job, step: Step) -> list[Step]:
    """Return the other steps of a locked job, as they are now."""
    chosen = select(Step).where(Step.job_id == job.id, Step.id != step.id).order_by(Step.position)
    return list(session.scalars(chosen.execution_options(populate_existing=True)))


def view_others(session: Session, job: Job, step: Step) -> list[StepView]:
    """Return what there is to see of the other steps of a locked job."""
    others = select(*VIEWED).where(Step.job_id == job.id, Step.id != step.id).order_by(Step.position)
    return list(session.execute(others))


def database_now(session: Session) -> datetime:
    """Return the database's clock, not its transaction's start. Ask after the locks are held."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now


def begin_change(session: Session, job: Job) -> Change:
    """Begin to change a locked job, now."""
    return Change(session, job, database_now(session))


def settle(change: Change) -> None:
    """Write a change and have happen what its events and a job's end cause."""
    session, job = change.session, change.job
    ended, heard = change.ended, change.heard
    events = change.write()
    if ended:
        effects.run_job_ended(session, job)
    if events:
        wake_after_commit(session, job.id)
        if heard:
            effects.run_job_events(session, job, events)


def states_by_name(steps: Iterable[StepView]) -> dict[str, list[StepState]]:
    """Group the states of all parts under their step's name."""
    states: dict[str, list[StepState]] = {}
    for step in steps:
        states.setdefault(step.name, []).append(StepState(step.state))
    return states


def ready_steps(steps: Sequence[StepView]) -> list[StepView]:
    """Return the queued steps whose predecessors have all succeeded."""
    states = states_by_name(steps)
    return [step for step in steps if step.state == StepState.QUEUED and is_ready(step.after, states)]


def ring(change: Change, steps: Iterable[StepView], due_at: datetime, *, paid: bool = False) -> None:
    """Have the steps rung at a time, as if never rung before.

    :param paid: they were rung before all the same: they go on before what else their owner asked for.
    """
    for step in steps:
        change.ring(step.id, queue_of(step.task), due_at, paid=paid)


def move_step(change: Change, step: Step, target: StepState, **values: Any) -> None:
    """Move a step under its job's lock; it is written only if it still has the state and attempt that were seen."""
    check_step_move(StepState(step.state), target)
    if target != StepState.RUNNING:
        values["lease_until"] = None
    change.set_step(step, state=target.value, **values)


def move_job(change: Change, target: JobState) -> None:
    """Move a locked job and tell its watchers; what its end causes happens when the change is settled."""
    job, now = change.job, change.now
    check_job_move(JobState(job.state), target)
    job.state = target.value
    if target == JobState.RUNNING:
        job.started_at = job.started_at or now
    job.finished_at = now if target in TERMINAL else None
    if target in TERMINAL:
        job.eta_s = None
        change.ended = True
    if target == JobState.SUCCEEDED:
        job.percent = 100.0
    emit(change, f"job.{target.value}")


def requeue_step(
    change: Change, step: Step, others: Sequence[StepView], *, delay_s: float, failure: StepFailure, **counters: int
) -> None:
    """Put a running step back to be claimed again after a delay, keeping the reason."""
    due = change.now + timedelta(seconds=delay_s)
    values = {**counters, **error_values(failure), "fraction": 0.0}
    move_step(change, step, StepState.QUEUED, run_after=due, queued_at=change.now, **values)
    ring(change, [step], due, paid=True)
    show_progress(change.job, [step, *others])
    emit(change, "step.retrying", step=step)


def succeed_step(change: Change, step: Step, others: Sequence[StepView], result: dict[str, Any]) -> list[StepView]:
    """Finish a step and return the steps that became ready by it; finish the job with its last step."""
    cleared = {"error_code": None, "error_message": None, "error_details": None}
    ended = {"fraction": 1.0, "finished_at": change.now, "seen_at": change.now}
    change.close_attempt(step, Outcome.SUCCEEDED, None)
    move_step(change, step, StepState.SUCCEEDED, **ended, **cleared)
    change.keep_result(step, result)
    poison.clear(change.job)
    steps = [step, *others]
    show_progress(change.job, steps)
    emit(change, "step.succeeded", step=step)
    if conclude([StepState(one.state) for one in steps]) is not None:
        finish_if_done(change, [step, *(read_others(change.session, change.job, step) if others else [])])
    return [other for other in ready_steps(steps) if step.name in other.after]


def fail_step(change: Change, step: Step, failure: StepFailure, **counters: int) -> None:
    """Give a running step up, and its job with it: siblings are cancelled, the owner is told why."""
    others = read_others(change.session, change.job, step)
    move_step(change, step, StepState.FAILED, finished_at=change.now, **counters, **error_values(failure))
    job = change.job
    job.error_code, job.error_message = failure.code[:64], failure.detail[:2000]
    job.error_details = failure.extra or None
    emit(change, "step.failed", step=step)
    finish_if_done(change, [step, *others])


def finish_if_done(change: Change, steps: Sequence[Step]) -> bool:
    """End the job when its steps say so, cancelling those that are still open; tell whether it has ended."""
    final = conclude([StepState(step.state) for step in steps])
    if final is None:
        return False
    cancel_open_steps(change, steps)
    if change.job.state == JobState.QUEUED and final != JobState.CANCELLED:
        move_job(change, JobState.RUNNING)
    move_job(change, final)
    return True


def cancel_open_steps(change: Change, steps: Iterable[Step]) -> None:
    """Cancel every step that has not ended; a worker on one of them hears it at its next call."""
    for step in steps:
        if step.state in TERMINAL_STEP:
            continue
        if step.state == StepState.RUNNING:
            change.close_attempt(step, Outcome.CANCELLED, None)
        move_step(change, step, StepState.CANCELLED, finished_at=change.now)


def error_values(failure: StepFailure) -> dict[str, Any]:
    """Return a failure as the columns that keep it."""
    return {
        "error_code": failure.code[:64],
        "error_message": failure.detail[:2000],
        "error_details": failure.extra or None,
    }


def show_progress(job: Job, steps: Iterable[StepView]) -> bool:
    """Bring the job's progress up to date with all its steps; tell whether its stage changed."""
    ordered = sorted(steps, key=lambda step: step.position)
    parts = [
        StepProgress(step.task, StepState(step.state), step.fraction, step.started_at, step.seen_at) for step in ordered
    ]
    job.percent, job.eta_s = percent_of(parts), eta_of(parts)
    running = [step for step in ordered if step.state == StepState.RUNNING]
    if not running:
        return False
    shown = max(running, key=lambda step: weight_of(step.task))
    stage = shown.stage or shown.name
    changed: bool = stage != job.stage
    job.stage, job.done, job.total, job.unit = stage, shown.done, shown.total, shown.unit
    return changed


def emit(change: Change, kind: str, *, step: Step | None = None) -> None:
    """Give the job its next event; its watchers are woken once it is committed."""
    job = change.job
    data: dict[str, Any] = {
        "job_id": str(job.id),
        "state": job.state,
        "progress": job.progress,
        "eta_s": job.eta_s,
        "error": job.error,
        "at": change.now.isoformat(),
    }
    if step is not None:
        data["step"] = {
            "name": step.name,
            "part": step.part,
            "state": step.state,
            "attempt": step.attempt,
            "error": step.error,
        }
    change.tell(kind, data)
