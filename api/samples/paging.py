"""Pages of samples in any order: keyset, so that they are stable while samples are added."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, cast, func, literal, tuple_
from sqlalchemy.orm import Session

from api.samples.models import Sample
from tasks.errors import InvalidInputError

COLUMNS: dict[str, Any] = {
    "created_at": Sample.created_at,
    "title": func.lower(Sample.title, type_=Text),
    "bpm": func.coalesce(Sample.bpm, 0.0),
    "duration_s": func.coalesce(Sample.duration_s, 0.0),
    "views": func.coalesce(Sample.views, -1),
    "likes": func.coalesce(Sample.likes, -1),
    "downloads": Sample.downloads,
}
"""What can be sorted by; what is not known counts as least."""
PARSE: dict[str, Callable[[str], Any]] = {"created_at": datetime.fromisoformat, "title": str}
SORTS = [f"{sign}{name}" for name in COLUMNS for sign in ("", "-")]


def paginate_sorted(session: Session, selected: Select[Any], query: dict[str, Any]) -> dict[str, Any]:
    """Return one page in the order of ``query["sort"]``, equal rows by id; raise ``request.bad_cursor``."""
    sort, limit = query["sort"], query["limit"]
    name, falling = sort.lstrip("-"), sort.startswith("-")
    column = COLUMNS[name]
    if query.get("cursor"):
        value, row_id = decode_place(query["cursor"], sort)
        place = tuple_(cast(literal(value), column.type), literal(row_id, Sample.id.type))
        here = tuple_(column, Sample.id)
        selected = selected.where(here < place if falling else here > place)
    order = (column.desc(), Sample.id.desc()) if falling else (column.asc(), Sample.id.asc())
    rows = list(session.execute(selected.add_columns(column).order_by(*order).limit(limit + 1)))
    more = len(rows) > limit
    rows = rows[:limit]
    cursor = encode_place(sort, rows[-1][1], rows[-1][0].id) if more else None
    return {"items": [row[0] for row in rows], "next_cursor": cursor}


def encode_place(sort: str, value: Any, row_id: UUID) -> str:
    """Name the place after a row."""
    told = value.isoformat() if isinstance(value, datetime) else str(value)
    return base64.urlsafe_b64encode(json.dumps([sort, told, str(row_id)]).encode()).decode().rstrip("=")


def decode_place(cursor: str, sort: str) -> tuple[Any, UUID]:
    """Return the place that a cursor of this order names."""
    try:
        order, value, row_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if order != sort or not isinstance(value, str):
            raise ValueError(order)
        return PARSE.get(sort.lstrip("-"), float)(value), UUID(row_id)
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError("request.bad_cursor", "The cursor is not one that a page in this order gave") from error
