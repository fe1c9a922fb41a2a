"""Keyset pages: newest first, stable while rows are added."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import RAISE, Schema, fields, validate
from sqlalchemy import Select, and_, or_
from sqlalchemy.orm import Session

from tasks.errors import InvalidInputError


class PageQuery(Schema):
    """Which page of a list."""

    class Meta:
        unknown = RAISE

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200), metadata={"description": "Rows per page"})
    cursor = fields.String(load_default=None, metadata={"description": "next_cursor of the page before"})


class OwnedPageQuery(PageQuery):
    """Which page of a list of things that people or organisations own."""

    organisation_id = fields.UUID(
        load_default=None, metadata={"description": "Only what this organisation owns; all that you may see if absent"}
    )


class PageResponse(Schema):
    """A page; subclasses say what its items are."""

    next_cursor = fields.String(allow_none=True, metadata={"description": "null on the last page"})


def paginate(session: Session, selected: Select[Any], model: Any, query: dict[str, Any]) -> dict[str, Any]:
    """Return one page of ``selected``, which must be over ``model`` with columns created_at and id."""
    limit = query.get("limit") or 50
    if query.get("cursor"):
        at, row_id = decode_cursor(query["cursor"])
        selected = selected.where(or_(model.created_at < at, and_(model.created_at == at, model.id < row_id)))
    selected = selected.order_by(model.created_at.desc(), model.id.desc()).limit(limit + 1)
    rows = list(session.scalars(selected).unique())
    more = len(rows) > limit
    rows = rows[:limit]
    return {"items": rows, "next_cursor": encode_cursor(rows[-1]) if more else None}


def filters_of(query: dict[str, Any]) -> dict[str, Any]:
    """Return what of a page's query is not about paging."""
    return {name: value for name, value in query.items() if name not in ("limit", "cursor")}


def encode_cursor(row: Any) -> str:
    """Name the place after a row."""
    text = json.dumps([row.created_at.isoformat(), str(row.id)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Return the place that a cursor names; raise ``request.bad_cursor``."""
    try:
        at, row_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return datetime.fromisoformat(at), UUID(row_id)
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError("request.bad_cursor", "The cursor is not one that a page gave") from error
