"""Every route asks who is calling, or stands on a short list of public ones."""

from __future__ import annotations

import re
from typing import Any

PUBLIC = {
    "POST /api/v1/auth/register",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/register/resend",
    "POST /api/v1/auth/register/verify",
    "POST /api/v1/auth/password/forgot",
    "POST /api/v1/auth/password/reset",
    "POST /api/v1/auth/email/confirm",
    "POST /api/v1/auth/oauth/token",
    "GET /api/v1/auth/oauth",
    "GET /api/v1/auth/oauth/00000000-0000-0000-0000-000000000000/start",
    "GET /api/v1/auth/oauth/00000000-0000-0000-0000-000000000000/callback",
    "POST /api/v1/payments/webhook",
    "POST /api/v1/providers/replicate/webhook",
    "GET /api/v1/shared/videos/00000000-0000-0000-0000-000000000000",
    "GET /api/v1/scenario/schema",
    "GET /api/v1/scenario/motions",
    "GET /api/v1/scenario/presets",
    "GET /api/v1/scenario/safe-areas",
    "GET /api/v1/fonts",
    "GET /",
    "GET /verify-email",
    "GET /forgot-password",
    "GET /invitations",
    "GET /reset-password",
    "GET /confirm-email",
    "GET /sign-in",
    "GET /account.js",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /api/openapi.json",
}
PUBLIC_PREFIXES = (
    "/api/docs",
    "/api/redoc",
    "/api/rapidoc",
    "/api/scalar",
    "/api/elements",
    "/static",
    "/api/static",
    "/studio",
)
SIGNED_PREFIXES = ("/api/internal/", "/api/upload-video/result", "/api/render/callback")


def operations(app: Any) -> list[tuple[str, str]]:
    found = []
    for rule in app.url_map.iter_rules():
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            path = re.sub(r"<int:[^>]+>", "1", rule.rule)
            path = re.sub(r"<[^>]+>", "00000000-0000-0000-0000-000000000000", path)
            found.append((method, path))
    return found


def test_every_route_wants_a_token_a_signature_or_is_public(app: Any) -> None:
    client = app.test_client()
    open_routes = []
    for method, path in operations(app):
        if f"{method} {path}" in PUBLIC or path.startswith(PUBLIC_PREFIXES):
            continue
        answer = client.open(path, method=method, json={} if method in ("POST", "PUT", "PATCH") else None)
        expected = "callback.unsigned" if path.startswith(SIGNED_PREFIXES) else "auth."
        body = answer.get_json(silent=True) or {}
        if answer.status_code != 401 or not str(body.get("code", "")).startswith(expected):
            open_routes.append((method, path, answer.status_code, body.get("code")))

    assert open_routes == []


def test_every_public_route_exists(app: Any) -> None:
    known = {f"{method} {path}" for method, path in operations(app)}

    assert known >= PUBLIC
