"""Settings of the commands that work without a server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.config import WorkerSettings

_NOT_USED = {
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "REELYARD_CALLBACK_SECRET": "this-process-talks-to-no-server-at-all",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
}
"""Stand-ins for what only a worker of the system needs; nothing ever connects to them."""


def direct_environ(*, whisper_model: str | None = None) -> dict[str, str]:
    """Return the environment for work done in this process alone."""
    chosen = {"REELYARD_WHISPER_MODEL": whisper_model} if whisper_model else {}
    return {**os.environ, **_NOT_USED, **chosen}


def direct_settings() -> WorkerSettings:
    """Return worker settings for work done in this process alone."""
    from tasks.config import read_worker_settings

    return read_worker_settings(direct_environ())
