"""How often a job may take its workers down, whichever of its steps it is.

A step is given up at the third worker that it lost. So is a job whose steps did it between them: a long video of which
every piece kills its worker must not go through the farm piece by piece. Attempts that ran side by side count once, as
a host that loses its power loses them all; and a step that succeeds shows that the job is not to blame. Until one does,
the steps of a suspected job run one at a time; the others are put aside like those that wait for a named limit.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.jobs.models import Attempt, Job, Step
from api.jobs.states import Outcome, StepState

MOST_FAULTS = 3
"""Workers that an input may take down before it is given up."""

ALONE = "alone"
"""Why a step is not given while another one of its job runs that has taken a worker down."""

PREFIX = "suspect:"
MOST_CAUSES = 20
ALL = 10_000


def count_loss(job: Job, step: Step, now: datetime) -> int:
    """Count a lost attempt of a step against its locked job, once for all that ran side by side; return the count."""
    if job.lost_at is None or (step.started_at is not None and step.started_at > job.lost_at):
        job.losses += 1
        job.lost_at = now
    return job.losses


def clear(job: Job) -> None:
    """Suspect a locked job no more: a step of it has succeeded, or somebody wants it tried again."""
    job.losses, job.lost_at = 0, None


def causes_before(session: Session, job: Job) -> list[str]:
    """Return the codes with which a job's attempts were lost before, oldest first; the latest of very many."""
    lost = (Step.job_id == job.id) & (Attempt.outcome == Outcome.LOST.value)
    chosen = select(Attempt.code).join(Step, Step.id == Attempt.step_id).where(lost)
    newest = session.scalars(chosen.order_by(Attempt.ended_at.desc()).limit(MOST_CAUSES))
    return [code or "" for code in newest][::-1]


def must_wait(session: Session, job: Job) -> bool:
    """Tell whether a locked job is suspected and has a step that runs."""
    return bool(job.losses) and _has_running(session, job.id)


def name_of(job: Job) -> str:
    """Return what the bells of a suspected job are put aside for."""
    return f"{PREFIX}{job.id}"


def room_of(session: Session, name: str) -> int:
    """Return how many of the bells that were put aside for a suspected job may go on."""
    job_id = UUID(name.removeprefix(PREFIX))
    if not session.scalar(select(Job.losses).where(Job.id == job_id)):
        return ALL
    return 0 if _has_running(session, job_id) else 1


def _has_running(session: Session, job_id: UUID) -> bool:
    running = select(Step.id).where(Step.job_id == job_id, Step.state == StepState.RUNNING.value).limit(1)
    return session.scalar(running) is not None
