"""Sections of a song: edges on beats, in order, covering all of it. Checking is pure; times are fixed once written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy.orm import Session

from api.errors import ConflictError
from api.songs.models import LABEL_LENGTH, Song, SongSection
from tasks.contracts.music import SongAnalysis
from tasks.errors import InvalidInputError

SHORTEST_S = 3.0
"""Shorter sections could not hold a clip."""
MOST = 64
_MEETING_S = 0.25
"""How far an end and the next start may lie apart and still mean the same edge."""


@dataclass(frozen=True)
class Placed:
    """A section whose edges lie on beats; ``moved_ms`` is how far its start and end were moved for that."""

    start_s: float
    end_s: float
    label: str
    note: str
    moved_ms: tuple[float, float]


def snap(time_s: float, beats: Sequence[float]) -> float:
    """Return the beat nearest to a time; the time itself, to the millisecond, where there are no beats."""
    return min(beats, key=lambda beat: abs(beat - time_s)) if beats else round(time_s, 3)


def place(wanted: list[dict[str, Any]], song: SongAnalysis) -> list[Placed]:
    """Put edges on beats; the song's own start and end are edges, too.

    Raises ``section.invalid`` with findings unless the sections are in order, meet, and cover the song.
    """
    findings = check_order(wanted, song.duration_s, first_beat=song.beats[0] if song.beats else 0.0)
    if not findings:
        starts = [0.0, *(snap(one["start"], song.beats) for one in wanted[1:])]
        ends = [*starts[1:], song.duration_s]
        findings = [
            finding(number, "end", f"A section lasts at least {SHORTEST_S:g} seconds; this one {end - start:.2f}")
            for number, (start, end) in enumerate(zip(starts, ends, strict=True))
            if end - start < min(SHORTEST_S, song.duration_s) - 1e-6
        ]
    if findings:
        raise InvalidInputError("section.invalid", "The sections do not divide the song", {"findings": findings})
    return [
        Placed(
            start, end, one["label"].strip(), one["note"].strip(), (moved(one["start"], start), moved(one["end"], end))
        )
        for one, start, end in zip(wanted, starts, ends, strict=True)
    ]


def moved(from_s: float, to_s: float) -> float:
    """Return a move in milliseconds."""
    return round((to_s - from_s) * 1000, 1)


def check_order(wanted: list[dict[str, Any]], duration_s: float, *, first_beat: float) -> list[dict[str, str]]:
    """Return what is wrong with the order of sections: gaps, overlaps, what is not covered."""
    findings = []
    if wanted[0]["start"] > max(1.0, first_beat + 0.05):
        findings.append(finding(0, "start", "The first section begins with the song, at 0"))
    if wanted[-1]["end"] < duration_s - 1.0 or wanted[-1]["end"] > duration_s + 1.0:
        findings.append(finding(len(wanted) - 1, "end", f"The last section ends with the song, at {duration_s:.3f}"))
    for number, one in enumerate(wanted):
        if one["end"] <= one["start"]:
            findings.append(finding(number, "end", "A section ends after it starts"))
    for number, (before, after) in enumerate(pairwise(wanted), start=1):
        gap = after["start"] - before["end"]
        if abs(gap) > _MEETING_S:
            what = "overlaps the one before" if gap < 0 else "leaves a gap behind the one before"
            findings.append(finding(number, "start", f"The section {what}: that ends at {before['end']:.3f}"))
    return findings


def finding(number: int, name: str, message: str) -> dict[str, str]:
    """Return one finding."""
    return {"pointer": f"/sections/{number}/{name}", "message": message}


def suggest(song: SongAnalysis) -> list[dict[str, Any]]:
    """Return the sections that the analysis suggests, on beats, those that are too short joined to their neighbours."""
    edges = [0.0]
    labels = [song.sections[0].label if song.sections else "verse"]
    for section in song.sections[1:]:
        start = snap(section.start, song.beats)
        if start - edges[-1] < SHORTEST_S or song.duration_s - start < SHORTEST_S:
            continue
        edges.append(start)
        labels.append(section.label)
    ends = [*edges[1:], song.duration_s]
    rows = zip(edges, ends, labels, strict=True)
    return [{"start": start, "end": end, "label": label[:LABEL_LENGTH], "note": ""} for start, end, label in rows]


def create_sections(
    session: Session, song: Song, analysis: SongAnalysis, wanted: list[dict[str, Any]] | None
) -> list[tuple[SongSection, Placed]]:
    """Write a song's sections, those that are suggested when none are given; raise ``section.exists``.

    The song must be locked.
    """
    if song.sections:
        raise ConflictError("section.exists", "The song has its sections; their times are fixed. Delete them first")
    placed = place(wanted if wanted is not None else suggest(analysis), analysis)
    rows = [
        SongSection(song_id=song.id, start_s=one.start_s, end_s=one.end_s, label=one.label, note=one.note)
        for one in placed
    ]
    session.add_all(rows)
    session.flush()
    session.refresh(song)
    return list(zip(rows, placed, strict=True))
