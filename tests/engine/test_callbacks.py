"""The worker protocol over HTTP: signatures, messages, adapters."""

from __future__ import annotations

import json
import math
import time
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.jobs.service import create_job
from tasks.contracts import ClaimRequest, Heartbeat, Progress, StepFailure, StepReport
from tasks.contracts.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign, signed_headers
from tasks.names import CallbackPath
from tests.engine.play import RENDER, SPEECH, Play, StepSpec, one_step

__all__ = ["create_job"]


class Caller:
    """A worker that speaks HTTP."""

    def __init__(self, client: Any, secret: str) -> None:
        self.client = client
        self.secret = secret

    def post(self, path: str, message: Any, *, headers: dict[str, str] | None = None) -> Any:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        signed = signed_headers(self.secret, "POST", path, body) if headers is None else headers
        return self.client.post(path, data=body, headers={"Content-Type": "application/json", **signed})

    def claim(self, play: Play, job_id: UUID, name: str) -> dict[str, Any]:
        step = play.step(job_id, name)
        message = ClaimRequest(str(job_id), str(step.id), "node", step.task).to_json()
        answer = self.post(CallbackPath.CLAIM.format(step_id=step.id), message)
        assert answer.status_code == 200, answer.get_json()
        claim: dict[str, Any] = answer.get_json()
        return claim


@pytest.fixture
def worker(client: Any, app: Any) -> Caller:
    return Caller(client, app.extensions["settings"].callback_secret)


def report_of(claim: dict[str, Any], **outcome: Any) -> dict[str, Any]:
    return StepReport(claim["job_id"], claim["step_id"], claim["token"], **outcome).to_json()


def test_a_step_is_claimed_kept_and_reported_over_http(play: Play, worker: Caller) -> None:
    job_id = play.create(one_step())
    claim = worker.claim(play, job_id, "only")
    paths = {path: path.format(step_id=claim["step_id"]) for path in CallbackPath}
    beat = Heartbeat(claim["job_id"], claim["step_id"], claim["token"], Progress(0.25, "decode", 1, 4, "frames"))

    kept = worker.post(paths[CallbackPath.HEARTBEAT], beat.to_json())
    shown = play.job(job_id).progress
    taken = worker.post(paths[CallbackPath.REPORT], report_of(claim, result={"a": 1}))
    again = worker.post(paths[CallbackPath.REPORT], report_of(claim, result={"a": 1}))
    late = worker.post(paths[CallbackPath.HEARTBEAT], beat.to_json())

    assert (claim["claimed"], claim["attempt"], claim["input"]) == (True, 1, {"object_key": "uploads/x"})
    assert (kept.status_code, kept.get_json()) == (200, {"lease_s": 3.0})
    assert shown == {"percent": 25.0, "stage": "decode", "done": 1.0, "total": 4.0, "unit": "frames"}
    assert (taken.status_code, taken.get_json()) == (200, {"accepted": True})
    assert (again.status_code, again.get_json()) == (200, {"accepted": True})
    assert (late.status_code, late.get_json()["code"]) == (409, "step.fenced")
    assert play.job(job_id).state == "succeeded"


def test_a_claim_that_is_refused_is_an_answer(play: Play, worker: Caller) -> None:
    job_id = play.create(one_step())
    worker.claim(play, job_id, "only")

    second = worker.claim(play, job_id, "only")

    assert (second["claimed"], second["reason"], second["token"]) == (False, "running", 0)


def test_a_worker_on_a_cancelled_job_hears_409(play: Play, worker: Caller) -> None:
    job_id = play.create(one_step())
    claim = worker.claim(play, job_id, "only")
    play.cancel(job_id)
    beat = Heartbeat(claim["job_id"], claim["step_id"], claim["token"]).to_json()

    for path, message in ((CallbackPath.HEARTBEAT, beat), (CallbackPath.REPORT, report_of(claim, result={}))):
        answer = worker.post(path.format(step_id=claim["step_id"]), message)
        assert (answer.status_code, answer.get_json()["code"]) == (409, "job.cancelled")


def test_a_transcript_result_ends_its_step(play: Play, worker: Caller) -> None:
    job_id = play.create([StepSpec("transcribe", SPEECH, {})])
    claim = worker.claim(play, job_id, "transcribe")
    failure = StepFailure("speech.no_model", "There is no model.", True)

    answer = worker.post("/api/upload-video/result", report_of(claim, failure=failure))

    assert (answer.status_code, answer.get_json()) == (200, {"accepted": True})
    assert play.job(job_id).error == {"code": "speech.no_model", "message": "There is no model.", "details": {}}


def test_the_render_callback_takes_progress_and_the_end(play: Play, worker: Caller) -> None:
    job_id = play.create([StepSpec("render", RENDER, {})])
    claim = worker.claim(play, job_id, "render")
    beat = Heartbeat(claim["job_id"], claim["step_id"], claim["token"], Progress(0.5, "frames")).to_json()

    progress = worker.post("/api/render/callback", beat)
    percent = play.job(job_id).percent
    end = worker.post("/api/render/callback", report_of(claim, result={"object_key": "x"}))

    assert (progress.status_code, progress.get_json()) == (200, {"lease_s": 3.0})
    assert percent == 50.0
    assert (end.status_code, end.get_json()) == (200, {"accepted": True})
    assert play.job(job_id).state == "succeeded"


