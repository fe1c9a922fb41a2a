"""Twenty faults of the kinds that APIs have, put in one at a time, to see whether fuzzing finds them."""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request, Response

Go = Callable[[], Response]
Act = Callable[[Request, Go], Response]
V1 = "/api/v1"


@dataclass(frozen=True)
class Fault:
    """What is wrong, with which operations: ``method`` and the whole ``path`` (a pattern) choose the requests."""

    name: str
    method: str
    path: str
    act: Act
    try_paths: str
    """Which operations are tried, as schemathesis' path pattern: the broken one and those that lead there."""


class Faulty:
    """WSGI around the API with at most one fault at a time."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.fault = inner, None

    inner: Any
    fault: Fault | None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer, wrongly where the fault says so."""
        request = Request(environ)
        fault = self.fault
        if fault is None or not re.fullmatch(fault.path, request.path) or request.method not in fault.method.split():
            return self.inner(environ, start_response)
        environ["wsgi.input"] = io.BytesIO(request.get_data())
        environ["CONTENT_LENGTH"] = str(len(request.get_data()))
        answer = fault.act(request, lambda: Response.from_app(self.inner, environ, buffered=True))
        return answer(environ, start_response)


def body_of(request: Request) -> dict[str, Any]:
    """Return a request's JSON object; empty when it is none."""
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def crash(when: Callable[[Request], bool]) -> Act:
    """Fail as an unhandled exception does."""
    form = {"code": "internal.error", "message": "x", "details": {}, "request_id": "x"}
    return lambda request, go: answer_with(form, 500) if when(request) else go()


def edit(change: Callable[[dict[str, Any]], Any]) -> Act:
    """Change the JSON of good answers."""

    def act(_: Request, go: Go) -> Response:
        answer = go()
        if answer.status_code < 300 and answer.get_data():
            document = json.loads(answer.get_data())
            changed = change(document)
            answer.set_data(json.dumps(document if changed is None else changed))
        return answer

    return act


def forgive(document: Any, *, statuses: tuple[int, ...], status: int = 200) -> Act:
    """Say yes where the API said no."""
    return lambda _, go: answer_with(document, status) if (answer := go()).status_code in statuses else answer


def say(**parts: Any) -> Act:
    """Change status, type or headers of good answers."""

    def act(_: Request, go: Go) -> Response:
        answer = go()
        if answer.status_code < 300:
            for name, value in parts.items():
                setattr(answer, name, value)
        return answer

    return act


def only_said(status: int) -> Act:
    """Answer without doing anything, to those who may."""
    return lambda request, go: Response(status=status) if request.headers.get("Authorization") else go()


def other_form(_: Request, go: Go) -> Response:
    """Tell errors in a form of its own."""
    answer = go()
    return answer if answer.status_code < 400 else answer_with({"error": "not found"}, answer.status_code)


def answer_with(document: Any, status: int = 200) -> Response:
    """Return JSON."""
    return Response(json.dumps(document), status, mimetype="application/json", headers={"X-Request-Id": "x"})


def spoil(field: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Put a wrong value into every item of a page."""
    return lambda page: [item.update({field: value}) for item in page["items"]] and None


ID = "[0-9a-f-]{36}"
ORGANISATION = {"id": str(uuid.uuid4()), "name": "x", "role": "owner", "created_at": "2026-01-01T00:00:00+00:00"}
FAULTS = (
    Fault(
        "a crash at the largest page",
        "GET",
        f"{V1}/jobs",
        crash(lambda r: r.args.get("limit") == "200"),
        f"^{V1}/jobs$",
    ),
    Fault(
        "a crash on a name beyond ASCII",
        "POST",
        f"{V1}/organisations",
        crash(lambda r: not str(body_of(r).get("name", "")).isascii()),
        f"^{V1}/organisations$",
    ),
    Fault(
        "a crash on an empty scenario",
        "POST",
        f"{V1}/renders/estimate",
        crash(lambda r: body_of(r).get("scenario") == {}),
        f"^{V1}/renders/estimate$",
    ),
    Fault(
        "a crash on a long search",
        "GET",
        f"{V1}/tokens",
        crash(lambda r: len(r.args.get("prefix", "")) > 60),
        f"^{V1}/tokens$",
    ),
    Fault("a status nobody documented", "GET", f"{V1}/usage", say(status_code=203), f"^{V1}/usage$"),
    Fault("another content type", "GET", f"{V1}/credits", say(content_type="text/html"), f"^{V1}/credits$"),
    Fault(
        "a field that is missing", "GET", f"{V1}/auth/me", edit(lambda d: d.pop("email") and None), f"^{V1}/auth/me$"
    ),
    Fault("a field that leaks", "GET", f"{V1}/auth/me", edit(lambda d: d.update(password_hash="x")), f"^{V1}/auth/me$"),
    Fault("text for a number", "GET", f"{V1}/credits", edit(lambda d: d.update(balance="many")), f"^{V1}/credits$"),
    Fault("null for a name", "GET", f"{V1}/assets", edit(spoil("filename", None)), f"^{V1}/assets$"),
    Fault("a date that is none", "GET", f"{V1}/assets", edit(spoil("created_at", "yesterday")), f"^{V1}/assets$"),
    Fault("a list that is an object", "GET", f"{V1}/renders", edit(lambda d: d.update(items={})), f"^{V1}/renders$"),
    Fault(
        "no sign-in asked for",
        "GET",
        f"{V1}/fonts/uploaded",
        forgive({"items": [], "next_cursor": None}, statuses=(401,)),
        f"^{V1}/fonts/uploaded$",
    ),
    Fault(
        "bad input taken",
        "GET",
        f"{V1}/transcripts",
        forgive({"items": [], "next_cursor": None}, statuses=(422,)),
        f"^{V1}/transcripts$",
    ),
    Fault(
        "a bad body taken",
        "POST",
        f"{V1}/organisations",
        forgive(ORGANISATION, statuses=(422,), status=201),
        f"^{V1}/organisations$",
    ),
    Fault(
        "a version not asked for", "PUT", f"{V1}/transcripts/{ID}", forgive({}, statuses=(428,)), f"^{V1}/transcripts/"
    ),
    Fault(
        "a method nobody knows",
        "PATCH TRACE QUERY",
        f"{V1}/jobs",
        lambda _, go: answer_with({"items": []}),
        f"^{V1}/jobs$",
    ),
    Fault("errors of another form", "GET", f"{V1}/renders/{ID}", other_form, f"^{V1}/renders/.render_id.$"),
    Fault(
        "a thing that outlives its deletion",
        "DELETE",
        f"{V1}/organisations/{ID}",
        only_said(204),
        f"^{V1}/organisations",
    ),
    Fault(
        "a made thing that is not there",
        "POST",
        f"{V1}/organisations",
        edit(lambda d: d.update(id=str(uuid.uuid4()))),
        f"^{V1}/organisations",
    ),
)
LEAST_FOUND = 18
