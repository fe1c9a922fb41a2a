"""Quotas under many hands: a cap is never passed, and nothing is given back twice."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.errors import QuotaError
from api.extensions import db
from api.quotas.models import QuotaCounter, QuotaReservation
from api.quotas.service import (
    QuotaKind,
    get_usage,
    release,
    reserve,
    reserve_render,
    reserve_storage,
    settle,
    window_of,
)
from api.users.models import Plan, User
from api.users.service import create_user
from tests.apps import PASSWORD

MANY, CAP = 50, 3
PLAN = {"daily_renders": 6, "monthly_renders": 8, "concurrent_renders": CAP, "storage_bytes": 1000, "weight": 1}


@pytest.fixture
def user_id(app: Any) -> Any:
    """A user of a small plan of the test's own."""
    db.session.add(Plan(code="small", **PLAN))
    db.session.flush()
    user = create_user(db.session(), "ada@example.com", PASSWORD, plan="small")
    db.session.commit()
    yield user.id
    db.session.rollback()
    db.session.query(User).filter_by(plan_code="small").delete()
    db.session.query(Plan).filter_by(code="small").delete()
    db.session.commit()


def within(user_id: UUID, work: Callable[[Session, User], None]) -> None:
    """Do something with a user in a transaction of its own."""
    with Session(db.engine) as session, session.begin():
        user = session.get(User, user_id)
        assert user is not None
        work(session, user)


def used(user_id: UUID) -> dict[str, int]:
    with Session(db.engine) as session:
        user = session.get(User, user_id)
        assert user is not None
        return {kind: state.used for kind, state in get_usage(session, user).items()}


def renders(user_id: UUID) -> tuple[int, int, int]:
    """Renders used: at once, of the day, of the month."""
    now = used(user_id)
    return now["concurrent_renders"], now["daily_renders"], now["monthly_renders"]


