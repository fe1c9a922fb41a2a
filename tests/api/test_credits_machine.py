"""Credits against a model of forty lines: any order of everything that can happen, on the real database (R10)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from threading import Thread
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, Engine, create_engine, delete, select, update
from sqlalchemy.orm import Session

from api.credits import service
from api.credits.ledger import InsufficientCreditsError, find_imbalances
from api.credits.models import CreditAccount, CreditEntry
from api.errors import QuotaError
from api.extensions import db
from api.quotas.models import QuotaCounter
from api.quotas.service import release, reserve_render
from api.users.models import Plan, User
from tests.conftest import IN_CI
from tests.factories.users import PlanFactory, UserFactory

EXAMPLES = int(os.environ.get("CREDITS_EXAMPLES", "200" if IN_CI else "40"))
STEPS = 50
DAY = date(2099, 1, 1)
PLANS = {"small": (40, 100), "large": (300, 1000), "none": (0, 0)}
AMOUNTS = st.integers(0, 120)


class PoorError(Exception):
    """The model's refusal."""


@dataclass
class Model:
    """What must be true of one user, in plain numbers."""

    plan: str = "small"
    worth: int = 0
    day: date | None = None
    held: dict[str, int] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    @property
    def balance(self) -> int:
        return max(self.worth, 0)

    def come(self, today: date) -> None:
        per_day, ceiling = PLANS[self.plan]
        first = today if self.day is None else self.day + timedelta(days=1)
        for _ in range((today - first).days + 1):
            self.worth += max(0, min(per_day, ceiling - self.balance))
        self.day = max(today, self.day or today)

    def spend(self, amount: int) -> None:
        if amount > self.balance:
            raise PoorError
        self.worth -= amount

    def reserve(self, ref: str, amount: int, today: date) -> None:
        self.come(today)
        if ref not in self.seen:
            self.spend(amount)
            self.held[ref] = amount
            self.seen.add(ref)

    def extend(self, ref: str, amount: int) -> None:
        if amount > self.held.get(ref, amount) and f"{ref}+" not in self.seen:
            self.spend(amount - self.held[ref])
            self.held[ref] = amount
            self.seen.add(f"{ref}+")

    def close(self, ref: str, used: int) -> None:
        held = self.held.pop(ref, 0)
        self.worth += held - min(used, held)


class CreditMachine(RuleBasedStateMachine):
    """Does the same to the service and to the model, one user at a time, in one transaction that is thrown away."""

    plans: ClassVar[dict[str, str]] = {}
    connection: ClassVar[Connection]

    @initialize()
    def begin(self) -> None:
        self.session = Session(self.connection)
        self.today, self.names, self.refs = DAY, 0, list[str]()
        self.user_id, self.model = self.join()

    def teardown(self) -> None:
        if hasattr(self, "session"):
            assert find_imbalances(self.session) == []
            self.session.close()
            self.connection.rollback()

    def join(self) -> tuple[UUID, Model]:
        self.names += 1
        email, plan = f"machine{self.names}@example.com", self.plans["small"]
        user = User(email=email, password_hash="-", plan_code=plan)
        self.session.add(user)
        self.session.flush()
        return user.id, Model()

    def write(self, statement: Any) -> None:
        """Change a row behind the session's back, which need not look for what it knows of it."""
        self.session.execute(statement, execution_options={"synchronize_session": False})

    def both(self, real: Callable[[], Any], modelled: Callable[[], Any]) -> None:
        """Do it to both; both refuse or neither."""
        before = self.model.worth, self.model.day
        try:
            modelled()
        except PoorError:
            self.model.worth, self.model.day = before
            with pytest.raises(InsufficientCreditsError), self.session.begin_nested():
                real()
            return
        real()  # a refusal ends the test: no savepoint has to be there for it

    @rule(credits=AMOUNTS)
    def submit(self, credits: int) -> None:
        ref = f"job:{self.names}:{len(self.refs)}"
        self.refs.append(ref)
        self.reserve(ref, credits)

    @precondition(lambda self: self.refs)
    @rule(credits=AMOUNTS, which=st.integers(0, 99))
    def submit_again(self, credits: int, which: int) -> None:
        self.reserve(self.pick(which), credits)

    def reserve(self, ref: str, credits: int) -> None:
        def real() -> None:
            service.open_account(self.session, self.user_id, today=self.today)
            service.reserve(self.session, self.user_id, credits, ref=ref, action="still")

        self.both(real, lambda: self.model.reserve(ref, credits, self.today))

    def pick(self, which: int) -> str:
        return self.refs[which % len(self.refs)]

    @precondition(lambda self: self.refs)
    @rule(credits=AMOUNTS, which=st.integers(0, 99))
    def turn_out_larger(self, credits: int, which: int) -> None:
        ref = self.pick(which)
        self.both(
            lambda: service.extend(self.session, ref, credits),
            lambda: self.model.extend(ref, credits) if ref in self.model.held else None,
        )

    @precondition(lambda self: self.refs)
    @rule(used=AMOUNTS, which=st.integers(0, 99))
    def succeed(self, used: int, which: int) -> None:
        ref = self.pick(which)
        self.both(lambda: service.commit(self.session, ref, used), lambda: self.model.close(ref, used))

    @precondition(lambda self: self.refs)
    @rule(used=AMOUNTS, kept=AMOUNTS, which=st.integers(0, 99))
    def cut_short(self, used: int, kept: int, which: int) -> None:
        ref = self.pick(which)
        self.both(lambda: service.commit_part(self.session, ref, used, kept=kept), lambda: self.model.close(ref, used))

    @precondition(lambda self: self.refs)
    @rule(which=st.integers(0, 99))
    def fail_or_cancel(self, which: int) -> None:
        ref = self.pick(which)
        self.both(lambda: service.refund(self.session, ref), lambda: self.model.close(ref, 0))

    @rule(days=st.integers(0, 4))
    def let_days_pass(self, days: int) -> None:
        self.today += timedelta(days=days)
        self.both(
            lambda: service.open_account(self.session, self.user_id, today=self.today),
            lambda: self.model.come(self.today),
        )

    @rule(credits=st.integers(1, 120), what=st.sampled_from(["grant", "deduct", "take_back"]))
    def adjust(self, credits: int, what: str) -> None:
        ref = f"{what}:{self.names}:{len(self.refs)}:{self.model.worth}:{len(self.model.seen)}"
        once = ref not in self.model.seen

        def modelled() -> None:
            self.model.come(self.today)
            if what == "deduct" and once:
                self.model.spend(credits)
            elif once:
                self.model.worth += credits if what == "grant" else -credits
            self.model.seen.add(ref)

        def real() -> None:
            service.open_account(self.session, self.user_id, today=self.today)
            getattr(service, what)(self.session, self.user_id, credits, ref=ref, details={})

        self.both(real, modelled)

    @rule(plan=st.sampled_from(sorted(PLANS)))
    def change_plan(self, plan: str) -> None:
        self.write(update(User).where(User.id == self.user_id).values(plan_code=self.plans[plan]))
        self.model.plan = plan

    @precondition(lambda self: self.refs)  # whoever ordered nothing leaves nothing to refund
    @rule()
    def delete_user(self) -> None:
        self.write(delete(User).where(User.id == self.user_id))
        self.session.expunge_all()
        for ref in self.refs[-2:]:
            assert service.refund(self.session, ref) == 0
        self.refs = []
        self.user_id, self.model = self.join()

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "session"):
            return
        chosen = select(CreditAccount.balance, CreditAccount.debt).where(CreditAccount.user_id == self.user_id)
        found = self.session.execute(chosen).one_or_none()
        assert tuple(found or (0, 0)) == (self.model.balance, max(-self.model.worth, 0))


