"""The edges of every request: its id, its log line, its headers."""

from __future__ import annotations

import logging
import re
import time
import uuid

from flask import Flask, Response, g, request

from api.bodies import check_request

logger = logging.getLogger("api.requests")

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
HSTS = "max-age=31536000; includeSubDomains"
QUIET_PATHS = ("/healthz", "/readyz", "/metrics")


def watch_edges(app: Flask) -> None:
    """Register what happens before and after every request."""
    app.before_request(begin)
    app.before_request(check_request)
    app.after_request(complete)


def begin() -> None:
    """Name the request: the client's own id when it is a sane one."""
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    g.began = time.monotonic()
    g.job_id = (request.view_args or {}).get("job_id")


def complete(response: Response) -> Response:
    """Add our headers and log one line; answers about people's own things are kept by no cache."""
    response.headers["X-Request-Id"] = g.get("request_id", "")
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    if request.path.startswith("/api/v1/"):
        response.headers.setdefault("Cache-Control", "no-store")
    logger.log(
        logging.DEBUG if request.path in QUIET_PATHS and response.status_code < 400 else logging.INFO,
        "request",
        extra={
            "method": request.method,
            "path": request.path,
            "route": request.url_rule.rule if request.url_rule else None,
            "status": response.status_code,
            "code": g.get("error_code"),
            "ms": round((time.monotonic() - g.get("began", time.monotonic())) * 1000, 1),
            "address": request.remote_addr,
        },
    )
    return response
