"""One run: farm, clients, faults, rest, sweep, verdict."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bench.chaos.check import SETTLED_WITHIN_S, Verdict, judge, last_fault
from bench.chaos.farm import Farm, Shape, running_farm
from bench.chaos.faults import Fault, Tormentor, plan_faults
from bench.chaos.load import Customer, Log, customers, listen, make_users, submit
from bench.chaos.orders import Order, plan_orders
from bench.chaos.rows import Rows

USERS = 10
SPACING_S = 1.8
"""Seconds from fault to fault, on average."""
LEAST_S = 10.0
SOURCES_EACH = 2
TOLD_WITHIN_S = 120.0
"""How long messages may take after the last job: an engine that died keeps an endpoint from the others for 90 s."""
SHAPE = Shape(render_slots=2)
WAITING = "SELECT count(*) FROM webhook_delivery WHERE state = 'waiting'"


@dataclass(frozen=True)
class Plan:
    """What a run is asked for; equal plans do the same faults to the same jobs."""

    jobs: int
    faults: int
    seed: int

    @property
    def over_s(self) -> float:
        """How long jobs come in and faults are done."""
        return max(LEAST_S, self.faults * SPACING_S)


@dataclass(frozen=True)
class Ran:
    """A finished run."""

    verdict: Verdict
    measured: dict[str, Any]


def run(plan: Plan, home: Path, *, say: Callable[[str], None] = print) -> Ran:
    """Do everything, leaving logs and data under ``home``."""
    log, started = Log(home / "run.jsonl"), time.monotonic()
    with running_farm(home, shape=SHAPE, say=say) as farm:
        addresses = make_users(farm.database_url, USERS, seed=plan.seed)
        with customers(farm.layout.api_url, addresses) as users:
            listen(users, farm.hooks_url, log)
            say(f"Ready after {time.monotonic() - started:.0f} s; {plan.faults} faults over {plan.over_s:.0f} s …")
            torment(farm, plan, users, log=log)
        say("Waiting until all is quiet …")
        quiet_s = wait_quiet(farm, log)
        swept = sweep(farm)
        with Rows(farm.database_url) as rows:
            received, sources = farm.read_received(), USERS * SOURCES_EACH
            verdict = judge(log.read(), rows, farm.open_storage(), received=received, sources=sources)
        measured = measure(log.read(), farm)
    return Ran(verdict, {**measured, "quiet after s": quiet_s, "swept objects": swept})


def torment(farm: Farm, plan: Plan, users: list[Customer], *, log: Log) -> None:
    """Hand in all jobs while all faults are done; return when both are through."""
    started = time.monotonic()
    orders = plan_orders(plan.jobs, seed=plan.seed, users=len(users))
    # Each for itself: who is over a quota keeps nobody else waiting
    threads = [
        threading.Thread(target=_hand_in, args=(own, plan, users, log), name=f"client-{number}")
        for number in range(len(users))
        if (own := [order for order in orders if order.user == number])
    ]
    for thread in threads:
        thread.start()
    tormentor = Tormentor(farm, lambda kind, details: log.write("fault", kind=kind, **details))
    for fault in plan_faults(plan.faults, seed=plan.seed, over_s=plan.over_s):
        time.sleep(max(0.0, started + fault.at_s - time.monotonic()))
        _do(tormentor, fault, log)
    tormentor.settle()
    log.write("settled")
    for thread in threads:
        thread.join()


def wait_quiet(farm: Farm, log: Log) -> float:
    """Wait until no job goes on any more, as long as the promise allows, and until all was told.

    Return the seconds from the last fault until no job went on.
    """
    with Rows(farm.database_url) as rows:
        while time.time() < last_fault(log.read()) + SETTLED_WITHIN_S + 5:
            if rows.one("SELECT count(*) FROM job WHERE state IN ('queued', 'running')") == 0:
                break
            time.sleep(0.5)
        quiet_s = round(time.time() - last_fault(log.read()), 1)
        log.write("told", after_s=wait_told(rows))
    return quiet_s


def wait_told(rows: Rows) -> float:
    """Wait until every message has left, as long as that may take; return the seconds."""
    started = time.monotonic()
    while time.monotonic() - started < TOLD_WITHIN_S and rows.one(WAITING):
        time.sleep(0.5)
    return round(time.monotonic() - started, 1)


def sweep(farm: Farm) -> int:
    """Sweep once as the scheduler does, as if a day had passed; return how many objects went."""
    from api import create_app
    from api.assets.cleanup import SWEEP_AGE, sweep_objects
    from api.config import read_api_settings
    from api.extensions import db

    app = create_app(read_api_settings(farm.environ))
    with app.app_context():
        return sweep_objects(db.session(), now=datetime.now(UTC) + SWEEP_AGE + timedelta(minutes=1))


def measure(log: list[dict[str, Any]], farm: Farm) -> dict[str, Any]:
    """Return what the run was like."""
    took = sorted(line["took_s"] for line in log if line["what"] == "accepted")
    return {
        "faults done": dict(Counter(line["kind"] for line in log if line["what"] == "fault")),
        "restarts": {name: member.deaths for name, member in farm.members.items() if member.deaths},
        "submit s": {"median": median(took), "p95": took[int(len(took) * 0.95)], "max": took[-1]} if took else {},
        "all told after s": next((line["after_s"] for line in log if line["what"] == "told"), None),
        "clients that gave up": sum(line["what"] == "gave up" for line in log),
    }


def _hand_in(orders: list[Order], plan: Plan, users: list[Customer], log: Log) -> None:
    """Hand orders in, evenly over the run; what is late is handed in at once."""
    started, each_s = time.monotonic(), plan.over_s / max(1, len(orders))
    for position, order in enumerate(orders):
        time.sleep(max(0.0, started + position * each_s - time.monotonic()))
        try:
            submit(users[order.user], order, log)
        except Exception as error:  # noqa: BLE001 - the other orders of this client still count
            log.write("gave up", number=order.number, error=repr(error)[:300])


def _do(tormentor: Tormentor, fault: Fault, log: Log) -> None:
    try:
        tormentor.do(fault)
    except Exception as error:
        log.write("fault failed", kind=fault.kind, error=repr(error)[:300])
        raise
