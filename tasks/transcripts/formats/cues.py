"""What all caption formats share: cues with lines, errors that name a line, and the way to segments and back."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tasks.contracts import Segment, Word
from tasks.errors import InvalidInputError
from tasks.transcripts.retext import tokenise
from tasks.transcripts.words import join_words, spread_text

MAX_CHARACTERS = 5_000_000
MAX_CUES = 20_000
MAX_CUE_CHARACTERS = 10_000
MAX_WORD_CHARACTERS = 200
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})(?:[.,](\d{1,3}))?")


@dataclass(frozen=True)
class Piece:
    """A part of a cue's text whose start is known; ``end`` too, where the format tells it."""

    text: str
    start: float | None = None
    end: float | None = None
    speaker: str | None = None


@dataclass(frozen=True)
class Cue:
    """One caption as a file has it.

    :param line: where it begins in the file, from 1.
    """

    line: int
    start: float
    end: float
    pieces: tuple[Piece, ...]
    name: str | None = None
    speaker: str | None = None
    placement: str | None = None


@dataclass
class Notices:
    """What had to be changed to take a file, line by line."""

    items: list[dict[str, object]] = field(default_factory=list)

    def add(self, line: int, message: str) -> None:
        """Remember one change."""
        self.items.append({"line": line, "message": message})


def bad_line(line: int, message: str) -> InvalidInputError:
    """Return the error of a file that cannot be taken: ``transcript.file_invalid`` with the line."""
    findings = [{"pointer": f"/content#line={line}", "message": message, "code": "file.line"}]
    detail = f"Line {line}: {message}"
    return InvalidInputError("transcript.file_invalid", detail, {"line": line, "findings": findings})


def check_size(text: str) -> None:
    """Raise ``transcript.file_too_large`` for a text that is longer than we read."""
    if len(text) > MAX_CHARACTERS:
        raise InvalidInputError(
            "transcript.file_too_large", f"The file has {len(text)} characters; at most {MAX_CHARACTERS} are read"
        )


def read_clock(text: str, line: int) -> float:
    """Return seconds of ``[hh:]mm:ss[.,]fff``; raise ``transcript.file_invalid``."""
    found = _CLOCK.fullmatch(text.strip())
    if not found or int(found[2]) > 59 or int(found[3]) > 59:
        raise bad_line(line, f"{text.strip()[:40]!r} is no time")
    return int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3]) + int((found[4] or "0").ljust(3, "0")) / 1000


