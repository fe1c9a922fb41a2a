"""A worker as the real ones are, whose bodies only take time: ``celery -A tests.farm.worker_app worker``.

What a body does is written in its step's input: ``sleep_s`` to work so long, ``fail`` to fail with that code on nodes
that have a file of their name in ``TEST_BROKEN_DIR``.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from tasks.app import make_celery, task_options
from tasks.base import MediaTask, StepContext
from tasks.config import worker_settings
from tasks.errors import TransientError
from tasks.names import TaskName
from tasks.node import Profile, install
from tasks.self_test import examine_host
from tests.farm.nvml import SimulatedNvml

app = make_celery("cpu")
BROKEN = Path(os.environ.get("TEST_BROKEN_DIR", "/nonexistent"))
NODE = os.environ.get("TEST_NODE", "")


def body(context: StepContext) -> dict[str, Any]:
    """Work for a while."""
    ends_at = time.monotonic() + float(context.input.get("sleep_s", 0.0))
    while time.monotonic() < ends_at:
        context.check()
        time.sleep(0.02)
    if (BROKEN / NODE).exists():
        raise TransientError("encoder.lost", "The encoder of this node is gone")
    return {"node": NODE}


def examine(about: dict[str, Any]) -> list[str]:
    """Look for what the test broke, and at everything that a real worker looks at."""
    own = ["encoder: it is gone"] if (BROKEN / NODE).exists() else []
    return [*own, *examine_host(worker_settings())]


def gpus() -> Any:
    """Read simulated cards through the real reader."""
    from tasks.gpu import read_gpus

    return read_gpus(SimulatedNvml(int(os.environ.get("TEST_GPUS", "0"))))


for name in (TaskName.INGEST_PROBE, TaskName.INGEST_POSTER, TaskName.SPEECH_TRANSCRIBE, TaskName.RENDER_VIDEO):

    @app.task(base=MediaTask, bind=True, name=name.value, **task_options(name))  # type: ignore[untyped-decorator]
    def run(self: MediaTask, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
        """Run the body."""
        return self.run_step(job_id, message, body)


install(app, Profile("cpu", lambda: {"class": "test"}, examine, gpus, uses_gpu=lambda settings: True))
