"""POSTs that may be sent again: the same key and body give the first answer, and the work is done once.

The key's row is inserted in the transaction that does the work, so that both exist or neither does; a second request
waits on that row. The answer is added to it as the response leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, Response, g, jsonify, request
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from api.auth import current_user
from api.errors import ConflictError
from api.extensions import db
from api.idempotency.models import IdempotencyKey
from tasks.errors import InvalidInputError

HEADER = "Idempotency-Key"
KEPT_HEADERS = ("Location",)
LOCK_NOT_AVAILABLE = "55P03"
F = TypeVar("F", bound=Callable[..., Any])


def idempotent(endpoint: str) -> Callable[[F], F]:
    """Make a view repeatable when the client sends an Idempotency-Key; without one it runs as it is.

    :param endpoint: stable name under which keys are kept apart.
    """

    def decorate(view: F) -> F:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            key = request.headers.get(HEADER)
            if key is None:
                return view(*args, **kwargs)
            if not 1 <= len(key) <= 255:
                raise InvalidInputError("idempotency.key_invalid", "An Idempotency-Key has 1 to 255 characters")
            identity = {"user_id": current_user().id, "endpoint": endpoint, "key": key}
            body_sha256 = hashlib.sha256(request.get_data(cache=True)).hexdigest()
            if not claim_key(identity, body_sha256):
                return replay(identity, body_sha256)
            g.idempotency_identity = identity
            return view(*args, **kwargs)

        return cast(F, guarded)

    return decorate


def claim_key(identity: dict[str, Any], body_sha256: str) -> bool:
    """Insert the key's row; wait up to five seconds for another request that is doing so."""
    try:
        db.session.execute(text("SET LOCAL lock_timeout = '5s'"))
        row = insert(IdempotencyKey).values(**identity, body_sha256=body_sha256, headers={})
        claimed = db.session.execute(row.on_conflict_do_nothing().returning(IdempotencyKey.key)).first() is not None
        db.session.execute(text("SET LOCAL lock_timeout = DEFAULT"))
    except OperationalError as error:
        if getattr(error.orig, "pgcode", "") != LOCK_NOT_AVAILABLE:
            raise
        db.session.rollback()
        raise ConflictError("idempotency.in_progress", "The first request with this key is still running") from error
    return claimed


def replay(identity: dict[str, Any], body_sha256: str) -> Response:
    """Return the stored answer; raise ``idempotency.key_reused`` or ``idempotency.in_progress``."""
    row = db.session.get(IdempotencyKey, tuple(identity.values()), populate_existing=True)
    if row is None or row.status is None:
        raise ConflictError("idempotency.in_progress", "The first request with this key has no answer yet")
    if row.body_sha256 != body_sha256:
        raise ConflictError("idempotency.key_reused", "The key was used with another body")
    answer: Response = jsonify(row.body)
    answer.status_code = row.status
    answer.headers.update(row.headers)
    answer.headers["Idempotent-Replayed"] = "true"
    return answer


def register_idempotency(app: Flask) -> None:
    """Store answers as they leave."""
    app.after_request(store_answer)


def store_answer(response: Response) -> Response:
    """Complete the row of this request's key; an error answer rolled the row back with the work."""
    identity = g.pop("idempotency_identity", None)
    if identity is not None and response.status_code < 400:
        kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        db.session.query(IdempotencyKey).filter_by(**identity).update(
            {"status": response.status_code, "headers": kept, "body": response.get_json()}
        )
        db.session.commit()
    return response
