"""What workers ask of a step: claim it, keep it, report its end; and what happens when they fall silent.

Every function works in the caller's transaction and leaves committing to it. Refusals are FencedError ``step.fenced``
and ``job.cancelled``: the worker kills its children and says no more.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.config import ApiSettings
from api.extensions import get_settings
from api.jobs import effects, hearing, poison
from api.jobs.change import Change
from api.jobs.engine import (
    PROGRESS_EVENT_S,
    StepView,
    emit,
    fail_step,
    move_job,
    move_step,
    requeue_step,
    ring,
    settle,
    show_progress,
    states_by_name,
    succeed_step,
)
from api.jobs.holding import Held, hold_step
from api.jobs.models import Attempt, Job, Step, were_steps_added
from api.jobs.states import JobState, Outcome, StepState, is_ready, refusal_of
from api.turns.limits import put_aside, take_slots
from tasks.contracts import Claim, ClaimRequest, Heartbeat, StepFailure, StepNews, StepReport
from tasks.contracts.step import DEATHS
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

UNHEARD = "step.unheard"

HANDBACKS = frozenset({UNKNOWN_VERSION, "node.other_class"})
"""Why a worker leaves a step to others: no fault of the input or of anybody, so nobody is charged."""


def claim_step(session: Session, request: ClaimRequest) -> Claim:
    """Give a step to a worker, or say why not.

    A worker that asks again with the same nonce, because the first answer was lost, gets the same claim again.
    """
    held = hold_step(session, request.job_id, request.step_id, to_start=True)
    if held is None or held.step.task != request.task:
        return Claim(False, reason="unknown")
    if held.step.state == StepState.RUNNING and request.nonce and held.step.nonce == request.nonce:
        return describe_claim(session, held.change.job, held.step)
    return claim_held(held, request)


def claim_held(held: Held, request: ClaimRequest) -> Claim:
    """Give a locked step to a worker, or say why not."""
    session, job, step, others = held.change.session, held.change.job, held.step, held.others
    reason = refusal_of(JobState(job.state), StepState(step.state), ready=is_due(step, others, held.change.now))
    reason = reason or wait_for_others(session, job, step) or (LIMITED if take_slots(session, step) else "")
    if reason:
        return Claim(False, reason=reason)
    start_attempt(held.change, step, others, request, token=held.token)
    settle(held.change)
    return describe_claim(session, job, step)


def wait_for_others(session: Session, job: Job, step: Step) -> str:
    """Put a step aside that has to wait because its job may be poison and has one that runs; return why, or nothing."""
    if not poison.must_wait(session, job):
        return ""
    put_aside(session, [step.id], poison.name_of(job))
    return poison.ALONE


def is_due(step: Step, others: Sequence[StepView], now: datetime) -> bool:
    """Tell whether a queued step may start now: its pause is over, what it waits for has succeeded."""
    if step.run_after is not None and step.run_after > now:
        return False
    return is_ready(step.after, states_by_name(others))


def start_attempt(change: Change, step: Step, others: Sequence[StepView], request: ClaimRequest, *, token: int) -> None:
    """Make the worker the owner of a queued step."""
    now = change.now
    move_step(
        change,
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
    if change.job.state == JobState.QUEUED:
        move_job(change, JobState.RUNNING)
    show_progress(change.job, [step, *others])
    emit(change, "step.running", step=step)


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
        trace=job.traceparent,
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
    held = require_owner(session, beat.job_id, beat.step_id, beat.token)
    change, step = held.change, held.step
    change.set_step(step, lease_until=change.now + timedelta(seconds=settings.lease_s))
    if beat.progress is not None:
        told = beat.progress
        change.set_step(
            step,
            fraction=max(step.fraction, min(1.0, max(0.0, told.fraction))),
            stage=told.stage[:64],
            unit=told.unit[:32],
            done=told.done,
            total=told.total,
            seen_at=change.now,
        )
        note_progress(change, step, held.others)
    settle(change)
    return settings.lease_s


def note_progress(change: Change, step: Step, others: Sequence[StepView]) -> None:
    """Show progress at once; store an event of it only so often."""
    job = change.job
    changed = show_progress(job, [step, *others])
    last = job.progress_event_at
    if changed or last is None or (change.now - last).total_seconds() >= PROGRESS_EVENT_S:
        job.progress_event_at = change.now
        emit(change, "progress", step=step)


def take_news(session: Session, news: StepNews) -> None:
    """Keep what a running attempt has to show and tell the job's watchers; news that nobody wants change nothing."""
    held = require_owner(session, news.job_id, news.step_id, news.token)
    if effects.run_step_told(session, held.change.job, held.step, news.kind, news.data):
        emit(held.change, f"step.{news.kind}", step=held.step)
        settle(held.change)


def take_report(session: Session, report: StepReport) -> Held | None:
    """End an attempt as its worker says; return what it was about, None if that report had been taken already.

    A result that an effect refuses leaves nothing of what was done for it: it is rolled back, and a failure is taken.
    """
    if (report.result is None) == (report.failure is None):
        raise PermanentError("contract.invalid", "A report has either a result or a failure")
    held = hold_to_end(session, report)
    refused = None if held is None else end_attempt(held, report)
    if refused is not None:
        session.rollback()
        return take_report(session, replace(report, result=None, failure=refused))
    return held


def hold_to_end(session: Session, report: StepReport) -> Held | None:
    """Lock the step that a report is about, None if it was ended by this very report; raise FencedError."""
    held = hold_step(session, report.job_id, report.step_id)
    if held is not None and was_reported(session, held.step, report.token):
        return None
    return check_owner(held, report.token)


