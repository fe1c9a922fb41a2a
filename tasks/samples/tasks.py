"""Celery tasks of samples; thin."""

from __future__ import annotations

from typing import Any

from tasks.app import task_options
from tasks.base import MediaTask
from tasks.cpu_app import app
from tasks.names import TaskName
from tasks.samples import ops


@app.task(base=MediaTask, bind=True, name=TaskName.SAMPLES_EXTRACT.value, **task_options(TaskName.SAMPLES_EXTRACT))
def extract(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Write the sound of fetched media."""
    return self.run_step(job_id, message, ops.extract)


@app.task(base=MediaTask, bind=True, name=TaskName.SAMPLES_WAVEFORM.value, **task_options(TaskName.SAMPLES_WAVEFORM))
def waveform(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Draw a sample."""
    return self.run_step(job_id, message, ops.waveform)


@app.task(base=MediaTask, bind=True, name=TaskName.SAMPLES_LOOP.value, **task_options(TaskName.SAMPLES_LOOP))
def loops(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Find the loops of a sample."""
    return self.run_step(job_id, message, ops.loops)


@app.task(base=MediaTask, bind=True, name=TaskName.SAMPLES_SAVE.value, **task_options(TaskName.SAMPLES_SAVE))
def save(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """See that all of a sample is there."""
    return self.run_step(job_id, message, ops.save)
