"""Entry point of a render node: ``celery -A render_node.worker worker -Q render -c 1``."""

from __future__ import annotations

from typing import Any

from celery.signals import worker_init

from render_node import tasks as render_tasks
from render_node.node_app import app
from render_node.profile import describe_beside, examine_beside
from tasks.config import worker_settings
from tasks.node import Profile, install
from tasks.scratch import sweep_scratch
from tasks.sources import keep_tidy

__all__ = ["app", "render_tasks"]

install(
    app, Profile("render", describe_beside, examine_beside, uses_gpu=lambda settings: settings.encoder != "libx264")
)


@worker_init.connect  # type: ignore[untyped-decorator]  # celery has no types
def _start(**_: Any) -> None:
    """Refuse to start with a wrong environment, and clear what killed workers left behind."""
    sweep_scratch(worker_settings().scratch_dir)
    keep_tidy(worker_settings())
