"""Workers with short bodies: ``celery -A bench.chaos.cpu_worker`` and ``bench.chaos.render_worker``.

They take real work and answer it with nothing, so they start where REELYARD_ENV says ``test`` and nowhere else.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery

from tasks.app import make_celery, task_options
from tasks.attempt import Body
from tasks.base import MediaTask
from tasks.config import worker_settings
from tasks.names import TaskName
from tasks.node import Profile, install
from tasks.self_test import examine_host


def make_worker(role: str, bodies: dict[TaskName, Body]) -> Celery:
    """Return the application of a worker with bodies in the place of the real ones; refuse a system that is used."""
    if os.environ.get("REELYARD_ENV") != "test":
        raise SystemExit("Workers that pretend to work need REELYARD_ENV=test")
    app = make_celery(role)
    for name, body in bodies.items():
        app.task(base=MediaTask, bind=True, name=name.value, **task_options(name))(_runner(body))
    install(app, Profile(role, examine=lambda about: examine_host(worker_settings()), gpus=tuple))
    return app


def _runner(body: Body) -> Any:
    def run(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
        return self.run_step(job_id, message, body)

    run.__name__ = body.__name__
    return run
