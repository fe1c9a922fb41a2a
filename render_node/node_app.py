"""The Celery application of render nodes, apart from its entry point so that bodies can register on it."""

from __future__ import annotations

from tasks.app import make_celery

app = make_celery("render")
