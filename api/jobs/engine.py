"""The one place that moves jobs and steps: locks, transitions, what follows from them, events.

Locks are always taken in the same order: the job's row, then rows of its steps, then its bell in the outbox. Whoever
holds the job's row owns the job for the length of the transaction. All times are the database's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.jobs import effects, poison
from api.jobs.models import Attempt, Event, Job, Step
from api.jobs.outbox import ring, take_down_all
from api.jobs.progress import StepProgress, eta_of, percent_of, weight_of
from api.jobs.publish import wake_after_commit
from api.jobs.states import (
    TERMINAL,
    TERMINAL_STEP,
    IllegalMoveError,
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


def lock_job(session: Session, job_id: UUID) -> Job | None:
    """Lock a job's row and return it as it is now, or None. Rows that refer to the job can still be added by others."""
    return session.get(Job, job_id, with_for_update={"key_share": True}, populate_existing=True)


def lock_step(session: Session, job: Job, step_id: UUID) -> Step | None:
    """Lock one step of a locked job and return it as it is now, or None."""
    chosen = select(Step).where(Step.id == step_id, Step.job_id == job.id).with_for_update(key_share=True)
    return session.scalars(chosen.execution_options(populate_existing=True)).one_or_none()


def read_steps(session: Session, job: Job) -> list[Step]:
    """Return all steps of a locked job in their order, as they are now."""
    chosen = select(Step).where(Step.job_id == job.id).order_by(Step.position)
    return list(session.scalars(chosen.execution_options(populate_existing=True)))


def database_now(session: Session) -> datetime:
    """Return the database's clock, not its transaction's start. Ask after the locks are held."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now


def states_by_name(steps: Iterable[Step]) -> dict[str, list[StepState]]:
    """Group the states of all parts under their step's name."""
    states: dict[str, list[StepState]] = {}
    for step in steps:
        states.setdefault(step.name, []).append(StepState(step.state))
    return states


def ready_steps(steps: list[Step]) -> list[Step]:
    """Return the queued steps whose predecessors have all succeeded."""
    states = states_by_name(steps)
    return [step for step in steps if step.state == StepState.QUEUED and is_ready(step.after, states)]


def move_step(session: Session, step: Step, target: StepState, **values: Any) -> None:
    """Move a step under its job's lock, by an UPDATE that only works on the state and attempt that were seen."""
    check_step_move(StepState(step.state), target)
    if target != StepState.RUNNING:
        values["lease_until"] = None
    moved = session.execute(
        update(Step)
        .where(Step.id == step.id, Step.state == step.state, Step.attempt == step.attempt)
        .values(state=target.value, **values)
        .execution_options(synchronize_session=False)
        .returning(Step.id)
    ).one_or_none()
    if moved is None:
        raise IllegalMoveError(f"step {step.id} was moved without its job's lock")
    session.refresh(step)


def move_job(session: Session, job: Job, target: JobState, now: datetime) -> None:
    """Move a locked job, run what its end causes, and tell its watchers."""
    check_job_move(JobState(job.state), target)
    job.state = target.value
    if target == JobState.RUNNING:
        job.started_at = job.started_at or now
    job.finished_at = now if target in TERMINAL else None
    if target in TERMINAL:
        job.eta_s = None
    if target == JobState.SUCCEEDED:
        job.percent = 100.0
    session.flush()
    if target in TERMINAL:
        take_down_all(session, job)
        effects.run_job_ended(session, job)
    emit(session, job, f"job.{target.value}", now)


def close_attempt(session: Session, step: Step, outcome: Outcome, now: datetime, failure: StepFailure | None) -> None:
    """Write into the history how the latest attempt of a step ended."""
    session.execute(
        update(Attempt)
        .where(Attempt.step_id == step.id, Attempt.number == step.attempt, Attempt.outcome.is_(None))
        .values(
            outcome=outcome.value,
            ended_at=now,
            code=failure.code[:64] if failure else None,
            message=failure.detail[:2000] if failure else None,
        )
        .execution_options(synchronize_session=False)
    )


def requeue_step(
    session: Session, job: Job, step: Step, now: datetime, *, delay_s: float, failure: StepFailure, **counters: int
) -> None:
    """Put a running step back to be claimed again after a delay, keeping the reason."""
    due = now + timedelta(seconds=delay_s)
    values = {**counters, **error_values(failure), "fraction": 0.0}
    move_step(session, step, StepState.QUEUED, run_after=due, queued_at=now, **values)
    ring(session, job, [step], due, paid=True)
    show_progress(session, job)
    emit(session, job, "step.retrying", now, step=step)


