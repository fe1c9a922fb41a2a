"""The CPU worker: ``celery -A tasks.worker worker -Q ingest,analysis,transcription`` (ring 3)."""

from __future__ import annotations

from typing import Any

from celery.signals import celeryd_init

from tasks.app import exit_unless_configured
from tasks.clips import tasks as clips_tasks
from tasks.config import worker_settings
from tasks.cpu_app import app
from tasks.delivery import tasks as delivery_tasks
from tasks.fetchers import tasks as fetchers_tasks
from tasks.ingest import tasks as ingest_tasks
from tasks.music import tasks as music_tasks
from tasks.node import Profile, install
from tasks.samples import tasks as samples_tasks
from tasks.scratch import sweep_scratch
from tasks.self_test import examine_host
from tasks.shorts import tasks as shorts_tasks
from tasks.sounds import tasks as sounds_tasks
from tasks.sources import keep_tidy
from tasks.speech import tasks as speech_tasks

__all__ = [
    "app",
    "clips_tasks",
    "delivery_tasks",
    "fetchers_tasks",
    "ingest_tasks",
    "music_tasks",
    "samples_tasks",
    "shorts_tasks",
    "sounds_tasks",
    "speech_tasks",
]

install(
    app,
    Profile(
        "cpu",
        examine=lambda about: examine_host(worker_settings()),
        uses_gpu=lambda settings: settings.whisper_device != "cpu",
    ),
)


@celeryd_init.connect
def _start(**_: Any) -> None:
    """Refuse to start with a wrong environment, and clear what killed workers left behind."""
    exit_unless_configured(worker_settings)
    sweep_scratch(worker_settings().scratch_dir)
    keep_tidy(worker_settings())
