"""Celery tasks of transcription; thin."""

from __future__ import annotations

from typing import Any

from tasks.app import task_options
from tasks.base import MediaTask
from tasks.cpu_app import app
from tasks.names import TaskName
from tasks.speech import ops, translating


@app.task(base=MediaTask, bind=True, name=TaskName.SPEECH_TRANSCRIBE.value, **task_options(TaskName.SPEECH_TRANSCRIBE))
def transcribe(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Transcribe an upload."""
    return self.run_step(job_id, message, ops.transcribe)


@app.task(base=MediaTask, bind=True, name=TaskName.SPEECH_HEAR.value, **task_options(TaskName.SPEECH_HEAR))
def hear(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Hear some blocks of a long upload."""
    return self.run_step(job_id, message, ops.hear)


@app.task(base=MediaTask, bind=True, name=TaskName.SPEECH_TRANSLATE.value, **task_options(TaskName.SPEECH_TRANSLATE))
def translate(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Translate a transcript."""
    return self.run_step(job_id, message, translating.translate)
