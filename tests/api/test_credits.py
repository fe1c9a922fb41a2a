"""Credits: reserved, charged, given back, recharged; the ledger only grows and always adds up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.credits import service
from api.credits.chores import check_ledger, recharge_all
from api.credits.ledger import InsufficientCreditsError, find_imbalances, lock_account
from api.credits.models import CreditAccount, CreditEntry
from api.extensions import db
from api.users.models import User
from tasks.errors import InvalidInputError
from tests.factories.users import PlanFactory, UserFactory

DAY = date(2099, 3, 31)
"""Far from today, so that nothing else recharges."""


@pytest.fixture
def user_id(app: Any) -> Any:
    """Somebody with 100 credits a day, up to 250."""
    plan = PlanFactory(credits_per_day=100, credit_ceiling=250)
    user = UserFactory(plan_code=plan.code)
    yield user.id
    db.session.rollback()
    db.session.query(User).filter_by(plan_code=plan.code).delete()
    db.session.delete(plan)
    db.session.commit()


def within(work: Callable[[Session], Any]) -> Any:
    """Do something in a transaction of its own."""
    with Session(db.engine) as session, session.begin():
        return work(session)


def reserve(user_id: UUID, credits: int, ref: str) -> None:
    within(lambda session: service.reserve(session, user_id, credits, ref=ref, action="render.1080p"))


def state(user_id: UUID) -> tuple[int, int]:
    """Balance and debt."""

    def read(session: Session) -> tuple[int, int]:
        account = lock_account(session, user_id)
        return account.balance, account.debt

    seen: tuple[int, int] = within(read)
    assert within(find_imbalances) == []
    return seen


def lines(user_id: UUID) -> list[tuple[str, int, bool | None]]:
    db.session.rollback()
    rows = db.session.query(CreditEntry).filter_by(user_id=user_id).order_by(CreditEntry.seq)
    return [(row.kind, row.amount, row.success) for row in rows]


def at_once(app: Any, works: list[Callable[[Session], Any]]) -> list[Exception]:
    """Do all of it at the same moment, each on a connection of its own; return what was raised."""
    start, raised = Barrier(len(works)), []

    def run(work: Callable[[Session], Any]) -> None:
        with app.app_context():
            start.wait()
            try:
                within(work)
            except Exception as error:  # noqa: BLE001 - every kind is looked at by the test
                raised.append(error)

    threads = [Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_what_is_reserved_is_charged_as_used_and_the_rest_comes_back(user_id: UUID) -> None:
    reserve(user_id, 30, "job")
    assert state(user_id) == (70, 0)

    assert within(lambda session: service.commit(session, "job", 20)) == 20

    assert state(user_id) == (80, 0)
    assert lines(user_id) == [("recharge", 100, None), ("reserve", -30, None), ("commit", 10, True)]


def test_no_more_than_what_is_held_is_charged(user_id: UUID) -> None:
    reserve(user_id, 30, "job")

    assert within(lambda session: service.commit(session, "job", 31)) == 30

    assert state(user_id) == (70, 0)


@pytest.mark.parametrize("ends", [("commit", "refund"), ("refund", "commit"), ("refund", "refund")])
def test_a_reservation_ends_once(user_id: UUID, ends: tuple[str, str]) -> None:
    end = {
        "commit": lambda session: service.commit(session, "job", 20),
        "refund": lambda session: service.refund(session, "job"),
    }
    reserve(user_id, 30, "job")

    within(end[ends[0]])
    first = state(user_id)
    within(end[ends[1]])

    assert state(user_id) == first == ((80, 0) if ends[0] == "commit" else (100, 0))
    assert len(lines(user_id)) == 3


def test_reserving_the_same_ref_twice_takes_once_and_ending_an_unknown_one_does_nothing(user_id: UUID) -> None:
    for _ in range(2):
        reserve(user_id, 30, "job")
    within(lambda session: service.refund(session, "unknown"))

    assert state(user_id) == (70, 0)


def test_a_reservation_is_raised_once_and_all_of_it_comes_back(user_id: UUID) -> None:
    reserve(user_id, 30, "job")

    for credits in (20, 50, 50):
        within(lambda session, credits=credits: service.extend(session, "job", credits))
    assert state(user_id) == (50, 0)
    with pytest.raises(InsufficientCreditsError):
        reserve(user_id, 51, "other")
    within(lambda session: service.refund(session, "job"))
    within(lambda session: service.extend(session, "job", 60))

    assert state(user_id) == (100, 0)


def test_too_little_refuses_with_what_is_needed_and_leaves_nothing(user_id: UUID) -> None:
    reserve(user_id, 90, "job")

    with pytest.raises(InsufficientCreditsError) as refused:
        reserve(user_id, 11, "other")

    assert refused.value.code == "credits.insufficient"
    assert refused.value.extra == {"needed": 11, "available": 10, "debt": 0, "action": "render.1080p"}
    assert [line[0] for line in lines(user_id)] == ["recharge", "reserve"]
    reserve(user_id, 10, "fits")
    assert state(user_id) == (0, 0)


@pytest.mark.parametrize("amount", [-1, 1_000_000_001])
def test_amounts_are_whole_numbers_within_bounds(user_id: UUID, amount: int) -> None:
    with pytest.raises(InvalidInputError, match="whole number"):
        reserve(user_id, amount, "job")


def test_what_is_taken_back_beyond_the_balance_is_a_debt_that_income_pays_first(user_id: UUID) -> None:
    reserve(user_id, 80, "job")

    within(lambda session: service.take_back(session, user_id, 50, ref="dispute", details={}))
    assert state(user_id) == (0, 30)
    with pytest.raises(InsufficientCreditsError):
        reserve(user_id, 1, "other")
    within(lambda session: service.refund(session, "job"))
    assert state(user_id) == (50, 0)

    changes = db.session.query(CreditEntry.kind, CreditEntry.amount, CreditEntry.debt_change)
    told = [tuple(row) for row in changes.filter_by(user_id=user_id).order_by(CreditEntry.seq)][2:]
    assert told == [("reversal", -20, 30), ("refund", 50, -30)]


def test_a_day_is_recharged_once_up_to_the_ceiling(user_id: UUID) -> None:
    def come(day: date) -> int:
        account = within(lambda session: service.open_account(session, user_id, today=day).balance)
        return int(account)

    balances = [come(DAY), come(DAY), come(DAY + timedelta(days=1)), come(DAY + timedelta(days=2))]
    balances += [come(DAY + timedelta(days=9)), come(DAY)]

    assert balances == [100, 100, 200, 250, 250, 250]
    assert [line[1] for line in lines(user_id)] == [100, 100, 50]


def test_days_that_nobody_saw_to_are_made_up_for_each_by_a_line_of_its_own(user_id: UUID) -> None:
    within(lambda session: service.open_account(session, user_id, today=DAY))
    within(lambda session: service.deduct(session, user_id, 100, ref="d", details={}))

    within(lambda session: service.open_account(session, user_id, today=DAY + timedelta(days=2)))

    db.session.rollback()
    told = db.session.query(CreditEntry).filter_by(user_id=user_id, kind="recharge").order_by(CreditEntry.seq)
    assert [(row.details["day"], row.amount) for row in told] == [
        ("2099-03-31", 100),
        ("2099-04-01", 100),
        ("2099-04-02", 100),
    ]
    assert state(user_id) == (200, 0)


def test_many_schedulers_and_the_user_at_once_recharge_once(app: Any, user_id: UUID) -> None:
    within(lambda session: service.open_account(session, user_id, today=DAY))
    tomorrow = DAY + timedelta(days=1)
    works: list[Any] = [lambda session: service.open_account(session, user_id, today=tomorrow)] * 4
    rounds = [Thread(target=lambda: recharge_in(app, tomorrow)) for _ in range(4)]

    for thread in rounds:
        thread.start()
    raised = at_once(app, works)
    for thread in rounds:
        thread.join()

    assert raised == []
    assert [line[:2] for line in lines(user_id)] == [("recharge", 100), ("recharge", 100)]


def recharge_in(app: Any, today: date) -> None:
    with app.app_context(), Session(db.engine) as session:
        recharge_all(session, today=today)


def test_a_round_recharges_every_due_account_and_no_other(user_id: UUID) -> None:
    others = [UserFactory().id for _ in range(3)]
    for owner in (user_id, *others):
        within(lambda session, owner=owner: service.open_account(session, owner, today=DAY))

    with Session(db.engine) as session:
        counts = [recharge_all(session, today=DAY + timedelta(days=passed)) for passed in (0, 1, 1)]

    assert counts == [0, 4, 0]
    assert state(user_id) == (200, 0)


def test_fifty_at_once_cannot_spend_what_is_there_for_three(app: Any, user_id: UUID) -> None:
    works = [
        lambda session, ref=f"job-{i}": service.reserve(session, user_id, 30, ref=ref, action="still")
        for i in range(50)
    ]

    raised = at_once(app, works)

    assert [getattr(error, "code", error) for error in raised] == ["credits.insufficient"] * 47
    assert state(user_id) == (10, 0)


def test_the_same_end_reported_by_many_at_once_gives_back_once(app: Any, user_id: UUID) -> None:
    reserve(user_id, 30, "job")
    ends = [lambda session: service.refund(session, "job"), lambda session: service.commit(session, "job", 30)]

    assert at_once(app, ends * 10) == []

    assert len(lines(user_id)) == 3
    assert state(user_id) in [(100, 0), (70, 0)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE credit_entry SET amount = amount",
        "DELETE FROM credit_entry",
        "DELETE FROM credit_entry WHERE false",
        "TRUNCATE credit_entry",
    ],
)
def test_the_database_refuses_to_change_the_ledger(user_id: UUID, statement: str) -> None:
    reserve(user_id, 1, "job")

    with pytest.raises(IntegrityError, match="append-only"):
        db.session.execute(db.text(statement))


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE credit_account SET balance = -1", "ck_credit_account_balance"),
        ("UPDATE credit_account SET debt = 1", "ck_credit_account_balance_or_debt"),
        ("INSERT INTO credit_entry SELECT gen_random_uuid(), user_id, 9, 'refund', '', 1, 0, 1, 0, 0, 0, ref FROM "
         "credit_entry WHERE kind = 'commit'", "uq_credit_entry_closed"),
        ("INSERT INTO credit_entry SELECT gen_random_uuid(), user_id, 9, kind, '', 0, 0, 0, 0, 0, 0, ref FROM "
         "credit_entry WHERE kind = 'commit'", "uq_credit_entry_ref_kind"),
        ("INSERT INTO credit_entry SELECT gen_random_uuid(), user_id, 9, 'grant', '', 5, 0, 4, 0, 0, 0, 'x' FROM "
         "credit_account", "ck_credit_entry_balance"),
    ],
)  # fmt: skip
def test_the_database_itself_refuses_wrong_numbers(user_id: UUID, statement: str, constraint: str) -> None:
    reserve(user_id, 1, "job")
    within(lambda session: service.commit(session, "job", 1))
    db.session.execute(db.text("ALTER TABLE credit_entry ALTER details SET DEFAULT '{}'"))

    with pytest.raises(IntegrityError, match=f'"{constraint}"'):
        db.session.execute(db.text(statement))


def test_the_check_finds_a_balance_that_its_ledger_does_not_explain(
    user_id: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    reserve(user_id, 30, "job")
    assert check_ledger(db.session()) == 0
    db.session.query(CreditAccount).filter_by(user_id=user_id).update({"balance": 71})
    db.session.commit()

    assert check_ledger(db.session()) == 1

    [found] = find_imbalances(db.session())
    assert (found.user_id, found.balance, found.written_balance, found.lines) == (user_id, 71, 70, 2)
    assert "ledger out of balance" in caplog.messages


def test_the_book_outlives_its_user(user_id: UUID) -> None:
    reserve(user_id, 30, "job")

    db.session.query(User).filter_by(id=user_id).delete()
    db.session.commit()

    assert len(lines(user_id)) == 2
    assert db.session.query(CreditAccount).filter_by(user_id=user_id).count() == 0
    assert within(lambda session: service.refund(session, "job")) == 0
