"""Celery tasks that fetch; thin."""

from __future__ import annotations

from typing import Any

from tasks.app import task_options
from tasks.base import MediaTask
from tasks.cpu_app import app
from tasks.fetchers import ops
from tasks.names import TaskName


@app.task(base=MediaTask, bind=True, name=TaskName.LINKS_RESOLVE.value, **task_options(TaskName.LINKS_RESOLVE))
def resolve(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Ask what a link leads to."""
    return self.run_step(job_id, message, ops.resolve)


@app.task(base=MediaTask, bind=True, name=TaskName.LINKS_CREATOR.value, **task_options(TaskName.LINKS_CREATOR))
def creator(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Ask who made it."""
    return self.run_step(job_id, message, ops.creator)


@app.task(base=MediaTask, bind=True, name=TaskName.LINKS_DOWNLOAD.value, **task_options(TaskName.LINKS_DOWNLOAD))
def download(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Fetch the media."""
    return self.run_step(job_id, message, ops.download)
