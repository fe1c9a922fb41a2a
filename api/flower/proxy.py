"""Hand a request on to Flower and its answer back, with few headers either way."""

from __future__ import annotations

from http.cookies import SimpleCookie
from urllib.parse import quote

import httpx
from flask import Response, request

from api.crowd import outside
from api.docs_pages.routes import CSP
from api.errors import NotFoundError, UnavailableError
from api.extensions import get_settings

PREFIX = "/flower"
TIMEOUT_S = 20.0
FORGERY_COOKIE = "_xsrf"
"""Flower's own guard of its forms; it has to travel both ways."""
SENT = (
    "Accept",
    "Accept-Language",
    "Content-Type",
    "If-Modified-Since",
    "If-None-Match",
    "X-XSRFToken",
    "X-Requested-With",
)
RETURNED = ("Cache-Control", "Content-Type", "ETag", "Last-Modified")


def forward(path: str) -> Response:
    """Return Flower's answer to the current request; raise ``flower.off``, ``flower.unavailable``."""
    settings = get_settings()
    if not settings.flower_url:
        raise NotFoundError("flower.off", "REELYARD_FLOWER_URL is not set: there is no Flower to show")
    name, _, password = settings.flower_auth.partition(":")
    url = f"{settings.flower_url.rstrip('/')}/{quote(path)}"
    try:
        with outside():
            answer = httpx.request(
                request.method,
                httpx.URL(url, query=request.query_string),
                headers=sent_headers(),
                content=request.get_data(),
                auth=(name, password) if name else None,
                timeout=TIMEOUT_S,
                trust_env=False,
            )
    except httpx.HTTPError as error:
        raise UnavailableError("flower.unavailable", f"Flower does not answer: {type(error).__name__}") from error
    return returned(answer)


def sent_headers() -> dict[str, str]:
    """Return the headers that Flower needs, and none that lets anybody in elsewhere."""
    headers = {name: request.headers[name] for name in SENT if name in request.headers}
    if FORGERY_COOKIE in request.cookies:
        headers["Cookie"] = f"{FORGERY_COOKIE}={request.cookies[FORGERY_COOKIE]}"
    return headers


def returned(answer: httpx.Response) -> Response:
    """Return an answer as ours: its own login and what it asks browsers to keep stay behind."""
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise UnavailableError("flower.unavailable", "Flower refuses the login in REELYARD_FLOWER_AUTH")
    response = Response(answer.content, status=answer.status_code)
    for name in RETURNED:
        if name in answer.headers:
            response.headers[name] = answer.headers[name]
    if answer.headers.get("Location", "").startswith(f"{PREFIX}/"):
        response.headers["Location"] = answer.headers["Location"]
    for line in answer.headers.get_list("Set-Cookie"):
        for cookie in SimpleCookie(line).values():
            if cookie.key == FORGERY_COOKIE:
                response.set_cookie(cookie.key, cookie.value, path=PREFIX, secure=request.is_secure, samesite="Strict")
    response.headers["Content-Security-Policy"] = CSP
    return response
