"""SubRip: cues of whole lines; words get estimated times."""

from __future__ import annotations

import html
import re

from tasks.contracts import Segment, Transcript
from tasks.transcripts.formats.cues import (
    Cue,
    Notices,
    Piece,
    bad_line,
    build_segments,
    check_size,
    one_line,
    read_clock,
    spoken,
    write_clock,
)

_ARROW = re.compile(r"^\s*(\S+)\s*-->\s*(\S+)(?:\s+.*)?$")
_TAG = re.compile(r"</?(?:b|i|u|s|font)(?:\s[^>]*)?>|\{\\[^}]*\}", re.IGNORECASE)


def read_srt(text: str, language: str | None, notices: Notices) -> tuple[Segment, ...]:
    """Read SubRip; numbers may lack or repeat, style tags are dropped. Raises ``transcript.file_invalid``."""
    check_size(text)
    cues: list[Cue] = []
    lines = text.removeprefix("\ufeff").splitlines()
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        if "-->" not in lines[at] and at + 1 < len(lines) and "-->" in lines[at + 1]:
            at += 1
        found = _ARROW.match(lines[at])
        if not found:
            raise bad_line(at + 1, "expected a time such as 00:00:01,000 --> 00:00:02,000")
        start, end, first = read_clock(found[1], at + 1), read_clock(found[2], at + 1), at + 1
        at += 1
        body = []
        while at < len(lines) and lines[at].strip():
            body.append(lines[at])
            at += 1
        cues.append(Cue(first, start, end, (Piece(html.unescape(_TAG.sub("", " ".join(body)))),)))
    return build_segments(cues, notices, language)


def write_srt(transcript: Transcript) -> str:
    """Return SubRip: one numbered cue per segment."""
    return "\n".join(
        f"{number}\n{write_clock(segment.start, ',')} --> {write_clock(segment.end, ',')}\n{text_of(segment)}\n"
        for number, segment in enumerate(spoken(transcript.segments), start=1)
    )


def text_of(segment: Segment) -> str:
    """Return a segment's text, with nothing in it that is taken for a style or a character's name."""
    text = one_line(segment.text)
    plain = text.replace("&", "&amp;") if html.unescape(text) != text else text
    return _TAG.sub(lambda found: found[0].replace("<", "&lt;").replace("{", "&#123;"), plain)
