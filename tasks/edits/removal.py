"""Silences, fillers and stutters as an edit list: each entry can be seen, switched off and on again; no word is cut."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tasks.contracts import Transcript, Word
from tasks.contracts.shorts import EditList, Removal
from tasks.edits.pauses import Pause, find_pauses, words_of
from tasks.errors import InvalidInputError
from tasks.transcripts.cuts import Span, TimeMap, retime

_FILE = Path(__file__).parent / "data" / "fillers.json"
_MARKS = re.compile(r"^\W+|\W+$")
LEAST_CUT_S = 0.08
"""A cut that saves less than two frames is a click and nothing else."""
STUTTER_GAP_S = 0.6
"""Words said twice with more than this between them are said twice on purpose."""


@dataclass(frozen=True)
class Pace:
    """How much of the silence goes: pauses longer than ``longest_s``, but for ``pad_s`` beside each word (seconds)."""

    longest_s: float
    pad_s: float


PACES = {"relaxed": Pace(1.2, 0.25), "natural": Pace(0.6, 0.15), "fast": Pace(0.3, 0.08), "extra": Pace(0.15, 0.04)}


@dataclass(frozen=True)
class RemovalOptions:
    """What is to go.

    :param pace: one of :data:`PACES`; empty keeps the silences. :param fillers: sounds like "um" of the language.
    :param phrases: also words that only mostly fill, like "you know". :param stutters: words said twice in a row.
    """

    pace: str = "natural"
    fillers: bool = True
    phrases: bool = False
    stutters: bool = True


def find_removals(transcript: Transcript, options: RemovalOptions | None = None) -> EditList:
    """Propose what can go, in order of time and apart; raise ``shorts.unknown_pace``."""
    options = options or RemovalOptions()
    if options.pace and options.pace not in PACES:
        raise InvalidInputError("shorts.unknown_pace", f"pace must be one of {', '.join(PACES)}")
    words = words_of(transcript)
    pad_s = (PACES[options.pace] if options.pace else PACES["natural"]).pad_s
    spoken = list(_spoken_removals(words, transcript, options, pad_s=pad_s))
    gone = {name for removal in spoken for name in removal.word_ids}
    silences: list[Removal] = []
    if options.pace and words:
        pauses = find_pauses(words, transcript.duration_s)
        silences = [cut for pause in pauses if (cut := _silence(pause, PACES[options.pace], words))]
    kept = [word for word in words if word.id not in gone]
    return EditList(transcript.duration_s, tuple(_apart([*spoken, *silences], kept)))


def enabled_cuts(edits: EditList) -> list[Span]:
    """Return the stretches that go, as they are now switched."""
    return [Span(removal.start, removal.end) for removal in edits.removals if removal.enabled]


def switch(edits: EditList, ids: Iterable[str], *, enabled: bool) -> EditList:
    """Return the list with some entries switched; raise ``shorts.unknown_removal``."""
    wanted = set(ids)
    if unknown := wanted - {removal.id for removal in edits.removals}:
        raise InvalidInputError("shorts.unknown_removal", f"There is no removal {', '.join(sorted(unknown))}")
    removals = (
        dataclasses.replace(removal, enabled=enabled) if removal.id in wanted else removal for removal in edits.removals
    )
    return dataclasses.replace(edits, removals=tuple(removals))


def preview(transcript: Transcript, edits: EditList) -> tuple[TimeMap, Transcript]:
    """Return what is kept and the words as they then come."""
    cuts = enabled_cuts(edits)
    return TimeMap.of(cuts, transcript.duration_s), retime(transcript, cuts)


@cache
def known_fillers(language: str) -> dict[str, Any]:
    """Return the lists ``sounds``, ``phrases`` and ``doubles`` of a language; empty ones where nobody wrote any."""
    lists: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    found: dict[str, Any] = lists.get(language.split("-")[0].lower(), {"sounds": [], "phrases": [], "doubles": []})
    return found


def plain(text: str) -> str:
    """Return a word without its marks, in small letters."""
    return _MARKS.sub("", text).casefold()


def _silence(pause: Pause, pace: Pace, words: Sequence[Word]) -> Removal | None:
    if pause.length_s <= pace.longest_s:
        return None
    start = pause.start + (pace.pad_s if pause.start >= words[0].start else 0.0)
    end = pause.end - (pace.pad_s if pause.end <= words[-1].end else 0.0)
    return Removal("", start, end, "silence") if end - start >= LEAST_CUT_S else None


def _spoken_removals(
    words: Sequence[Word], transcript: Transcript, options: RemovalOptions, *, pad_s: float
) -> Iterator[Removal]:
    lists = known_fillers(transcript.language)
    texts = [plain(word.text) for word in words]
    sequences = [([plain(part) for part in name.split()], "filler") for name in lists["sounds"] if options.fillers]
    sequences += [([plain(part) for part in name.split()], "phrase") for name in lists["phrases"] if options.phrases]
    sequences.sort(key=lambda pair: -len(pair[0]))
    at = 0
    while at < len(words):
        kind, length = _match(texts, at, sequences)
        if not kind and options.stutters and _is_stutter(words, texts, at, lists["doubles"]):
            kind, length = "stutter", 1
        if kind and (removal := _around(words, at, length, kind=kind, pad_s=pad_s, duration_s=transcript.duration_s)):
            yield removal
        at += max(1, length)


def _match(texts: Sequence[str], at: int, sequences: Sequence[tuple[list[str], str]]) -> tuple[str, int]:
    for sequence, kind in sequences:
        if list(texts[at : at + len(sequence)]) == sequence:
            return kind, len(sequence)
    return "", 1


def _is_stutter(words: Sequence[Word], texts: Sequence[str], at: int, doubles: Sequence[str]) -> bool:
    if at + 1 >= len(words) or not texts[at] or texts[at] in doubles or texts[at].isdigit():
        return False
    same = texts[at] == texts[at + 1] and words[at].speaker == words[at + 1].speaker
    return same and words[at + 1].start - words[at].end <= STUTTER_GAP_S and words[at].text[-1] not in ".!?"


def _around(
    words: Sequence[Word], at: int, length: int, *, kind: str, pad_s: float, duration_s: float
) -> Removal | None:
    """Return the words with the pauses around them, but for what the neighbours need to sound out."""
    first, last = words[at], words[at + length - 1]
    left = words[at - 1].end if at else 0.0
    right = words[at + length].start if at + length < len(words) else duration_s
    start, end = min(left + pad_s, first.start), max(right - pad_s, last.end)
    start, end = max(start, left), min(end, right)
    if end - start < LEAST_CUT_S:
        return None
    said = words[at : at + length]
    return Removal("", start, end, kind, " ".join(w.text for w in said), tuple(w.id for w in said))


def _apart(removals: Iterable[Removal], kept: Sequence[Word]) -> Iterator[Removal]:
    """Yield removals in order, each beginning where the one before ends, none in a word that stays; name them."""
    reached, number = 0.0, 0
    for removal in sorted(removals, key=lambda r: (r.start, r.end)):
        start, end = round(max(removal.start, reached), 3), round(removal.end, 3)
        if end - start < LEAST_CUT_S or any(w.start < end - 0.002 and w.end > start + 0.002 for w in kept):
            continue
        number, reached = number + 1, end
        yield dataclasses.replace(removal, id=f"r{number}", start=start, end=end)
