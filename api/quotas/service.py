"""Reserve, settle and release quota in the caller's transaction.

A counter moves only by one conditional statement, so that fifty requests at once cannot pass a limit of three; a
reservation row per (ref, kind) makes settling and releasing harmless to repeat.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.orm import Session

from api.errors import QuotaError
from api.prepared import PREPARED
from api.quotas.models import QuotaCounter, QuotaOverride, QuotaReservation
from api.users.models import User

NO_WINDOW = datetime(1970, 1, 1, tzinfo=UTC)


HOLD = text("""
    WITH wanted AS (
        SELECT * FROM jsonb_to_recordset(CAST(:wanted AS jsonb))
            AS one (kind text, start timestamptz, amount bigint, cap bigint)
    ), held AS (
        INSERT INTO quota_reservation AS known (ref, kind, user_id, window_start, amount, state)
        SELECT :ref, kind, CAST(:user AS uuid), start, amount, 'held' FROM wanted
        ON CONFLICT (ref, kind) DO UPDATE
            SET window_start = excluded.window_start, amount = excluded.amount, state = 'held'
            WHERE known.state IN ('released', 'waiting')
        RETURNING kind
    ), counted AS (
        INSERT INTO quota_counter AS known (user_id, kind, window_start, used, cap)
        SELECT CAST(:user AS uuid), kind, start, amount, cap FROM wanted JOIN held USING (kind)
        WHERE amount <= cap ORDER BY kind
        ON CONFLICT (user_id, kind, window_start) DO UPDATE SET used = known.used + excluded.used, cap = excluded.cap
            WHERE known.used + excluded.used <= excluded.cap
        RETURNING kind
    )
    SELECT kind FROM held WHERE kind NOT IN (SELECT kind FROM counted) ORDER BY kind""").execution_options(**PREPARED)
"""Holds what a ref does not hold yet and counts it, each kind where there is room; returns those that have none.

Counters are locked in the order of their kinds, as whatever else locks several does.
"""
OVERRIDES = select(QuotaOverride.kind, QuotaOverride.cap).where(QuotaOverride.user_id == bindparam("user"))
USED = select(QuotaCounter.used).where(
    QuotaCounter.user_id == bindparam("user"),
    QuotaCounter.kind == bindparam("kind"),
    QuotaCounter.window_start == bindparam("start"),
)


class QuotaKind(StrEnum):
    """What is limited; each is a column of the plan."""

    CONCURRENT_RENDERS = "concurrent_renders"
    DAILY_RENDERS = "daily_renders"
    MONTHLY_RENDERS = "monthly_renders"
    STORAGE_BYTES = "storage_bytes"


RENDER_KINDS = (QuotaKind.CONCURRENT_RENDERS, QuotaKind.DAILY_RENDERS, QuotaKind.MONTHLY_RENDERS)


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
    reserve_all(session, user, dict.fromkeys(RENDER_KINDS, 1), ref=str(ref))


def reserve_order(session: Session, user: User, overrides: Mapping[str, int], *, ref: str) -> None:
    """Hold what :func:`reserve_render` does for an order that is given up whole when there is no room.

    The QuotaError leaves the transaction good for nothing but to be rolled back; to be undone alone costs two calls.

    :param overrides: :func:`list_overrides` of the user.
    """
    _hold(session, user, overrides, dict.fromkeys(RENDER_KINDS, 1), ref=ref)


def reserve_storage(session: Session, user: User, size_bytes: int, ref: UUID | str) -> None:
    """Hold bytes of storage; raise ``quota.storage_bytes``."""
    reserve(session, user, QuotaKind.STORAGE_BYTES, amount=size_bytes, ref=str(ref))


def reserve(session: Session, user: User, kind: QuotaKind, *, amount: int, ref: str) -> None:
    """Hold an amount once per (ref, kind); a second call for what is held changes nothing."""
    reserve_all(session, user, {kind: amount}, ref=ref)


def reserve_all(session: Session, user: User, amounts: Mapping[QuotaKind, int], *, ref: str) -> None:
    """Hold amounts, all or none, each once per (ref, kind); raise ``quota.*`` of the first kind without room.

    :param amounts: renders or bytes, by kind.
    """
    overrides = list_overrides(session, user.id)
    with session.begin_nested():  # a refusal leaves nothing behind, for callers that go on with less
        _hold(session, user, overrides, amounts, ref=ref)


def _hold(
    session: Session, user: User, overrides: Mapping[str, int], amounts: Mapping[QuotaKind, int], *, ref: str
) -> None:
    now = datetime.now(UTC)
    wanted = [
        {
            "kind": kind.value,
            "start": window_of(kind, now)[0].isoformat(),
            "amount": amount,
            "cap": _cap(user, kind, overrides),
        }
        for kind, amount in amounts.items()
    ]
    given = {"ref": ref, "user": user.id, "wanted": json.dumps(wanted)}
    refused = session.connection().execute(HOLD, given).scalars().all()
    if refused:
        kind = QuotaKind(refused[0])
        refuse(kind, state_of(session, user, kind, overrides), amounts[kind])


def cap_of(session: Session, user: User, kind: QuotaKind) -> int:
    """Return a user's limit: the one that an administrator set, else the plan's."""
    return _cap(user, kind, list_overrides(session, user.id))


def _cap(user: User, kind: QuotaKind, overrides: Mapping[str, int]) -> int:
    return overrides.get(kind.value, int(getattr(user.plan, kind.value)))


def list_overrides(session: Session, user_id: UUID) -> dict[str, int]:
    """Return the limits of a user that an administrator set, by kind."""
    return {kind: cap for kind, cap in session.execute(OVERRIDES, {"user": user_id})}


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
    overrides = list_overrides(session, user.id)
    return {kind.value: state_of(session, user, kind, overrides) for kind in QuotaKind}


def state_of(session: Session, user: User, kind: QuotaKind, overrides: Mapping[str, int]) -> QuotaState:
    """Return one limit of a user as it stands now.

    :param overrides: :func:`list_overrides` of the user.
    """
    start, end = window_of(kind, datetime.now(UTC))
    used = session.scalar(USED, {"user": user.id, "kind": kind.value, "start": start})
    return QuotaState(used or 0, _cap(user, kind, overrides), end)
