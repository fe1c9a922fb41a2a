"""One stretch of a talk as a clip: what goes of it, and its words in the clip's own time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tasks.contracts import Transcript
from tasks.contracts.shorts import EditList, Removal, Stretch
from tasks.edits.removal import RemovalOptions, find_removals, switch
from tasks.transcripts.cuts import Span, TimeMap, retime

EDGE_S = 0.01


def edits_within(transcript: Transcript, start_s: float, end_s: float, options: RemovalOptions) -> EditList:
    """Return what can go of a stretch; silences at its very edges are the pauses that it was cut in, and stay."""
    edits = find_removals(transcript, options)
    inside = tuple(r for r in edits.removals if r.start > start_s + EDGE_S and r.end < end_s - EDGE_S)
    return dataclasses.replace(edits, removals=inside)


def switch_off(edits: EditList, places: Sequence[Stretch]) -> EditList:
    """Return the list without the entries that lie at these places, whatever they are called by now."""
    ids = [removal.id for removal in edits.removals if any(lies_at(removal, place) for place in places)]
    return switch(edits, ids, enabled=False)


def lies_at(removal: Removal, place: Stretch) -> bool:
    """Tell whether an entry is the one that was at a place: they share more than half of the longer one."""
    shared = min(removal.end, place.end) - max(removal.start, place.start)
    return shared > max(removal.end - removal.start, place.end - place.start) / 2


def words_within(transcript: Transcript, kept: Sequence[Span]) -> Transcript:
    """Return what is said in what is kept, in the time of the clip."""
    everything = max(transcript.duration_s, kept[-1].end)
    gone = TimeMap.of(kept, everything).kept
    return retime(dataclasses.replace(transcript, duration_s=everything), gone)