def end_attempt(held: Held, report: StepReport) -> StepFailure | None:
    """Apply a report; return why its result is refused, when what was done so far has to be undone."""
    if report.failure is not None:
        take_failure(held, report.failure)
    elif report.result is not None:
        refused = try_result(held, report.result)
        if refused is not None:
            return refused
        ready = succeed_step(held.change, held.step, held.others, report.result)
        ring(held.change, ready, held.change.now + timedelta(seconds=get_settings().ring_grace_s))
    settle(held.change)
    return None


def try_result(held: Held, result: dict[str, Any]) -> StepFailure | None:
    """Run the effects of a result; return why it is refused, or None."""
    job, step = held.change.job, held.step
    try:
        if effects.run_step_succeeded(held.change.session, job, step, result):
            held.change.session.flush()
            held.alone = held.alone and not were_steps_added(held.change.session)
    except PermanentError as error:
        return StepFailure(error.code, error.detail, permanent=True, extra=error.extra)
    except (KeyError, TypeError, ValueError) as error:
        logger.exception("result cannot be used", extra={"job_id": str(job.id), "step": step.name})
        return StepFailure("step.bad_result", f"The worker's result cannot be used: {error!r}"[:500], permanent=True)
    return None


def take_failure(held: Held, failure: StepFailure) -> None:
    """Fail a step for good, or have it tried again: after a pause that doubles, as often as its task's policy says."""
    if failure.code in HANDBACKS:
        take_handback(held, failure)
        return
    if failure.code in DEATHS:
        take_death(held, failure)
        return
    change, step = held.change, held.step
    charged = step.charged + 1
    if failure.permanent or charged >= POLICY[TaskName(step.task)].max_attempts:
        change.close_attempt(step, Outcome.FAILED, failure)
        fail_step(change, step, failure, charged=charged)
        return
    change.close_attempt(step, Outcome.RETRIED, failure)
    delay_s = backoff_s(get_settings(), charged)
    requeue_step(change, step, held.others, delay_s=delay_s, failure=failure, charged=charged)


def take_handback(held: Held, failure: StepFailure) -> None:
    """Keep a step for a worker that speaks its version, or is of its kind; nobody is charged."""
    change, step = held.change, held.step
    handbacks = step.handbacks + 1
    if handbacks >= MOST_HANDBACKS:
        change.close_attempt(step, Outcome.FAILED, failure)
        fail_step(change, step, failure, handbacks=handbacks)
        return
    change.close_attempt(step, Outcome.HANDED_BACK, failure)
    delay_s = backoff_s(get_settings(), handbacks)
    requeue_step(change, step, held.others, delay_s=delay_s, failure=failure, handbacks=handbacks)


def hand_back(session: Session, *, job_id: str, step_id: str, token: int, reason: str) -> None:
    """Take a step back from a worker whose message cannot be read here."""
    held = require_owner(session, job_id, step_id, token)
    take_handback(held, StepFailure(UNKNOWN_VERSION, reason, permanent=False))
    settle(held.change)


def expire_lease(held: Held) -> bool:
    """Take a step back from a worker that fell silent; tell whether there was anything to do.

    The fault is the machine's and not charged to the input; one that takes down worker after worker is given up, be it
    by one step or several (:mod:`api.jobs.poison`). Nobody took down a worker that was stopped in order, not in time;
    nor one that fell silent together with all others (:mod:`api.jobs.hearing`).
    """
    change, step = held.change, held.step
    if step.state != StepState.RUNNING or step.lease_until is None or step.lease_until > change.now:
        return False
    if was_leaving(change.session, step):
        stopped = StepFailure(LEAVING, f"The worker {step.node} was stopped before the step was done", permanent=False)
        take_handback(held, stopped)
    elif not hearing.was_anybody_heard(change.session, step.lease_until):
        unheard = StepFailure(UNHEARD, "No worker could be heard until the lease was over", permanent=False)
        take_handback(held, unheard)
    else:
        silent = StepFailure("step.worker_lost", f"The worker {step.node} fell silent", permanent=False)
        take_loss(held, silent)
    settle(change)
    return True


def take_death(held: Held, failure: StepFailure) -> None:
    """Take a step back from a worker that tells how the process died that worked on it."""
    if was_leaving(held.change.session, held.step):
        take_handback(held, failure)
    else:
        take_loss(held, failure)


def take_loss(held: Held, lost: StepFailure) -> None:
    """Have a step tried again whose worker was lost, or give it up, with the causes of all losses."""
    change, step = held.change, held.step
    faults, losses = step.faults + 1, poison.count_loss(change.job, step, change.now)
    change.close_attempt(step, Outcome.LOST, lost)
    if max(faults, losses) >= poison.MOST_FAULTS:
        told = f"{max(faults, losses)} workers were lost while working on step {step.name}; the last: {lost.detail}"
        causes = {"causes": [*poison.causes_before(change.session, change.job), lost.code]}
        fail_step(change, step, StepFailure("job.poison", told, permanent=True, extra=causes), faults=faults)
    else:
        requeue_step(change, step, held.others, delay_s=0.0, failure=lost, faults=faults)


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


def require_owner(session: Session, job_id: str, step_id: str, token: int) -> Held:
    """Return a job and its running step, locked, if the token is the present owner's; raise FencedError otherwise."""
    return check_owner(hold_step(session, job_id, step_id), token)


def check_owner(held: Held | None, token: int) -> Held:
    """Return what is held if the token is the present owner's; raise FencedError otherwise."""
    if held is None:
        raise FencedError("step.fenced", "There is no such step")
    if held.change.job.state == JobState.CANCELLED:
        raise FencedError("job.cancelled", "The job was cancelled")
    if held.step.state != StepState.RUNNING or held.step.token != token:
        raise FencedError("step.fenced", "This attempt does not own the step any more")
    return held


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
