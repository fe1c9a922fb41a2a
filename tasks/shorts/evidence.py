"""What speaks for a stretch of a talk: how it opens, closes, sounds, what is new in it, and how cleanly it can be cut.

No model is asked: all is counted from words, loudness and scene cuts, so that equal videos give equal highlights.
"""

from __future__ import annotations

import bisect
import itertools
import json
import math
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tasks.contracts import Transcript, Word
from tasks.contracts.shorts import Evidence, MediaFeatures
from tasks.edits.pauses import Pause, ends_sentence, words_of
from tasks.edits.removal import plain

_FILE = Path(__file__).parent / "data" / "openers.json"
OPENING_WORDS, OPENING_S, CLOSING_WORDS = 12, 4.0, 14
SHORT_WORD = 4
"""Words with fewer letters say little about a topic in any alphabet that has letters."""
FULL_PAUSE_S = 0.6
"""A pause this long at an end is as clean as it gets."""
CUT_REACH_S = 0.5
USUAL_CUT_S = 8.0
"""A scene cut about this often looks lively; more or fewer count less."""
WEIGHTS = {"hook": 0.26, "payoff": 0.18, "energy": 0.18, "novelty": 0.16, "boundary": 0.16, "cuts": 0.06}


@cache
def openers(language: str, kind: str) -> tuple[str, ...]:
    """Return phrases that open (``hook``) or close (``payoff``) a story in a language; none where nobody wrote any."""
    lists = json.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(lists.get(language.split("-")[0].lower(), {}).get(kind, ()))


