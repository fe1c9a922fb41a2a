"""An ordinary client of the HTTP API: what anybody could write; the demo and the end-to-end tests use it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tasks.errors import PermanentError, ReelyardError, TransientError

PREFIX = "/api/v1"
ENDED = ("succeeded", "failed", "cancelled")
_RETRY_S = 0.5


class ApiProblemError(ReelyardError):
    """Raised for an answer of the API that is an error; carries its status, code and details."""

    def __init__(self, code: str, detail: str, extra: dict[str, Any] | None = None) -> None:
        super().__init__(code, detail, extra)
        self.status: int = self.extra.get("status", 0)


class ApiClient:
    """A signed-in user of one API."""

    def __init__(self, base_url: str, *, timeout_s: float = 30.0) -> None:
        self.base_url = base_url.rstrip("/")
        # Nothing here goes through a proxy: the addresses are loopback or the person's own.
        self._http = httpx.Client(base_url=self.base_url, timeout=timeout_s, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def register(self, email: str, password: str) -> None:
        """Make an account and sign in."""
        self.call("POST", "/auth/register", json={"email": email, "password": password})
        self.login(email, password)

    def login(self, email: str, password: str) -> None:
        """Sign in; every later call carries the token."""
        answer = self.call("POST", "/auth/login", json={"email": email, "password": password})
        self._http.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def use_token(self, token: str) -> None:
        """Carry an API token from now on."""
        self._http.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Call ``/api/v1`` and return the JSON answer (None without one); raise ApiProblemError for an error."""
        response = self.send(method, path, **options)
        return response.json() if response.content else None

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call ``/api/v1`` and return the response; raise ApiProblemError for an error."""
        try:
            response = self._http.request(method, PREFIX + path, **options)
        except httpx.TransportError as error:
            raise TransientError("api.unreachable", f"{self.base_url} does not answer: {error}") from error
        if response.is_error:
            raise _problem(response)
        return response

    def upload(
        self, path: Path, *, content_type: str = "video/mp4", language: str | None = None, purpose: str = "captions"
    ) -> dict[str, Any]:
        """Send a file straight into the storage and complete the upload; return what completing answered.

        :param purpose: ``captions`` has what is said transcribed, ``sound`` does not.
        """
        size_bytes = path.stat().st_size
        declared = {"filename": path.name, "content_type": content_type, "size_bytes": size_bytes, "language": language}
        ticket = self.call("POST", "/uploads", json=declared)
        transfer = ticket["upload"]
        with path.open("rb") as file:
            for part in transfer["parts"]:
                file.seek(part["offset_bytes"])
                self._put(part["url"], file.read(part["size_bytes"]), transfer["headers"])
        wish = {"purpose": purpose}
        completed: dict[str, Any] = self.call("POST", f"/uploads/{ticket['id']}/complete", json=wish)
        return completed

    def download(self, path: str, target: Path) -> Path:
        """Save what a download endpoint (``…/download``, ``…/poster``) points to."""
        url = self.call("GET", path)["url"]
        with httpx.stream("GET", url, timeout=60, trust_env=False) as response, target.open("wb") as file:
            if response.is_error:
                raise TransientError("storage.refused", f"The storage answered {response.status_code} to a download")
            for block in response.iter_bytes():
                file.write(block)
        return target

    def events(self, job_id: str, *, give_up_s: float = 1800.0) -> Iterator[dict[str, Any]]:
        """Yield a job's Server-Sent Events as ``{"id", "event", "data"}`` until it has ended.

        A broken connection is taken up again after the last event that came; nothing is missed or told twice.
        """
        last, deadline = "", time.monotonic() + give_up_s
        while time.monotonic() < deadline:
            headers = {"Last-Event-ID": last} if last else {}
            try:
                with self._http.stream("GET", f"{PREFIX}/jobs/{job_id}/events", headers=headers, timeout=30) as stream:
                    if stream.is_error:
                        stream.read()
                        raise _problem(stream)
                    for event in parse_events(stream.iter_lines()):
                        last = event["id"] or last
                        yield event
            except httpx.TransportError:
                time.sleep(_RETRY_S)
            if self.job(job_id)["state"] in ENDED:
                return
        raise TransientError("job.too_slow", f"Job {job_id} did not end within {give_up_s:g} s")

    def live(self, *topics: str) -> Iterator[dict[str, Any]]:
        """Yield what the live stream tells, for ever; what it tells is as that of :meth:`events`.

        A broken connection is taken up again after the last event that came; ``ready`` then comes anew.
        """
        last = ""
        while True:
            headers = {"Last-Event-ID": last} if last else {}
            query = {"topics": ",".join(topics)}
            try:
                with self._http.stream(
                    "GET", f"{PREFIX}/live/events", headers=headers, params=query, timeout=30
                ) as stream:
                    if stream.is_error:
                        stream.read()
                        raise _problem(stream)
                    for event in parse_events(stream.iter_lines()):
                        last = event["id"] or last
                        yield event
            except httpx.TransportError:
                time.sleep(_RETRY_S)

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job as it is now."""
        answer: dict[str, Any] = self.call("GET", f"/jobs/{job_id}")
        return answer

    def wait(self, job_id: str, *, timeout_s: float = 120.0) -> dict[str, Any]:
        """Poll a job until it has ended and return it."""
        deadline = time.monotonic() + timeout_s
        while (job := self.job(job_id))["state"] not in ENDED:
            if time.monotonic() > deadline:
                raise TransientError("job.too_slow", f"Job {job_id} did not end within {timeout_s:g} s: {job}")
            time.sleep(0.2)
        return job

    def _put(self, url: str, data: bytes, headers: dict[str, str]) -> None:
        response = httpx.put(url, content=data, headers=headers, timeout=120, trust_env=False)
        if response.is_error:
            raise PermanentError("upload.refused", f"The storage answered {response.status_code} to a presigned PUT")


def parse_events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Parse a Server-Sent Events stream; comments are skipped and ``data`` is read as JSON."""
    event = {"id": "", "event": "message", "data": ""}
    for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            event[name] = f"{event['data']}\n{value}" if name == "data" and event["data"] else value
        elif event["data"]:
            yield {**event, "data": json.loads(event["data"])}
            event = {"id": "", "event": "message", "data": ""}


def _problem(response: httpx.Response) -> ApiProblemError:
    try:
        body = response.json()
        code, message, details = body["code"], body["message"], body.get("details") or {}
    except (ValueError, KeyError, TypeError):
        code, message, details = "api.unexpected", f"{response.status_code} {response.text[:300]}", {}
    return ApiProblemError(code, message, {**details, "status": response.status_code})
