"""Celery tasks of deliveries; thin."""

from __future__ import annotations

from typing import Any

from tasks.app import task_options
from tasks.base import MediaTask
from tasks.cpu_app import app
from tasks.delivery import ops
from tasks.names import TaskName


@app.task(base=MediaTask, bind=True, name=TaskName.DELIVERY_SEND.value, **task_options(TaskName.DELIVERY_SEND))
def send(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Send a clip to its target."""
    return self.run_step(job_id, message, ops.send)
