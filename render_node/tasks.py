"""Celery tasks of the render node; thin."""

from __future__ import annotations

from typing import Any

from render_node.checks.run import check
from render_node.chunk_ops import chunk, join
from render_node.node_app import app
from render_node.ops import render
from render_node.ordered_images import with_ordered_images
from render_node.still_ops import draw
from render_node.uploaded_fonts import with_uploaded_fonts
from tasks.app import task_options
from tasks.base import MediaTask
from tasks.names import TaskName


@app.task(base=MediaTask, bind=True, name=TaskName.RENDER_VIDEO.value, **task_options(TaskName.RENDER_VIDEO))
def render_video(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Render a scenario over a source."""
    return self.run_step(job_id, message, with_uploaded_fonts(with_ordered_images(render)))


@app.task(base=MediaTask, bind=True, name=TaskName.RENDER_CHUNK.value, **task_options(TaskName.RENDER_CHUNK))
def render_chunk(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Render a piece of a long video."""
    return self.run_step(job_id, message, with_uploaded_fonts(with_ordered_images(chunk)))


@app.task(base=MediaTask, bind=True, name=TaskName.RENDER_JOIN.value, **task_options(TaskName.RENDER_JOIN))
def render_join(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Put the pieces of a long video together."""
    return self.run_step(job_id, message, with_uploaded_fonts(with_ordered_images(join)))


@app.task(base=MediaTask, bind=True, name=TaskName.RENDER_STILL.value, **task_options(TaskName.RENDER_STILL))
def render_still(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Draw single pictures of a scenario."""
    return self.run_step(job_id, message, with_uploaded_fonts(with_ordered_images(draw)))


@app.task(base=MediaTask, bind=True, name=TaskName.RENDER_CHECK.value, **task_options(TaskName.RENDER_CHECK))
def render_check(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
    """Look at a scenario where it would be drawn."""
    return self.run_step(job_id, message, with_uploaded_fonts(with_ordered_images(check)))
