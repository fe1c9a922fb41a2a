"""Use cases of transcripts: read, edit with optimistic locking, bring back, caption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session, defer

from api.assets.models import Asset, AssetState
from api.errors import ConflictError, NotFoundError, PreconditionFailedError, PreconditionRequiredError
from api.ownership import visible_to
from api.transcripts import history
from api.transcripts.edit import apply_edit
from api.transcripts.history import patches_in_force
from api.transcripts.lines import write_lines
from api.transcripts.models import TranscriptRecord, TranscriptVersion
from tasks.contracts import Transcript
from tasks.scenario.build import scenario_from_transcript
from tasks.transcripts.changes import derive_operations
from tasks.transcripts.patches import Patch, record_patches

ENGINE, USER = "engine", "user"


def select_transcripts(
    *, organisation_id: UUID | None = None, asset_id: UUID | None = None
) -> Select[tuple[TranscriptRecord]]:
    """Select the transcripts that the caller may see, of assets that are not deleted."""
    alive = Asset.state != AssetState.DELETED.value
    query = select(TranscriptRecord).join(Asset, Asset.id == TranscriptRecord.asset_id)
    query = query.where(visible_to(TranscriptRecord, organisation_id), alive)
    return query.where(TranscriptRecord.asset_id == asset_id) if asset_id else query


def get_version(session: Session, record: TranscriptRecord, version: int) -> TranscriptVersion:
    """Return one version or raise ``transcript.version_not_found``."""
    found = session.get(TranscriptVersion, (record.id, version))
    if found is None:
        raise NotFoundError("transcript.version_not_found", f"The transcript has no version {version}")
    return found


def list_versions(session: Session, record: TranscriptRecord) -> Sequence[TranscriptVersion]:
    """Return every version, newest first, without reading the documents."""
    return session.scalars(
        select(TranscriptVersion)
        .where(TranscriptVersion.transcript_id == record.id)
        .order_by(TranscriptVersion.version.desc())
        .options(defer(TranscriptVersion.document, raiseload=True))
    ).all()


def list_history(session: Session, record: TranscriptRecord) -> list[TranscriptVersion]:
    """Return every version, oldest first, without reading the documents."""
    return list(list_versions(session, record))[::-1]


def current_document(session: Session, record: TranscriptRecord) -> Transcript:
    """Return the transcript as it is now."""
    return Transcript.from_json(get_version(session, record, record.current_version).document)


def store_heard(session: Session, *, asset: Asset, job_id: UUID, transcript: Transcript) -> TranscriptRecord:
    """Store what an engine heard as version 1; a second call for the same job changes nothing."""
    found: TranscriptRecord | None = session.scalar(select(TranscriptRecord).where(TranscriptRecord.job_id == job_id))
    if found is not None:
        return found
    record = TranscriptRecord(
        owner_id=asset.owner_id,
        organisation_id=asset.organisation_id,
        asset_id=asset.id,
        job_id=job_id,
        current_version=1,
        language=transcript.language,
    )
    session.add(record)
    session.flush()
    add_first_version(session, record, transcript, author=ENGINE, kind=history.HEARD)
    return record


def add_first_version(
    session: Session, record: TranscriptRecord, transcript: Transcript, *, author: str, kind: str
) -> TranscriptVersion:
    """Write version 1 of a new transcript."""
    version = TranscriptVersion(
        transcript_id=record.id,
        version=1,
        document=transcript.to_json(),
        author=author,
        kind=kind,
        patches=[],
        note="",
    )
    session.add(version)
    session.flush()
    write_lines(session, record, transcript)
    return version


def edit_transcript(
    session: Session, record: TranscriptRecord, *, expected: int, document: dict[str, Any], note: str
) -> TranscriptVersion:
    """Replace the content of version ``expected``; raise ``transcript.invalid`` or ``transcript.version_conflict``."""
    require_version(record, expected)
    current = current_document(session, record)
    edited = apply_edit(current, document.get("language"), document["segments"])
    earlier = patches_in_force(list_history(session, record))
    _, patches = record_patches(current, derive_operations(current, edited), earlier)
    return add_version(
        session, record, expected=expected, transcript=edited, note=note, kind=history.EDIT, patches=patches
    )


def revert_transcript(session: Session, record: TranscriptRecord, *, expected: int, version: int) -> TranscriptVersion:
    """Write an older version's content as the newest version."""
    require_version(record, expected)
    old = Transcript.from_json(get_version(session, record, version).document)
    patches = patches_in_force(list_history(session, record), version)
    note = f"Reverted to version {version}"
    return add_version(
        session, record, expected=expected, transcript=old, note=note, kind=history.REVERT, patches=patches
    )


