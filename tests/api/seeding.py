"""Many rows of one kind, made by the database itself: copies of a row, each with an id and a moment of its own."""

from __future__ import annotations

from typing import Any

from api.extensions import db

COPY = """INSERT INTO "{table}" SELECT made.* FROM "{table}" AS original, generate_series(1, :count) AS n,
    LATERAL (SELECT {changes}) AS changed, LATERAL jsonb_populate_record(original, to_jsonb(changed)) AS made
    WHERE original.{key} = :original"""


def copy_row(table: str, original: Any, count: int, *, key: str = "id", **changes: str) -> None:
    """Add copies of a row. ``changes`` are SQL expressions of columns; ``n`` in them counts the copies from 1."""
    changed = ", ".join(f"{expression} AS {column}" for column, expression in changes.items())
    statement = COPY.format(table=table, key=key, changes=changed)
    db.session.execute(db.text(statement), {"count": count, "original": original})
