"""A worker whose steps do nothing: ``celery -A bench.engine.idle_worker``."""

from __future__ import annotations

import os
from typing import Any

from bench.chaos.workers import make_worker
from tasks import turn
from tasks.attempt import StepContext
from tasks.names import TaskName

if os.environ.get("BENCH_APART"):
    turn.TURN_S = 0.0  # each step by a bell of its own, for comparison


def nothing(context: StepContext) -> dict[str, Any]:
    """Do nothing and say so."""
    return {}


app = make_worker("cpu", {TaskName.SAMPLES_WAVEFORM: nothing})
