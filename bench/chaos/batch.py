"""So many orders, handed in as others end, while something is done to the farm; then rest, sweep, verdict."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from bench.chaos.check import judge
from bench.chaos.farm import USUAL, Farm, Shape, running_farm
from bench.chaos.load import Customer, Log, customers, listen, make_users, submit
from bench.chaos.orders import LONG, RENDER, Order
from bench.chaos.rows import Rows
from bench.chaos.run import USERS, sweep, wait_quiet
from bench.chaos.steady import Around, Tried, open_jobs, read_costs

LOOK_S = 0.2
SUBMITTERS = 4
Trial = Callable[[Farm, list[Customer], Log], dict[str, Any]]


def look_at_nothing(_: Rows) -> dict[str, Any]:
    """Return no figures."""
    return {}


@dataclass(frozen=True)
class Scene:
    """Where a trial is made.

    :param kinds: of which every user has a source, :param around: what is there as long as the farm is,
        :param look: further figures, read from the database once all is quiet.
    """

    shape: Shape = USUAL
    kinds: tuple[str, ...] = (RENDER, LONG)
    users: int = USERS
    around: Around = nullcontext
    look: Callable[[Rows], dict[str, Any]] = look_at_nothing


def try_batch(home: Path, trial: Trial, *, seed: int, scene: Scene) -> Tried:
    """Run a trial on a farm, wait for all work, and judge."""
    log = Log(home / "run.jsonl")
    with running_farm(home, shape=scene.shape) as farm, scene.around(farm):
        addresses = make_users(farm.database_url, scene.users, seed=seed, plan="studio")
        lift_limits(farm)
        with customers(farm.layout.api_url, addresses, kinds=scene.kinds) as people:
            listen(people, farm.hooks_url, log)
            log.write("began")
            figures = trial(farm, people, log)
            log.write("settled")
        wait_quiet(farm, log)
        sweep(farm)
        with Rows(farm.database_url) as rows:
            received, sources = farm.read_received(), scene.users * len(scene.kinds)
            verdict = judge(log.read(), rows, farm.open_storage(), received=received, sources=sources)
            figures |= read_costs(rows) | scene.look(rows)
    return Tried(figures, sum(line["what"] == "gave up" for line in log.read()), verdict)


def lift_limits(farm: Farm) -> None:
    """Let users order as much as a trial wants: what is tried is the farm, not what a plan allows."""
    much = "daily_renders = 100000, monthly_renders = 1000000, concurrent_renders = 100000"
    with closing(psycopg2.connect(farm.database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"UPDATE plan SET {much} WHERE code = 'studio'")  # nosec B608


@contextmanager
def handing_in(farm: Farm, people: list[Customer], log: Log, *, orders: list[Order], keep: int) -> Iterator[None]:
    """Hand orders in for the length of the block and until all are, never more than ``keep`` at a time."""
    left, lock = iter(orders), threading.Lock()

    def run() -> None:
        with Rows(farm.database_url) as rows:
            while True:
                with lock:
                    order = next(left, None)
                if order is None:
                    return
                while open_jobs(rows) >= keep:
                    time.sleep(LOOK_S)
                try:
                    submit(people[order.user], order, log)
                except Exception as error:  # noqa: BLE001 - told in the log, and found there
                    log.write("gave up", number=order.number, error=repr(error)[:300])

    threads = [threading.Thread(target=run, name=f"client-{number}") for number in range(SUBMITTERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()


def hand_in(farm: Farm, people: list[Customer], log: Log, *, orders: list[Order], keep: int) -> None:
    """Hand orders in, never more than ``keep`` at a time; return when all are."""
    inside: AbstractContextManager[None] = handing_in(farm, people, log, orders=orders, keep=keep)
    with inside:
        pass
