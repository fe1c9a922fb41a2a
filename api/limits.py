"""Rate limits shared by all API processes through Redis; each process keeps a stricter one while Redis is away."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, Response, g, request
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded
from flask_limiter.util import get_remote_address
from limits import parse_many
from redis.exceptions import RedisError

from api.auth.guard import peek_subject
from api.config import ApiSettings
from api.errors import problem
from api.extensions import REDIS_OPTIONS, get_settings

F = TypeVar("F", bound=Callable[..., Any])
logger = logging.getLogger(__name__)

STRICTER = 2
"""Each process allows this part of the rate while Redis is away: together they stay near the shared limit."""
UNLIMITED_PREFIXES = ("/healthz", "/readyz", "/metrics", "/api/internal/", "/api/upload-video/", "/api/render/")


def caller_key() -> str:
    """Name who is limited: the user of a genuine token, else the address."""
    if "user_id" in g:
        return f"user:{g.user_id}"
    if "subject" not in g:
        g.subject = peek_subject()  # the default limit is counted before the view authenticates
    return f"user:{g.subject}" if g.subject else f"address:{get_remote_address()}"


def is_unlimited() -> bool:
    """Leave probes and signed worker calls alone."""
    return request.path.startswith(UNLIMITED_PREFIXES)


limiter = Limiter(
    key_func=caller_key,
    default_limits=[lambda: rate(get_settings().default_rate)],
    strategy="moving-window",
    in_memory_fallback_enabled=True,
    swallow_errors=True,
)


def rate(limits: str) -> str:
    """Return the limits, each smaller while this process counts alone."""
    if not limiter._storage_dead:  # the extension has no public name for it
        return limits
    parsed = parse_many(limits)
    return "; ".join(f"{max(1, one.amount // STRICTER)} per {one.multiples} {one.GRANULARITY.name}" for one in parsed)


def render_limit(view: F) -> F:
    """Limit render requests per user (``REELYARD_RENDER_RATE``); stands behind ``login_required``."""
    limit = limiter.shared_limit(lambda: rate(get_settings().render_rate), scope="renders", key_func=caller_key)
    return cast(F, limit(view))


def auth_limit(view: F) -> F:
    """Limit sign-in attempts per address (``REELYARD_AUTH_RATE``)."""
    limit = limiter.shared_limit(lambda: rate(get_settings().auth_rate), scope="auth", key_func=get_remote_address)
    return cast(F, limit(view))


def configure_limits(app: Flask, settings: ApiSettings) -> None:
    """Connect the limiter to Redis, with waits that a request can afford."""
    app.config.update(
        RATELIMIT_STORAGE_URI=settings.redis_url.replace("unix://", "redis+unix://", 1),
        RATELIMIT_STORAGE_OPTIONS=REDIS_OPTIONS,
        RATELIMIT_KEY_PREFIX="reelyard",
    )
    app.after_request(tell_limit)
    limiter.init_app(app)
    limiter.request_filter(is_unlimited)
    app.register_error_handler(RateLimitExceeded, refuse)


def refuse(error: RateLimitExceeded) -> Response:
    """Answer 429 in the one error form."""
    allowed = str(error.limit.limit)
    return problem(429, "rate.limited", f"Too many requests: {allowed} are allowed", {"limit": allowed})


def tell_limit(response: Response) -> Response:
    """Add RateLimit-Limit, -Remaining and -Reset (seconds from now); a refusal of ours also gets Retry-After."""
    current = limiter.current_limit
    if current is None:
        return response
    try:
        waits_s = math.ceil(current.reset_at - time.time())  # the extension adds up to a second
        reset_s = min(max(0, waits_s), current.limit.get_expiry())
        remaining = max(0, current.remaining)
    except (RedisError, OSError) as error:
        logger.info("rate limit not told", extra={"reason": type(error).__name__})
        return response
    response.headers["RateLimit-Limit"] = str(current.limit.amount)
    response.headers["RateLimit-Remaining"] = str(remaining)
    response.headers["RateLimit-Reset"] = str(reset_s)
    if current.breached:
        response.headers["Retry-After"] = str(max(1, reset_s))
    return response
