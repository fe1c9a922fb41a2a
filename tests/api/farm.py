"""Playing the farm in tests: real presigned transfers, and worker results through the signed callbacks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from threading import Barrier, Thread
from typing import Any

import httpx

from api.extensions import db
from api.jobs.models import Step
from api.jobs.publish import get_publisher
from tasks.contracts import (
    AudioInfo,
    MediaInfo,
    RenderReceipt,
    Segment,
    StepFailure,
    StepReport,
    Transcript,
    VideoInfo,
    Word,
)
from tasks.contracts.signing import signed_headers
from tasks.names import REPORT_PATH, CallbackPath, TaskName

HTTP = httpx.Client(trust_env=False, timeout=30)
CLIP = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 16


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def media_of(data: bytes = CLIP, *, video: bool = True, audio: bool = True) -> dict[str, Any]:
    """What a probe of ``data`` would tell if it were a 1080 by 1920 video of ten seconds."""
    picture = VideoInfo("h264", 1080, 1920, 30, 1, frame_count=300) if video else None
    sound = AudioInfo("aac", 48000, 2) if audio else None
    return MediaInfo("mp4", 10.0, len(data), sha256_of(data), picture, sound).to_json()


def transcript_of(*words: str) -> dict[str, Any]:
    """A transcript of one segment with half a second per word."""
    spoken = tuple(Word(f"w{i}", text, 0.5 * i, 0.5 * i + 0.4, 0.9) for i, text in enumerate(words, start=1))
    segments = (Segment("s1", " ".join(words), spoken[0].start, spoken[-1].end, spoken),) if spoken else ()
    return Transcript("en", 0.97, 10.0, "faster", "1.2.1", "tiny.en", "dtw", segments).to_json()


def receipt_of() -> dict[str, Any]:
    return RenderReceipt(
        recipe="r1",
        encoder="libx264",
        encoder_options={"crf": "18"},
        browser="chromium 156",
        renderer="reelyard 0.1.0",
        fonts=(),
        versions={"av": "18.1.0"},
        frame_count=300,
        captured_states=12,
        width=1080,
        height=1920,
        fps_num=30,
        fps_den=1,
        duration_s=10.0,
        audio="copy",
    ).to_json()


@dataclass
class Farm:
    """A worker that claims steps and reports what the test says, over the same signed HTTP as a real one."""

    client: Any
    secret: str

    def post(self, path: str, message: dict[str, Any]) -> Any:
        body = json.dumps(message).encode()
        headers = {**signed_headers(self.secret, "POST", path, body), "Content-Type": "application/json"}
        return self.client.post(path, data=body, headers=headers)

    def claim(self, job_id: str, name: str) -> dict[str, Any]:
        return self.claim_part(job_id, name, 0)

    def claim_part(self, job_id: str, name: str, part: int) -> dict[str, Any]:
        claim = self.ask(job_id, name, part)
        assert claim["claimed"], claim
        return claim

    def ask(self, job_id: str, name: str, part: int = 0) -> dict[str, Any]:
        """Ask for a step, which may be refused."""
        step = find_step(job_id, name, part)
        message = {"version": 1, "job_id": job_id, "step_id": str(step.id), "node": "test", "task": step.task}
        answer = self.post(CallbackPath.CLAIM.format(step_id=step.id), message)
        assert answer.status_code == 200, answer.get_json()
        return {**answer.get_json(), "task": step.task}

    def report(self, claim: dict[str, Any], **outcome: Any) -> Any:
        report = StepReport(claim["job_id"], claim["step_id"], claim["token"], **outcome)
        path = REPORT_PATH.get(TaskName(claim["task"]), CallbackPath.REPORT).format(step_id=claim["step_id"])
        return self.post(path, report.to_json())

    def succeed(self, job_id: str, name: str, result: dict[str, Any]) -> None:
        answer = self.report(self.claim(job_id, name), result=result)
        assert answer.status_code == 200, answer.get_json()

    def fail(self, job_id: str, name: str, code: str, detail: str = "It does not work.") -> None:
        answer = self.report(self.claim(job_id, name), failure=StepFailure(code, detail, permanent=True))
        assert answer.status_code == 200, answer.get_json()


def find_step(job_id: str, name: str, part: int = 0) -> Step:
    db.session.rollback()
    step = db.session.query(Step).filter_by(job_id=job_id, name=name, part=part).one()
    db.session.expunge(step)
    return step


def send(ticket: dict[str, Any], data: bytes) -> list[httpx.Response]:
    """PUT the bytes as the ticket says, over real HTTP."""
    transfer = ticket["upload"]
    answers = []
    for part in transfer["parts"]:
        chunk = data[part["offset_bytes"] : part["offset_bytes"] + part["size_bytes"]]
        answers.append(HTTP.request(transfer["method"], part["url"], content=chunk, headers=transfer["headers"]))
    return answers


@dataclass
class Caller:
    """An ordinary client of the API with its own account."""

    client: Any
    token: str
    id: str

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        signed = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return self.client.open(f"/api/v1{path}", method=method, json=body, headers=signed)

    def expect(self, status: int, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.call(method, path, body)
        assert answer.status_code == status, (method, path, answer.status_code, answer.get_data(as_text=True))
        return answer.get_json(silent=True)

    def get(self, path: str, *, expect: int = 200) -> Any:
        return self.expect(expect, "GET", path)

    def post(self, path: str, body: dict[str, Any] | None = None, *, expect: int) -> Any:
        return self.expect(expect, "POST", path, body)

    def delete(self, path: str, *, expect: int) -> Any:
        return self.expect(expect, "DELETE", path)


def announce(user: Caller, data: bytes, **declared: Any) -> dict[str, Any]:
    """Announce an upload of these bytes and return its ticket."""
    body = {"filename": "clip.mp4", "content_type": "video/mp4", "size_bytes": len(data), **declared}
    ticket: dict[str, Any] = user.post("/uploads", body, expect=201)
    return ticket


def ingest(
    user: Caller, farm: Farm, *, words: tuple[str, ...] = ("Hello",), video: bool = True, filename: str = "clip.mp4"
) -> str:
    """Bring a clip all the way in and return its asset's id."""
    ticket = announce(user, CLIP, filename=filename)
    assert [answer.status_code for answer in send(ticket, CLIP)] == [200]
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]
    farm.succeed(job_id, "probe", media_of(video=video))
    farm.succeed(job_id, "transcribe", transcript_of(*words))
    farm.succeed(job_id, "poster", {"object_key": None})
    return str(ticket["asset_id"])


def storage_used(user: Caller) -> int:
    return int(user.get("/usage")["quotas"]["storage_bytes"]["used"])


def at_once(
    app: Any,
    user: Caller,
    count: int,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> list[Any]:
    """Send the same request many times at the same moment and return the answers."""
    start, answers = Barrier(count), []
    get_publisher()  # one for all threads

    def send_one() -> None:
        mine = Caller(app.test_client(), user.token, user.id)
        start.wait()
        answers.append(mine.call(method, path, body, headers))

    threads = [Thread(target=send_one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
