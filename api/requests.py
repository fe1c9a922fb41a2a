"""The edges of every request: its id, its log line, its headers, the shape of its body."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import BadRequest

from tasks.errors import InvalidInputError

logger = logging.getLogger("api.requests")

REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")
MAX_DEPTH = 64
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def watch_edges(app: Flask) -> None:
    """Register what happens before and after every request."""
    app.before_request(begin)
    app.before_request(check_depth)
    app.after_request(complete)


def begin() -> None:
    """Name the request: the client's own id when it is a sane one."""
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if REQUEST_ID.match(given) else uuid.uuid4().hex
    g.began = time.monotonic()


def check_depth() -> None:
    """Refuse JSON that is nested deeper than anything sensible, before anything walks it."""
    if request.is_json and request.content_length:
        try:
            deep = depth(request.get_json(cache=True)) > MAX_DEPTH
        except BadRequest:
            return  # the view that wants the body answers request.malformed
        except RecursionError:
            deep = True
        if deep:
            raise InvalidInputError("request.too_deep", f"JSON may be nested {MAX_DEPTH} levels deep")


def depth(value: Any) -> int:
    """Return how many containers are nested in each other, without recursion."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, level = waiting.pop()
        if isinstance(item, (dict, list)):
            deepest = max(deepest, level)
            if level > MAX_DEPTH:
                return level
            waiting += [(inner, level + 1) for inner in (item.values() if isinstance(item, dict) else item)]
    return deepest


def complete(response: Response) -> Response:
    """Add our headers and log one line."""
    response.headers["X-Request-Id"] = g.get("request_id", "")
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    logger.info(
        "request",
        extra={
            "request_id": g.get("request_id", ""),
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "ms": round((time.monotonic() - g.get("began", time.monotonic())) * 1000, 1),
            "user_id": str(g.user.id) if g.get("user") is not None else None,
        },
    )
    return response
