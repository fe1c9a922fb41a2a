"""What takes more than one call: signing in, uploading, following a job, downloading."""

from __future__ import annotations

import json
import mimetypes
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from reelyard_client import models
from reelyard_client.operations import Operations
from reelyard_client.transport import JobFailedError, ReelyardError, error_of

ENDED = ("succeeded", "failed", "cancelled")
_TRANSFER_S = 300.0


class Client(Operations):
    """A user of one API: every operation as a method, and the few ways that take several of them."""

    def sign_in(self, email: str, password: str) -> None:
        """Carry this account's access token from now on."""
        self.token = self.post_auth_login({"email": email, "password": password})["access_token"]

    def upload(
        self, path: str | Path, *, content_type: str = "", language: str | None = None, purpose: str = "captions"
    ) -> dict[str, Any]:
        """Send a file straight into the storage and complete the upload.

        :param content_type: by default what the name's ending says.
        :param purpose: ``sound`` has no words heard, and nothing charged for that.
        :returns: the new ``asset`` and the ``job`` that probes it and, for ``captions``, hears its words.
        """
        path = Path(path)
        kind = content_type or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        declared: dict[str, Any] = {"filename": path.name, "content_type": kind, "size_bytes": path.stat().st_size}
        if language:
            declared["language"] = language
        ticket: Any = self.call("POST", "/api/v1/uploads", body=declared)
        with path.open("rb") as file:
            for part in ticket["upload"]["parts"]:
                file.seek(part["offset_bytes"])
                put(part["url"], file.read(part["size_bytes"]), ticket["upload"]["headers"])
        completed: dict[str, Any] = self.call(
            "POST", f"/api/v1/uploads/{ticket['id']}/complete", body={"purpose": purpose}
        )
        return completed

    def wait(self, job_id: str, *, timeout_s: float = 1800.0) -> models.JobResponse:
        """Follow a job until it has ended and return it; raise JobFailedError unless it succeeded."""
        for _ in self.events(job_id, timeout_s=timeout_s):
            pass
        job = self.get_job(job_id)
        if job["state"] != "succeeded":
            error: Any = job.get("error") or {"code": f"job.{job['state']}", "message": f"The job was {job['state']}"}
            raise JobFailedError(error["code"], error["message"], status=0, details=error.get("details") or {})
        return job

    def events(self, job_id: str, *, timeout_s: float = 1800.0) -> Iterator[dict[str, Any]]:
        """Yield a job's events as ``{"id", "event", "data"}`` until it has ended.

        A broken connection is taken up again after the last event that came: nothing is missed or told twice.
        """
        last, deadline = "", time.monotonic() + timeout_s
        path = f"/api/v1/jobs/{self.quoted(job_id)}/events"
        while time.monotonic() < deadline:
            try:
                with self._http.stream("GET", path, headers={"Last-Event-ID": last} if last else {}) as stream:
                    if stream.is_error:
                        stream.read()
                        raise error_of(stream)
                    for event in parse_events(stream.iter_lines()):
                        last = event["id"] or last
                        yield event
            except httpx.TransportError:
                time.sleep(0.5)
            if self.get_job(job_id)["state"] in ENDED:
                return
        raise ReelyardError("client.timeout", f"{job_id} did not end in {timeout_s:g} s", status=0, details={})

    def download(self, url: str, target: str | Path) -> Path:
        """Save what a presigned URL points to."""
        target = Path(target)
        with httpx.stream("GET", url, timeout=_TRANSFER_S) as response, target.open("wb") as file:
            if response.is_error:
                response.read()
                raise error_of(response)
            for block in response.iter_bytes():
                file.write(block)
        return target


def put(url: str, data: bytes, headers: dict[str, str]) -> None:
    """Send bytes to a presigned URL."""
    response = httpx.put(url, content=data, headers=headers, timeout=_TRANSFER_S)
    if response.is_error:
        raise error_of(response)


def parse_events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Parse Server-Sent Events; comments are skipped, ``data`` is read as JSON."""
    event = {"id": "", "event": "message", "data": ""}
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if event["data"]:
                yield {**event, "data": json.loads(event["data"])}
            event = {"id": "", "event": "message", "data": ""}
        elif name == "data" and event["data"]:
            event["data"] += f"\n{value}"
        elif name:
            event[name] = value
