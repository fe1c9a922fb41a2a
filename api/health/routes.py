"""Is it alive, is it ready, how is it doing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import redis
from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.extensions import db, get_redis, get_storage
from api.metrics import render_metrics
from tasks.errors import ReelyardError

blueprint = Blueprint("health", __name__, description="Is it alive, is it ready, how is it doing")


class HealthResponse(Schema):
    """A process that answers."""

    status = fields.String(metadata={"example": "ok"})


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
        return {"status": "ok"}


@blueprint.route("/readyz")
class Ready(MethodView):
    """Readiness."""

    @blueprint.response(200, ReadyResponse)
    @blueprint.alt_response(503, schema=ReadyResponse, description="The database or the storage is away")
    def get(self) -> tuple[dict[str, Any], int]:
        """Can it take work"""
        parts = {
            "database": check(lambda: db.session.execute(text("SELECT 1"))),
            "redis": check(lambda: get_redis().ping()),
            "storage": check(lambda: get_storage().ping()),
        }
        down = {name for name, part in parts.items() if part["status"] != "ok"}
        hard = down & {"database", "storage"}
        status = "unready" if hard else "degraded" if down else "ready"
        return {"status": status, "parts": parts}, 503 if hard else 200


def check(call: Callable[[], Any]) -> dict[str, Any]:
    """Try a service and time it in milliseconds."""
    started = time.monotonic()
    try:
        call()
        status = "ok"
    except (SQLAlchemyError, redis.RedisError, ReelyardError, OSError):
        status = "down"
    return {"status": status, "ms": round((time.monotonic() - started) * 1000, 1)}


@blueprint.route("/metrics")
class Metrics(MethodView):
    """Prometheus."""

    @blueprint.response(200, content_type="text/plain")
    def get(self) -> Response:
        """Metrics in Prometheus' text format"""
        body, content_type = render_metrics()
        return Response(body, content_type=content_type)
