"""Retrying or cancelling many jobs at once, with a look at the effect before."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api.audit import record
from api.credits.foresight import foresee_cancel, foresee_retry
from api.errors import ConflictError
from api.farm import dead_letters
from api.farm.workload import UNKNOWN_S, usual_seconds
from api.ids import new_id
from api.jobs import service
from api.jobs.models import Job, Step
from api.jobs.states import ACTIVE, RETRYABLE, StepState
from tasks.errors import ReelyardError

MOST = 1000
SAMPLES = 20
DAYS = 30
ACTIONS: dict[str, list[str]] = {"retry": [state.value for state in sorted(RETRYABLE)], "cancel": list(ACTIVE)}


def select_matching(session: Session, action: str, filters: dict[str, Any]) -> Select[tuple[Job]]:
    """Select the jobs that an action would change, oldest first.

    :param filters: state, kind, owner_id, error_code, node, created_after, created_before, signature.
    """
    query = select(Job).order_by(Job.created_at, Job.id)
    wanted = ACTIONS[action]
    query = query.where(Job.state.in_(wanted))
    for name in ("state", "kind", "owner_id", "error_code"):
        if filters.get(name) is not None:
            query = query.where(getattr(Job, name) == filters[name])
    if filters.get("created_after") is not None:
        query = query.where(Job.created_at >= filters["created_after"])
    if filters.get("created_before") is not None:
        query = query.where(Job.created_at < filters["created_before"])
    if filters.get("node") is not None:
        query = query.where(select(Step.id).where(Step.job_id == Job.id, Step.node == filters["node"]).exists())
    if filters.get("signature") is not None:
        query = query.where(Job.id.in_(dead_letters.jobs_of(session, filters["signature"], days=DAYS)))
    return query


def preview(session: Session, action: str, filters: dict[str, Any]) -> dict[str, Any]:
    """Say what an action would do, and do nothing."""
    matching = select_matching(session, action, filters)
    rows = session.execute(
        matching.with_only_columns(Job.id, Job.state, Job.kind, Job.owner_id, maintain_column_froms=True)
    ).all()
    ids = matching.with_only_columns(Job.id).order_by(None)
    return {
        "matched": len(rows),
        "most_at_once": MOST,
        "by_state": dict(Counter(row.state for row in rows)),
        "by_kind": dict(Counter(row.kind for row in rows)),
        "owner_count": len({row.owner_id for row in rows}),
        "steps": count_steps(session, action, ids),
        "predicted_s": round(predict(session, action, ids), 1),
        "credits": asdict((foresee_retry if action == "retry" else foresee_cancel)(session, ids)),
        "samples": [row.id for row in rows[:SAMPLES]],
        "done": 0,
        "refused_count": 0,
        "refused": [],
    }


def steps_of(action: str, jobs: Any) -> Select[str, str, int]:
    """Select how many steps of jobs would run again, or would be stopped, by task and state."""
    query = select(Step.task, Step.state, func.count()).where(Step.job_id.in_(jobs)).group_by(Step.task, Step.state)
    if action == "retry":
        return query.where(Step.state.in_((StepState.FAILED.value, StepState.CANCELLED.value)))
    return query.where(Step.state.in_((StepState.QUEUED.value, StepState.RUNNING.value)))


def count_steps(session: Session, action: str, jobs: Any) -> dict[str, int]:
    """Count the steps that would run again, or those queued and running that would be stopped."""
    counts: Counter[str] = Counter()
    for _, state, count in session.execute(steps_of(action, jobs)):
        counts["again" if action == "retry" else state] += count
    return dict(counts)


def predict(session: Session, action: str, jobs: Any) -> float:
    """Return the seconds of work that a retry would cause or a cancel would save, by what such steps took lately."""
    usual = usual_seconds(session)
    return float(sum(count * usual.get(task, UNKNOWN_S) for task, _, count in session.execute(steps_of(action, jobs))))


def apply(session: Session, action: str, filters: dict[str, Any], *, expected: int | None) -> dict[str, Any]:
    """Retry or cancel every job that matches, each in a transaction of its own. Commits.

    The audit log is told before the first job what is about to be done, and after the last one what was: whatever ends
    this process between them, the order and who gave it are known. Both entries have one target.

    :param expected: how many the preview promised; raises ``bulk.changed`` when there are more by now.
    """
    told = preview(session, action, filters)
    if expected is not None and told["matched"] > expected:
        raise ConflictError("bulk.changed", f"{told['matched']} jobs match by now, not {expected}; look again")
    jobs = list(session.scalars(select_matching(session, action, filters).with_only_columns(Job.id).limit(MOST)))
    order = {"filter": {name: str(value) for name, value in filters.items()}}
    target = ("bulk", new_id())
    record(session, f"jobs.bulk_{action}_ordered", target=target, after={**order, "jobs": len(jobs)})
    session.commit()
    refused: list[dict[str, Any]] = []
    done = sum(_apply_one(session, action, job_id, refused) for job_id in jobs)
    record(session, f"jobs.bulk_{action}", target=target, after={**order, "done": done, "refused": len(refused)})
    session.commit()
    counts = {"matched": len(jobs), "done": done, "refused_count": len(refused)}
    return {**told, **counts, "refused": refused[:SAMPLES]}


def _apply_one(session: Session, action: str, job_id: UUID, refused: list[dict[str, Any]]) -> bool:
    job = session.get(Job, job_id)
    if job is None:
        return False
    try:
        (service.retry if action == "retry" else service.request_cancel)(session, job)
        session.commit()
    except ReelyardError as error:  # no credits left, a quota that is full, a job that ended meanwhile
        session.rollback()
        refused.append({"job_id": job_id, "code": error.code, "message": error.detail})
        return False
    if action == "retry":
        service.publish_soon(job_id)
    return True
