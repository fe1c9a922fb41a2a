"""The worker's end of the step protocol: signed calls to the API (ring 1)."""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from http import HTTPStatus
from http.client import HTTPException
from typing import Any

from tasks.contracts import (
    Claim,
    ClaimRequest,
    Heartbeat,
    NodeBeat,
    NodeOrder,
    ReportAndAsk,
    StepFailure,
    StepNews,
    StepReport,
)
from tasks.contracts.signing import signed_headers
from tasks.errors import FencedError, PermanentError, TransientError
from tasks.kept import Answer, KeptConnections
from tasks.names import REPORT_PATH, CallbackPath, TaskName
from tasks.tracing import HEADER, add_past_span, current_traceparent, span

_TIMEOUT_S, _CONNECT_TIMEOUT_S = 10.0, 2.0
_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})


class ControlClient:
    """Claims, heartbeats and reports over one keep-alive connection pool.

    Errors: FencedError when the API answers 409, TransientError ``control.unreachable`` when it does not answer,
    PermanentError ``control.refused`` when it refuses the call itself.
    """

    def __init__(self, api_url: str, secret: str, *, node: str, tries: int = 4) -> None:
        self._secret = secret
        self._node = node
        self._tries = tries
        self._http = KeptConnections(api_url)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def claim(self, job_id: str, step_id: str, task: TaskName) -> Claim:
        """Ask for a step; ``claimed`` false in the answer means it is not ours."""
        # One nonce for all tries: a claim whose answer was lost on the way is given again, not refused as running.
        request, began = ClaimRequest(job_id, step_id, self._node, task.value, nonce=uuid.uuid4().hex), time.time()
        answer = self._post(CallbackPath.CLAIM, step_id, request.to_json(), tries=self._tries)
        try:
            claim = Claim.from_json(answer)
        except PermanentError as error:
            if not self._give_back(answer, task, error):
                raise
            return Claim(False, reason="unknown_version")
        add_past_span("claim", began=began, parent=claim.trace, job_id=job_id, step=claim.name, node=self._node)
        return claim

    def heartbeat(self, beat: Heartbeat, *, timeout_s: float) -> float:
        """Renew the lease once, without retries, and return its new length in seconds."""
        path = CallbackPath.HEARTBEAT.value.format(step_id=beat.step_id)
        answer = self._post_once(path, beat.to_json(), timeout_s=timeout_s)
        return float(answer.get("lease_s", 0.0))

    def tell(self, news: StepNews, *, tries: int = 1) -> None:
        """Tell what an attempt has to show or to keep before its end."""
        self._post(CallbackPath.NEWS, news.step_id, news.to_json(), tries=tries)

    def report(self, task: TaskName, report: StepReport, *, tries: int | None = None) -> None:
        """Hand in the end of an attempt."""
        path = REPORT_PATH.get(task, CallbackPath.REPORT)
        with span("report", kind="client", job_id=report.job_id):
            self._post(path, report.step_id, report.to_json(), tries=tries or self._tries)

    def report_death(self, report: StepReport) -> None:
        """Tell how an attempt ended whose process died, in its place."""
        self._post(CallbackPath.REPORT, report.step_id, report.to_json(), tries=self._tries)

    def report_and_ask(self, task: TaskName, report: StepReport, *, nonce: str) -> Claim | None:
        """Hand in the end of an attempt and claim, by the same call and without retries, the next step of its task.

        :param nonce: the same for every repetition, which is answered with the same claim.
        """
        asked = ReportAndAsk(report, self._node, task.value, nonce)
        path = CallbackPath.REPORT_AND_ASK.value.format(step_id=report.step_id)
        with span("report", kind="client", job_id=report.job_id):
            answer = self._post_once(path, asked.to_json()).get("next")
        if not isinstance(answer, dict):
            return None
        try:
            return Claim.from_json(answer)
        except PermanentError as error:
            if not self._give_back(answer, task, error):
                raise
        return None

    def beat(self, beat: NodeBeat) -> NodeOrder:
        """Tell once, without retries, how a worker process is; return what it shall be."""
        return NodeOrder.from_json(self._post(CallbackPath.NODE_BEAT, "", beat.to_json(), tries=1))

    def _give_back(self, answer: dict[str, Any], task: TaskName, error: PermanentError) -> bool:
        """Leave a step to others whose claim cannot be read here; tell whether the answer says which.

        Without it the step would wait for its lease to end, and count as one more worker that its input took down.
        """
        if answer.get("claimed") is False:
            return True
        job_id, step_id, token = (answer.get(name) for name in ("job_id", "step_id", "token"))
        if not (isinstance(job_id, str) and isinstance(step_id, str) and isinstance(token, int)):
            return False
        failure = StepFailure("contract.unknown_version", error.detail, permanent=False)
        self.report(task, StepReport(job_id, step_id, token, failure=failure))
        return True

    def _post(self, path: CallbackPath, step_id: str, body: dict[str, Any], *, tries: int) -> dict[str, Any]:
        for attempt in range(1, tries + 1):
            try:
                return self._post_once(path.value.format(step_id=step_id), body)
            except TransientError:
                if attempt == tries:
                    raise
                time.sleep(backoff_s(attempt))
        raise AssertionError("tries must be at least 1")

    def _post_once(self, path: str, body: dict[str, Any], *, timeout_s: float = _TIMEOUT_S) -> dict[str, Any]:
        content = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
        headers = {"Content-Type": "application/json", **signed_headers(self._secret, "POST", path, content)}
        if trace := current_traceparent():
            headers[HEADER] = trace
        try:
            connect_s = min(timeout_s, _CONNECT_TIMEOUT_S)
            response = self._http.post(path, content, headers, timeout_s=timeout_s, connect_s=connect_s)
        except (OSError, HTTPException) as error:
            raise TransientError("control.unreachable", f"The API does not answer: {type(error).__name__}") from error
        if 200 <= response.status < 300:
            return _with_trace(_json_object(response), response.headers.get(HEADER, ""))
        raise _refusal(response)