SIGNED_PATHS = [path.format(step_id="11111111-1111-4111-8111-111111111111") for path in CallbackPath]


@pytest.mark.security("S-7")
@pytest.mark.parametrize("path", SIGNED_PATHS)
@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("nothing", "callback.unsigned"),
        ("no signature", "callback.unsigned"),
        ("old", "callback.expired"),
        ("from the future", "callback.expired"),
        ("no number", "callback.expired"),
        ("other secret", "callback.bad_signature"),
        ("other body", "callback.bad_signature"),
        ("other path", "callback.bad_signature"),
        ("other method", "callback.bad_signature"),
        ("not ascii", "callback.bad_signature"),
    ],
)
def test_a_call_that_is_not_genuine_is_refused(worker: Caller, path: str, how: str, code: str) -> None:
    body, now = b'{"step_id": "11111111-1111-4111-8111-111111111111"}', int(time.time())
    future = str(math.ceil(time.time()) + 301)
    stamp = {"old": str(now - 301), "from the future": future, "no number": "soon"}.get(how, str(now))
    secret = "x" * 40 if how == "other secret" else worker.secret
    signature = sign(
        secret,
        "GET" if how == "other method" else "POST",
        "/api/internal/other" if how == "other path" else path,
        stamp,
        b"{}" if how == "other body" else body,
    )
    headers = {TIMESTAMP_HEADER: stamp, SIGNATURE_HEADER: "é" if how == "not ascii" else signature}
    if how == "nothing":
        headers = {}
    elif how == "no signature":
        del headers[SIGNATURE_HEADER]

    answer = worker.post(path, body, headers=headers)

    assert (answer.status_code, answer.get_json()["code"]) == (401, code)
    assert answer.get_json()["request_id"]


@pytest.mark.security("S-7")
def test_a_users_token_opens_no_callback(worker: Caller) -> None:
    answer = worker.post(SIGNED_PATHS[0], {}, headers={"Authorization": "Bearer abc"})

    assert (answer.status_code, answer.get_json()["code"]) == (401, "callback.unsigned")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"text"', b'{"step_id": NaN}', b'{"step_id": Infinity}', b"\xff\xfe", b"{}"],
)
def test_a_signed_body_that_is_no_message_is_refused_with_a_code(play: Play, worker: Caller, body: bytes) -> None:
    answer = worker.post(SIGNED_PATHS[2], body)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "contract.invalid")


@pytest.mark.parametrize(
    "change",
    [
        {"token": "1"},
        {"token": True},
        {"surprise": 1},
        {"step_id": str(uuid4())},
        {"failure": {"code": "a.b"}},
        {"result": []},
    ],
)
def test_a_message_with_wrong_fields_changes_nothing(play: Play, worker: Caller, change: dict[str, Any]) -> None:
    job_id = play.create(one_step())
    claim = worker.claim(play, job_id, "only")
    path = CallbackPath.REPORT.format(step_id=claim["step_id"])

    answer = worker.post(path, {**report_of(claim, result={}), **change})

    assert (answer.status_code, answer.get_json()["code"]) == (422, "contract.invalid")
    assert play.states(job_id) == {"job": "running", "only": "running"}


def test_a_claim_of_an_unknown_version_is_answered_with_the_reason(play: Play, worker: Caller) -> None:
    job_id = play.create(one_step())
    step = play.step(job_id, "only")
    message = {"version": 9, "job_id": str(job_id), "step_id": str(step.id), "new": "field"}

    answer = worker.post(CallbackPath.CLAIM.format(step_id=step.id), message)

    assert (answer.status_code, answer.get_json()["claimed"]) == (200, False)
    assert answer.get_json()["reason"] == "unknown_version"


def test_a_report_of_an_unknown_version_gives_the_step_back(play: Play, worker: Caller) -> None:
    job_id = play.create(one_step())
    claim = worker.claim(play, job_id, "only")

    answer = worker.post(
        CallbackPath.REPORT.format(step_id=claim["step_id"]), {**report_of(claim, result={}), "version": 9, "new": 1}
    )

    assert (answer.status_code, answer.get_json()["code"]) == (422, "contract.unknown_version")
    step = play.step(job_id, "only")
    assert (step.state, step.charged, step.handbacks) == ("queued", 0, 1)
    assert step.error_message is not None
    assert "version 9" in step.error_message


def test_a_transcript_far_above_the_general_limit_is_taken(play: Play, worker: Caller, app: Any) -> None:
    job_id = play.create([StepSpec("render", RENDER, {})])
    claim = worker.claim(play, job_id, "render")
    words = "word " * (app.config["MAX_CONTENT_LENGTH"] // 4)

    answer = worker.post("/api/render/callback", report_of(claim, result={"text": words}))

    assert answer.status_code == 200
    result = play.step(job_id, "render").result
    assert result is not None
    assert len(result["text"]) == len(words)


def test_nul_characters_are_dropped_since_the_database_cannot_keep_them(play: Play, worker: Caller) -> None:
    job_id = play.create([StepSpec("render", RENDER, {})])
    claim = worker.claim(play, job_id, "render")
    failure = StepFailure("media.broken", "a\0b", True, {"na\0me": ["\0x"]})

    answer = worker.post("/api/render/callback", report_of(claim, failure=failure))

    assert answer.status_code == 200
    assert play.job(job_id).error == {"code": "media.broken", "message": "ab", "details": {"name": ["x"]}}
