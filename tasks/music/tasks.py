"""Celery task of music analysis; thin."""

from __future__ import annotations

from typing import Any

from tasks.app import task_options
from tasks.base import MediaTask
from tasks.cpu_app import app
from tasks.music import ops
from tasks.names import TaskName


@app.task(base=MediaTask, bind=True, name=TaskName.MUSIC_ANALYZE.value, **task_options(TaskName.MUSIC_ANALYZE))
def analyze(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Analyse a song."""
    return self.run_step(job_id, message, ops.analyze)


@app.task(base=MediaTask, bind=True, name=TaskName.SAMPLES_ANALYZE.value, **task_options(TaskName.SAMPLES_ANALYZE))
def analyze_sample(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Listen to a sample."""
    return self.run_step(job_id, message, ops.analyze_sample)
