"""What a video is made from: the song's file, and its words."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetState
from api.assets.service import require_ready
from api.errors import NotFoundError
from api.songs.service import find_lyrics
from api.transcripts.service import current_document
from api.videos.models import MusicVideo
from tasks.scenario.build import scenario_from_transcript


def require_song(video: MusicVideo) -> Asset:
    """Return the sound file of a video; raise ``song.not_found`` where it was deleted."""
    song = video.of_song
    if song is None or song.asset.state == AssetState.DELETED:
        raise NotFoundError("song.not_found", "The song of the video was deleted")
    return require_ready(song.asset)


def build_captions(session: Session, video: MusicVideo) -> dict[str, Any] | None:
    """Return the scenario of a video's lyrics in the look that is wished; None where nobody has heard words."""
    record = find_lyrics(session, video.of_song) if video.of_song is not None else None
    if record is None or video.wish["captions"] is None:
        return None
    width, height = video.wish["width"], video.wish["height"]
    document = current_document(session, record)
    if not any(segment.words for segment in document.segments):
        return None
    return scenario_from_transcript(document, width=width, height=height, preset=video.wish["captions"])