def succeed_step(session: Session, job: Job, step: Step, now: datetime, result: dict[str, Any]) -> list[Step]:
    """Finish a step and return the steps that became ready by it; finish the job with its last step."""
    cleared = {"error_code": None, "error_message": None, "error_details": None}
    move_step(session, step, StepState.SUCCEEDED, result=result, fraction=1.0, finished_at=now, seen_at=now, **cleared)
    close_attempt(session, step, Outcome.SUCCEEDED, now, None)
    poison.clear(job)
    show_progress(session, job)
    emit(session, job, "step.succeeded", now, step=step)
    steps = read_steps(session, job)
    finish_if_done(session, job, steps, now)
    return [other for other in ready_steps(steps) if step.name in other.after]


def fail_step(session: Session, job: Job, step: Step, now: datetime, failure: StepFailure, **counters: int) -> None:
    """Give a running step up, and its job with it: siblings are cancelled, the owner is told why."""
    move_step(session, step, StepState.FAILED, finished_at=now, **counters, **error_values(failure))
    job.error_code, job.error_message = failure.code[:64], failure.detail[:2000]
    job.error_details = failure.extra or None
    emit(session, job, "step.failed", now, step=step)
    finish_if_done(session, job, read_steps(session, job), now)


def finish_if_done(session: Session, job: Job, steps: list[Step], now: datetime) -> bool:
    """End the job when its steps say so, cancelling those that are still open; tell whether it has ended."""
    final = conclude([StepState(step.state) for step in steps])
    if final is None:
        return False
    cancel_open_steps(session, steps, now)
    if job.state == JobState.QUEUED and final != JobState.CANCELLED:
        move_job(session, job, JobState.RUNNING, now)
    move_job(session, job, final, now)
    return True


def cancel_open_steps(session: Session, steps: list[Step], now: datetime) -> None:
    """Cancel every step that has not ended; a worker on one of them hears it at its next call."""
    for step in steps:
        if step.state in TERMINAL_STEP:
            continue
        if step.state == StepState.RUNNING:
            close_attempt(session, step, Outcome.CANCELLED, now, None)
        move_step(session, step, StepState.CANCELLED, finished_at=now)


def error_values(failure: StepFailure) -> dict[str, Any]:
    """Return a failure as the columns that keep it."""
    return {
        "error_code": failure.code[:64],
        "error_message": failure.detail[:2000],
        "error_details": failure.extra or None,
    }


def show_progress(session: Session, job: Job) -> bool:
    """Bring the job's progress up to date with its steps; tell whether its stage changed."""
    chosen = select(
        Step.task, Step.state, Step.fraction, Step.started_at, Step.seen_at,
        Step.name, Step.stage, Step.done, Step.total, Step.unit,
    )  # fmt: skip
    rows = session.execute(chosen.where(Step.job_id == job.id).order_by(Step.position)).all()
    parts = [StepProgress(row.task, StepState(row.state), row.fraction, row.started_at, row.seen_at) for row in rows]
    job.percent, job.eta_s = percent_of(parts), eta_of(parts)
    running = [row for row in rows if row.state == StepState.RUNNING]
    if not running:
        return False
    shown = max(running, key=lambda row: weight_of(row.task))
    stage = shown.stage or shown.name
    changed: bool = stage != job.stage
    job.stage, job.done, job.total, job.unit = stage, shown.done, shown.total, shown.unit
    return changed


def emit(session: Session, job: Job, kind: str, now: datetime, *, step: Step | None = None) -> None:
    """Store the next event of a locked job, and wake its watchers once committed."""
    job.event_seq += 1
    data: dict[str, Any] = {
        "job_id": str(job.id),
        "state": job.state,
        "progress": job.progress,
        "eta_s": job.eta_s,
        "error": job.error,
        "at": now.isoformat(),
    }
    if step is not None:
        data["step"] = {
            "name": step.name,
            "part": step.part,
            "state": step.state,
            "attempt": step.attempt,
            "error": step.error,
        }
    session.add(Event(job_id=job.id, seq=job.event_seq, kind=kind, data=data, at=now))
    effects.run_job_event(session, job, kind, now, data)
    wake_after_commit(session, job.id)
