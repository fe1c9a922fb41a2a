"""An attempt with its tools against a real server, and the real storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tasks.attempt import AttemptTools, StepContext, run_attempt
from tasks.client import ControlClient
from tasks.config import read_worker_settings
from tasks.names import TaskName
from tasks.storage.memory import MemoryStorage
from tasks.storage.s3 import S3Storage
from tests.integration.attempts import Run
from tests.integration.buckets import s3_settings
from tests.integration.control_server import SECRET, ControlServer, control_server


@pytest.fixture
def server() -> Iterator[ControlServer]:
    with control_server() as running:
        yield running


@pytest.fixture
def tools(server: ControlServer, tmp_path: Path) -> Iterator[AttemptTools]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    settings = read_worker_settings(
        {
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "REELYARD_CALLBACK_SECRET": SECRET,
            "REELYARD_API_URL": server.url,
            "REELYARD_SCRATCH_DIR": str(scratch),
        }
    )
    client = ControlClient(server.url, SECRET, node="node-1")
    yield AttemptTools(client, MemoryStorage(), settings)
    client.close()


@pytest.fixture
def run(tools: AttemptTools) -> Run:
    def run_step(body: Callable[[StepContext], dict[str, Any]], step_id: str = "s1") -> dict[str, Any]:
        return run_attempt(tools, TaskName.INGEST_PROBE, job_id="job-1", step_id=step_id, body=body)

    return run_step


@pytest.fixture
def s3(service_environ: dict[str, str]) -> Iterator[S3Storage]:
    with closing(S3Storage(s3_settings(service_environ))) as storage:
        storage.ensure_bucket()
        yield storage


@pytest.fixture
def key() -> str:
    return f"assets/{uuid4().hex}/source"
