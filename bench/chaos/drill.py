"""Every kind of fault once, alone, and what an operator sees of it until all is well again by itself."""

from __future__ import annotations

import random
import re
import time
from typing import Any

import httpx

from bench.chaos.farm import CPU, RENDER, SCHEDULER, Farm
from bench.chaos.faults import WEIGHTS, Fault, Tormentor
from bench.chaos.load import Log

LOOK_S = 0.25
PATIENCE_S = 90.0
SEEN_FOR_S = 3.0
"""At least so long is looked after each fault: what it causes may take a moment to show."""


def drill(farm: Farm, log: Log, chance: random.Random) -> dict[str, Any]:
    """Do every kind of fault; return for each what was seen, and after how long all was well."""
    tormentor = Tormentor(farm, lambda kind, details: log.write("fault", kind=kind, **details))
    return {"seen": {kind: _watch(farm, tormentor, kind, chance) for kind in WEIGHTS}}


def is_kept(figures: dict[str, Any]) -> bool:
    """Tell whether all was well again after each fault."""
    return figures["failed"] == 0 and all(seen["well after s"] is not None for seen in figures["seen"].values())


def _watch(farm: Farm, tormentor: Tormentor, kind: str, chance: random.Random) -> dict[str, Any]:
    started = time.monotonic()
    tormentor.do(Fault(0.0, kind, chance.random(), chance.random()))
    ready: list[str] = []
    nodes: set[str] = set()
    while (passed_s := time.monotonic() - started) < PATIENCE_S:
        state, found = ask_ready(farm), ask_nodes(farm)
        if not ready or ready[-1] != state:
            ready.append(state)
        nodes |= {name for name, count in found.items() if count}
        well = state == "ready" and found.get("online", 0) >= len(farm.of_role(CPU, RENDER, SCHEDULER))
        if well and passed_s > SEEN_FOR_S and all(member.child.is_running() for member in farm.members.values()):
            break
        time.sleep(LOOK_S)
    else:
        passed_s = 0.0
    tormentor.settle()
    return {"readyz": ready, "nodes": sorted(nodes), "well after s": round(passed_s, 1) or None}


def ask_ready(farm: Farm) -> str:
    """Return what ``/readyz`` says, or that nobody answers."""
    try:
        return str(httpx.get(f"{farm.layout.api_url}/readyz", timeout=5, trust_env=False).json()["status"])
    except (httpx.HTTPError, ValueError):
        return "no answer"


def ask_nodes(farm: Farm) -> dict[str, int]:
    """Return how many nodes there are in each state, as ``/metrics`` has it."""
    try:
        text = httpx.get(f"{farm.layout.api_url}/metrics", timeout=5, trust_env=False).text
    except httpx.HTTPError:
        return {}
    found = re.findall(r'^reelyard_nodes\{state="(\w+)"\} ([\d.]+)', text, re.MULTILINE)
    return {state: int(float(count)) for state, count in found}
