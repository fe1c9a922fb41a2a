"""R6: who cancels a job has its worker back within two seconds, whichever way the worker came by the step.

A slot that goes on is given its next step with a report: such a step has no message that a revocation could find. Both
kinds are cancelled while they run, and timed until nothing of the attempt is left: it removes its folder as the last
thing.
"""

from __future__ import annotations

import random
import statistics
import time
from contextlib import ExitStack
from typing import Any

from bench.chaos.farm import Farm, Shape
from bench.chaos.load import PASSWORD, Log, cancel
from bench.chaos.rows import Rows
from cli.client import ApiClient

SHAPE = Shape(settings={"REELYARD_LEASE_S": "30", "REELYARD_BEAT_S": "10"})
"""The lease that is usual: with shorter beats every step would hear of its end soon."""

LONGEST_P95_S = 2.0
LOOK_S = 0.05
PAUSE_S = 0.5
PATIENCE_S = 20.0
FIND_S = 40.0

RUNNING = """SELECT s.id::text, j.id::text, u.email,
        EXISTS (SELECT 1 FROM attempt p WHERE p.xmin = a.xmin AND p.step_id != a.step_id)
    FROM attempt a JOIN step s ON s.id = a.step_id AND s.attempt = a.number
    JOIN job j ON j.id = s.job_id JOIN "user" u ON u.id = j.owner_id
    WHERE a.outcome IS NULL AND s.state = 'running' AND j.state = 'running'
    AND a.started_at BETWEEN clock_timestamp() - interval '1 s' AND clock_timestamp() - interval '0.2 s'"""
"""Steps that run for a while, and whether the transaction that began them ended another one: a slot went on."""


def cancel_running(farm: Farm, log: Log, chance: random.Random, *, rounds: int) -> dict[str, Any]:
    """Cancel running jobs one after the other, half of them where a slot went on; return how long that took."""
    took: dict[bool, list[float]] = {True: [], False: []}
    with ExitStack() as stack:
        rows = stack.enter_context(Rows(farm.database_url))
        clients: dict[str, ApiClient] = {}
        for number in range(rounds):
            step, job, email, went_on = find_running(rows, chance, went_on=number % 2 == 0)
            if email not in clients:
                clients[email] = ApiClient(farm.layout.api_url, timeout_s=15.0)
                stack.callback(clients[email].close)
                clients[email].login(email, PASSWORD)
            took_s = time_cancel(farm, clients[email], job, step, log=log)
            if rows.one("SELECT state FROM step WHERE id = %s", step) == "cancelled":
                took[went_on].append(took_s)
                log.write("stopped", step=step, went_on=went_on, took_s=round(took_s, 2))
            time.sleep(PAUSE_S)
    return {"with a message": describe(took[False]), "went on": describe(took[True])}


def find_running(rows: Rows, chance: random.Random, *, went_on: bool) -> tuple[str, str, str, bool]:
    """Wait for a running step of one kind, and take one of the other kind after a while; raise TimeoutError."""
    started = time.monotonic()
    while (waited_s := time.monotonic() - started) < FIND_S:
        found = [row for row in rows.all(RUNNING) if row[3] == went_on or waited_s > FIND_S / 2]
        if found:
            step, job, email, kind = chance.choice(found)
            return step, job, email, kind
        time.sleep(LOOK_S)
    raise TimeoutError("nothing runs that could be cancelled")


def time_cancel(farm: Farm, client: ApiClient, job: str, step: str, *, log: Log) -> float:
    """Cancel a job; return the seconds until its step's attempt has left nothing behind."""
    folder, started = farm.layout.home / "scratch", time.monotonic()
    log.write("cancelled", job=job, number=-1, final=cancel(client, job))
    while time.monotonic() - started < PATIENCE_S and any(folder.glob(f"*{step}*")):
        time.sleep(LOOK_S)
    return time.monotonic() - started


def describe(took: list[float]) -> dict[str, Any]:
    """Return what the times were like, in seconds."""
    if not took:
        return {"cancelled": 0}
    ranked = sorted(took)
    p95 = ranked[min(len(ranked) - 1, int(0.95 * len(ranked)))]
    return {
        "cancelled": len(ranked),
        "p50 s": round(statistics.median(ranked), 2),
        "p95 s": round(p95, 2),
        "longest s": round(ranked[-1], 2),
    }


def is_kept(figures: dict[str, Any]) -> bool:
    """Tell whether both kinds were cancelled, and ended in time."""
    kinds = (figures["with a message"], figures["went on"])
    return all(kind["cancelled"] and kind["p95 s"] <= LONGEST_P95_S for kind in kinds)
