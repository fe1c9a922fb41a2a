"""What workers ask of a step: claim it, keep it, report its end; and what happens when they fall silent.

Every function works in the caller's transaction and leaves committing to it. Refusals are FencedError ``step.fenced``
and ``job.cancelled``: the worker kills its children and says no more.
"""

from __future__ import annotations

import logging
import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.config import ApiSettings
from api.extensions import get_settings
from api.jobs import effects, poison
from api.jobs.engine import (
    PROGRESS_EVENT_S,
    close_attempt,
    database_now,
    emit,
    fail_step,
    lock_job,
    lock_step,
    move_job,
    move_step,
    requeue_step,
    show_progress,
    states_by_name,
    succeed_step,
)
from api.jobs.models import STEP_TOKEN, Attempt, Job, Step
from api.jobs.outbox import ring, take_down
from api.jobs.states import JobState, Outcome, StepState, is_ready, refusal_of
from api.turns.limits import put_aside, take_slots
from tasks.contracts import Claim, ClaimRequest, Heartbeat, StepFailure, StepNews, StepReport
from tasks.errors import FencedError, PermanentError
from tasks.names import POLICY, TaskName

logger = logging.getLogger(__name__)

LONGEST_BACKOFF_S = 300.0
MOST_HANDBACKS = 20
"""Times a step may come back from workers of another version or kind before it is given up."""

LIMITED = "limited"
"""Why a step is not given that needs a named limit with no free slot."""

UNKNOWN_VERSION = "contract.unknown_version"
LEAVING = "node.leaving"
"""Also written into the open attempts of a worker that has said that it is about to stop."""

HANDBACKS = frozenset({UNKNOWN_VERSION, "node.other_class"})
"""Why a worker leaves a step to others: no fault of the input or of anybody, so nobody is charged."""


def claim_step(session: Session, request: ClaimRequest) -> Claim:
    """Give a step to a worker, or say why not.

    A worker that asks again with the same nonce, because the first answer was lost, gets the same claim again.
    """
    found = find_step(session, request.job_id, request.step_id)
    if found is None or found[1].task != request.task:
        return Claim(False, reason="unknown")
    job, step = found
    if step.state == StepState.RUNNING and request.nonce and step.nonce == request.nonce:
        return describe_claim(session, job, step)
    now, token = session.execute(select(func.clock_timestamp(), STEP_TOKEN.next_value())).one()
    reason = refusal_of(JobState(job.state), StepState(step.state), ready=is_due(session, job, step, now))
    reason = reason or wait_for_others(session, job, step) or (LIMITED if take_slots(session, step) else "")
    if reason:
        return Claim(False, reason=reason)
    start_attempt(session, job, step, request, now=now, token=token)
    return describe_claim(session, job, step)


def wait_for_others(session: Session, job: Job, step: Step) -> str:
    """Put a step aside that has to wait because its job may be poison and has one that runs; return why, or nothing."""
    if not poison.must_wait(session, job):
        return ""
    put_aside(session, [step.id], poison.name_of(job))
    return poison.ALONE


def is_due(session: Session, job: Job, step: Step, now: datetime) -> bool:
    """Tell whether a queued step may start now: its pause is over, what it waits for has succeeded."""
    if step.run_after is not None and step.run_after > now:
        return False
    if not step.after:
        return True
    before = session.scalars(select(Step).where(Step.job_id == job.id, Step.name.in_(step.after)))
    return is_ready(step.after, states_by_name(before))


def start_attempt(session: Session, job: Job, step: Step, request: ClaimRequest, *, now: datetime, token: int) -> None:
    """Make the worker the owner of a queued step."""
    move_step(
        session,
        step,
        StepState.RUNNING,
        attempt=step.attempt + 1,
        token=token,
        nonce=request.nonce[:64],
        node=request.node[:255],
        lease_until=now + timedelta(seconds=get_settings().lease_s),
        run_after=None,
        started_at=now,
        seen_at=now,
        fraction=0.0,
        stage="",
        done=0.0,
        total=0.0,
        unit="",
    )
    take_down(session, step)
    session.add(Attempt(step_id=step.id, number=step.attempt, token=token, node=step.node, started_at=now))
    if job.state == JobState.QUEUED:
        move_job(session, job, JobState.RUNNING, now)
    show_progress(session, job)
    emit(session, job, "step.running", now, step=step)


def describe_claim(session: Session, job: Job, step: Step) -> Claim:
    """Return everything that the owner of a running step needs."""
    settings = get_settings()
    return Claim(
        claimed=True,
        job_id=str(job.id),
        step_id=str(step.id),
        name=step.name,
        part=step.part,
        attempt=step.attempt,
        token=step.token or 0,
        lease_s=settings.lease_s,
        beat_s=settings.beat_s,
        input=effects.claim_input(session, job, step),
        results=results_before(session, job, step),
        output_prefix=f"jobs/{job.id}/{step.name}/{step.token}/",
    )


