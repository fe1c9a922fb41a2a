"""Rate limits shared by all API processes through Redis; each process keeps a stricter one while Redis is away."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, request
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
_numbers = count()
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


def get_limiter() -> Limiter:
    """Return the limiter of the current application."""
    return cast(Limiter, current_app.extensions["rate-limiter"])


def rate(limits: str) -> str:
    """Return the limits, each smaller while this process counts alone."""
    if not get_limiter()._storage_dead:  # the extension has no public name for it
        return limits
    parsed = parse_many(limits)
    return "; ".join(f"{max(1, one.amount // STRICTER)} per {one.multiples} {one.GRANULARITY.name}" for one in parsed)


def render_limit(view: F) -> F:
    """Limit render requests per user (``REELYARD_RENDER_RATE``); stands behind ``login_required``."""
    return limit_view(view, "renders", lambda: rate(get_settings().render_rate), caller_key)


def still_limit(view: F) -> F:
    """Limit stills and validations per user (``REELYARD_STILL_RATE``); stands behind ``login_required``."""
    return limit_view(view, "stills", lambda: rate(get_settings().still_rate), caller_key)


def auth_limit(view: F) -> F:
    """Limit sign-in attempts per address (``REELYARD_AUTH_RATE``)."""
    return limit_view(view, "auth", lambda: rate(get_settings().auth_rate), get_remote_address)


def limit_view(view: F, scope: str, limits: Callable[[], str], key: Callable[[], str]) -> F:
    """Count calls of a view under a scope, by the limiter of whichever application is called."""
    named = name_apart(view, f"{scope}-{next(_numbers)}")

    @wraps(view)
    def limited(*args: Any, **kwargs: Any) -> Any:
        known = current_app.extensions["limited-views"]
        if named not in known:
            known[named] = get_limiter().shared_limit(limits, scope=scope, key_func=key)(named)
        return known[named](*args, **kwargs)

    return cast(F, limited)


def name_apart(view: F, suffix: str) -> F:
    """Return the view under a name of its own: the limiter keeps limits by name, and class-based views share one."""

    @wraps(view)
    def named(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    named.__qualname__ = f"{view.__qualname__}:{suffix}"
    return cast(F, named)


def configure_limits(app: Flask, settings: ApiSettings) -> None:
    """Connect the limiter to Redis, with waits that a request can afford."""
    app.config.update(
        RATELIMIT_STORAGE_URI=settings.redis_url.replace("unix://", "redis+unix://", 1),
        RATELIMIT_STORAGE_OPTIONS=REDIS_OPTIONS,
        RATELIMIT_KEY_PREFIX="reelyard",
    )
    limiter = Limiter(
        key_func=caller_key,
        default_limits=[lambda: rate(get_settings().default_rate)],
        strategy="moving-window",
        in_memory_fallback_enabled=True,
        swallow_errors=True,
    )
    app.extensions["rate-limiter"], app.extensions["limited-views"] = limiter, {}
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
    current = get_limiter().current_limit
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
