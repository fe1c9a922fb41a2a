"""Finding words of one pass of an engine in another pass over the same media."""

from __future__ import annotations

import bisect
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.contracts import Word

REACH_S = 1.5
"""How far apart the same word may start in two passes."""
SAME_PLACE = 0.5
"""Words of different text are the same when they share this part of the time that either takes."""


@dataclass(frozen=True)
class Anchor:
    """A word as an engine heard it, kept so that it can be found again."""

    id: str
    text: str
    start: float
    end: float


def match_words(anchors: Sequence[Anchor], words: Sequence[Word]) -> dict[str, Word]:
    """Return for each anchor's id the word that it is now; anchors that are not found are left out.

    Finds the heaviest set of pairs in which order is kept: equal texts near in time weigh most, other texts count only
    in the same place. A longest increasing subsequence with weights, by a Fenwick tree: O(pairs x log words).
    """
    starts = [word.start for word in words]
    ordered = sorted(anchors, key=lambda anchor: (anchor.start, anchor.end))
    best = _Heaviest(len(words))
    for anchor in ordered:
        first = bisect.bisect_left(starts, anchor.start - REACH_S)
        last = bisect.bisect_right(starts, anchor.start + REACH_S)
        pairs = [(place, weight) for place in range(first, last) if (weight := _weigh(anchor, words[place])) > 0]
        best.add(anchor.id, pairs)
    return {name: words[place] for name, place in best.chain()}


def _weigh(anchor: Anchor, word: Word) -> float:
    together_s = min(anchor.end, word.end) - max(anchor.start, word.start)
    either_s = max(anchor.end, word.end) - min(anchor.start, word.start)
    shared = max(0.0, together_s / either_s)
    if normalise(anchor.text) == normalise(word.text):
        return 2.0 + shared - abs(anchor.start - word.start) / REACH_S
    return shared if shared >= SAME_PLACE else 0.0


def normalise(text: str) -> str:
    """Return a word's letters and digits, folded: what two passes spell alike."""
    kept = "".join(char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char)[0] in "LMN")
    return kept.casefold() or text


class _Heaviest:
    """The heaviest chain of pairs whose places rise, built anchor by anchor."""

    def __init__(self, count: int) -> None:
        self.tree: list[tuple[float, int]] = [(0.0, -1)] * (count + 1)
        self.links: list[tuple[str, int, int]] = []

    def add(self, name: str, pairs: Sequence[tuple[int, float]]) -> None:
        """Extend chains by one of an anchor's pairs; all are looked up before any is entered."""
        found = [(place, weight, self._find(place)) for place, weight in pairs]
        for place, weight, (before, link) in found:
            self.links.append((name, place, link))
            self._enter(place, (before + weight, len(self.links) - 1))

    def chain(self) -> list[tuple[str, int]]:
        """Return (name, place) of the heaviest chain, in order."""
        chain, link = [], self._find(len(self.tree) - 1)[1]
        while link >= 0:
            name, place, link = self.links[link]
            chain.append((name, place))
        return chain[::-1]

    def _find(self, place: int) -> tuple[float, int]:
        """Return weight and last link of the heaviest chain that ends before a place."""
        best = (0.0, -1)
        while place > 0:
            best = max(best, self.tree[place])
            place &= place - 1
        return best

    def _enter(self, place: int, chain: tuple[float, int]) -> None:
        place += 1
        while place < len(self.tree):
            self.tree[place] = max(self.tree[place], chain)
            place += place & -place
