"""What songs look like from outside, put together."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.songs.models import Song
from api.songs.service import current_analysis, find_lyrics
from api.transcripts.service import current_document
from tasks.storage.base import Storage


def describe_song(song: Song) -> dict[str, Any]:
    """Return what a song looks like from outside."""
    own = f"/api/v1/songs/{song.id}"
    job = f"/api/v1/jobs/{song.job_id}" if song.job_id else None
    columns = (
        "id",
        "organisation_id",
        "asset_id",
        "job_id",
        "title",
        "duration_s",
        "state",
        "created_at",
        "updated_at",
    )
    links = {
        "self": own,
        "analysis": f"{own}/analysis",
        "sections": f"{own}/sections",
        "job": job,
        "events": f"{job}/events" if job else None,
    }
    error = song.job.error if song.job is not None else None
    return {**{name: getattr(song, name) for name in columns}, "error": error, "links": links}


def describe_analysis(session: Session, song: Song, *, storage: Storage) -> dict[str, Any]:
    """Return what is known of a song; raise ``song.not_analyzed``."""
    analysis = current_analysis(song)
    return {
        "song_id": song.id,
        "overridden": sorted(song.overrides),
        "analysis": analysis.to_json(),
        "lyrics": describe_lyrics(session, song),
        "waveform_url": storage.presign_get(
            song.waveform_key, filename="waveform.json", content_type="application/json", inline=True
        )
        if song.waveform_key
        else None,
    }


def describe_lyrics(session: Session, song: Song) -> dict[str, Any] | None:
    """Return the words of a song with their times, None where nobody has listened for them."""
    record = find_lyrics(session, song)
    if record is None:
        return None
    document = current_document(session, record).to_json()
    return {"transcript_id": record.id, "language": document["language"], "segments": document["segments"]}
