"""Use cases of shorts: choose, adjust, caption, show, forget."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.assets.models import Asset
from api.assets.service import Download, sign_picture
from api.errors import ConflictError, NotFoundError
from api.extensions import get_settings, get_storage
from api.projects.models import Project, Short
from api.projects.service import find_transcript
from api.projects.wishes import change_wish, remember, wish_of
from tasks.contracts.shorts import Reframing
from tasks.edits.framing import framed_info
from tasks.edits.pauses import find_pauses, snap_in, snap_out, words_of
from tasks.edits.stretch import words_within
from tasks.errors import InvalidInputError
from tasks.scenario.build import scenario_from_transcript
from tasks.transcripts.cuts import Span

SNAP_REACH_S = 3.0
MOST_SHORTS = 500
ENDS = ("start_s", "end_s", "title", "snap")


def add_short(session: Session, project: Project, body: dict[str, Any]) -> Short:
    """Make a short of a stretch that a person chose; raise ``short.invalid_times``, ``short.too_many``."""
    if project.shorts_count >= MOST_SHORTS:
        raise ConflictError("short.too_many", f"A project has at most {MOST_SHORTS} shorts")
    short = Short(
        project_id=project.id, start_s=body["start_s"], end_s=body["end_s"], score=None, title="", wish={}, undo=[]
    )
    adjust(session, project, short, body)
    session.add(short)
    session.flush()
    return short


def change_short(session: Session, project: Project, short: Short, body: dict[str, Any]) -> None:
    """Adjust a short and its wish, to be undone together; raise ``short.invalid_times``, ``shorts.invalid_framing``."""
    remember(short)
    adjust(session, project, short, body)
    change_wish(short, {name: value for name, value in body.items() if name not in ENDS})
    session.flush()


def adjust(session: Session, project: Project, short: Short, body: dict[str, Any]) -> None:
    """Move a short's ends, snapped into pauses of what is said; raise ``short.invalid_times``."""
    start_s, end_s = body.get("start_s", short.start_s), body.get("end_s", short.end_s)
    if body["snap"] and ("start_s" in body or "end_s" in body):
        _, transcript = find_transcript(session, project)
        pauses = find_pauses(words_of(transcript), transcript.duration_s)
        try:
            start_s = snap_in(start_s, pauses, reach_s=SNAP_REACH_S)
            end_s = snap_out(end_s, pauses, reach_s=SNAP_REACH_S)
        except ValueError as error:
            raise InvalidInputError("short.invalid_times", f"A word is cut and {error}") from error
    media = project.asset.media_info
    if end_s - start_s < 1 or (media is not None and end_s > media.duration_s + 0.5):
        raise InvalidInputError("short.invalid_times", "A short lasts a second at least and ends within its video")
    short.start_s, short.end_s = start_s, end_s
    short.title = body.get("title", short.title)


def delete_short(session: Session, short: Short) -> None:
    """Forget a short; raise ``short.busy`` while it is being cut."""
    if short.is_cutting:
        raise ConflictError("short.busy", "A job is cutting the short", {"job_id": str(short.job_id)})
    session.delete(short)


def caption_clip(
    session: Session, project: Project, short: Short, preset: str, *, reframing: Reframing | None = None
) -> dict[str, Any]:
    """Caption a short's clip in a look, its own when empty; raise ``short.not_cut``, ``scenario.unknown_preset``.

    :param reframing: how its picture is framed while the captions are drawn.
    """
    clip = session.get(Asset, short.clip_asset_id) if short.clip_asset_id else None
    media = clip.media_info if clip is not None and clip.deleted_at is None else None
    if short.cut is None or media is None or media.video is None:
        raise ConflictError("short.not_cut", "The short has no clip")
    _, transcript = find_transcript(session, project)
    words = words_within(transcript, [Span(span["start"], span["end"]) for span in short.cut["kept"]])
    video = framed_info(media.video, reframing) if reframing else media.video
    width, height = video.display_width, video.display_height
    look = preset or wish_of(short).look or "none"
    return scenario_from_transcript(words, width=width, height=height, preset=look)


def sign_thumbnail(short: Short) -> Download:
    """Return a URL that shows a picture of a short; raise ``short.no_thumbnail``."""
    if short.thumbnail_key is None:
        raise NotFoundError("short.no_thumbnail", "The short has no picture; those that a search found have one")
    return sign_picture(short.thumbnail_key, "thumbnail.png", storage=get_storage(), settings=get_settings())
