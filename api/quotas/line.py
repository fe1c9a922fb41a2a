"""Work ordered together, or again, waits for its own quota: what is over the plan's renders at a time begins later.

A reservation in state ``waiting`` holds nothing yet. Its job is queued, not before :data:`LATER`; the reconciler gives
it the next slot that comes free and has it rung.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Uuid as UuidType
from sqlalchemy import cast, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from api.errors import QuotaError
from api.jobs.engine import begin_change, read_steps, ready_steps, ring, settle
from api.jobs.models import Job, OutboxBell, Step
from api.jobs.states import TERMINAL
from api.quotas.models import QuotaReservation
from api.quotas.service import NO_WINDOW, QuotaKind, cap_of, reserve
from api.users.models import User

LATER = datetime(9999, 1, 1, tzinfo=UTC)
SLOT = QuotaKind.CONCURRENT_RENDERS
MOST = 200


def reserve_in_line(session: Session, user: User, job: Job) -> datetime | None:
    """Hold a render of the day and the month for a job that does not run, and one of those at a time, or wait for that.

    Returns when the job may begin: None is at once, ``LATER`` when a slot comes free.

    Raises ``quota.daily_renders``, ``quota.monthly_renders``, and ``quota.concurrent_renders`` where the plan has none.
    """
    for kind in (QuotaKind.DAILY_RENDERS, QuotaKind.MONTHLY_RENDERS):
        reserve(session, user, kind, amount=1, ref=str(job.id))
    try:
        reserve(session, user, SLOT, amount=1, ref=str(job.id))
    except QuotaError:
        if cap_of(session, user, SLOT) < 1:
            raise
        wait(session, user, job)
        return LATER
    return None


def wait(session: Session, user: User, job: Job) -> None:
    """Put a job that has not begun off until there is a slot for it."""
    row = {"ref": str(job.id), "kind": SLOT.value, "user_id": user.id, "window_start": NO_WINDOW, "amount": 1}
    made = insert(QuotaReservation).values(**row, state="waiting")
    again = {"state": "waiting", "amount": 1}
    session.execute(
        made.on_conflict_do_update(
            index_elements=["ref", "kind"], set_=again, where=QuotaReservation.state == "released"
        )
    )
    session.execute(update(Step).where(Step.job_id == job.id).values(run_after=LATER))
    session.execute(update(OutboxBell).where(OutboxBell.job_id == job.id).values(due_at=LATER))


def is_waiting(session: Session, job_id: UUID) -> bool:
    """Tell whether a job waits for a slot."""
    row = session.scalar(select(QuotaReservation.state).filter_by(ref=str(job_id), kind=SLOT.value))
    return row == "waiting"


def find_next(session: Session) -> list[tuple[UUID, UUID]]:
    """Return (job, owner) of the job that has waited longest, of each owner who has any."""
    owner = QuotaReservation.user_id
    waiting = (QuotaReservation.kind == SLOT.value, QuotaReservation.state == "waiting")
    first = select(Job.id, owner).join(QuotaReservation, cast(QuotaReservation.ref, UuidType) == Job.id).where(*waiting)
    rows = session.execute(first.ext(distinct_on(owner)).order_by(owner, Job.created_at).limit(MOST)).all()
    session.rollback()
    return [(job_id, user_id) for job_id, user_id in rows]


def begin(session: Session, job: Job, user_id: UUID) -> bool:
    """Let a locked job that waits begin, if there is a slot for it now."""
    if not is_waiting(session, job.id):
        return False
    if job.state in TERMINAL:
        return False
    try:
        reserve(session, session.get_one(User, user_id), SLOT, amount=1, ref=str(job.id))
    except QuotaError:
        return False
    session.execute(update(Step).where(Step.job_id == job.id, Step.run_after == LATER).values(run_after=None))
    change = begin_change(session, job)
    ring(change, ready_steps(read_steps(session, job)), change.now)
    settle(change)
    return True