class Witness:
    """Knows a whole video and testifies for stretches of it."""

    def __init__(self, transcript: Transcript, features: MediaFeatures) -> None:
        self.words = words_of(transcript)
        self._starts = [word.start for word in self.words]
        self._language = transcript.language
        self._features = features
        terms = [plain(word.text) for word in self.words]
        self._terms = [term if len(term) >= SHORT_WORD or not term.isascii() else "" for term in terms]
        self._counts = Counter(term for term in self._terms if term)
        self._loud = [0.0, *itertools.accumulate(features.loudness.values)]
        self._rate = len(self.words) / max(features.duration_s, 1.0)

    def within(self, start_s: float, end_s: float) -> slice:
        """Return where the words of a stretch are."""
        return slice(bisect.bisect_left(self._starts, start_s - 1e-6), bisect.bisect_left(self._starts, end_s - 1e-6))

    def testify(self, first: Pause, last: Pause, start_s: float, end_s: float) -> Evidence:
        """Say what speaks for the stretch between two pauses."""
        place = self.within(start_s, end_s)
        words = self.words[place]
        reasons: list[str] = []
        return Evidence(
            hook=self._hook(words, start_s, reasons),
            payoff=self._payoff(words, reasons),
            energy=self._energy(words, start_s, end_s, reasons),
            novelty=self._novelty(place, reasons),
            boundary=_boundary(first, last, reasons),
            cuts=self._cuts(start_s, end_s, reasons),
            reasons=tuple(reasons),
        )

    def _hook(self, words: Sequence[Word], start_s: float, reasons: list[str]) -> float:
        if not words:
            return 0.0
        opening = words[:OPENING_WORDS]
        text = " ".join(plain(word.text) for word in opening)
        found = [phrase for phrase in openers(self._language, "hook") if f" {phrase} " in f" {text} "]
        asks = next((word.text for word in opening if "?" in word.text or "\uff1f" in word.text), "")
        score = 0.25 * min(len(found), 2) + 0.35 * bool(asks) + 0.15 * any(w.text[:1].isdigit() for w in opening)
        loud = self._loudness(start_s, start_s + OPENING_S)
        score += 0.25 * max(0.0, min(1.0, (loud - self._loudness(0, self._features.duration_s)) * 4))
        if asks:
            reasons.append("opens with a question")
        elif found:
            reasons.append(f"opens with “{found[0]}”")
        return _unit(score)

    def _payoff(self, words: Sequence[Word], reasons: list[str]) -> float:
        if not words:
            return 0.0
        text = " ".join(plain(word.text) for word in words[-CLOSING_WORDS:])
        found = [phrase for phrase in openers(self._language, "payoff") if f" {phrase} " in f" {text} "]
        asked = any("?" in word.text for word in words[: len(words) // 2])
        states = ends_sentence(words[-1].text) and "?" not in words[-1].text
        if found:
            reasons.append(f"closes with “{found[0]}”")
        if asked and states:
            reasons.append("a question is answered")
        return _unit(0.3 * min(len(found), 2) + 0.25 * states + 0.25 * (asked and states))

    def _energy(self, words: Sequence[Word], start_s: float, end_s: float, reasons: list[str]) -> float:
        loud = self._loudness(start_s, end_s)
        whole = self._loudness(0, self._features.duration_s)
        rate = len(words) / max(end_s - start_s, 1.0)
        pace = min(1.0, rate / self._rate / 2) if self._rate else 0.0
        if loud > whole + 0.05:
            reasons.append("louder than the rest")
        if self._rate and rate > 1.2 * self._rate:
            reasons.append("spoken faster than the rest")
        return _unit(0.5 + (loud - whole) * 2) * 0.6 + 0.4 * pace

    def _novelty(self, place: slice, reasons: list[str]) -> float:
        """Weigh the words of a stretch by how much of all their uses lie within it."""
        inside = Counter(term for term in self._terms[place] if term)
        if not inside:
            return 0.0
        share = (place.stop - place.start) / max(1, len(self._terms))
        gains = {t: math.log((n / self._counts[t]) / max(share, 1e-6)) * math.log1p(n) for t, n in inside.items()}
        best = max(gains, key=lambda term: (gains[term], term))
        if inside[best] > 1 and inside[best] == self._counts[best]:
            reasons.append(f"the only place about “{best}”")
        most = math.log(1 / max(share, 1e-6)) or 1.0
        return _unit(sum(gains.values()) / sum(math.log1p(n) for n in inside.values()) / most)

    def _cuts(self, start_s: float, end_s: float, reasons: list[str]) -> float:
        cuts = self._features.scene_cuts
        inside = bisect.bisect_left(cuts, end_s) - bisect.bisect_left(cuts, start_s)
        per_cut = (end_s - start_s) / (inside + 1)
        lively = 1 / (1 + abs(math.log2(per_cut / USUAL_CUT_S))) if inside else 0.3
        near = sum(any(abs(cut - edge) <= CUT_REACH_S for cut in _around(cuts, edge)) for edge in (start_s, end_s))
        if near:
            reasons.append("begins or ends with a scene")
        return _unit(0.6 * lively + 0.2 * near)

    def _loudness(self, start_s: float, end_s: float) -> float:
        step = self._features.loudness.step_s
        last = len(self._loud) - 1
        first, stop = (min(last, max(0, round(at / step))) for at in (start_s, end_s))
        return (self._loud[stop] - self._loud[first]) / (stop - first) if stop > first else 0.0


def weigh(evidence: Evidence) -> float:
    """Return one score, 0..1."""
    total: float = sum(weight * getattr(evidence, name) for name, weight in WEIGHTS.items())
    return round(total, 4)


def _boundary(first: Pause, last: Pause, reasons: list[str]) -> float:
    clean = [min(1.0, pause.length_s / FULL_PAUSE_S) for pause in (first, last)]
    whole = [first.ends_sentence, last.ends_sentence]
    if all(whole):
        reasons.append("whole sentences")
    return _unit(0.35 * sum(whole) + 0.15 * sum(clean))


def _around(cuts: Sequence[float], time_s: float) -> Sequence[float]:
    place = bisect.bisect_left(cuts, time_s)
    return cuts[max(0, place - 1) : place + 1]


def _unit(value: float) -> float:
    return round(max(0.0, min(1.0, value)), 4)