@pytest.fixture
def plans(app: Any) -> Iterator[dict[str, str]]:
    """Plans under which users recharge slowly, fast and never."""
    made = {
        name: PlanFactory(credits_per_day=per_day, credit_ceiling=ceiling) for name, (per_day, ceiling) in PLANS.items()
    }
    codes = {name: plan.code for name, plan in made.items()}
    db.session.rollback()  # the server ends a transaction that stands idle for a minute
    yield codes
    db.session.rollback()
    for plan in made.values():
        db.session.query(User).filter_by(plan_code=plan.code).delete()
        db.session.delete(plan)
    db.session.commit()


def test_whatever_happens_in_any_order_the_account_is_what_the_model_says(
    plans: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CreditMachine, "plans", plans)
    connection = db.engine.connect()
    monkeypatch.setattr(CreditMachine, "connection", connection, raising=False)
    often = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )

    with connection:
        run_state_machine_as_test(CreditMachine, settings=often)


USERS, THREADS, SUBMITS, LIMIT = 5, 50, 20, 3


def test_fifty_hands_with_twenty_submits_each_never_pass_a_limit_or_zero(app: Any, plans: dict[str, str]) -> None:
    """Every submit takes quota and credits in one transaction and a third of them end at once (R10)."""
    plan = db.session.get_one(Plan, plans["small"])
    plan.concurrent_renders, plan.daily_renders, plan.monthly_renders = LIMIT, 10_000, 10_000
    plan.credits_per_day, plan.credit_ceiling = 100, 100
    db.session.commit()
    users = [UserFactory(plan_code=plan.code).id for _ in range(USERS)]
    told: list[str] = []
    engine = create_engine(db.engine.url, pool_size=THREADS)
    hands = [Thread(target=submit_many, args=(engine, app, users, number, told)) for number in range(THREADS)]

    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    engine.dispose()

    db.session.rollback()
    assert set(told) <= {"ended", "running", "quota.concurrent_renders", "credits.insufficient"}
    assert (len(told), told.count("ended") > 0) == (THREADS * SUBMITS, True)
    for user_id in users:
        running = db.session.query(QuotaCounter).filter_by(user_id=user_id, kind="concurrent_renders").one()
        account = db.session.query(CreditAccount).filter_by(user_id=user_id).one()
        lines = db.session.query(CreditEntry).filter_by(user_id=user_id)
        open_ones = lines.filter_by(kind="reserve").count() - lines.filter(CreditEntry.success.isnot(None)).count()
        assert 0 <= running.used == open_ones <= LIMIT
        assert 0 <= account.balance == 100 - 7 * lines.filter_by(success=True).count() - 9 * open_ones
    assert find_imbalances(db.session()) == []


def submit_many(engine: Engine, app: Any, users: list[UUID], number: int, told: list[str]) -> None:
    """Submit again and again; every third work ends at once, by turns well and badly."""
    with app.app_context():
        for turn in range(SUBMITS):
            user_id, ref = users[(number + turn) % USERS], f"job:{number}:{turn}"
            try:
                with Session(engine) as session, session.begin():
                    reserve_render(session, session.get_one(User, user_id), ref)
                    service.reserve(session, user_id, 9, ref=ref, action="still")
            except (QuotaError, InsufficientCreditsError) as error:
                told.append(error.code)
                continue
            told.append("ended" if end(engine, ref, number + turn) else "running")


def end(engine: Engine, ref: str, turn: int) -> bool:
    """End two works of three, twice each, as reports that were lost and repeated do."""
    if turn % 3 == 0:
        return False
    for _ in range(2):
        with Session(engine) as session, session.begin():
            release(session, ref)
            if turn % 3 == 1:
                service.commit(session, ref, 7)
            else:
                service.refund(session, ref)
    return True
