"""The audit log as a file: NDJSON or CSV, oldest first, a batch of rows at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Engine, Select, and_, or_
from sqlalchemy.orm import Session

from api.audit.models import AuditEntry
from api.audit.schemas import AuditEntryResponse

BATCH = 500
FIELDS = list(AuditEntryResponse().fields)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that spreadsheets would run."""


def export_entries(engine: Engine, selected: Select[tuple[AuditEntry]], form: str) -> Iterator[str]:
    """Yield the text of a file; each batch is read on a connection that is given back before it is sent.

    :param form: ``ndjson`` or ``csv``.
    """
    if form == "csv":
        yield write_row(FIELDS)
    write: Callable[[dict[str, Any]], str] = WRITERS[form]
    for entries in read_batches(engine, selected):
        yield "".join(write(entry) for entry in entries)


def read_batches(engine: Engine, selected: Select[tuple[AuditEntry]]) -> Iterator[list[dict[str, Any]]]:
    """Yield entries as they are shown, oldest first."""
    last: AuditEntry | None = None
    while True:
        page = selected if last is None else selected.where(come_after(last))
        with Session(engine, expire_on_commit=False) as session:
            rows: list[Any] = list(session.scalars(page.order_by(AuditEntry.created_at, AuditEntry.id).limit(BATCH)))
        if not rows:
            return
        last = rows[-1]
        yield AuditEntryResponse(many=True).dump(rows)


def come_after(last: AuditEntry) -> Any:
    """Return the condition that an entry is newer than another."""
    same_moment = and_(AuditEntry.created_at == last.created_at, AuditEntry.id > last.id)
    return or_(AuditEntry.created_at > last.created_at, same_moment)


def write_json(entry: dict[str, Any]) -> str:
    """Return one line of NDJSON."""
    return json.dumps(entry, ensure_ascii=True, separators=(",", ":")) + "\n"


def write_csv(entry: dict[str, Any]) -> str:
    """Return one line of CSV."""
    return write_row([write_cell(entry[name]) for name in FIELDS])


def write_cell(value: Any) -> str:
    """Return a value as a cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def write_row(cells: list[str]) -> str:
    """Return cells as a line of RFC 4180."""
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


WRITERS: dict[str, Callable[[dict[str, Any]], str]] = {"ndjson": write_json, "csv": write_csv}
CONTENT_TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv"}
