"""The base of every Celery task that works on a step (ring 1). Bodies are plain functions; see :mod:`tasks.attempt`."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from celery import Task

from tasks.attempt import AttemptTools, Body, StepContext, run_attempt
from tasks.client import shared_client
from tasks.config import worker_settings
from tasks.contracts import StepBell
from tasks.errors import ReelyardError
from tasks.names import TaskName
from tasks.progress import ProgressHints
from tasks.storage.s3 import open_storage
from tasks.turn import run_turn

__all__ = ["MediaTask", "StepContext"]


class MediaTask(Task):
    """Adapter from a Celery message to one attempt of a step.

    ::

        @app.task(base=MediaTask, bind=True, name=TaskName.X.value, **task_options(TaskName.X))
        def x(self: MediaTask, job_id: str, message: dict) -> dict:
            return self.run_step(job_id, message, body)
    """

    abstract = True
    Request = "tasks.deaths:WatchedRequest"
    throws = (ReelyardError,)  # reported and logged by the attempt already: no second traceback from Celery

    @cached_property
    def tools(self) -> AttemptTools:
        """What every attempt of this process shares, made on first use, which is after the pool has forked."""
        settings = worker_settings()
        return AttemptTools(
            client=shared_client(
                settings.api_url, settings.callback_secret, self.request.hostname or settings.node_name
            ),
            storage=open_storage(settings.storage),
            settings=settings,
            hints=ProgressHints(settings.redis_url),
        )

    def run_step(self, job_id: str, message: dict[str, Any], body: Body) -> dict[str, Any]:
        """Claim the step that ``message`` rings for, run ``body`` and report how it ended.

        Where the message is the last of its chain and steps are short, the slot goes on with those that are next.
        """
        bell = StepBell.from_json(message)
        run = run_attempt if self.request.chain or self.request.callbacks or self.request.chord else run_turn
        return run(self.tools, TaskName(self.name), job_id=job_id, step_id=bell.step_id, body=body)
