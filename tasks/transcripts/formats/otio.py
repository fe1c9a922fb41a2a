"""OpenTimelineIO: an edit list over one media, as ``.otio`` JSON (schemas Timeline.1, Stack.1, Track.1, Clip.2).

Times are written as milliseconds at rate 1000, so that they are exact; any rate is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tasks.contracts import Segment, Transcript
from tasks.transcripts.cuts import Span, TimeMap
from tasks.transcripts.formats.cues import bad_line, check_size, one_line

RATE = 1000.0


def write_otio(transcript: Transcript, times: TimeMap, *, media: str) -> str:
    """Return a timeline with a clip for each stretch that is kept, its segments as markers.

    :param media: what names the media to the reader, as a URL.
    """
    clips = [_clip(transcript, span, number, media) for number, span in enumerate(times.kept, 1)]
    tracks: list[dict[str, Any]] = [
        {"OTIO_SCHEMA": "Track.1", "name": kind, "kind": kind, "children": clips, "metadata": {}}
        for kind in ("Video", "Audio")
    ]
    stack = {"OTIO_SCHEMA": "Stack.1", "name": "tracks", "children": tracks, "metadata": {}}
    metadata = {"reelyard": {"language": transcript.language, "duration_s": transcript.duration_s}}
    timeline = {"OTIO_SCHEMA": "Timeline.1", "name": "Cuts", "tracks": stack, "metadata": metadata}
    return json.dumps(timeline, ensure_ascii=False, indent=1) + "\n"


def _clip(transcript: Transcript, span: Span, number: int, media: str) -> dict[str, Any]:
    said = [s for s in transcript.segments if s.start < span.end and s.end > span.start]
    reference = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "target_url": media,
        "available_range": _range(0.0, transcript.duration_s),
        "metadata": {},
    }
    return {
        "OTIO_SCHEMA": "Clip.2",
        "name": f"Kept {number}",
        "source_range": _range(span.start, span.end),
        "media_references": {"DEFAULT_MEDIA": reference},
        "active_media_reference_key": "DEFAULT_MEDIA",
        "markers": [_marker(segment, span) for segment in said],
        "effects": [],
        "enabled": True,
        "metadata": {},
    }


def _marker(segment: Segment, span: Span) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "Marker.2",
        "name": one_line(segment.text)[:200],
        "color": "GREEN",
        "marked_range": _range(max(segment.start, span.start), min(segment.end, span.end)),
        "metadata": {"reelyard": {"segment": segment.id, "speaker": segment.speaker}},
    }


def _range(start_s: float, end_s: float) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "TimeRange.1",
        "start_time": _time(start_s),
        "duration": {**_time(0), "value": float(round(end_s * RATE) - round(start_s * RATE))},
    }


def _time(time_s: float) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "value": float(round(time_s * RATE)), "rate": RATE}


def read_otio(text: str, *, duration_s: float) -> list[Span]:
    """Return the cuts of a timeline's first track with clips; clips must be in the order of the media.

    Raises ``transcript.file_invalid``.
    """
    check_size(text)
    try:
        timeline = json.loads(text)
        kept = [span for _, span in zip(range(20000), _kept(timeline), strict=False)]
    except json.JSONDecodeError as error:
        raise bad_line(error.lineno, f"the JSON is broken: {error.msg}") from error
    except (KeyError, TypeError, AttributeError, ValueError, ZeroDivisionError, RecursionError) as error:
        raise bad_line(1, "this is not an OpenTimelineIO timeline with clips of one media") from error
    if not kept:
        raise bad_line(1, "the timeline has no clips")
    return _cuts_between(kept, duration_s)


def _kept(timeline: Any) -> Iterator[Span]:
    tracks = timeline["tracks"]["children"]
    filled = [track["children"] for track in tracks if track["children"]]
    for clip in filled[0] if filled else ():
        if not str(clip["OTIO_SCHEMA"]).startswith("Clip."):
            continue
        found = clip["source_range"]
        start_s = _seconds(found["start_time"])
        yield Span(start_s, start_s + _seconds(found["duration"]))


def _seconds(time: Any) -> float:
    return round(float(time["value"]) / float(time["rate"]), 6)


def _cuts_between(kept: Sequence[Span], duration_s: float) -> list[Span]:
    cuts, at_s = [], 0.0
    for span in kept:
        if not span.start < span.end or span.start < at_s - 0.001:
            raise bad_line(1, "the clips are not in the order of the media, or overlap")
        if span.start > at_s + 0.001:
            cuts.append(Span(at_s, span.start))
        at_s = span.end
    return [*cuts, Span(at_s, duration_s)] if at_s < duration_s - 0.001 else cuts
