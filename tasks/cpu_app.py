"""The Celery application that CPU bodies register with; :mod:`tasks.worker` loads them all (ring 3)."""

from __future__ import annotations

from tasks.app import make_celery

app = make_celery("cpu")
