"""The pauses of a talk: the only places where it is cut."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.contracts import Transcript, Word
from tasks.scenario.build import SENTENCE_ENDS

SHORTEST_PAUSE_S = 0.08
"""Less than this between two words is the way they are spoken, not a pause."""
LEAD_S, TAIL_S = 0.12, 0.25
"""What is kept of a pause before the first and after the last word, so that no sound of them is clipped."""
CLOSERS = "\"'\u201d\u2019\u00bb)]"


@dataclass(frozen=True)
class Pause:
    """A stretch without words, in seconds.

    :param ends_sentence: whether a sentence is over where it begins; so it is at both ends of the media.
    :param lead_s: what a clip keeps of it before its first word, :param tail_s: and after its last.
    """

    start: float
    end: float
    ends_sentence: bool = False
    lead_s: float = LEAD_S
    tail_s: float = TAIL_S

    @property
    def length_s(self) -> float:
        """Return how long it is."""
        return self.end - self.start

    @property
    def cut_in(self) -> float:
        """Return where a clip that begins with the next word is cut."""
        return round(self.end - min(self.lead_s, self.length_s), 3)

    @property
    def cut_out(self) -> float:
        """Return where a clip that ends with the word before is cut."""
        return round(self.start + min(self.tail_s, self.length_s), 3)


def words_of(transcript: Transcript) -> list[Word]:
    """Return all words in order of time."""
    return sorted((word for segment in transcript.segments for word in segment.words), key=lambda w: (w.start, w.end))


def find_pauses(words: Sequence[Word], duration_s: float, *, shortest_s: float = SHORTEST_PAUSE_S) -> list[Pause]:
    """Return every pause between words that are in order of time, and what lies before the first and after the last."""
    pauses: list[Pause] = []
    reached_s, ends = 0.0, True
    for word in words:
        if word.start - reached_s >= shortest_s or (not pauses and reached_s == 0.0):
            pauses.append(make_pause(reached_s, max(reached_s, word.start), ends_sentence=ends))
        if word.end >= reached_s:
            reached_s, ends = word.end, ends_sentence(word.text)
    return [*pauses, make_pause(reached_s, max(duration_s, reached_s), ends_sentence=True)]


def make_pause(start_s: float, end_s: float, *, ends_sentence: bool) -> Pause:
    """Return a pause whose margins share it where it is short."""
    length_s = end_s - start_s
    lead_s = min(LEAD_S, length_s / 2)
    return Pause(start_s, end_s, ends_sentence, lead_s, min(TAIL_S, length_s - lead_s))


def ends_sentence(text: str) -> bool:
    """Tell whether a word is the last of a sentence, by its punctuation."""
    return text.rstrip(CLOSERS).endswith(SENTENCE_ENDS)


def snap_in(time_s: float, pauses: Sequence[Pause], *, reach_s: float = float("inf")) -> float:
    """Return where a clip may begin nearest to a time; the time itself when it lies in a pause already.

    Raises ValueError without a pause within ``reach_s``.
    """
    return _snap(time_s, pauses, [pause.cut_in for pause in pauses], reach_s)


def snap_out(time_s: float, pauses: Sequence[Pause], *, reach_s: float = float("inf")) -> float:
    """Return where a clip may end nearest to a time; the time itself when it lies in a pause already.

    Raises ValueError without a pause within ``reach_s``.
    """
    return _snap(time_s, pauses, [pause.cut_out for pause in pauses], reach_s)


def _snap(time_s: float, pauses: Sequence[Pause], points: list[float], reach_s: float) -> float:
    if not pauses:
        raise ValueError("there is no pause at all")
    place = bisect.bisect_right([pause.start for pause in pauses], time_s) - 1
    if place >= 0 and time_s <= pauses[place].end:
        return time_s
    best = min(points, key=lambda point: abs(point - time_s))
    if abs(best - time_s) > reach_s:
        raise ValueError(f"the nearest pause is {abs(best - time_s):.2f} s away")
    return best
