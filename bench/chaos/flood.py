"""R17: one user orders more than the farm can do for minutes, with fifty keys; others order one render a minute."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.chaos.batch import SUBMITTERS, Scene, try_batch
from bench.chaos.farm import Farm, Shape
from bench.chaos.load import Customer, Log, insist, submit
from bench.chaos.orders import FINE, RENDER, Order
from bench.chaos.rows import Rows
from bench.chaos.steady import Tried
from cli.client import ApiClient

OTHERS = 20
KEYS = 50
MOST_STAGES = 2.0
"""Stages, by their median, that 95 of 100 orders of the others may wait at most."""
SHAPE = Shape(render_slots=2, settings={"REELYARD_RERING_S": "15"})
"""The usual pause before a bell is rung again: the farm's short one would fill the broker with bells rung twice."""

WAITS = """SELECT extract(epoch FROM a.first_at - j.created_at)::float8 FROM job j
    JOIN "user" u ON u.id = j.owner_id JOIN step s ON s.job_id = j.id
    JOIN (SELECT step_id, min(started_at) AS first_at FROM attempt GROUP BY step_id) a ON a.step_id = s.id
    WHERE j.kind = 'render' AND u.email {which} %s ORDER BY 1"""
STAGES = """SELECT extract(epoch FROM a.ended_at - a.started_at)::float8 FROM attempt a
    JOIN step s ON s.id = a.step_id WHERE s.task = 'render.video' AND a.outcome = 'succeeded'"""


def try_flood(home: Path, *, jobs: int, minutes: int, work_s: float, seed: int) -> Tried:
    """Have one user order so many jobs at once, and twenty others one a minute."""
    flooder = f"chaos-{seed}-0@example.com"

    def trial(farm: Farm, people: list[Customer], log: Log) -> dict[str, Any]:
        clients = with_keys(people[0], farm.layout.api_url)
        flood = [Order(number, RENDER, FINE, 0, work_s) for number in range(jobs)]
        threads = [
            threading.Thread(target=pour, args=(clients[first::SUBMITTERS], flood[first::SUBMITTERS], people[0], log))
            for first in range(SUBMITTERS)
        ]
        for thread in threads:
            thread.start()
        trickle(people[1:], log, first=jobs, minutes=minutes, work_s=work_s, chance=random.Random(seed))
        with Rows(farm.database_url) as rows:
            behind = rows.one("SELECT count(*) FROM job WHERE state = 'queued'")
        for thread in threads:
            thread.join()
        for client in clients:
            client.close()
        return {"flood": jobs, "keys": len(clients), "others": OTHERS * minutes, "flood still waiting": behind}

    def look(rows: Rows) -> dict[str, Any]:
        waits = [wait for (wait,) in rows.all(WAITS.format(which="!="), flooder)]
        stage_s = median(took for (took,) in rows.all(STAGES))
        p95_s = waits[int(0.95 * (len(waits) - 1))]
        flooded = median(wait for (wait,) in rows.all(WAITS.format(which="="), flooder))
        return {
            "stage s": round(stage_s, 2),
            "others wait s": {"median": round(median(waits), 2), "p95": round(p95_s, 2), "count": len(waits)},
            "flood waits s": round(flooded, 1),
            "p95 wait in stages": round(p95_s / stage_s, 2),
        }

    return try_batch(home, trial, seed=seed, scene=Scene(SHAPE, (RENDER,), OTHERS + 1, look=look))


def with_keys(customer: Customer, api_url: str) -> list[ApiClient]:
    """Return clients of one user, each with an API token of its own."""
    clients = []
    for number in range(KEYS):
        wanted = {"name": f"flood {number}", "scopes": ["read", "render"]}
        token = insist(lambda wanted=wanted: customer.client.call("POST", "/tokens", json=wanted))["token"]  # type: ignore[misc]
        client = ApiClient(api_url, timeout_s=15.0)
        client.use_token(token)
        clients.append(client)
    return clients


def pour(clients: list[ApiClient], orders: list[Order], customer: Customer, log: Log) -> None:
    """Hand orders in as fast as they are taken, key after key."""
    for position, order in enumerate(orders):
        submit(Customer(clients[position % len(clients)], customer.sources), order, log)


def trickle(
    people: list[Customer], log: Log, *, first: int, minutes: int, work_s: float, chance: random.Random
) -> None:
    """Have each of the others order one render in each minute, at a moment of their own."""
    moments = sorted(
        (60.0 * minute + chance.uniform(5, 60), user) for minute in range(minutes) for user in range(OTHERS)
    )
    began = time.monotonic()
    for number, (moment, user) in enumerate(moments):
        time.sleep(max(0.0, began + moment - time.monotonic()))
        submit(people[user], Order(first + number, RENDER, FINE, user + 1, work_s), log)


def is_kept(figures: dict[str, Any]) -> bool:
    """Tell whether the others did not wait for the flood, which was there all the time."""
    asked = figures["others wait s"]["count"] == figures["others"]
    return bool(asked and figures["p95 wait in stages"] <= MOST_STAGES and figures["flood still waiting"] > 0)
