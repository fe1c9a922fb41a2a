"""Rate limits shared by all API processes through Redis; each process keeps a stricter one when Redis is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, g, request
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded
from flask_limiter.util import get_remote_address

from api.config import ApiSettings
from api.errors import problem
from api.extensions import get_settings

F = TypeVar("F", bound=Callable[..., Any])

HEADERS = {
    "RATELIMIT_HEADER_LIMIT": "RateLimit-Limit",
    "RATELIMIT_HEADER_REMAINING": "RateLimit-Remaining",
    "RATELIMIT_HEADER_RESET": "RateLimit-Reset",
    "RATELIMIT_HEADER_RETRY_AFTER_VALUE": "delta-seconds",
}
UNLIMITED_PREFIXES = ("/healthz", "/readyz", "/metrics", "/api/internal/", "/api/upload-video/", "/api/render/")


def caller_key() -> str:
    """Name who is limited: the user when known, else the address."""
    user = g.get("user")
    return f"user:{user.id}" if user is not None else f"address:{get_remote_address()}"


def is_unlimited() -> bool:
    """Leave probes and signed worker calls alone."""
    return request.path.startswith(UNLIMITED_PREFIXES)


limiter = Limiter(
    key_func=caller_key,
    default_limits=[lambda: get_settings().default_rate],
    strategy="moving-window",
    headers_enabled=True,
    swallow_errors=True,
)


def render_limit(view: F) -> F:
    """Limit render requests per user (``REELYARD_RENDER_RATE``)."""
    return cast(F, limiter.shared_limit(lambda: get_settings().render_rate, scope="renders", key_func=caller_key)(view))


def auth_limit(view: F) -> F:
    """Limit sign-in attempts per address (``REELYARD_AUTH_RATE``)."""
    limit = limiter.shared_limit(lambda: get_settings().auth_rate, scope="auth", key_func=get_remote_address)
    return cast(F, limit(view))


def configure_limits(app: Flask, settings: ApiSettings) -> None:
    """Connect the limiter to Redis with short timeouts and a fallback of half the rate in each process."""
    app.config.update(
        RATELIMIT_STORAGE_URI=settings.redis_url,
        RATELIMIT_STORAGE_OPTIONS={"socket_connect_timeout": 1, "socket_timeout": 1},
        RATELIMIT_KEY_PREFIX="reelyard",
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        **HEADERS,
    )
    limiter.init_app(app)
    limiter.request_filter(is_unlimited)
    app.register_error_handler(RateLimitExceeded, refuse)


def refuse(error: RateLimitExceeded) -> Any:
    """Answer 429 in the one error form; the limiter adds its headers."""
    return problem(
        429, "rate.limited", f"Too many requests: {error.description} are allowed", {"limit": error.description}
    )
