"""Everything that speaks HTTP to users or SQL to the database; nothing else may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

from api.config import ApiSettings, read_api_settings

STATEMENT_TIMEOUT_MS = 15_000
SESSION = {
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": 60_000,
    "plan_cache_mode": "force_generic_plan",  # what is prepared has one plan for all values
}
EXPOSED_HEADERS = [
    *("X-Request-Id", "Location", "ETag", "Retry-After", "Idempotent-Replayed"),
    *("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
]
"""What scripts of other origins may read of an answer."""


class PlainFlask(Flask):
    """Flask without async views: none of ours is, and it would look for them 25 times a request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function as it is."""
        return func


def create_app(settings: ApiSettings | None = None, *, serves: bool = True) -> Flask:
    """Build the application; settings come from the environment when not given.

    :param serves: whether it answers requests. One that does not has no routes, which take a third of its start.
    """
    from api.boundaries import arm_commits
    from api.database import driver_url, ping_idle
    from api.extensions import db
    from api.features import load_effects
    from api.prepared import prepare_marked

    settings = settings or read_api_settings()
    app = PlainFlask(__name__, static_folder=None)
    app.extensions["settings"] = settings
    app.config.update(
        SQLALCHEMY_DATABASE_URI=driver_url(settings.database_url),
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings),
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        PROPAGATE_EXCEPTIONS=False,
        JSON_SORT_KEYS=False,
    )
    db.init_app(app)
    with app.app_context():
        ping_idle(db.engine)
        arm_commits(db.engine)
        if settings.db_prepared:
            prepare_marked(db.engine)
    load_effects()
    if serves:
        add_routes(app, settings)
    return app


def add_routes(app: Flask, settings: ApiSettings) -> None:
    """Have an application answer requests."""
    from api.auth.guard import configure_jwt
    from api.blueprints import register_blueprints
    from api.crowd import limit_crowd
    from api.errors import register_error_handlers
    from api.idempotency import register_idempotency
    from api.limits import configure_limits
    from api.metrics import watch_requests
    from api.openapi import configure_openapi, describe_security
    from api.requests import watch_edges
    from api.tracing import watch_traces

    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    watch_edges(app)
    limit_crowd(app, settings.db_pool_size)
    watch_traces(app)
    watch_requests(app)
    register_idempotency(app)
    configure_jwt(app, settings)
    configure_openapi(app, settings)
    register_error_handlers(app)  # after flask-smorest, which brings a form of its own
    register_blueprints(app)
    describe_security(app)
    configure_limits(app, settings)
    if settings.cors_origins:
        CORS(app, origins=list(settings.cors_origins), expose_headers=EXPOSED_HEADERS, max_age=3600)


def engine_options(settings: ApiSettings) -> dict[str, object]:
    """Return pool and connection options: short waits, since a caller gets 503 sooner than a hang."""
    return {
        "pool_size": settings.db_pool_size,
        "max_overflow": settings.db_pool_size,
        "pool_timeout": 5,
        "pool_use_lifo": True,  # the one used last needs no ping
        "pool_recycle": 1800,
        "connect_args": {
            "connect_timeout": 2,
            "tcp_user_timeout": 8000,  # milliseconds; a server that vanished is noticed, not waited for
            "keepalives_idle": 30,
            "application_name": "reelyard-api",
            "options": " ".join(f"-c {name}={value}" for name, value in SESSION.items()),
        },
    }
