"""One error form, one table from exception to answer, one list of codes.

Every error answer is ``{"code", "message", "details", "request_id"}``. Services raise; only this module picks a status.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, g, jsonify, request
from marshmallow import Schema, fields
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from api.codes import CODES, STATUS_CODES
from api.findings import build_findings
from tasks.errors import FencedError, InvalidInputError, PermanentError, ReelyardError, TransientError

__all__ = ["CODES"]

logger = logging.getLogger(__name__)


class ErrorResponse(Schema):
    """The one form of every error."""

    code = fields.String(required=True, metadata={"description": "Stable, noun.reason", "example": "asset.not_found"})
    message = fields.String(required=True, metadata={"description": "A sentence for a person"})
    details = fields.Dict(required=True, metadata={"description": "What a program may need to know"})
    request_id = fields.String(required=True, metadata={"description": "Names the request in the logs"})


class ApiError(ReelyardError):
    """Base of errors that belong to a request; subclasses say which kind, never which status."""


class NotFoundError(ApiError):
    """Raised when a thing is not there, or is somebody else's."""


class ConflictError(ApiError):
    """Raised when the thing's present state does not allow the request."""


class ForbiddenError(ApiError):
    """Raised when the caller is known and may not."""


class UnauthenticatedError(ApiError):
    """Raised when the caller is not known."""


class QuotaError(ApiError):
    """Raised when a plan's limit is reached; details carry kind, used, cap and resets_at."""


class RateLimitedError(ApiError):
    """Raised when requests come too fast."""


class UnavailableError(ApiError):
    """Raised when a service we stand on is away."""


class PreconditionFailedError(ApiError):
    """Raised when If-Match names another version."""


class PreconditionRequiredError(ApiError):
    """Raised when If-Match is missing."""


STATUS: dict[type[BaseException], int] = {
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    FencedError: 409,
    PreconditionFailedError: 412,
    PreconditionRequiredError: 428,
    QuotaError: 429,
    RateLimitedError: 429,
    InvalidInputError: 422,
    PermanentError: 422,
    UnavailableError: 503,
    TransientError: 503,
}
"""Exception type to status; the most derived type that is listed wins, a code's own status in CODES before it."""


def status_of(error: ReelyardError) -> int:
    """Return the HTTP status of an error."""
    listed = CODES.get(error.code)
    if listed is not None and listed[0]:
        return listed[0]
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def problem(status: int, code: str, message: str, details: dict[str, Any] | None = None) -> Response:
    """Build an error answer; its code is told in the request's line of the log too."""
    g.error_code = code
    body = {"code": code, "message": message, "details": details or {}, "request_id": g.get("request_id", "")}
    answer: Response = jsonify(body)
    answer.status_code = status
    return answer


def register_error_handlers(app: Flask) -> None:
    """Make every way out of the application speak the one form."""
    app.register_error_handler(ReelyardError, handle_reelyard_error)
    app.register_error_handler(DBAPIError, handle_database_error)
    app.register_error_handler(PoolTimeoutError, handle_busy_pool)
    app.register_error_handler(HTTPException, handle_http_exception)
    app.register_error_handler(Exception, handle_unexpected)


def handle_reelyard_error(error: ReelyardError) -> Response:
    """Answer one of our own errors."""
    status = status_of(error)
    answer = problem(status, error.code, error.detail, error.extra)
    if status == 503:
        answer.headers["Retry-After"] = "2"
    elif isinstance(error, QuotaError) and "retry_after_s" in error.extra:
        answer.headers["Retry-After"] = str(error.extra["retry_after_s"])
    elif status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def handle_database_error(error: DBAPIError) -> Response:
    """Tell a database that is away from one that refused our statement."""
    if isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated:
        return refuse_for_now(type(error.orig).__name__)
    return handle_unexpected(error)


def handle_busy_pool(error: PoolTimeoutError) -> Response:
    """Answer when all connections are in use for too long."""
    return refuse_for_now(type(error).__name__)


def refuse_for_now(reason: str) -> Response:
    """Answer that the database is away, and when to come back."""
    logger.warning("database unavailable", extra={"reason": reason})
    answer = problem(503, "service.database_unavailable", "The database does not answer; try again shortly")
    answer.headers["Retry-After"] = "2"
    return answer


def handle_http_exception(error: HTTPException) -> Response:
    """Bring errors of the framework into our form, their headers kept (405 has Allow)."""
    status = error.code or 500
    code = STATUS_CODES.get(status, "request.refused")
    data = getattr(error, "data", None) or {}
    messages = data.get("messages")
    details: dict[str, Any] = {"findings": build_findings(messages, data.get("schema"))} if messages else {}
    answer = problem(status, code, error.description or error.name, details)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value
    for name, value in (data.get("headers") or {}).items():
        answer.headers[name] = value
    return answer


def handle_unexpected(error: Exception) -> Response:
    """Log a fault of ours and say nothing about its inside."""
    logger.exception("unhandled error", extra={"path": request.path, "method": request.method}, exc_info=error)
    return problem(500, "internal.error", "Something went wrong on our side; the request id finds it in the logs")
