"""Is it alive, is it ready, how is it doing."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import redis
from flask import Flask, Response, current_app
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.errors import ErrorResponse
from api.extensions import db, get_redis, get_storage
from api.health.scrapers import require_scraper
from api.metrics import render_metrics
from tasks.errors import ReelyardError
from tasks.version import version

blueprint = Blueprint("health", __name__, description="Is it alive, is it ready, how is it doing")

DEADLINE_S = 3.0
"""How long a probe may wait for all services together."""


class HealthResponse(Schema):
    """A process that answers."""

    status = fields.String(metadata={"example": "ok"})
    version = fields.String(
        metadata={"example": "0.1.0+g5d9f0b6abcde", "description": "What runs; its commit where that is known"}
    )


class ReadyResponse(Schema):
    """What this process stands on. ``degraded`` still takes work: without Redis jobs wait in the database."""

    status = fields.String(metadata={"example": "ready", "description": "ready, degraded or unready"})
    parts = fields.Dict(metadata={"description": "database, redis, storage: status and milliseconds"})


@blueprint.route("/healthz")
class Health(MethodView):
    """Liveness."""

    @blueprint.response(200, HealthResponse)
    def get(self) -> dict[str, str]:
        """Is the process alive"""
        return {"status": "ok", "version": version()}


@blueprint.route("/readyz")
class Ready(MethodView):
    """Readiness."""

    @blueprint.response(200, ReadyResponse)
    @blueprint.alt_response(503, schema=ReadyResponse, description="The database or the storage is away")
    def get(self) -> tuple[dict[str, Any], int]:
        """Can it take work

        Without the database or the storage: no, 503. Without Redis: yes, degraded; jobs wait in the database and rate
        limits are counted by each process alone.
        """
        parts = check_all(
            {
                "database": ask_database,
                "redis": lambda: get_redis().ping(),
                "storage": lambda: get_storage().ping(),
            }
        )
        down = {name for name, part in parts.items() if part["status"] != "ok"}
        hard = down & {"database", "storage"}
        status = "unready" if hard else "degraded" if down else "ready"
        return {"status": status, "parts": parts}, 503 if hard else 200


def ask_database() -> None:
    """Raise SQLAlchemyError unless the database answers."""
    with db.engine.connect() as connection:
        connection.execute(text("SELECT 1"))


def check_all(calls: dict[str, Callable[[], Any]]) -> dict[str, dict[str, Any]]:
    """Try all services at once and time them; one that takes longer than the deadline is down."""
    pool = get_pool()
    application = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy ends with this thread
    started = time.monotonic()
    running = {name: pool.submit(check, application, call) for name, call in calls.items()}
    parts = {}
    for name, future in running.items():
        try:
            parts[name] = future.result(timeout=max(0.0, started + DEADLINE_S - time.monotonic()))
        except TimeoutError:
            future.cancel()
            parts[name] = {"status": "down", "ms": round(DEADLINE_S * 1000, 1)}
    return parts


def check(application: Flask, call: Callable[[], Any]) -> dict[str, Any]:
    """Try one service and time it in milliseconds."""
    started = time.monotonic()
    with application.app_context():
        try:
            call()
            status = "ok"
        except (SQLAlchemyError, redis.RedisError, ReelyardError, OSError):
            status = "down"
    return {"status": status, "ms": round((time.monotonic() - started) * 1000, 1)}


@cache
def get_pool() -> ThreadPoolExecutor:
    """Return this process's threads for checks; a hung service holds some of them, never a request."""
    return ThreadPoolExecutor(max_workers=12, thread_name_prefix="readiness")


@blueprint.route("/metrics")
class Metrics(MethodView):
    """Prometheus."""

    @blueprint.response(200, content_type="text/plain")
    @blueprint.alt_response(401, schema=ErrorResponse, description="Not who may scrape")
    def get(self) -> Response:
        """Metrics in Prometheus' text format, for who may scrape"""
        require_scraper()
        body, content_type = render_metrics()
        return Response(body, content_type=content_type)
