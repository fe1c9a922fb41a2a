"""R15: workers of the version before, of the version after and of this one side by side; nobody is charged for it.

``TEST_VERSION_JOBS=500`` for the long run.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from api.extensions import db
from tasks.client import ControlClient
from tasks.contracts import StepReport
from tasks.errors import PermanentError
from tasks.kept import Answer
from tasks.names import CallbackPath
from tests.engine.line import changed_settings
from tests.engine.play import PROBE, Play, one_step

JOBS = int(os.environ.get("TEST_VERSION_JOBS", "16"))
API_URL = "http://api.test"


class InProcess:
    """What stands where connections to an API would be: the application itself."""

    def __init__(self, app: Any) -> None:
        self._client = app.test_client()

    def post(self, path: str, content: bytes, headers: dict[str, str], **_: float) -> Answer:
        answer = self._client.post(path, data=content, headers=headers)
        return Answer(answer.status_code, answer.get_data())

    def close(self) -> None:
        """Nothing is open."""


class Present(ControlClient):
    """A worker of this version."""


class Previous(ControlClient):
    """A worker of the version before: the claims that it is given are of a version that it does not know."""

    def _post(self, path: CallbackPath, step_id: str, body: dict[str, Any], *, tries: int) -> dict[str, Any]:
        answer = super()._post(path, step_id, body, tries=tries)
        return {**answer, "version": 2, "of_version_2": 1} if path is CallbackPath.CLAIM else answer


class Next(ControlClient):
    """A worker of the version after: nothing that it says is understood."""

    def _post(self, path: CallbackPath, step_id: str, body: dict[str, Any], *, tries: int) -> dict[str, Any]:
        return super()._post(path, step_id, {**body, "version": 2, "of_version_2": 1}, tries=tries)


class NextReports(ControlClient):
    """A worker of the version after whose claims are understood, and its reports are not."""

    def _post(self, path: CallbackPath, step_id: str, body: dict[str, Any], *, tries: int) -> dict[str, Any]:
        if path is CallbackPath.REPORT:
            body = {**body, "version": 2}
        return super()._post(path, step_id, body, tries=tries)


@pytest.fixture
def workers(app: Any) -> Iterator[list[ControlClient]]:
    """One worker of each kind, over HTTP as the application hears it."""
    made: list[ControlClient] = []
    for kind in (Present, Previous, Next, NextReports):
        client = kind(API_URL, app.extensions["settings"].callback_secret, node=kind.__name__)
        client._http = InProcess(app)  # type: ignore[assignment]
        made.append(client)
    with changed_settings(app, lease_s=3600.0, retry_backoff_s=0.001):
        yield made
    for client in made:
        client.close()


def work_once(client: ControlClient, job_id: str, step_id: str) -> str:
    """Claim a step, do nothing, report; return what came of it."""
    claim = client.claim(job_id, step_id, PROBE)
    if not claim.claimed:
        return claim.reason
    try:
        client.report(PROBE, StepReport(claim.job_id, claim.step_id, claim.token, result={}))
    except PermanentError as error:
        return error.code
    return "done"


def test_jobs_end_and_nobody_is_charged_while_three_versions_work_side_by_side(
    play: Play, workers: list[ControlClient]
) -> None:
    chance, open_jobs = random.Random(15), {str(play.create(one_step())) for _ in range(JOBS)}
    seen: Counter[str] = Counter()
    for _ in range(JOBS * 200):
        if not open_jobs:
            break
        job_id = chance.choice(sorted(open_jobs))
        step = play.step(job_id, "only")  # type: ignore[arg-type]
        play.let_pauses_pass(job_id)  # type: ignore[arg-type]
        worker = chance.choice(workers)
        came = work_once(worker, job_id, str(step.id))
        seen[f"{type(worker).__name__} {came}"] += 1
        if came == "done":
            open_jobs.remove(job_id)

    rows = db.session.execute(db.text("SELECT state, charged, faults FROM step")).all()
    owners = set(db.session.scalars(db.text("SELECT node FROM step")))
    outcomes = set(db.session.scalars(db.text("SELECT outcome FROM attempt")))
    assert rows == [("succeeded", 0, 0)] * JOBS
    assert owners == {"Present"}
    assert outcomes == {"succeeded", "handed_back"}
    assert set(seen) == {
        "Present done",
        "Previous unknown_version",
        "Next unknown_version",
        "NextReports control.refused",
    }
