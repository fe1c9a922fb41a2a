"""Sections to plan clips for, where nobody has drawn any: those that were heard, their edges on beats. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tasks.contracts.clips import SHORTEST_S, ClipSection
from tasks.contracts.music import Curve, SongAnalysis


def heard_sections(song: SongAnalysis) -> tuple[ClipSection, ...]:
    """Return the sections that were heard in a song, those too short for a clip joined to their neighbours."""
    edges, labels = [0.0], [song.sections[0].label if song.sections else "verse"]
    for section in song.sections[1:]:
        start = min(song.beats, key=lambda beat: abs(beat - section.start), default=section.start)
        if start - edges[-1] >= SHORTEST_S and song.duration_s - start >= SHORTEST_S:
            edges.append(start)
            labels.append(section.label)
    spans = pairwise([*edges, song.duration_s])
    return tuple(
        ClipSection(start, end, label, energy=mean_energy(song.energy, start, end))
        for (start, end), label in zip(spans, labels, strict=True)
    )


def with_energy(song: SongAnalysis, sections: Sequence[ClipSection]) -> tuple[ClipSection, ...]:
    """Return sections with the energy that was heard in them."""
    return tuple(
        ClipSection(
            one.start_s,
            one.end_s,
            one.label,
            one.note,
            mean_energy(song.energy, one.start_s, one.end_s),
            one.section_ref,
        )
        for one in sections
    )


def mean_energy(curve: Curve, start_s: float, end_s: float) -> float:
    """Return the mean of a curve between two times, 0.5 where it has no values."""
    first = min(int(start_s / curve.step_s), max(0, len(curve.values) - 1))
    part = curve.values[first : max(first + 1, round(end_s / curve.step_s))]
    return round(sum(part) / len(part), 4) if part else 0.5
