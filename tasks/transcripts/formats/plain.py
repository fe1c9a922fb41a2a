"""Plain text: a line per segment; reading spreads all words over the media."""

from __future__ import annotations

from tasks.contracts import Segment, Transcript
from tasks.transcripts.formats.cues import Cue, Notices, Piece, build_segments, check_size, one_line, spoken


def read_plain(text: str, language: str | None, notices: Notices, *, duration_s: float) -> tuple[Segment, ...]:
    """Read a line per segment; lines share the media's time by their lengths, and that is noted."""
    check_size(text)
    lines = [(number, line.strip()) for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line]
    total = sum(len(line) + 1 for _, line in lines)
    cues, passed = [], 0
    for number, line in lines:
        start, end = duration_s * passed / total, duration_s * (passed + len(line) + 1) / total
        cues.append(Cue(number, start, end, (Piece(line),)))
        passed += len(line) + 1
    if cues:
        notices.add(1, "plain text has no times; they were spread over the whole media")
    return build_segments(cues, notices, language)


def write_plain(transcript: Transcript) -> str:
    """Return one line per segment."""
    return "".join(f"{one_line(segment.text)}\n" for segment in spoken(transcript.segments))