def write_clock(time_s: float, separator: str = ".") -> str:
    """Return ``hh:mm:ss.fff``."""
    total_ms = round(time_s * 1000)
    hours, rest = divmod(total_ms, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, milliseconds = divmod(rest, 1000)
    return f"{hours:02}:{minutes:02}:{seconds:02}{separator}{milliseconds:03}"


def build_segments(cues: Iterable[Cue], notices: Notices, language: str | None = None) -> tuple[Segment, ...]:
    """Turn cues into segments in order; cues that overlap give way to the next, and that is noted.

    Words take the times of their pieces; where a piece has several words or no time, theirs are spread and marked as
    estimated. Raises ``transcript.file_invalid`` for a cue that is reversed, too long, or begins with another.
    """
    ordered = sorted((cue for cue in cues if any(piece.text.strip() for piece in cue.pieces)), key=lambda c: c.start)
    if len(ordered) > MAX_CUES:
        raise bad_line(ordered[MAX_CUES].line, f"More than {MAX_CUES} cues")
    segments, used, count = [], set[str](), 0
    for number, cue in enumerate(ordered):
        following = ordered[number + 1] if number + 1 < len(ordered) else None
        cue = _give_way(cue, following, notices)
        name = cue.name if cue.name and cue.name not in used and len(cue.name) <= 64 else _free("s", number + 1, used)
        used.add(name)
        words = _build_words(cue, count, language)
        count += len(words)
        text = join_words(words, language)
        segments.append(Segment(name, text, words[0].start, words[-1].end, tuple(words), cue.speaker, cue.placement))
    return tuple(segments)


def _free(prefix: str, number: int, used: set[str]) -> str:
    name = f"{prefix}{number}"
    while name in used:
        name += "x"
    return name


def _give_way(cue: Cue, following: Cue | None, notices: Notices) -> Cue:
    if cue.end <= cue.start:
        raise bad_line(cue.line, "the cue does not end after it starts")
    if sum(len(piece.text) for piece in cue.pieces) > MAX_CUE_CHARACTERS:
        raise bad_line(cue.line, f"the cue has more than {MAX_CUE_CHARACTERS} characters")
    if following is None or cue.end <= following.start:
        return cue
    if following.start <= cue.start:
        raise bad_line(following.line, f"the cue begins at the same time as the one at line {cue.line}")
    notices.add(cue.line, f"ends at {write_clock(following.start)} now: the next cue begins there")
    return dataclasses.replace(cue, end=following.start)


def _build_words(cue: Cue, count: int, language: str | None) -> list[Word]:
    words: list[Word] = []
    for piece, start_s, end_s in _time_pieces(cue):
        whole = piece.start is not None and len(piece.text.split()) == 1
        tokens = [piece.text.strip()] if whole else tokenise(piece.text, language)
        long = next((token for token in tokens if len(token) > MAX_WORD_CHARACTERS), None)
        if long:
            raise bad_line(cue.line, f"a word has more than {MAX_WORD_CHARACTERS} characters")
        ids = [f"w{count + len(words) + number}" for number in range(1, len(tokens) + 1)]
        speaker = piece.speaker or cue.speaker
        if whole:
            words.append(Word(ids[0], tokens[0], start_s, end_s, 1.0, speaker))
        else:
            words.extend(spread_text(tokens, start_s, end_s, ids=ids, speaker=speaker))
    return words


def _time_pieces(cue: Cue) -> list[tuple[Piece, float, float]]:
    """Return pieces with their times: pieces without one belong to the piece in front of them."""
    groups: list[list[Piece]] = []
    for piece in (piece for piece in cue.pieces if piece.text.strip()):
        if groups and piece.start is None:
            groups[-1].append(piece)
        else:
            groups.append([piece])
    starts = [cue.start if group[0].start is None else group[0].start for group in groups] + [cue.end]
    timed = []
    for group, start_s, limit_s in zip(groups, starts, starts[1:], strict=False):
        end_s = min(limit_s, group[0].end) if group[0].end is not None and len(group) == 1 else limit_s
        if not cue.start - 0.0005 <= start_s < end_s <= cue.end + 0.0005:
            raise bad_line(cue.line, "times of words are not in order inside the cue")
        timed += _share(group, start_s, end_s)
    return timed


def _share(group: Sequence[Piece], start_s: float, end_s: float) -> list[tuple[Piece, float, float]]:
    if len(group) == 1:
        return [(group[0], start_s, end_s)]
    total, at_s, shared = sum(len(piece.text) for piece in group), start_s, []
    for piece in group:
        until_s = at_s + (end_s - start_s) * len(piece.text) / total
        shared.append((dataclasses.replace(piece, start=None), at_s, until_s))
        at_s = until_s
    return shared


def one_line(text: str) -> str:
    """Return a text without line breaks."""
    return " ".join(text.split())


def spoken(segments: Iterable[Segment]) -> list[Segment]:
    """Return the segments that say something."""
    return [segment for segment in segments if one_line(segment.text)]


def gaps_before(segment: Segment, language: str | None) -> list[str]:
    """Return what stands between words, so that a format with words apart reads like the text."""
    texts = [""]
    for number in range(1, len(segment.words)):
        joined = join_words(segment.words[number - 1 : number + 1], language)
        pair = len(segment.words[number - 1].text) + len(segment.words[number].text)
        texts.append(" " if len(joined) > pair else "")
    return texts
