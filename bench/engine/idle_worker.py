"""A worker whose steps do nothing: ``celery -A bench.engine.idle_worker``."""

from __future__ import annotations

from typing import Any

from bench.chaos.workers import make_worker
from tasks.attempt import StepContext
from tasks.names import TaskName


def nothing(context: StepContext) -> dict[str, Any]:
    """Do nothing and say so."""
    return {}


app = make_worker("cpu", {TaskName.INGEST_POSTER: nothing})
