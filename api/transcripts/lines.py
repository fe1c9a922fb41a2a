"""Finding what was said: the lines of current versions under PostgreSQL's full-text search.

A line is indexed twice: as it stands (``simple``), with spaces between the letters of scripts that set none, and by the
stems of its language where PostgreSQL knows the language. A query is read in the same ways.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, delete, func, insert, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import REGCONFIG
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import cast

from api.assets.models import Asset, AssetState
from api.ownership import visible_to
from api.transcripts.models import TranscriptLine, TranscriptRecord
from tasks.contracts import Transcript
from tasks.errors import InvalidInputError

CONFIGS = {
    "ar": "arabic", "da": "danish", "nl": "dutch", "en": "english", "fi": "finnish", "fr": "french", "de": "german",
    "el": "greek", "hu": "hungarian", "id": "indonesian", "it": "italian", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "es": "spanish", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
"""ISO 639-1 code to PostgreSQL's text search configuration; other languages are searched by ``simple``."""
SIMPLE = "simple"
START, STOP = "\x02", "\x03"
"""Around what was found, inside this module only: characters that no text has."""
HEADLINE = f"StartSel={START}, StopSel={STOP}, HighlightAll=true"
ROWS_AT_ONCE = 1000
_SPACELESS = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")


def write_lines(session: Session, record: TranscriptRecord, transcript: Transcript) -> None:
    """Replace a transcript's lines by those of this version."""
    session.execute(delete(TranscriptLine).where(TranscriptLine.transcript_id == record.id))
    config = CONFIGS.get(transcript.language, SIMPLE)
    rows = [
        {
            "transcript_id": record.id,
            "position": position,
            "segment_id": segment.id[:64],
            "start_s": segment.start,
            "end_s": segment.end,
            "speaker": (segment.speaker or "")[:64] or None,
            "text": clean(segment.text),
            "search": vector(config, clean(segment.text)),
        }
        for position, segment in enumerate(transcript.segments)
    ]
    for first in range(0, len(rows), ROWS_AT_ONCE):
        session.execute(insert(TranscriptLine).values(rows[first : first + ROWS_AT_ONCE]))


def clean(text: str) -> str:
    """Return a text without control characters, which PostgreSQL refuses (NUL) or this module uses."""
    return "".join(char for char in text if char >= " ")


def vector(config: str, text: str) -> ColumnElement[Any]:
    """Return the expression of a line's search vector."""
    plain = func.to_tsvector(cast(SIMPLE, REGCONFIG), space_out(text))
    return plain if config == SIMPLE else plain.op("||")(func.to_tsvector(cast(config, REGCONFIG), text))


def space_out(text: str) -> str:
    """Put spaces around letters of scripts that set none, so that each is a word of the index."""
    return _SPACELESS.sub(lambda found: f" {found[0]} ", text)


def read_query(configs: Sequence[str], text: str) -> ColumnElement[Any]:
    """Return the query that finds a person's words, by their spelling or by their stems.

    Follows ``websearch_to_tsquery``: all words, ``"a phrase"``, ``or``, ``-without``.
    """
    phrased = re.sub(f"(?:{_SPACELESS.pattern})+", lambda found: '"' + " ".join(found[0]) + '"', clean(text))
    asked: ColumnElement[Any] = func.websearch_to_tsquery(cast(SIMPLE, REGCONFIG), phrased)
    for config in configs:
        asked = asked.op("||")(func.websearch_to_tsquery(cast(config, REGCONFIG), clean(text)))
    return asked


def search_lines(
    session: Session,
    *,
    q: str,
    organisation_id: UUID | None = None,
    asset_id: UUID | None = None,
    speaker: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Return one page of lines that the caller may see and that say what is asked: newest transcripts first."""
    mine = and_(visible_to(TranscriptRecord, organisation_id), Asset.state != AssetState.DELETED.value)
    languages = session.scalars(
        select(TranscriptRecord.language).distinct().join(Asset, Asset.id == TranscriptRecord.asset_id).where(mine)
    )
    configs = sorted({CONFIGS[language] for language in languages if language in CONFIGS})
    asked = read_query(configs, q)
    found = _select_hits(asked).where(mine, TranscriptLine.search.op("@@")(asked))
    if asset_id:
        found = found.where(TranscriptRecord.asset_id == asset_id)
    if speaker:
        found = found.where(TranscriptLine.speaker == speaker)
    if cursor:
        found = found.where(_behind(cursor))
    order = (TranscriptRecord.created_at.desc(), TranscriptRecord.id.desc(), TranscriptLine.position)
    rows = session.execute(found.order_by(*order).limit(limit + 1)).all()
    page = rows[:limit]
    return {
        "items": [_show(row) for row in page],
        "next_cursor": _name_place(page[-1]) if len(rows) > limit else None,
    }


def _select_hits(asked: ColumnElement[Any]) -> Select[Any]:
    config = literal(SIMPLE)
    marked = func.ts_headline(cast(config, REGCONFIG), TranscriptLine.text, asked, HEADLINE)
    return (
        select(TranscriptLine, TranscriptRecord, marked.label("marked"))
        .join(TranscriptRecord, TranscriptRecord.id == TranscriptLine.transcript_id)
        .join(Asset, Asset.id == TranscriptRecord.asset_id)
    )


def _show(row: Row[Any]) -> dict[str, Any]:
    line, record = row.TranscriptLine, row.TranscriptRecord
    text, marks = read_marks(row.marked)
    return {
        "transcript_id": record.id,
        "asset_id": record.asset_id,
        "version": record.current_version,
        "language": record.language,
        "segment_id": line.segment_id,
        "start": line.start_s,
        "end": line.end_s,
        "speaker": line.speaker,
        "text": text,
        "highlights": marks,
    }


def read_marks(marked: str) -> tuple[str, list[dict[str, int]]]:
    """Return a text without its marks, and where they were: offset and length in characters."""
    text, marks = "", []
    for piece in re.split(f"({START}.*?{STOP})", marked, flags=re.DOTALL):
        if piece.startswith(START):
            marks.append({"offset": len(text), "length": len(piece) - 2})
            piece = piece[1:-1]
        text += piece
    return text, marks


def _name_place(row: Row[Any]) -> str:
    record = row.TranscriptRecord
    place = json.dumps([record.created_at.isoformat(), str(record.id), row.TranscriptLine.position])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _behind(cursor: str) -> ColumnElement[bool]:
    """Return the condition that a line comes after the place a cursor names; raise ``request.bad_cursor``."""
    try:
        at, row_id, position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        created_at, transcript_id, position = datetime.fromisoformat(at), UUID(row_id), int(position)
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError("request.bad_cursor", "The cursor is not one that a page gave") from error
    place = tuple_(TranscriptRecord.created_at, TranscriptRecord.id)
    here = and_(TranscriptRecord.id == transcript_id, TranscriptLine.position > position)
    return or_(place < tuple_(created_at, transcript_id), here)
