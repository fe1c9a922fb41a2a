"""A render worker with short bodies."""

from bench.chaos import bodies
from bench.chaos.workers import make_worker
from tasks.names import TaskName

app = make_worker(
    "render",
    {
        TaskName.RENDER_VIDEO: bodies.render,
        TaskName.RENDER_CHUNK: bodies.chunk,
        TaskName.RENDER_JOIN: bodies.join,
    },
)