def results_before(session: Session, job: Job, step: Step) -> dict[str, Any]:
    """Return the results of what a step waited for, by name; a list in order of parts where a name has several."""
    if not step.after:
        return {}
    chosen = select(Step.name, Step.result).where(Step.job_id == job.id, Step.name.in_(step.after))
    results: dict[str, list[Any]] = {}
    for name, result in session.execute(chosen.order_by(Step.part)):
        results.setdefault(name, []).append(result)
    return {name: parts[0] if len(parts) == 1 else parts for name, parts in results.items()}


def keep_alive(session: Session, beat: Heartbeat) -> float:
    """Renew a lease by the database's clock and note progress; return the lease's length in seconds."""
    settings = get_settings()
    job, step = require_owner(session, beat.job_id, beat.step_id, beat.token)
    now = database_now(session)
    step.lease_until = now + timedelta(seconds=settings.lease_s)
    if beat.progress is not None:
        told = beat.progress
        step.fraction = max(step.fraction, min(1.0, max(0.0, told.fraction)))
        step.stage, step.unit = told.stage[:64], told.unit[:32]
        step.done, step.total, step.seen_at = told.done, told.total, now
        session.flush()
        note_progress(session, job, step, now)
    return settings.lease_s


def note_progress(session: Session, job: Job, step: Step, now: datetime) -> None:
    """Show progress at once; store an event of it only so often."""
    changed = show_progress(session, job)
    last = job.progress_event_at
    if changed or last is None or (now - last).total_seconds() >= PROGRESS_EVENT_S:
        job.progress_event_at = now
        emit(session, job, "progress", now, step=step)


def take_news(session: Session, news: StepNews) -> None:
    """Keep what a running attempt has to show and tell the job's watchers; news that nobody wants change nothing."""
    job, step = require_owner(session, news.job_id, news.step_id, news.token)
    if effects.run_step_told(session, job, step, news.kind, news.data):
        emit(session, job, f"step.{news.kind}", database_now(session), step=step)


def take_report(session: Session, report: StepReport) -> None:
    """End an attempt as its worker says. A report that was taken already is taken again without effect."""
    if (report.result is None) == (report.failure is None):
        raise PermanentError("contract.invalid", "A report has either a result or a failure")
    found = find_step(session, report.job_id, report.step_id)
    if found is not None and was_reported(session, found[1], report.token):
        return
    job, step = require_owner(session, report.job_id, report.step_id, report.token)
    now = database_now(session)
    failure = report.failure
    if report.result is not None:
        failure = try_result(session, job, step, report.result)
        if failure is None:
            ready = succeed_step(session, job, step, now, report.result)
            ring(session, job, ready, now + timedelta(seconds=get_settings().ring_grace_s))
            return
    assert failure is not None
    take_failure(session, job, step, failure, now)


def try_result(session: Session, job: Job, step: Step, result: dict[str, Any]) -> StepFailure | None:
    """Run the effects of a result; return why it is refused, with nothing of them left, or None."""
    try:
        with session.begin_nested():
            effects.run_step_succeeded(session, job, step, result)
    except PermanentError as error:
        return StepFailure(error.code, error.detail, permanent=True, extra=error.extra)
    except (KeyError, TypeError, ValueError) as error:
        logger.exception("result cannot be used", extra={"job_id": str(job.id), "step": step.name})
        return StepFailure("step.bad_result", f"The worker's result cannot be used: {error!r}"[:500], permanent=True)
    return None


def take_failure(session: Session, job: Job, step: Step, failure: StepFailure, now: datetime) -> None:
    """Fail a step for good, or have it tried again: after a pause that doubles, as often as its task's policy says."""
    if failure.code in HANDBACKS:
        take_handback(session, job, step, failure, now)
        return
    charged = step.charged + 1
    if failure.permanent or charged >= POLICY[TaskName(step.task)].max_attempts:
        close_attempt(session, step, Outcome.FAILED, now, failure)
        fail_step(session, job, step, now, failure, charged=charged)
        return
    close_attempt(session, step, Outcome.RETRIED, now, failure)
    delay_s = backoff_s(get_settings(), charged)
    requeue_step(session, job, step, now, delay_s=delay_s, failure=failure, charged=charged)