def backoff_s(attempt: int, *, first_s: float = 0.25, longest_s: float = 5.0) -> float:
    """Return a pause that doubles with each attempt, with jitter so that a farm does not come back in step."""
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
    return jitter * min(longest_s, first_s * 2.0 ** min(attempt - 1, 16))


def _json_object(response: Answer) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as error:
        raise TransientError("control.bad_answer", "The API answered something that is not JSON") from error
    if not isinstance(answer, dict):
        raise TransientError("control.bad_answer", "The API answered JSON that is not an object")
    return answer


def _with_trace(answer: dict[str, Any], trace: str) -> dict[str, Any]:
    """Put the trace that came in the header into the claim of an answer."""
    claim = answer.get("next") if "next" in answer else answer
    if trace and isinstance(claim, dict):
        claim["trace"] = trace
    return answer


def _refusal(response: Answer) -> FencedError | TransientError | PermanentError:
    code, message = _error_of(response)
    if response.status == HTTPStatus.CONFLICT:
        return FencedError(code or "step.fenced", message or "Another attempt owns this step")
    if response.status in _RETRYABLE or response.status >= 500:
        return TransientError("control.unreachable", f"The API answered {response.status}")
    return PermanentError("control.refused", f"The API refused the call with {response.status} {code}: {message}")


def _error_of(response: Answer) -> tuple[str, str]:
    try:
        answer = response.json()
    except ValueError:
        return "", ""
    if not isinstance(answer, dict):
        return "", ""
    return str(answer.get("code", "")), str(answer.get("message", ""))


_clients: dict[tuple[str, str, str], ControlClient] = {}
_clients_lock = threading.Lock()


def shared_client(api_url: str, secret: str, node: str) -> ControlClient:
    """Return this process's client, made on first use (after the pool has forked)."""
    with _clients_lock:
        key = (api_url, secret, node)
        if key not in _clients:
            _clients[key] = ControlClient(api_url, secret, node=node)
        return _clients[key]
