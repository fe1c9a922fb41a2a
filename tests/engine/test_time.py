"""R9: days, months and clocks that change; three schedulers that die, over simulated days on the real database.

The database's own clock is simulated, too: a schema before ``pg_catalog`` has other functions of the same names.
``TEST_TIME_DAYS=33`` for the long run.
"""

from __future__ import annotations

import copy
import heapq
import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from celery import Celery
from celery.beat import Scheduler
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from api.control.schedule import BEAT_SCHEDULE
from api.credits import service
from api.credits.chores import check_ledger, recharge_all
from api.extensions import db
from api.quotas.service import QuotaKind, window_of
from api.users.models import User
from tasks.names import TaskName
from tests.factories.users import PlanFactory, UserFactory

DAYS = int(os.environ.get("TEST_TIME_DAYS", "3"))
SCHEDULERS = 3
NAMES = ("recharge-credits", "roll-up-usage")
OPTIONS = "-c search_path=simulated,public,pg_catalog -c timezone=America/New_York"
SIMULATED = """
CREATE SCHEMA simulated;
CREATE TABLE simulated.clock (at timestamptz NOT NULL);
INSERT INTO simulated.clock VALUES (pg_catalog.now());
CREATE FUNCTION simulated.clock_timestamp() RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT at FROM simulated.clock';
CREATE FUNCTION simulated.now() RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT at FROM simulated.clock';
"""


class Clock:
    """The time of everybody: schedulers read it here, the database from its table."""

    def __init__(self, engine: Engine, start: datetime) -> None:
        self.engine, self.at = engine, start

    def read(self) -> datetime:
        return self.at

    def tell_database(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(text("UPDATE simulated.clock SET at = :at"), {"at": self.at})


class Beat(Scheduler):
    """Celery's own scheduler on a simulated clock; what it would send is noted."""

    producer = None

    def __init__(self, app: Any, clock: Clock, send: Callable[[str], None]) -> None:
        self._clock, self._send = clock, send
        super().__init__(app, max_interval=3600)

    def setup_schedule(self) -> None:
        entries = {name: dict(BEAT_SCHEDULE[name]) for name in NAMES}
        for entry in entries.values():
            entry["schedule"] = copy.copy(entry["schedule"])
            entry["schedule"].nowfun = self._clock.read
        self.merge_inplace(entries)

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **_: Any) -> None:
        self._send(entry.task)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host whose clock is put forward and back in spring and autumn."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def simulated(app: Any, database_environ: dict[str, str], zone: None) -> Iterator[Engine]:
    """Connections whose database has a clock of its own, in a third time zone."""
    with db.engine.begin() as connection:
        connection.execute(text(SIMULATED))
    engine = create_engine(db.engine.url, connect_args={"options": OPTIONS}, pool_size=SCHEDULERS)
    yield engine
    engine.dispose()
    with db.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA simulated CASCADE"))


@pytest.fixture
def owners(app: Any) -> Iterator[list[UUID]]:
    """Two who are never there, and two who use their credits at any moment."""
    plan = PlanFactory(credits_per_day=100, credit_ceiling=1_000_000)
    found = [UserFactory(plan_code=plan.code).id for _ in range(4)]
    yield found
    db.session.rollback()
    db.session.query(User).filter_by(plan_code=plan.code).delete()
    db.session.delete(plan)
    db.session.commit()


