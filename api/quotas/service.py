"""Reserve, settle and release quota in the caller's transaction.

A counter moves only by one conditional UPDATE, so that fifty requests at once cannot pass a limit of three; a
reservation row per (ref, kind) makes settling and releasing harmless to repeat.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.errors import QuotaError
from api.quotas.models import QuotaCounter, QuotaOverride, QuotaReservation
from api.users.models import User

NO_WINDOW = datetime(1970, 1, 1, tzinfo=UTC)


class QuotaKind(StrEnum):
    """What is limited; each is a column of the plan."""

    CONCURRENT_RENDERS = "concurrent_renders"
    DAILY_RENDERS = "daily_renders"
    MONTHLY_RENDERS = "monthly_renders"
    STORAGE_BYTES = "storage_bytes"


RENDER_KINDS = (QuotaKind.CONCURRENT_RENDERS, QuotaKind.DAILY_RENDERS, QuotaKind.MONTHLY_RENDERS)
"""In the order in which every transaction locks them."""


@dataclass(frozen=True)
class QuotaState:
    """One limit now; ``resets_at`` is None for kinds without a window."""

    used: int
    cap: int
    resets_at: datetime | None

    @property
    def remaining(self) -> int:
        """What is left."""
        return max(0, self.cap - self.used)


def window_of(kind: QuotaKind, now: datetime) -> tuple[datetime, datetime | None]:
    """Return start and end of the window (UTC) that ``now`` lies in."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if kind == QuotaKind.DAILY_RENDERS:
        return day, day + timedelta(days=1)
    if kind == QuotaKind.MONTHLY_RENDERS:
        month = day.replace(day=1)
        return month, (month + timedelta(days=32)).replace(day=1)
    return NO_WINDOW, None


def reserve_render(session: Session, user: User, ref: UUID | str) -> None:
    """Hold one render of the day, the month and the running ones; raise QuotaError otherwise."""
    for kind in RENDER_KINDS:
        reserve(session, user, kind, amount=1, ref=str(ref))


def reserve_storage(session: Session, user: User, size_bytes: int, ref: UUID | str) -> None:
    """Hold bytes of storage; raise ``quota.storage_bytes``."""
    reserve(session, user, QuotaKind.STORAGE_BYTES, amount=size_bytes, ref=str(ref))


def reserve(session: Session, user: User, kind: QuotaKind, *, amount: int, ref: str) -> None:
    """Hold an amount once per (ref, kind); a second call for what is held changes nothing."""
    start, end = window_of(kind, datetime.now(UTC))
    cap = cap_of(session, user, kind)
    counter = {"user_id": user.id, "kind": kind.value, "window_start": start}
    with session.begin_nested():  # a refusal leaves nothing behind, for callers that go on with less
        if not _claim_reservation(session, user.id, kind, start, amount, ref):
            return
        session.execute(insert(QuotaCounter).values(**counter, used=0, cap=cap).on_conflict_do_nothing())
        taken = session.execute(
            update(QuotaCounter)
            .filter_by(**counter)
            .where(QuotaCounter.used + amount <= cap)
            .values(used=QuotaCounter.used + amount, cap=cap)
        )
        if taken.rowcount == 0:  # type: ignore[attr-defined]
            used = session.scalar(select(QuotaCounter.used).filter_by(**counter)) or 0
            refuse(kind, QuotaState(used, cap, end), amount)


def cap_of(session: Session, user: User, kind: QuotaKind) -> int:
    """Return a user's limit: the one that an administrator set, else the plan's."""
    own = session.scalar(select(QuotaOverride.cap).filter_by(user_id=user.id, kind=kind.value))
    return int(getattr(user.plan, kind.value)) if own is None else own


def list_overrides(session: Session, user_id: UUID) -> dict[str, int]:
    """Return the limits of a user that an administrator set, by kind."""
    rows = session.execute(select(QuotaOverride.kind, QuotaOverride.cap).filter_by(user_id=user_id))
    return {kind: cap for kind, cap in rows}


def _claim_reservation(
    session: Session, user_id: UUID, kind: QuotaKind, start: datetime, amount: int, ref: str
) -> bool:
    row = insert(QuotaReservation).values(
        ref=ref, kind=kind.value, user_id=user_id, window_start=start, amount=amount, state="held"
    )
    renewed = row.on_conflict_do_update(
        index_elements=["ref", "kind"],
        set_={"window_start": start, "amount": amount, "state": "held"},
        where=QuotaReservation.state.in_(("released", "waiting")),
    )
    return session.execute(renewed.returning(QuotaReservation.ref)).first() is not None


def refuse(kind: QuotaKind, state: QuotaState, amount: int) -> None:
    """Raise the QuotaError of a kind with what a client needs to wait or to upgrade."""
    details = {"kind": kind.value, "used": state.used, "cap": state.cap, "requested": amount}
    if state.resets_at is not None:
        seconds = max(1, int((state.resets_at - datetime.now(UTC)).total_seconds()))
        details |= {"resets_at": state.resets_at.isoformat(), "retry_after_s": seconds}
    elif kind == QuotaKind.CONCURRENT_RENDERS:
        details["retry_after_s"] = 10
    what = kind.value.replace("_", " ")
    raise QuotaError(f"quota.{kind.value}", f"The plan allows {state.cap} {what}; {state.used} are in use", details)


def release(session: Session, ref: UUID | str) -> None:
    """Give back all that the ref still holds or has settled, each to the window it came from, and wait no more."""
    waiting = (QuotaReservation.ref == str(ref), QuotaReservation.state == "waiting")
    session.execute(update(QuotaReservation).where(*waiting).values(state="released"))
    _close(session, str(ref), tuple(kind.value for kind in QuotaKind), from_states=("held", "settled"), to="released")


def settle(session: Session, ref: UUID | str) -> None:
    """Use up what the ref holds: days and months stay counted, the running slot is free again."""
    key = str(ref)
    _close(session, key, (QuotaKind.CONCURRENT_RENDERS.value,), from_states=("held",), to="released")
    held = (QuotaReservation.ref == key, QuotaReservation.state == "held")
    session.execute(update(QuotaReservation).where(*held).values(state="settled"))


def _close(session: Session, ref: str, kinds: tuple[str, ...], *, from_states: tuple[str, ...], to: str) -> None:
    rows = session.execute(
        update(QuotaReservation)
        .where(QuotaReservation.ref == ref, QuotaReservation.kind.in_(kinds), QuotaReservation.state.in_(from_states))
        .values(state=to)
        .returning(
            QuotaReservation.user_id, QuotaReservation.kind, QuotaReservation.window_start, QuotaReservation.amount
        )
    ).all()
    for user_id, kind, start, amount in sorted(rows, key=lambda row: row.kind):
        counter = (
            QuotaCounter.user_id == user_id,
            QuotaCounter.kind == kind,
            QuotaCounter.window_start == start,
        )
        session.execute(update(QuotaCounter).where(*counter).values(used=QuotaCounter.used - amount))


def get_usage(session: Session, user: User) -> dict[str, QuotaState]:
    """Return every limit of a user as it stands now."""
    now = datetime.now(UTC)
    states, overrides = {}, list_overrides(session, user.id)
    for kind in QuotaKind:
        start, end = window_of(kind, now)
        used = session.scalar(select(QuotaCounter.used).filter_by(user_id=user.id, kind=kind.value, window_start=start))
        states[kind.value] = QuotaState(used or 0, overrides.get(kind.value, int(getattr(user.plan, kind.value))), end)
    return states