def all_at_once(app: Any, user_id: UUID, works: list[Callable[[Session, User], None]]) -> list[str]:
    """Do all of it at the same moment on as many connections as there are; return the refusals' codes."""
    start, refusals = Barrier(len(works)), []

    def run(work: Callable[[Session, User], None]) -> None:
        with app.app_context():
            start.wait()
            try:
                within(user_id, work)
            except QuotaError as error:
                refusals.append(error.code)

    threads = [Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refusals


def test_fifty_at_once_get_exactly_the_three_that_the_plan_allows(app: Any, user_id: UUID) -> None:
    works = [lambda session, user, ref=f"job-{i}": reserve_render(session, user, ref) for i in range(MANY)]

    refusals = all_at_once(app, user_id, works)

    assert refusals == ["quota.concurrent_renders"] * (MANY - CAP)
    assert renders(user_id) == (CAP, CAP, CAP)
    assert db.session.query(QuotaReservation).filter_by(state="held").count() == 3 * CAP


def test_storage_is_filled_to_the_byte_by_many_at_once(app: Any, user_id: UUID) -> None:
    works = [lambda session, user, ref=f"a-{i}": reserve_storage(session, user, 300, ref) for i in range(20)]

    refusals = all_at_once(app, user_id, works)

    assert refusals == ["quota.storage_bytes"] * 17
    assert used(user_id)["storage_bytes"] == 900
    within(user_id, lambda session, user: reserve_storage(session, user, 100, "last"))
    with pytest.raises(QuotaError, match="1000 are in use") as refused:
        within(user_id, lambda session, user: reserve_storage(session, user, 1, "one more"))
    assert refused.value.extra == {"kind": "storage_bytes", "used": 1000, "cap": 1000, "requested": 1}


def test_the_same_render_reserved_by_many_at_once_counts_once(app: Any, user_id: UUID) -> None:
    works: list[Any] = [lambda session, user: reserve_render(session, user, "job")] * 20

    assert all_at_once(app, user_id, works) == []

    assert renders(user_id) == (1, 1, 1)


def test_giving_back_many_times_at_once_gives_back_once(app: Any, user_id: UUID) -> None:
    within(user_id, lambda session, user: reserve_render(session, user, "kept"))
    within(user_id, lambda session, user: reserve_render(session, user, "job"))

    all_at_once(app, user_id, [lambda session, _: release(session, "job")] * 20)

    assert renders(user_id) == (1, 1, 1)


def test_settling_frees_the_running_slot_and_keeps_what_was_used(user_id: UUID) -> None:
    within(user_id, lambda session, user: reserve_render(session, user, "job"))

    for _ in range(2):
        within(user_id, lambda session, _: settle(session, "job"))
        assert renders(user_id) == (0, 1, 1)

    states = dict(db.session.query(QuotaReservation.kind, QuotaReservation.state))
    assert states == {"concurrent_renders": "released", "daily_renders": "settled", "monthly_renders": "settled"}


def test_releasing_what_was_settled_gives_the_day_back_once(user_id: UUID) -> None:
    within(user_id, lambda session, user: reserve_render(session, user, "job"))
    within(user_id, lambda session, _: settle(session, "job"))

    for _ in range(2):
        within(user_id, lambda session, _: release(session, "job"))
        assert renders(user_id) == (0, 0, 0)


def test_settling_what_was_released_takes_nothing(user_id: UUID) -> None:
    within(user_id, lambda session, user: reserve_render(session, user, "job"))
    within(user_id, lambda session, _: release(session, "job"))

    within(user_id, lambda session, _: settle(session, "job"))

    assert renders(user_id) == (0, 0, 0)


def test_a_retry_after_release_reserves_again_and_an_unknown_ref_is_nothing(user_id: UUID) -> None:
    for _ in range(2):
        within(user_id, lambda session, user: reserve_render(session, user, "job"))
        assert renders(user_id) == (1, 1, 1)
        within(user_id, lambda session, _: release(session, "job"))

    for nothing in (release, settle):
        within(user_id, lambda session, _, nothing=nothing: nothing(session, "unknown"))
    assert renders(user_id) == (0, 0, 0)


def test_days_and_months_run_out_one_after_the_other(user_id: UUID) -> None:
    def render(ref: str) -> None:
        within(user_id, lambda session, user: reserve_render(session, user, ref))
        within(user_id, lambda session, _: settle(session, ref))

    for number in range(6):
        render(f"today-{number}")
    with pytest.raises(QuotaError) as day_over:
        render("one more today")
    make_yesterday_of_today(user_id)
    for number in range(2):
        render(f"tomorrow-{number}")
    with pytest.raises(QuotaError) as month_over:
        render("one more this month")

    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert day_over.value.code == "quota.daily_renders"
    assert day_over.value.extra["resets_at"] == midnight.isoformat()
    assert abs(day_over.value.extra["retry_after_s"] - (midnight - now).total_seconds()) < 5
    assert month_over.value.code == "quota.monthly_renders"
    assert (month_over.value.extra["used"], month_over.value.extra["cap"]) == (8, 8)
    assert renders(user_id) == (0, 2, 8)


def make_yesterday_of_today(user_id: UUID) -> None:
    """Move what was used of today into yesterday's window, as if a night had passed."""
    for model in (QuotaCounter, QuotaReservation):
        rows = db.session.query(model).filter_by(user_id=user_id, kind=QuotaKind.DAILY_RENDERS.value)
        rows.update({"window_start": model.window_start - timedelta(days=1)})
    db.session.commit()


def test_what_was_taken_yesterday_goes_back_to_yesterday(user_id: UUID) -> None:
    within(user_id, lambda session, user: reserve_render(session, user, "yesterday"))
    make_yesterday_of_today(user_id)
    within(user_id, lambda session, user: reserve_render(session, user, "today"))

    within(user_id, lambda session, _: release(session, "yesterday"))

    assert renders(user_id) == (1, 1, 1)
    counters = db.session.query(QuotaCounter).filter_by(kind="daily_renders").order_by("window_start")
    assert [counter.used for counter in counters] == [0, 1]


def test_a_refusal_leaves_nothing_behind(user_id: UUID) -> None:
    def fill(session: Session, user: User) -> None:
        reserve(session, user, QuotaKind.MONTHLY_RENDERS, amount=8, ref="others")

    within(user_id, fill)

    def go_on_after_refusal(session: Session, user: User) -> None:
        with pytest.raises(QuotaError, match="8 monthly renders"), session.begin_nested():
            reserve_render(session, user, "job")
        reserve_storage(session, user, 1, "job")

    within(user_id, go_on_after_refusal)

    assert renders(user_id) == (0, 0, 8)
    held = db.session.query(QuotaReservation).filter_by(ref="job").all()
    assert [(row.kind, row.amount) for row in held] == [("storage_bytes", 1)]


def test_one_part_refused_alone_leaves_no_reservation_of_that_part(user_id: UUID) -> None:
    def try_too_much(session: Session, user: User) -> None:
        with pytest.raises(QuotaError):
            reserve_storage(session, user, 1001, "big")

    within(user_id, try_too_much)

    assert db.session.query(QuotaReservation).count() == 0
    assert used(user_id)["storage_bytes"] == 0


def test_a_lower_plan_refuses_but_never_breaks_what_is_held(user_id: UUID) -> None:
    within(user_id, lambda session, user: reserve_storage(session, user, 900, "old"))
    db.session.query(Plan).filter_by(code="small").update({"storage_bytes": 100})
    db.session.commit()

    with pytest.raises(QuotaError):
        within(user_id, lambda session, user: reserve_storage(session, user, 1, "new"))
    within(user_id, lambda session, _: release(session, "old"))
    within(user_id, lambda session, user: reserve_storage(session, user, 100, "new"))

    assert used(user_id)["storage_bytes"] == 100


@pytest.mark.parametrize("wrong", ["cap + 1", "-1"])
def test_the_database_itself_refuses_a_counter_outside_its_cap(user_id: UUID, wrong: str) -> None:
    within(user_id, lambda session, user: reserve_render(session, user, "job"))

    with pytest.raises(IntegrityError, match="ck_quota_counter_within_cap"):
        db.session.execute(db.text(f"UPDATE quota_counter SET used = {wrong}"))


@pytest.mark.parametrize(
    ("moment", "day", "month_end"),
    [
        ("2024-02-29T23:59:59+00:00", "2024-02-29", "2024-03-01"),
        ("2025-12-31T23:30:00+00:00", "2025-12-31", "2026-01-01"),
        ("2026-01-01T00:30:00+02:00", "2025-12-31", "2026-01-01"),
        ("2026-03-31T12:00:00+00:00", "2026-03-31", "2026-04-01"),
    ],
)
def test_windows_are_days_and_months_of_utc(moment: str, day: str, month_end: str) -> None:
    now = datetime.fromisoformat(moment)

    day_start, day_end = window_of(QuotaKind.DAILY_RENDERS, now)
    month_start, next_month = window_of(QuotaKind.MONTHLY_RENDERS, now)

    assert (day_start.isoformat(), day_end) == (f"{day}T00:00:00+00:00", day_start + timedelta(days=1))
    assert next_month is not None
    assert (month_start.day, next_month.isoformat()) == (1, f"{month_end}T00:00:00+00:00")
    assert (next_month - month_start).days == calendar.monthrange(month_start.year, month_start.month)[1]
    assert window_of(QuotaKind.STORAGE_BYTES, now)[1] is None
