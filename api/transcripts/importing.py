"""Use cases of caption files: a file becomes a transcript of an asset."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetState
from api.errors import ConflictError, NotFoundError
from api.ids import get_owned
from api.transcripts import history
from api.transcripts.edit import apply_edit
from api.transcripts.exports import read_file
from api.transcripts.models import TranscriptRecord, TranscriptVersion
from api.transcripts.service import USER, add_first_version, add_version, current_document, require_version
from tasks.contracts import Segment, Transcript

ENGINE = "import"
"""What a transcript that no engine made says about its engine."""


def import_file(
    session: Session, *, asset_id: UUID, kind: str, language: str, content: str
) -> tuple[TranscriptRecord, TranscriptVersion, list[dict[str, Any]]]:
    """Store a caption file as version 1 of a new transcript; return it with what had to be changed.

    Raises ``transcript.file_invalid``, ``transcript.invalid``, ``asset.not_ready``.
    """
    asset = find_asset(asset_id)
    duration_s = duration_of(asset)
    segments, notices = read_file(kind, content, language, duration_s=duration_s)
    method = "estimated" if any(word.estimated for segment in segments for word in segment.words) else "imported"
    empty = Transcript(language, 1.0, duration_s, ENGINE, kind, "", method)
    transcript = apply_edit(empty, language, _plain(segments))
    record = TranscriptRecord(
        owner_id=asset.owner_id,
        organisation_id=asset.organisation_id,
        asset_id=asset.id,
        job_id=None,
        current_version=1,
        language=language,
    )
    session.add(record)
    session.flush()
    return record, add_first_version(session, record, transcript, author=USER, kind=history.IMPORTED), notices


def replace_by_file(
    session: Session, record: TranscriptRecord, *, expected: int, kind: str, content: str
) -> tuple[TranscriptVersion, list[dict[str, Any]]]:
    """Put a caption file's content in place of the present one, as a new version.

    On another pass of an engine this is a conflict: a file does not say what it changed.
    """
    require_version(record, expected)
    current = current_document(session, record)
    segments, notices = read_file(kind, content, current.language, duration_s=current.duration_s)
    edited = apply_edit(current, current.language, _plain(segments))
    version = add_version(
        session,
        record,
        expected=expected,
        transcript=edited,
        note=f"Imported {kind}",
        kind=history.EDIT,
        patches=[history.WHOLE],
    )
    return version, notices


def _plain(segments: Sequence[Segment]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(segment) for segment in segments]


def find_asset(asset_id: UUID) -> Asset:
    """Return an asset that the caller may add to; raise ``asset.not_found``."""
    asset = get_owned(Asset, asset_id)
    if asset.state == AssetState.DELETED:
        raise NotFoundError("asset.not_found", "There is no such asset")
    return asset


def duration_of(asset: Asset) -> float:
    """Return how long an asset lasts in seconds; raise ``asset.not_ready``."""
    media = asset.media_info
    if media is None:
        raise ConflictError("asset.not_ready", "The asset has not been looked at yet")
    return media.duration_s
