"""Writing and reading the audit log."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import g, has_request_context, request
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from api.audit.models import AuditEntry
from api.ids import new_id
from api.users.models import User

SECRET = re.compile(r"password|secret|sha256|token$|_hash$")
Values = dict[str, Any]


def record(
    session: Session,
    action: str,
    *,
    target: tuple[str, UUID | str] | None = None,
    before: Values | None = None,
    after: Values | None = None,
    organisation_id: UUID | None = None,
    actor: User | None = None,
) -> AuditEntry:
    """Add one entry to the caller's transaction: it exists if and only if the change does.

    Who, from where and under which request id come from the request; ``actor`` says who where nobody is signed in yet.

    :param action: what happened, ``noun.verb`` in the past: ``user.banned``.
    :param target: kind and id of what it happened to.
    """
    kind, target_id = target or ("", "")
    entry = AuditEntry(
        id=new_id(),
        action=action,
        target_type=kind,
        target_id=str(target_id),
        before=clean(before),
        after=clean(after),
        organisation_id=organisation_id,
        **describe_caller(actor),
    )
    session.add(entry)
    return entry


def describe_caller(actor: User | None) -> Values:
    """Say who acts, how they got in and from where."""
    if not has_request_context():
        return {"actor_id": actor.id if actor else None, "actor_email": actor.email if actor else "", "via": "system"}
    who: User | None = actor or g.get("user")
    token = g.get("api_token")
    nobody = "system" if g.get("is_worker") else "anonymous"
    return {
        "actor_id": who.id if who else None,
        "actor_email": who.email if who else "",
        "via": "token" if token else "session" if who else nobody,
        "token_id": token.id if token else None,
        "address": (request.remote_addr or "")[:64],
        "request_id": g.get("request_id", ""),
    }


def clean(values: Values | None) -> Values | None:
    """Return values as JSON can hold them; one that looks like a secret is only said to have been there."""
    if values is None:
        return None
    return {name: "(not kept)" if SECRET.search(name) else plain(value) for name, value in values.items()}


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if isinstance(value, (UUID, datetime)):
        return str(value)
    return list(value) if isinstance(value, (tuple, set, frozenset)) else value


def snapshot(row: Any, names: Iterable[str]) -> Values:
    """Return some of a row's columns, to be kept as what was before or after."""
    return {name: getattr(row, name) for name in names}


def select_entries(filters: dict[str, Any]) -> Select[tuple[AuditEntry]]:
    """Select entries; a filter that is None or absent selects all.

    :param filters: actor_id, action, target_type, target_id, organisation_id, request_id; since (inclusive) and until
        (exclusive). An action that ends in a dot selects all that begin so.
    """
    query = select(AuditEntry)
    for name in ("actor_id", "target_type", "target_id", "organisation_id", "request_id"):
        if filters.get(name) is not None:
            query = query.where(getattr(AuditEntry, name) == filters[name])
    action = filters.get("action")
    if action:
        is_group = action.endswith(".")
        query = query.where(
            AuditEntry.action.startswith(action, autoescape=True) if is_group else AuditEntry.action == action
        )
    if filters.get("since") is not None:
        query = query.where(AuditEntry.created_at >= filters["since"])
    if filters.get("until") is not None:
        query = query.where(AuditEntry.created_at < filters["until"])
    return query
