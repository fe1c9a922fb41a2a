"""Writing a transcript as SubRip, WebVTT, plain text or JSON: pure."""

from __future__ import annotations

import html
import json
from collections.abc import Callable

from tasks.contracts import Segment, Transcript


def export_srt(transcript: Transcript) -> str:
    """Return SubRip: one numbered cue per segment."""
    cues = [
        f"{number}\n{_clock(segment.start, ',')} --> {_clock(segment.end, ',')}\n{_one_line(segment)}\n"
        for number, segment in enumerate(_spoken(transcript), start=1)
    ]
    return "\n".join(cues)


def export_vtt(transcript: Transcript) -> str:
    """Return WebVTT: one cue per segment, with the speaker as a voice span where one is known."""
    cues = ["WEBVTT\n"]
    for segment in _spoken(transcript):
        text = html.escape(_one_line(segment), quote=False)
        voice = html.escape(segment.speaker, quote=False) if segment.speaker else ""
        line = f"<v {voice}>{text}" if voice else text
        cues.append(f"{_clock(segment.start, '.')} --> {_clock(segment.end, '.')}\n{line}\n")
    return "\n".join(cues)


def export_text(transcript: Transcript) -> str:
    """Return one line per segment."""
    return "".join(f"{_one_line(segment)}\n" for segment in _spoken(transcript))


def export_json(transcript: Transcript) -> str:
    """Return the whole document."""
    return json.dumps(transcript.to_json(), ensure_ascii=False, indent=2) + "\n"


FORMATS: dict[str, tuple[str, Callable[[Transcript], str]]] = {
    "srt": ("application/x-subrip", export_srt),
    "vtt": ("text/vtt", export_vtt),
    "txt": ("text/plain", export_text),
    "json": ("application/json", export_json),
}
"""Content type and writer of each format."""


def _spoken(transcript: Transcript) -> list[Segment]:
    return [segment for segment in transcript.segments if _one_line(segment)]


def _one_line(segment: Segment) -> str:
    return " ".join(segment.text.split())


def _clock(time_s: float, separator: str) -> str:
    total_ms = round(time_s * 1000)
    hours, rest = divmod(total_ms, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, milliseconds = divmod(rest, 1000)
    return f"{hours:02}:{minutes:02}:{seconds:02}{separator}{milliseconds:03}"
