"""Advanced SubStation Alpha: karaoke tags carry word times in hundredths of a second, Name the speaker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.contracts import Segment, Transcript
from tasks.transcripts.formats.cues import (
    Cue,
    Notices,
    Piece,
    bad_line,
    build_segments,
    check_size,
    gaps_before,
    one_line,
    read_clock,
    spoken,
)

FIELDS = ("Layer", "Start", "End", "Style", "Name", "MarginL", "MarginR", "MarginV", "Effect", "Text")
HEADER = f"""[Script Info]
ScriptType: v4.00+
WrapStyle: 0
ScaledBorderAndShadow: yes
PlayResX: 1920
PlayResY: 1080

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Inter,72,&H0000D7FF,&H00FFFFFF,&H00000000,&H80000000,-1,0,0,0,100,100,0,0,1,4,0,2,80,80,80,1

[Events]
Format: {", ".join(FIELDS)}
"""
_TAGS = re.compile(r"\{([^}]*)\}")
_KARAOKE = re.compile(r"\\(?:kf|ko|K|k)(\d+(?:\.\d+)?)")
_ALIGNMENT = re.compile(r"\\an([1-9])")
_ROWS = {0: "", 1: "line:50%", 2: "line:10%"}
_COLUMNS = {0: "align:start", 1: "", 2: "align:end"}
_UNWRITABLE = str.maketrans({"{": "(", "}": ")", "\\": "/"})


def read_ass(text: str, language: str | None, notices: Notices) -> tuple[Segment, ...]:
    """Read the dialogue lines; styles and other effects are dropped. Raises ``transcript.file_invalid``."""
    check_size(text)
    cues: list[Cue] = []
    section, fields = "", list(FIELDS)
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        kind, _, rest = line.partition(":")
        if line.startswith("["):
            section = line.strip().lower()
        elif section == "[events]" and kind == "Format":
            fields = _read_format(rest, number)
        elif section == "[events]" and kind == "Dialogue":
            cues.append(_read_dialogue(rest, fields, number))
    if not section:
        raise bad_line(1, "the file has no sections such as [Events]")
    if cues:
        notices.add(1, "styles and effects other than karaoke and alignment are not kept")
    return build_segments(cues, notices, language)


def _read_format(rest: str, line: int) -> list[str]:
    fields = [name.strip() for name in rest.split(",")]
    if not {"Start", "End", "Text"} <= set(fields) or fields[-1] != "Text":
        raise bad_line(line, "the format needs Start, End and, at its end, Text")
    return fields


def _read_dialogue(rest: str, fields: Sequence[str], line: int) -> Cue:
    values = rest.lstrip().split(",", len(fields) - 1)
    if len(values) < len(fields):
        raise bad_line(line, f"the line has {len(values)} fields; the format names {len(fields)}")
    value = dict(zip(fields, values, strict=True))
    start, end = read_clock(value["Start"], line), read_clock(value["End"], line)
    alignment = _ALIGNMENT.search(value["Text"])
    placement = place_of(int(alignment[1])) if alignment else None
    speaker = value.get("Name", "").strip()[:64] or None
    return Cue(line, start, end, tuple(_read_pieces(value["Text"], start)), None, speaker, placement)


def _read_pieces(text: str, start_s: float) -> list[Piece]:
    """Cut a text at its karaoke tags; a tag without text is a pause."""
    pieces: list[Piece] = []
    at, length = start_s, None
    plain = 0
    for found in [*_TAGS.finditer(text), None]:
        said = _unescape(text[plain : found.start() if found else len(text)])
        if length is None and said.strip():
            pieces.append(Piece(said))
        elif length is not None and said.strip():
            pieces.append(Piece(said, round(at, 3), round(at + length, 3)))
            length, at = 0.0, at + length
        if found:
            plain = found.end()
            for tag in _KARAOKE.finditer(found[1]):
                at, length = at + (length or 0.0), float(tag[1]) / 100
    return pieces


def _unescape(text: str) -> str:
    return text.replace(r"\N", "\n").replace(r"\n", " ").replace(r"\h", "\u00a0")


def place_of(alignment: int) -> str | None:
    """Return the cue settings of a number-pad alignment; 2, the bottom, has none."""
    row, column = divmod(alignment - 1, 3)
    return " ".join(part for part in (_ROWS[row], _COLUMNS[column]) if part) or None


def alignment_of(placement: str | None) -> int:
    """Return the number-pad alignment that is nearest to cue settings."""
    settings = dict(part.split(":", 1) for part in (placement or "").split() if ":" in part)
    line = re.match(r"(\d+(?:\.\d+)?)%", settings.get("line", ""))
    height = float(line[1]) if line else 100.0
    row = 2 if height < 34 else 1 if height < 67 else 0
    column = {"start": 0, "left": 0, "end": 2, "right": 2}.get(settings.get("align", ""), 1)
    return row * 3 + column + 1


def write_ass(transcript: Transcript) -> str:
    """Return a script with one dialogue line per segment, its words as karaoke (``\\kf`` sweeps)."""
    return HEADER + "".join(_write_line(segment, transcript.language) for segment in spoken(transcript.segments))


@dataclass(frozen=True)
class _Clock:
    """Hundredths of a second, counted from a line's start."""

    start_cs: int

    def at(self, time_s: float) -> int:
        return max(0, round(time_s * 100) - self.start_cs)


def _write_line(segment: Segment, language: str) -> str:
    start_cs = round(segment.start * 100)
    end_cs = max(round(segment.end * 100), start_cs + 1)
    alignment = alignment_of(segment.placement)
    head = f"{{\\an{alignment}}}" if alignment != 2 else ""
    speaker = (segment.speaker or "").replace(",", ";")
    body = _write_karaoke(segment, _Clock(start_cs), language)
    return f"Dialogue: 0,{_stamp(start_cs)},{_stamp(end_cs)},Default,{speaker},0,0,0,,{head}{body}\n"


def _write_karaoke(segment: Segment, clock: _Clock, language: str) -> str:
    if not segment.words or all(word.estimated for word in segment.words):
        return one_line(segment.text).translate(_UNWRITABLE)
    parts, passed = [], 0
    for word, gap in zip(segment.words, gaps_before(segment, language), strict=True):
        start, end = clock.at(word.start), clock.at(word.end)
        pause = start - passed
        parts.append(gap)
        if pause > 0:
            parts.append(f"{{\\k{pause}}}")
            passed = start
        length = max(1, end - passed)
        parts.append(f"{{\\kf{length}}}{one_line(word.text).translate(_UNWRITABLE)}")
        passed += length
    return "".join(parts)


def _stamp(hundredths: int) -> str:
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 100:02}.{rest % 100:02}"
