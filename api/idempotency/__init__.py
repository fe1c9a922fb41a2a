"""POSTs that may be sent again: the same key and request give the first answer, and the work is done once.

The key's row is inserted in the transaction that does the work, so that both exist or neither does; a second request
waits on that row. Where the decorator stands outside of ``blueprint.response`` and the view leaves committing to it,
the answer is part of that transaction too, and a crash at any place loses nothing::

    @idempotent("renders")
    @blueprint.arguments(RenderRequest)
    @blueprint.response(202, RenderResponse)
    def post(self, body):
        render = create_render(db.session(), ...)
        after_commit(lambda: publish_soon(render.job_id))
        return render

Where it stands inside and the view commits by itself, the answer is added as the response leaves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, Response, g, jsonify, request
from sqlalchemy import bindparam, delete, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from api.auth import current_user
from api.errors import ConflictError
from api.extensions import db
from api.idempotency.models import ENDPOINT_LENGTH, IdempotencyKey
from tasks.errors import InvalidInputError

HEADER, REPLAYED = "Idempotency-Key", "Idempotent-Replayed"
KEPT_HEADERS = ("Location", "ETag")
KEY_PARAMETER = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "Sent again with the same body, the first answer comes back and nothing is ordered twice",
}
"""How the header stands in the documentation of an operation."""
WAIT_MS = 5000
"""How long a second request waits for the first one with its key."""
KEPT_FOR = timedelta(days=7)
LOCK_NOT_AVAILABLE = "55P03"
ARGUMENT, UUID_LENGTH = re.compile(r"{\w+}"), 36
CLAIM = text(
    "WITH patience AS (SELECT set_config('lock_timeout', :wait, true)) "
    "INSERT INTO idempotency_key (user_id, endpoint, key, body_sha256, headers) "
    "SELECT CAST(:user_id AS uuid), :endpoint, :key, :fingerprint, '{}' FROM patience "
    "ON CONFLICT DO NOTHING RETURNING set_config('lock_timeout', '0', true)"
)
"""Claim a key, waiting no longer than that; what the view does after it waits as usual."""
KEEP = (
    update(KEYS := IdempotencyKey.__table__)
    .where(*(KEYS.c[name] == bindparam(f"of_{name}") for name in ("user_id", "endpoint", "key")))
    .values({name: bindparam(name) for name in ("status", "headers", "body")})
)
F = TypeVar("F", bound=Callable[..., Any])
Identity = dict[str, Any]


def idempotent(endpoint: str) -> Callable[[F], F]:
    """Make a view repeatable when the client sends an Idempotency-Key; without one it runs as it is.

    :param endpoint: stable name under which keys are kept apart; ``{name}`` stands for an argument of the path.
    """

    if len(ARGUMENT.sub("0" * UUID_LENGTH, endpoint)) > ENDPOINT_LENGTH:
        raise ValueError(f"The name {endpoint} is too long for the table of keys")

    def decorate(view: F) -> F:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            identity = read_identity(endpoint.format(**kwargs))
            if identity is not None:
                fingerprint = hash_request()
                if not claim_key(identity, fingerprint):
                    return replay(identity, fingerprint)
                g.idempotency_identity = identity
            return finish(view(*args, **kwargs))

        return cast(F, guarded)

    return decorate


def read_identity(endpoint: str) -> Identity | None:
    """Return what names the key's row, None without a key; raise ``idempotency.key_invalid``."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= 255 or not key.isprintable():
        raise InvalidInputError("idempotency.key_invalid", "An Idempotency-Key has 1 to 255 printable characters")
    return {"user_id": current_user().id, "endpoint": endpoint, "key": key}


def hash_request() -> str:
    """Return a hash of all that decides what the request does."""
    target = f"{request.method} {request.full_path}\n".encode()
    return hashlib.sha256(target + request.get_data(cache=True)).hexdigest()


def claim_key(identity: Identity, fingerprint: str) -> bool:
    """Insert the key's row; wait a while for another request that is doing so."""
    try:
        values = {**identity, "fingerprint": fingerprint, "wait": f"{WAIT_MS}ms"}
        return db.session.execute(CLAIM, values).first() is not None
    except OperationalError as error:
        if getattr(error.orig, "pgcode", "") != LOCK_NOT_AVAILABLE:
            raise
        db.session.rollback()
        raise ConflictError("idempotency.in_progress", "The first request with this key is still running") from error


def replay(identity: Identity, fingerprint: str) -> Response:
    """Return the stored answer; raise ``idempotency.key_reused`` or ``idempotency.in_progress``."""
    row = db.session.get(IdempotencyKey, tuple(identity.values()), populate_existing=True)
    if row is not None and row.body_sha256 != fingerprint:
        raise ConflictError("idempotency.key_reused", "The key was used with another request")
    if row is None or row.status is None:
        raise ConflictError("idempotency.in_progress", "The first request with this key has no answer yet")
    answer: Response = jsonify(row.body)
    answer.status_code = row.status
    answer.headers.update(row.headers)
    answer.headers[REPLAYED] = "true"
    return answer


def finish(answer: Any) -> Any:
    """Commit a finished answer together with its work, then do what waits for the commit; leave other results alone."""
    if isinstance(answer, Response):
        if answer.status_code < 400:
            keep_answer(answer)
        db.session.commit()
        for call in g.pop("after_commit", []):
            call()
    return answer


def after_commit(call: Callable[[], Any]) -> None:
    """Have something done once :func:`idempotent` has committed the view's work."""
    g.setdefault("after_commit", []).append(call)


def keep_answer(answer: Response) -> None:
    """Write the answer into the row of this request's key, if it has one."""
    identity = g.pop("idempotency_identity", None)
    if identity is not None:
        kept = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
        told = {"status": answer.status_code, "headers": kept, "body": answer.get_json()}
        db.session.execute(KEEP, {**told, **{f"of_{name}": value for name, value in identity.items()}})


def forget_key() -> None:
    """Let this request's key be used again, though its work was committed: it came to nothing. Commits."""
    identity = g.pop("idempotency_identity", None)
    if identity is not None:
        db.session.query(IdempotencyKey).filter_by(**identity).delete()
        db.session.commit()


def register_idempotency(app: Flask) -> None:
    """Store answers of views that committed by themselves, as they leave."""
    app.after_request(store_answer)


def store_answer(response: Response) -> Response:
    """Complete the row of this request's key; an error answer rolled the row back with the work."""
    if "idempotency_identity" in g and response.status_code < 400:
        keep_answer(response)
        db.session.commit()
    return response


def sweep_keys(session: Session, *, now: datetime | None = None) -> int:
    """Forget keys older than a week and return how many. Commits."""
    old = delete(IdempotencyKey).where(IdempotencyKey.created_at < (now or datetime.now(UTC)) - KEPT_FOR)
    count = int(session.execute(old).rowcount)  # type: ignore[attr-defined]
    session.commit()
    return count
