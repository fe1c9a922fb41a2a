"""The fast path with a real Celery worker: chains and chords carry a job to its end without the dispatcher."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker

from api.jobs import service
from api.jobs.publish import Publisher
from cli.services.launcher import start_services
from tasks.app import make_celery
from tests.engine.play import POSTER, PROBE, RENDER, SPEECH, Play, fan_out, ingest
from tests.engine.test_process import wait_for_end


@pytest.fixture
def redis_url(app: Any, tmp_path: Path) -> Iterator[str]:
    """A broker of its own, which the application publishes to."""
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    with start_services(tmp_path, names=("valkey",), environ={}, durable=False) as running:
        url = running.environ["REDIS_URL"]
        before = app.extensions.get("reelyard.publisher")
        app.extensions["reelyard.publisher"] = Publisher(url)
        yield url
        app.extensions["reelyard.publisher"] = before or Publisher(app.extensions["settings"].redis_url)


@pytest.fixture
def worker(play: Play, redis_url: str) -> Iterator[Celery]:
    """A worker whose bodies claim and succeed."""
    celery = make_celery("test", redis_url=redis_url)

    def body(self: Any, job_id: str, message: dict[str, Any]) -> dict[str, Any]:
        with play.app.app_context():
            claim = play.ask_by_id(job_id, message["step_id"], self.name)
            if claim.claimed:
                play.succeed(claim)
            return {"claimed": claim.claimed, "reason": claim.reason}

    for name in (PROBE, POSTER, SPEECH, RENDER):
        celery.task(body, name=name.value, bind=True, acks_late=True, shared=False)
    with start_worker(celery, pool="threads", concurrency=2, perform_ping_check=False, shutdown_timeout=20):
        yield celery


@pytest.mark.parametrize("plan", ["chain and group", "chord"])
def test_a_canvas_rings_all_steps_of_a_job_by_itself(play: Play, worker: Celery, plan: str) -> None:
    job_id = play.create(ingest() if plan == "chain and group" else fan_out(6))

    assert service.publish_soon(job_id) is True

    assert wait_for_end(play, [job_id], timeout_s=20) == ["succeeded"]
