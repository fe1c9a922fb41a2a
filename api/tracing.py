"""A span for every request, in the caller's trace where it names one."""

from __future__ import annotations

from contextlib import ExitStack

from flask import Flask, Response, g, request

from api.bodies import SIGNED_PREFIXES
from api.requests import QUIET_PATHS
from tasks import tracing


def watch_traces(app: Flask) -> None:
    """Register what happens before and after every request."""
    app.before_request(begin)
    app.after_request(complete)
    app.teardown_request(end)


def begin() -> None:
    """Open the request's span. What comes all the time has none: health, metrics, beats of workers."""
    parent = request.headers.get(tracing.HEADER, "")
    beats = request.path.startswith(SIGNED_PREFIXES) and not parent
    if not tracing.is_on() or request.path in QUIET_PATHS or beats:
        return
    g.trace = ExitStack()
    route = request.url_rule.rule if request.url_rule else "unknown"
    about = {"http.request.method": request.method, "http.route": route, "request_id": g.get("request_id")}
    g.trace.enter_context(tracing.span(f"{request.method} {route}", parent=parent, kind="server", **about))


def complete(response: Response) -> Response:
    """Say how it was answered, and hand on the trace of a step that was claimed."""
    if "trace" in g:
        tracing.set_attributes(**{"http.response.status_code": response.status_code, "job_id": g.get("job_id")})
    if "trace_handed_on" in g:
        response.headers[tracing.HEADER] = g.trace_handed_on
    return response


def end(error: BaseException | None) -> None:
    """Close the request's span."""
    stack: ExitStack | None = g.pop("trace", None)
    if stack is not None:
        stack.close()


def hand_on(traceparent: str) -> None:
    """Answer this request with the trace that what follows belongs to."""
    if traceparent and tracing.is_on():
        g.trace_handed_on = traceparent
