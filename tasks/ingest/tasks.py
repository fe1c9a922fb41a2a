"""Celery tasks of the ingest steps; thin."""

from __future__ import annotations

from typing import Any

from tasks.app import task_options
from tasks.base import MediaTask
from tasks.cpu_app import app
from tasks.ingest import fonts, ops
from tasks.names import TaskName


@app.task(base=MediaTask, bind=True, name=TaskName.INGEST_PROBE.value, **task_options(TaskName.INGEST_PROBE))
def probe(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Probe an upload."""
    return self.run_step(job_id, message, ops.probe)


@app.task(base=MediaTask, bind=True, name=TaskName.INGEST_POSTER.value, **task_options(TaskName.INGEST_POSTER))
def poster(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Draw the poster of an upload."""
    return self.run_step(job_id, message, ops.poster)


@app.task(base=MediaTask, bind=True, name=TaskName.INGEST_IMAGE.value, **task_options(TaskName.INGEST_IMAGE))
def image(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Make an uploaded picture safe."""
    return self.run_step(job_id, message, ops.image)


@app.task(base=MediaTask, bind=True, name=TaskName.INGEST_FONT.value, **task_options(TaskName.INGEST_FONT))
def font(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Make an uploaded font safe."""
    return self.run_step(job_id, message, fonts.sanitize_font)
