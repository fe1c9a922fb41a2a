"""Use cases of songs: take, list, analyse, correct, delete."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from api.assets.cleanup import delete_objects_after_commit
from api.assets.models import Asset, AssetKind
from api.assets.service import require_ready
from api.assets.standing import get_standing, lock_standing, select_standing
from api.config import ApiSettings
from api.credits.prices import Action
from api.credits.work import hold, price
from api.errors import ConflictError
from api.ids import get_visible, new_id
from api.jobs.models import Job
from api.jobs.service import create_job
from api.ownership import placed_in
from api.songs import overrides
from api.songs.models import TITLE_LENGTH, Song
from api.transcripts.hearing import newest
from api.transcripts.models import TranscriptRecord
from api.users.models import User
from tasks.contracts.music import SongAnalysis, SongOrder
from tasks.errors import InvalidInputError
from tasks.names import Priority
from tasks.storage.base import Storage
from tasks.workflows.songs import build_song_steps

JOB_KIND = "song"


def select_songs(*, organisation_id: UUID | None = None) -> Select[tuple[Song]]:
    """Select the songs that the caller may see, of assets that are not deleted."""
    return select_standing(Song, organisation_id)


def get_song(song_id: UUID) -> Song:
    """Return the caller's song as the request's method may treat it; one whose file was deleted is not found."""
    return get_standing(Song, song_id)


def lock_song(session: Session, song_id: UUID) -> Song:
    """Return the caller's song, locked and as it is now."""
    return lock_standing(session, Song, song_id)


def create_song(session: Session, user: User, body: dict[str, Any], *, settings: ApiSettings) -> Song:
    """Make a song of an uploaded sound file.

    Raises ``asset.*``, ``song.not_audio``, ``song.too_long``, ``organisation.forbidden``.
    """
    asset = require_ready(get_visible(Asset, body["asset_id"]))
    placed_in(asset.organisation_id)
    media = asset.media_info
    if asset.kind != AssetKind.AUDIO or media is None or media.audio is None:
        raise InvalidInputError("song.not_audio", "A song is a sound file: MP3, WAV, M4A or FLAC")
    if media.duration_s > settings.max_song_s:
        raise InvalidInputError(
            "song.too_long",
            f"The song lasts {media.duration_s:.0f} seconds; at most {settings.max_song_s:.0f} are allowed",
            {"duration_s": media.duration_s, "limit_s": settings.max_song_s},
        )
    title = body["title"].strip() or asset.filename.rpartition(".")[0] or asset.filename
    song = Song(
        id=new_id(),
        owner_id=user.id,
        organisation_id=asset.organisation_id,
        asset_id=asset.id,
        title=title[:TITLE_LENGTH],
        duration_s=media.duration_s,
        overrides={},
    )
    session.add(song)
    session.flush()
    session.refresh(song)
    return song


def analyze(session: Session, user: User, song: Song, *, lyrics: bool, language: str | None) -> Job:
    """Order the analysis of a locked song; words are transcribed where nobody has heard them yet.

    Raises ``asset.*``, ``song.analyzing``, ``credits.insufficient``. What the owner said instead is kept.
    """
    if song.state == "analyzing":
        raise ConflictError("song.analyzing", "The song is being analysed already", {"job_id": str(song.job_id)})
    asset = require_ready(song.asset)
    wants_words = lyrics and find_lyrics(session, song) is None
    order = SongOrder(asset.object_key, asset.size_bytes)
    job = create_job(
        session,
        owner_id=user.id,
        organisation_id=song.organisation_id,
        kind=JOB_KIND,
        steps=build_song_steps(order, lyrics=wants_words, language=language),
        priority=Priority.NORMAL,
        subject={"song_id": str(song.id), "asset_id": str(asset.id)},
    )
    hold(session, job, Action.ANALYSIS, price(Action.ANALYSIS, song.duration_s))
    if wants_words:
        hold(session, job, Action.TRANSCRIPTION, price(Action.TRANSCRIPTION, song.duration_s))
    song.job_id = job.id
    session.flush()
    session.refresh(song)
    return job


def find_lyrics(session: Session, song: Song) -> TranscriptRecord | None:
    """Return the newest transcript of a song's file that is no translation, if there is one."""
    return newest(session, song.asset_id)


def heard_analysis(song: Song) -> SongAnalysis:
    """Return what was heard; raise ``song.not_analyzed`` before that."""
    if song.analysis is None:
        raise ConflictError("song.not_analyzed", f"The song is {song.state}; it has no analysis", {"state": song.state})
    return SongAnalysis.from_json(song.analysis)


def current_analysis(song: Song) -> SongAnalysis:
    """Return what was heard, with what the owner says instead; raise ``song.not_analyzed``."""
    return overrides.apply(heard_analysis(song), song.overrides)


def correct(session: Session, song: Song, said: dict[str, Any]) -> None:
    """Keep what the owner of a locked song says instead; raise ``song.not_analyzed``, ``song.invalid_beats``."""
    heard = heard_analysis(song)
    for name in ("beats", "downbeats"):
        times = said.get(name) or []
        if times and times[-1] >= heard.duration_s:
            raise InvalidInputError("song.invalid_beats", f"The {name} go beyond the song's end")
    song.overrides = overrides.merge(song.overrides, said)
    session.flush()


def delete_song(session: Session, song: Song, *, storage: Storage) -> None:
    """Delete a locked song with its analysis and sections; its file stays. Raises ``song.analyzing``."""
    if song.state == "analyzing":
        raise ConflictError(
            "song.analyzing", "The song is being analysed; cancel that first", {"job_id": str(song.job_id)}
        )
    delete_objects_after_commit(session, storage, [song.waveform_key])
    session.delete(song)
