"""How a short is to be made: changed step by step, previewed, and undone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from api.errors import ConflictError
from api.projects.models import Project, Short
from api.projects.service import find_transcript
from tasks.contracts import Transcript
from tasks.contracts.shorts import EditList, ShortWish, Stretch
from tasks.edits.removal import RemovalOptions, preview, switch
from tasks.edits.stretch import edits_within, switch_off, words_within
from tasks.errors import InvalidInputError
from tasks.scenario.build import find_preset
from tasks.transcripts.cuts import Span, TimeMap

MOST_UNDONE = 50
STATE = ("start_s", "end_s", "title", "wish")


def wish_of(short: Short) -> ShortWish:
    """Return how a short is to be made; what nobody said is as usual."""
    return ShortWish.from_json(short.wish)


def remember(short: Short) -> None:
    """Keep what a short is like now, to be able to come back to it."""
    now = {name: getattr(short, name) for name in STATE}
    short.undo = [*short.undo, now][-MOST_UNDONE:]


def step_back(short: Short) -> None:
    """Undo the last change; raise ``short.nothing_to_undo``."""
    if not short.undo:
        raise ConflictError("short.nothing_to_undo", "Nothing that was changed is left to undo")
    *rest, before = short.undo
    for name in STATE:
        setattr(short, name, before[name])
    short.undo = rest


def change_wish(short: Short, asked: dict[str, Any]) -> None:
    """Take what is asked for into a short's wish; raise ``scenario.unknown_preset``, ``shorts.invalid_framing``."""
    if asked.get("look"):
        find_preset(asked["look"])
    for override in asked.get("overrides", ()):
        if override["end"] <= override["start"] or (override["x"] is None and not override["layout"]):
            raise InvalidInputError(
                "shorts.invalid_framing", "An override ends after it starts, and has a place or a layout"
            )
    short.wish = ShortWish.from_json({**wish_of(short).to_json(), **asked}).to_json()


def list_edits(session: Session, project: Project, short: Short) -> tuple[EditList, Transcript]:
    """Return what goes of a short, as it is switched, with the words of the whole video."""
    _, transcript = find_transcript(session, project)
    wish = wish_of(short)
    options = RemovalOptions(wish.pace, wish.fillers, wish.phrases, wish.stutters)
    edits = edits_within(transcript, short.start_s, short.end_s, options)
    return switch_off(edits, wish.off), transcript


def switch_edits(
    session: Session, project: Project, short: Short, *, off: Iterable[str], on: Iterable[str]
) -> tuple[EditList, Transcript]:
    """Switch entries of a short's edit list off and on again; raise ``shorts.unknown_removal``."""
    edits, transcript = list_edits(session, project, short)
    edits = switch(switch(edits, off, enabled=False), on, enabled=True)
    remember(short)
    places = tuple(Stretch(each.start, each.end) for each in edits.removals if not each.enabled)
    short.wish = dataclasses.replace(wish_of(short), off=places).to_json()
    return edits, transcript


def preview_edits(short: Short, edits: EditList, transcript: Transcript) -> dict[str, Any]:
    """Return the list, what is kept and the words of the clip that it makes, in the clip's own time."""
    times, _ = preview(transcript, edits)
    kept = clip_to(times, short.start_s, short.end_s)
    return {
        "removals": [each.to_json() for each in edits.removals],
        "kept": [{"start": span.start, "end": span.end} for span in kept],
        "duration_s": round(sum(span.end - span.start for span in kept), 6),
        "document": words_within(transcript, kept).to_json(),
        "can_undo": bool(short.undo),
    }


def clip_to(times: TimeMap, start_s: float, end_s: float) -> list[Span]:
    """Return what is kept between two moments of the source."""
    parts = [Span(max(span.start, start_s), min(span.end, end_s)) for span in times.kept]
    return [part for part in parts if part.end > part.start]
