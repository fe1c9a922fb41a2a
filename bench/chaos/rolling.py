"""R15: every process is asked to stop in order, one after another, under load; nobody notices.

Workers, engines and schedulers get SIGTERM; the API changes its processes behind one socket (:mod:`api.reload`).
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from typing import Any

from api.reload import reload
from bench.chaos.farm import API, CPU, RENDER, SCHEDULER, Farm, Member, Shape
from bench.chaos.load import Log
from bench.chaos.rows import Rows

SHAPE = Shape(settings={"REELYARD_LEASE_S": "30", "REELYARD_BEAT_S": "10"})
"""The lease that is usual."""
LONGEST_STOP_S = 30.0
PATIENCE_S = 90.0
PAUSE_S = 1.0


def roll(farm: Farm, log: Log, chance: random.Random, *, rounds: int) -> dict[str, Any]:
    """Stop one process after the other, each twice before one comes a third time; return how long each took to go."""
    stops: dict[str, float] = {}
    codes: list[int] = []
    for number in range(rounds):
        members = list(farm.members.values())
        member = members[number % len(members)]
        started = time.monotonic()
        if member.role == API:
            reload(member.child.pid)
        else:
            codes.append(_stop(member))
        took_s = round(time.monotonic() - started, 1)
        stops[member.child.name] = max(took_s, stops.get(member.child.name, 0.0))
        log.write("rolled", member=member.child.name, took_s=took_s)
        _wait_back(farm)
        time.sleep(PAUSE_S)
    return {"rounds": rounds, "longest stop s": stops, "exit codes": sorted(set(codes))}


def is_kept(figures: dict[str, Any]) -> bool:
    """Tell whether nobody noticed."""
    quick = max(figures["longest stop s"].values()) <= LONGEST_STOP_S
    unharmed = (figures["failed"], figures["charged"], figures["lost workers"]) == (0, 0, 0)
    return quick and unharmed and figures["exit codes"] == [0]


def _stop(member: Member) -> int:
    process = member.child.process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        return -1  # it hangs; the watcher leaves it alone, and the figures say so


def _wait_back(farm: Farm) -> None:
    """Wait until every process runs and every worker says that it consumes."""
    wanted, deadline = len(farm.of_role(CPU, RENDER, SCHEDULER)), time.monotonic() + PATIENCE_S
    alive = "SELECT count(*) FROM farm_node WHERE seen_at > clock_timestamp() - interval '4 s' AND NOT leaving"
    with Rows(farm.database_url) as rows:
        while time.monotonic() < deadline:
            if all(member.child.is_running() for member in farm.members.values()) and rows.one(alive) >= wanted:
                return
            time.sleep(0.3)
