"""A worker with one task, for tests that put all kinds of messages on its queue."""

from __future__ import annotations

from pathlib import Path

from tasks.app import make_celery

app = make_celery("cpu")


@app.task(name="touch", shared=False)
def touch(path: str) -> None:
    """Make a file."""
    Path(path).touch()
