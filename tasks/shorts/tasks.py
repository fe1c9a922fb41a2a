"""Celery tasks of shorts; thin."""

from __future__ import annotations

from typing import Any

from tasks.app import task_options
from tasks.base import MediaTask
from tasks.cpu_app import app
from tasks.names import TaskName
from tasks.shorts import ops


@app.task(base=MediaTask, bind=True, name=TaskName.SHORTS_ANALYZE.value, **task_options(TaskName.SHORTS_ANALYZE))
def analyze(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Find the highlights of a video."""
    return self.run_step(job_id, message, ops.analyze)


@app.task(base=MediaTask, bind=True, name=TaskName.SHORTS_CUT.value, **task_options(TaskName.SHORTS_CUT))
def cut(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Cut one short out of a video."""
    return self.run_step(job_id, message, ops.cut)
