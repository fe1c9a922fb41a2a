"""WebVTT: inline word times, voices and cue settings are kept both ways (W3C WebVTT 1)."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

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
    write_clock,
)

_ARROW = re.compile(r"^\s*(\S+)\s+-->\s+(\S+)\s*(.*)$")
_TOKEN = re.compile(r"<([^>]*)>|([^<]+)|<")
_SETTING = re.compile(r"^(?:vertical|line|position|size|align|region):\S+$")
_BLOCKS = ("NOTE", "STYLE", "REGION")


def read_vtt(text: str, language: str | None, notices: Notices) -> tuple[Segment, ...]:
    """Read WebVTT; notes, styles and regions are dropped and noted. Raises ``transcript.file_invalid``."""
    check_size(text)
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or not re.match(r"^WEBVTT(?:[ \t].*)?$", lines[0]):
        raise bad_line(1, "the file does not begin with WEBVTT")
    cues = []
    for first, block in _blocks(lines):
        cue = _read_block(first, block, notices)
        if cue:
            cues.append(cue)
    return build_segments(cues, notices, language)


def _blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the blocks after the header, with the number of the line each begins at."""
    block: list[str] = []
    header = True
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            block.append(line)
            continue
        if block and not header:
            yield number - len(block), block
        block, header = [], False


def _read_block(first: int, block: list[str], notices: Notices) -> Cue | None:
    if block[0].split()[0] in _BLOCKS and "-->" not in block[0]:
        if block[0].split()[0] != "NOTE":
            notices.add(first, f"{block[0].split()[0]} blocks are not kept")
        return None
    name = None if "-->" in block[0] else block[0].strip()
    at = 0 if name is None else 1
    found = _ARROW.match(block[at]) if at < len(block) else None
    if not found:
        raise bad_line(first + at, "expected a time such as 00:00:01.000 --> 00:00:02.000")
    line = first + at
    start, end = read_clock(found[1], line), read_clock(found[2], line)
    settings = [word for word in found[3].split() if _SETTING.match(word)]
    if len(settings) < len(found[3].split()):
        notices.add(line, "settings that WebVTT does not know were dropped")
    body = _Body(line)
    body.read("\n".join(block[at + 1 :]))
    placement = " ".join(settings)[:200] or None
    return Cue(line, start, end, tuple(body.pieces), name, body.first_voice, placement)


@dataclass
class _Body:
    """The text of a cue, taken apart at times and voices."""

    line: int
    pieces: list[Piece] = field(default_factory=list)
    voice: str | None = None
    first_voice: str | None = None
    at: float | None = None

    def read(self, text: str) -> None:
        for found in _TOKEN.finditer(text):
            if found[1] is not None:
                self._take_tag(found[1], self.line + 1 + text.count("\n", 0, found.start()))
            else:
                self._take_text(html.unescape(found[0]))
        self.close_word()

    def _take_tag(self, tag: str, line: int) -> None:
        if re.match(r"\d", tag):
            self.close_word()
            self.at = read_clock(tag, line)
        elif re.match(r"v[.\s]", tag):
            self.voice = html.unescape(tag.partition(" ")[2]).strip()[:64] or None
            self.first_voice = self.first_voice or self.voice
        elif tag == "/v":
            self.voice = None

    def close_word(self) -> None:
        """Take a time that no text followed for the end of the word in front of it."""
        if self.at is not None and self.pieces:
            self.pieces[-1] = dataclasses.replace(self.pieces[-1], end=self.at)

    def _take_text(self, text: str) -> None:
        if not text.strip():
            return
        self.pieces.append(Piece(text, self.at, None, self.voice))
        self.at = None


def write_vtt(transcript: Transcript) -> str:
    """Return WebVTT: a cue per segment with its id, voice and settings, and a time in front of each word.

    A pause between words stands as a time of its own, so that words keep their ends.
    """
    cues = ["WEBVTT\n"]
    for segment in spoken(transcript.segments):
        settings = f" {segment.placement}" if segment.placement else ""
        times = f"{write_clock(segment.start)} --> {write_clock(segment.end)}{settings}"
        cues.append(f"{_name(segment.id)}{times}\n{_write_body(segment, transcript.language)}\n")
    return "\n".join(cues)


def _name(name: str) -> str:
    fit = "-->" not in name and "\n" not in name and name.split(maxsplit=1)[:1] not in [[block] for block in _BLOCKS]
    return f"{name}\n" if fit and name.strip() else ""


def _write_body(segment: Segment, language: str) -> str:
    voice = segment.speaker or (segment.words[0].speaker if segment.words else None)
    opened = f"<v {html.escape(voice, quote=False)}>" if voice else ""
    if not segment.words:
        return opened + html.escape(one_line(segment.text), quote=False)
    timed = not all(word.estimated for word in segment.words)
    parts = [opened]
    for number, (word, gap) in enumerate(zip(segment.words, gaps_before(segment, language), strict=True)):
        said_by = word.speaker or segment.speaker
        parts.append(gap)
        if said_by and said_by != voice:
            voice = said_by
            parts.append(f"<v {html.escape(voice, quote=False)}>")
        text = html.escape(one_line(word.text), quote=False)
        parts.append(f"<{write_clock(word.start)}>{text}" if timed else text)
        if timed and _pauses_after(segment, number):
            parts.append(f"<{write_clock(word.end)}>")
    return "".join(parts)


def _pauses_after(segment: Segment, number: int) -> bool:
    """Tell whether a word's end must be told: something else than the next word's start."""
    word = segment.words[number]
    following_s = segment.words[number + 1].start if number + 1 < len(segment.words) else segment.end
    return write_clock(word.end) != write_clock(following_s) and word.end < following_s
