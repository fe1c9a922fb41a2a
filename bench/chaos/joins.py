"""R7: fan-outs of forty pieces over a broker that drops and repeats; a twentieth of the pieces kill a worker.

Each piece's job is the join's: it refuses to run over any other number of pieces than forty different ones. What the
checker does not know is looked up here: no join began before its last piece had ended, and none ran twice.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.chaos import courier
from bench.chaos.batch import Scene, hand_in, try_batch
from bench.chaos.farm import Farm, Shape
from bench.chaos.load import Customer, Log
from bench.chaos.orders import ROUGH, WIDE, Order
from bench.chaos.rows import Rows
from bench.chaos.steady import Tried

LONGEST_P95_S = 3.0
"""Seconds from a fan-out's last piece to the join's first attempt, for 95 of 100 joins."""
MANNERS = courier.Manners(dropped=0.05, most_copies=3, latest_s=0.0)
"""Copies as R7 has them, and as many messages lost as workers.

How late a message may come is a matter of R16, which has a trial of its own.
"""
KEEP = 3
"""Fan-outs at a time: no more than ends within the time that the rules allow after the last."""
SHAPE = Shape(
    render_slots=3,
    settings={"REELYARD_CHUNK_S": "1", "REELYARD_CHUNK_FROM_S": "30"},
    database_of=courier.SHAPE.database_of,
)

JOINS = """SELECT count(*), count(*) FILTER (WHERE j.started_at < p.ended_at),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.first_at - p.ended_at))::float8,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM a.first_at - p.ended_at))::float8
    FROM step j
    JOIN (SELECT job_id, max(finished_at) AS ended_at FROM step WHERE name = 'chunk' GROUP BY job_id) p
        ON p.job_id = j.job_id
    JOIN (SELECT step_id, min(started_at) AS first_at FROM attempt GROUP BY step_id) a ON a.step_id = j.id
    WHERE j.task = 'render.join' AND j.state = 'succeeded'"""
PIECES_DONE = "SELECT count(*) FROM step WHERE name = 'chunk' AND state = 'succeeded'"


def try_joins(home: Path, *, jobs: int, seed: int) -> Tried:
    """Have so many fan-outs joined."""
    counts: dict[str, Any] = {}

    @contextmanager
    def around(farm: Farm) -> Iterator[None]:
        with courier.carrying(farm, random.Random(seed), manners=MANNERS) as carrier:
            yield
        counts.update(carrier.counts)

    def trial(farm: Farm, people: list[Customer], log: Log) -> dict[str, Any]:
        orders = [Order(number, WIDE, ROUGH, number % len(people), 0.0) for number in range(jobs)]
        hand_in(farm, people, log, orders=orders, keep=KEEP)
        return {"fan-outs": jobs, "messages": counts}

    return try_batch(home, trial, seed=seed, scene=Scene(SHAPE, (WIDE,), around=around, look=measure))


def measure(rows: Rows) -> dict[str, Any]:
    """Return how many joins there were, how many began early, and how long they took to begin."""
    joined, early, p50_s, p95_s = rows.all(JOINS)[0]
    return {
        "joined": joined,
        "early": early,
        "pieces": rows.one(PIECES_DONE),
        "join after last piece s": {"p50": round(p50_s or 0.0, 2), "p95": round(p95_s or 0.0, 2)},
    }


def is_kept(figures: dict[str, Any]) -> bool:
    """Tell whether every fan-out was joined once, whole, soon and not early, and messages and workers suffered."""
    exact = figures["joined"] == figures["fan-outs"] and figures["early"] == 0 and figures["failed"] == 0
    whole = figures["pieces"] == 40 * figures["fan-outs"]
    soon = figures["join after last piece s"]["p95"] <= LONGEST_P95_S
    return bool(exact and whole and soon and figures["lost workers"] > 0 and courier.is_kept(figures, manners=MANNERS))