def require_version(record: TranscriptRecord, expected: int) -> None:
    """Raise ``transcript.version_conflict`` when the transcript has moved on."""
    if record.current_version != expected:
        raise PreconditionFailedError(
            "transcript.version_conflict",
            f"The transcript is at version {record.current_version}, not {expected}; read it again",
            {"current_version": record.current_version, "expected_version": expected},
        )


def add_version(
    session: Session,
    record: TranscriptRecord,
    *,
    expected: int,
    transcript: Transcript,
    note: str,
    kind: str,
    patches: Sequence[Patch] = (),
) -> TranscriptVersion:
    """Raise the version by one conditional UPDATE, so that of two editors at once only one wins."""
    moved = session.scalar(
        update(TranscriptRecord)
        .where(TranscriptRecord.id == record.id, TranscriptRecord.current_version == expected)
        .values(current_version=expected + 1, language=transcript.language)
        .returning(TranscriptRecord.current_version)
        .execution_options(synchronize_session=False)
    )
    session.refresh(record)
    if moved is None:
        require_version(record, expected)
    version = TranscriptVersion(
        transcript_id=record.id,
        version=expected + 1,
        document=transcript.to_json(),
        author=USER,
        note=note,
        kind=kind,
        patches=[patch.to_json() for patch in patches],
    )
    session.add(version)
    session.flush()
    write_lines(session, record, transcript)
    return version


def read_expected_version(if_match: str | None) -> int:
    """Return the version that an ``If-Match`` header names.

    Raises ``transcript.version_required`` without one and ``transcript.version_conflict`` for a tag that is not ours.
    """
    if not if_match:
        raise PreconditionRequiredError(
            "transcript.version_required", "Send If-Match with the ETag of the version that was edited"
        )
    tag = if_match.strip().removeprefix("W/").strip('"')
    if not tag.isdigit() or len(tag) > 9:
        raise PreconditionFailedError("transcript.version_conflict", f"No version has the ETag {if_match[:40]}")
    return int(tag)


def build_scenario(
    session: Session, record: TranscriptRecord, *, preset: str, max_words: int, width: int = 0, height: int = 0
) -> dict[str, Any]:
    """Caption the current version for a picture of this size; zeros take the asset's own, as shown.

    Raises ``asset.no_video`` when the asset has no picture and no size is given.
    """
    if not (width and height):
        width, height = display_size(session, record)
    transcript = current_document(session, record)
    return scenario_from_transcript(transcript, width=width, height=height, preset=preset, max_words=max_words)


def display_size(session: Session, record: TranscriptRecord) -> tuple[int, int]:
    """Return width and height in pixels of the asset's picture as shown."""
    asset = session.get(Asset, record.asset_id)
    media = asset.media_info if asset else None
    if media is None or media.video is None:
        raise ConflictError("asset.no_video", "The asset has no picture; say width and height")
    return media.video.display_width, media.video.display_height


def require_alive(session: Session, record: TranscriptRecord) -> TranscriptRecord:
    """Return the transcript; it goes away with its asset."""
    asset = session.get(Asset, record.asset_id)
    if asset is None or asset.state == AssetState.DELETED:
        raise NotFoundError("transcript.not_found", "There is no such transcript")
    return record