def take_handback(session: Session, job: Job, step: Step, failure: StepFailure, now: datetime) -> None:
    """Keep a step for a worker that speaks its version, or is of its kind; nobody is charged."""
    handbacks = step.handbacks + 1
    if handbacks >= MOST_HANDBACKS:
        close_attempt(session, step, Outcome.FAILED, now, failure)
        fail_step(session, job, step, now, failure, handbacks=handbacks)
        return
    close_attempt(session, step, Outcome.HANDED_BACK, now, failure)
    delay_s = backoff_s(get_settings(), handbacks)
    requeue_step(session, job, step, now, delay_s=delay_s, failure=failure, handbacks=handbacks)


def hand_back(session: Session, *, job_id: str, step_id: str, token: int, reason: str) -> None:
    """Take a step back from a worker whose message cannot be read here."""
    job, step = require_owner(session, job_id, step_id, token)
    failure = StepFailure(UNKNOWN_VERSION, reason, permanent=False)
    take_handback(session, job, step, failure, database_now(session))


def expire_lease(session: Session, job: Job, step: Step, now: datetime) -> bool:
    """Take a step back from a worker that fell silent; tell whether there was anything to do.

    The fault is the machine's and not charged to the input; one that takes down worker after worker is given up, be it
    by one step or several (:mod:`api.jobs.poison`). Nobody took down a worker that was stopped in order, not in time.
    """
    if step.state != StepState.RUNNING or step.lease_until is None or step.lease_until > now:
        return False
    if was_leaving(session, step):
        stopped = StepFailure(LEAVING, f"The worker {step.node} was stopped before the step was done", permanent=False)
        take_handback(session, job, step, stopped, now)
        return True
    faults, losses = step.faults + 1, poison.count_loss(job, step, now)
    lost = StepFailure("step.worker_lost", f"The worker {step.node} fell silent", permanent=False)
    close_attempt(session, step, Outcome.LOST, now, lost)
    if max(faults, losses) >= poison.MOST_FAULTS:
        told = f"{max(faults, losses)} workers were lost while working on step {step.name}"
        fail_step(session, job, step, now, StepFailure("job.poison", told, permanent=True), faults=faults)
    else:
        requeue_step(session, job, step, now, delay_s=0.0, failure=lost, faults=faults)
    return True


def note_leaving(session: Session, node: str) -> None:
    """Remember in the open attempts of a worker that it is about to stop, whatever becomes of them."""
    running = select(Step.id, Step.attempt).where(Step.node == node, Step.state == StepState.RUNNING.value).subquery()
    open_attempts = (
        select(Attempt.token)
        .join(running, (running.c.id == Attempt.step_id) & (running.c.attempt == Attempt.number))
        .where(Attempt.outcome.is_(None), Attempt.code.is_(None))
        .with_for_update(of=Attempt, skip_locked=True)
    )
    tokens = list(session.scalars(open_attempts))
    session.execute(update(Attempt).where(Attempt.token.in_(tokens)).values(code=LEAVING))


def was_leaving(session: Session, step: Step) -> bool:
    """Tell whether the worker of a running step had said that it was about to stop."""
    return session.scalar(select(Attempt.code).where(Attempt.token == step.token)) == LEAVING


def find_step(session: Session, job_id: str, step_id: str) -> tuple[Job, Step] | None:
    """Lock a job and one of its steps by the ids in a message, or return None."""
    try:
        job_uuid, step_uuid = UUID(job_id), UUID(step_id)
    except ValueError:
        return None
    job = lock_job(session, job_uuid)
    step = lock_step(session, job, step_uuid) if job is not None else None
    return (job, step) if job is not None and step is not None else None


def require_owner(session: Session, job_id: str, step_id: str, token: int) -> tuple[Job, Step]:
    """Return a job and its running step, locked, if the token is the present owner's; raise FencedError otherwise."""
    found = find_step(session, job_id, step_id)
    if found is None:
        raise FencedError("step.fenced", "There is no such step")
    job, step = found
    if job.state == JobState.CANCELLED:
        raise FencedError("job.cancelled", "The job was cancelled")
    if step.state != StepState.RUNNING or step.token != token:
        raise FencedError("step.fenced", "This attempt does not own the step any more")
    return job, step


def was_reported(session: Session, step: Step, token: int) -> bool:
    """Tell whether the latest attempt is this one and its own report ended it."""
    if step.token != token or step.state == StepState.RUNNING:
        return False
    outcome = session.scalar(select(Attempt.outcome).where(Attempt.token == token))
    return outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.RETRIED, Outcome.HANDED_BACK)


def backoff_s(settings: ApiSettings, count: int) -> float:
    """Return the pause before the next try: doubling from REELYARD_RETRY_BACKOFF_S, a quarter more or less."""
    pause_s = min(LONGEST_BACKOFF_S, settings.retry_backoff_s * 2.0 ** min(count - 1, 30))
    return pause_s * random.uniform(0.75, 1.25)  # noqa: S311 - not a secret
