"""Use cases of edits: operations, undo and redo, doing edits again on another pass of an engine."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.errors import ConflictError
from api.ids import get_visible
from api.transcripts import history
from api.transcripts.history import History, patches_in_force
from api.transcripts.models import TranscriptRecord, TranscriptVersion
from api.transcripts.service import (
    add_version,
    current_document,
    get_version,
    list_history,
    require_alive,
    require_version,
)
from tasks.contracts import Transcript
from tasks.errors import InvalidInputError
from tasks.transcripts.cuts import Span, TimeMap, retime
from tasks.transcripts.formats.otio import read_otio, write_otio
from tasks.transcripts.operations import Operation
from tasks.transcripts.paging import PagingRules, page_words
from tasks.transcripts.patches import rebase_patches, record_patches
from tasks.transcripts.reading import check_reading


def edit_by_operations(
    session: Session, record: TranscriptRecord, *, expected: int, operations: Sequence[Operation], note: str
) -> TranscriptVersion:
    """Do all operations or none; raise ``transcript.operation_invalid`` or ``transcript.version_conflict``."""
    require_version(record, expected)
    earlier = patches_in_force(list_history(session, record))
    edited, patches = record_patches(current_document(session, record), operations, earlier)
    return add_version(
        session, record, expected=expected, transcript=edited, note=note, kind=history.EDIT, patches=patches
    )


def undo_edit(session: Session, record: TranscriptRecord, *, expected: int) -> TranscriptVersion:
    """Step off what was done last; raise ``transcript.nothing_to_undo``."""
    require_version(record, expected)
    done = History.of(list_history(session, record)).done
    if len(done) < 2:
        raise ConflictError("transcript.nothing_to_undo", "No edit is left to undo")
    note = f"Undid version {done[-1]}"
    return _show_again(session, record, expected=expected, version=done[-2], kind=history.UNDO, note=note)


def redo_edit(session: Session, record: TranscriptRecord, *, expected: int) -> TranscriptVersion:
    """Step on to what was undone last; raise ``transcript.nothing_to_redo``."""
    require_version(record, expected)
    undone = History.of(list_history(session, record)).undone
    if not undone:
        raise ConflictError("transcript.nothing_to_redo", "No edit was undone since the last one")
    note = f"Redid version {undone[-1]}"
    return _show_again(session, record, expected=expected, version=undone[-1], kind=history.REDO, note=note)


def _show_again(
    session: Session, record: TranscriptRecord, *, expected: int, version: int, kind: str, note: str
) -> TranscriptVersion:
    shown = Transcript.from_json(get_version(session, record, version).document)
    return add_version(session, record, expected=expected, transcript=shown, note=note, kind=kind)


def rebase_edits(session: Session, record: TranscriptRecord, *, expected: int, onto: UUID) -> TranscriptVersion:
    """Do the edits in force again on what another transcript of the same asset began with.

    What cannot be done is kept as a conflict. Raises ``transcript.other_asset``, ``transcript.not_found``.
    """
    require_version(record, expected)
    other = require_alive(session, get_visible(TranscriptRecord, onto))
    if other.asset_id != record.asset_id:
        raise InvalidInputError("transcript.other_asset", "The other transcript is of another asset")
    fresh = Transcript.from_json(get_version(session, other, 1).document)
    rebased = rebase_patches(fresh, patches_in_force(list_history(session, record)))
    return add_version(
        session,
        record,
        expected=expected,
        transcript=rebased.transcript,
        note=f"Rebased onto {onto}",
        kind=history.REBASE,
        patches=rebased.patches,
    )


def describe_edits(session: Session, record: TranscriptRecord) -> dict[str, Any]:
    """Tell which edits are in force, which could not be done, and what can be undone and redone."""
    versions = list_history(session, record)
    steps, patches = History.of(versions), patches_in_force(versions)
    return {
        "version": record.current_version,
        "undo": steps.done[-1] if len(steps.done) > 1 else None,
        "redo": steps.undone[-1] if steps.undone else None,
        "edits": [patch.to_json() for patch in patches if not patch.conflict],
        "conflicts": [patch.to_json() for patch in patches if patch.conflict],
    }


def cut_transcript(session: Session, record: TranscriptRecord, edits: dict[str, Any]) -> dict[str, Any]:
    """Lay cuts, or a timeline of what is kept, over the current version; nothing is stored."""
    transcript = current_document(session, record)
    spans = read_cuts(transcript, edits)
    times = TimeMap.of(spans, transcript.duration_s)
    return {
        "version": record.current_version,
        "kept": [{"start": span.start, "end": span.end} for span in times.kept],
        "duration_s": times.duration_s,
        "document": retime(transcript, spans).to_json(),
    }


def read_cuts(transcript: Transcript, edits: dict[str, Any]) -> list[Span]:
    """Return the cuts of a request; raise ``transcript.file_invalid`` for a timeline that is none."""
    if edits["timeline"] is not None:
        return read_otio(json.dumps(edits["timeline"]), duration_s=transcript.duration_s)
    return [Span(cut["start"], cut["end"]) for cut in edits["cuts"]]


def write_timeline(session: Session, record: TranscriptRecord, edits: dict[str, Any]) -> str:
    """Return what cuts keep as an OpenTimelineIO document that names the asset."""
    transcript = current_document(session, record)
    times = TimeMap.of(read_cuts(transcript, edits), transcript.duration_s)
    return write_otio(transcript, times, media=f"asset:{record.asset_id}")


def page_transcript(session: Session, record: TranscriptRecord, query: dict[str, Any]) -> dict[str, Any]:
    """Page the current version into cues, and tell which of its own segments are hard to read."""
    transcript, rules = current_document(session, record), PagingRules(**query)
    voiced = [
        dataclasses.replace(word, speaker=word.speaker or segment.speaker)
        for segment in transcript.segments
        for word in segment.words
    ]
    cues = [
        {
            "start": page.start,
            "end": page.end,
            "text": page.text,
            "speaker": page.words[0].speaker,
            "words": [word.id for word in page.words],
            "cps": round(page.cps, 2),
        }
        for page in page_words(voiced, rules, language=transcript.language)
    ]
    return {"version": record.current_version, "cues": cues, "findings": check_reading(transcript, rules)}
