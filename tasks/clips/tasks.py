"""Celery tasks of music videos; thin."""

from __future__ import annotations

from typing import Any

from tasks.app import task_options
from tasks.base import MediaTask
from tasks.clips import ops
from tasks.cpu_app import app
from tasks.names import TaskName


@app.task(base=MediaTask, bind=True, name=TaskName.CLIPS_LISTEN.value, **task_options(TaskName.CLIPS_LISTEN))
def listen(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Hear a song frame by frame."""
    return self.run_step(job_id, message, ops.listen)


@app.task(base=MediaTask, bind=True, name=TaskName.CLIPS_MAKE.value, **task_options(TaskName.CLIPS_MAKE))
def make(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Make one clip."""
    return self.run_step(job_id, message, ops.make)


@app.task(base=MediaTask, bind=True, name=TaskName.CLIPS_SHEET.value, **task_options(TaskName.CLIPS_SHEET))
def sheet(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Put pictures of all clips on a sheet."""
    return self.run_step(job_id, message, ops.sheet)


@app.task(base=MediaTask, bind=True, name=TaskName.CLIPS_COMPOSE.value, **task_options(TaskName.CLIPS_COMPOSE))
def compose(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Join clips and a song."""
    return self.run_step(job_id, message, ops.compose)
