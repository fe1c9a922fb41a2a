"""Celery tasks of sounds; thin."""

from __future__ import annotations

from typing import Any

from tasks.app import task_options
from tasks.base import MediaTask
from tasks.cpu_app import app
from tasks.names import TaskName
from tasks.sounds import ops


@app.task(base=MediaTask, bind=True, name=TaskName.SOUNDS_LEVEL.value, **task_options(TaskName.SOUNDS_LEVEL))
def level(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Bring a sound to its loudness."""
    return self.run_step(job_id, message, ops.level)


@app.task(base=MediaTask, bind=True, name=TaskName.SOUNDS_SPEAK.value, **task_options(TaskName.SOUNDS_SPEAK))
def speak(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Say a text at that loudness."""
    return self.run_step(job_id, message, ops.speak)


@app.task(base=MediaTask, bind=True, name=TaskName.LINKS_LEVEL.value, **task_options(TaskName.LINKS_LEVEL))
def level_link(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Bring the sound behind a link to its loudness."""
    return self.run_step(job_id, message, ops.level_link)


@app.task(base=MediaTask, bind=True, name=TaskName.SOUNDS_TAKE.value, **task_options(TaskName.SOUNDS_TAKE))
def take(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Make a sound of a file that was found."""
    return self.run_step(job_id, message, ops.take)