class World:
    """Three schedulers of which one dies about every hour, and users who come at any time."""

    def __init__(self, clock: Clock, owners: list[UUID], seed: int) -> None:
        self.clock, self.owners, self.random = clock, owners, random.Random(seed)
        self.celery = Celery("schedulers", set_as_current=False)
        self.celery.conf.update(timezone="UTC", enable_utc=True)
        self.sent: list[str] = []
        self.recharged: list[datetime] = []
        self.events: list[tuple[datetime, int, Callable[[], None]]] = []
        self.beats: list[Beat | None] = [None] * SCHEDULERS
        self.generation = [0] * SCHEDULERS
        for owner in owners:
            self.open_account(owner)
        for number in range(SCHEDULERS):
            self.start(number)
        self.after(self.hours(1), self.kill_somebody)
        self.after(self.hours(3), self.use)

    def hours(self, most: float) -> timedelta:
        return timedelta(hours=self.random.uniform(0.01, most))

    def after(self, pause: timedelta, act: Callable[[], None]) -> None:
        heapq.heappush(self.events, (self.clock.at + pause, self.random.getrandbits(60), act))

    def start(self, number: int) -> None:
        """Start a scheduler that remembers nothing, a few seconds beside the others' time."""
        self.beats[number] = Beat(self.celery, self.clock, self.sent.append)
        self.generation[number] += 1
        self.tick(number, self.generation[number])

    def tick(self, number: int, generation: int) -> None:
        beat = self.beats[number]
        if beat is None or generation != self.generation[number]:
            return
        while not (pause_s := beat.tick()):
            self.clock.at += timedelta(milliseconds=1)  # it asks again at once; even that takes time
        self.after(timedelta(seconds=max(0.01, pause_s)), lambda: self.tick(number, generation))

    def kill_somebody(self) -> None:
        number = self.random.randrange(SCHEDULERS)
        if self.beats[number] is not None:
            self.beats[number] = None
            self.after(self.hours(3), lambda: self.start(number))
        self.after(timedelta(hours=1), self.kill_somebody)

    def use(self) -> None:
        """Look at an account, which recharges it; mostly around midnight."""
        self.open_account(self.random.choice(self.owners[2:]))
        midnight = (self.clock.at + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        pause = self.random.choice([midnight - timedelta(seconds=1) - self.clock.at, midnight - self.clock.at])
        self.after(max(pause, timedelta(seconds=1)), self.use)

    def open_account(self, owner: UUID) -> None:
        self.clock.tell_database()
        with Session(self.clock.engine) as session, session.begin():
            service.open_account(session, owner)

    def run(self, until: datetime) -> None:
        while self.events[0][0] < until:
            self.clock.at, _, act = heapq.heappop(self.events)
            act()
            if self.sent:
                self.do_what_was_sent()

    def do_what_was_sent(self) -> None:
        """Run the chores that were sent, twice each and at the same time, as messages may come."""
        rounds = [task for task in self.sent if task == TaskName.CONTROL_RECHARGE_CREDITS.value]
        self.sent.clear()
        if not rounds:
            return
        self.clock.tell_database()
        with ThreadPoolExecutor(2) as pool:
            counts = list(pool.map(lambda _: self.recharge(), range(2)))
        if any(counts):
            self.recharged.append(self.clock.at)

    def recharge(self) -> int:
        with Session(self.clock.engine) as session:
            return recharge_all(session)


def days_of(owner: UUID) -> list[str]:
    query = "SELECT details->>'day' FROM credit_entry WHERE user_id = :id AND kind = 'recharge' ORDER BY seq"
    return list(db.session.scalars(text(query), {"id": owner}))


@pytest.mark.parametrize("first", [date(2027, 2, 27), date(2027, 3, 27), date(2028, 2, 28), date(2027, 10, 30)])
def test_each_day_is_due_once_with_three_schedulers_that_die(
    simulated: Engine, owners: list[UUID], first: date
) -> None:
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    world = World(Clock(simulated, begin), owners, seed=first.toordinal())

    world.run(begin + timedelta(days=DAYS))

    wanted = [(first + timedelta(days=number)).isoformat() for number in range(DAYS)]
    assert [days_of(owner) for owner in owners] == [wanted] * len(owners)
    assert check_ledger(db.session()) == 0
    assert all(at.hour < 4 for at in world.recharged[1:])  # once a day, as soon as a scheduler lives


@pytest.mark.parametrize("kind", [QuotaKind.DAILY_RENDERS, QuotaKind.MONTHLY_RENDERS])
def test_windows_follow_each_other_without_gap_or_overlap_through_all_clock_changes(
    kind: QuotaKind, zone: None
) -> None:
    at, last, starts = datetime(2027, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC), []
    while at < last:
        start, end = window_of(kind, at)
        assert start == at
        assert end is not None
        assert window_of(kind, end - timedelta(microseconds=1)) == (start, end)
        starts.append(start)
        at = end
    assert len(starts) == {QuotaKind.DAILY_RENDERS: 731, QuotaKind.MONTHLY_RENDERS: 24}[kind]
    assert at == last
