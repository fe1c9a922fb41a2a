"""The stretches of a video that stand alone best: all that are cut in pauses are weighed, the best ones kept apart."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tasks.contracts import Transcript
from tasks.contracts.shorts import Highlight, MediaFeatures
from tasks.edits.pauses import Pause, find_pauses, words_of
from tasks.edits.removal import plain
from tasks.errors import InvalidInputError
from tasks.shorts.evidence import Witness, weigh

SHORTEST_S, LONGEST_S = 15.0, 90.0
MOST_ENDS = 24
"""Ends that are weighed for each beginning; more are thinned out evenly."""
SHORTLIST = 4
"""The plug-in scorer is asked about so many candidates for each highlight that is wanted."""
TITLE_WORDS = 9
KEYWORD_BONUS = 0.15
IDEAL_S = 40.0
FLASH_S = 1.0
"""A scene that begins or ends this near to the words begins or ends the clip."""


@dataclass(frozen=True)
class Wish:
    """What highlights are wanted.

    :param keywords: what they should be about, :param start_s: where to look, up to ``end_s`` (None is the end).
    """

    count: int = 5
    shortest_s: float = SHORTEST_S
    longest_s: float = LONGEST_S
    keywords: tuple[str, ...] = ()
    start_s: float = 0.0
    end_s: float | None = None

    def __post_init__(self) -> None:
        if not (1 <= self.count <= 100 and 1 <= self.shortest_s <= self.longest_s <= 600):
            raise InvalidInputError(
                "shorts.invalid_wish", "count must be 1 to 100, lengths 1 to 600 s, the shortest below the longest"
            )


class Scorer(Protocol):
    """Judges candidates otherwise than by evidence, such as a language model."""

    name: str

    def score(self, candidates: Sequence[Highlight]) -> list[float]:
        """Return a score 0..1 for each."""


def find_highlights(
    transcript: Transcript, features: MediaFeatures, wish: Wish | None = None, *, scorer: Scorer | None = None
) -> list[Highlight]:
    """Return the best stretches, best first, apart from each other; none is cut inside a word.

    Fewer than wished for come back from a short video, and none from one that is shorter than the shortest.
    """
    wish = wish or Wish()
    witness = Witness(transcript, features)
    candidates = list(_weigh(witness, wish, places(transcript, features)))
    candidates.sort(key=lambda one: (-one.score, one.start, one.end))
    if scorer is None:
        return choose(candidates, wish.count)
    shortlist = choose(candidates, wish.count * SHORTLIST)
    judged = [
        dataclasses.replace(one, score=round(max(0.0, min(1.0, score)), 4), scorer=scorer.name)
        for one, score in zip(shortlist, scorer.score(shortlist), strict=True)
    ]
    return choose(sorted(judged, key=lambda one: (-one.score, one.start)), wish.count)


def choose(candidates: Sequence[Highlight], count: int) -> list[Highlight]:
    """Return the first candidates that do not overlap one before them."""
    chosen: list[Highlight] = []
    for one in candidates:
        if all(one.end <= other.start or one.start >= other.end for other in chosen):
            chosen.append(one)
            if len(chosen) == count:
                break
    return chosen


def places(transcript: Transcript, features: MediaFeatures) -> list[Pause]:
    """Return where highlights may begin and end: pauses, and scene cuts within long ones, in order."""
    found: list[Pause] = []
    for pause in find_pauses(words_of(transcript), features.duration_s):
        cuts = features.scene_cuts
        inside = cuts[bisect.bisect_right(cuts, pause.start) : bisect.bisect_left(cuts, pause.end)]
        far = [cut for cut in inside if min(cut - pause.start, pause.end - cut) > FLASH_S]
        edges = [pause.start, *far, pause.end]
        found += [
            Pause(start, end, pause.ends_sentence or number > 0, *_margins(start, end, inside, pause))
            for number, (start, end) in enumerate(itertools.pairwise(edges))
        ]
    return found


def _margins(start_s: float, end_s: float, cuts: Sequence[float], pause: Pause) -> tuple[float, float]:
    """Let a clip begin or end with a scene that is near, so that nothing of another one flashes up."""
    lead = (
        0.0
        if end_s < pause.end
        else next((end_s - cut for cut in reversed(cuts) if end_s - cut <= FLASH_S), pause.lead_s)
    )
    tail = (
        0.0
        if start_s > pause.start
        else next((cut - start_s for cut in cuts if cut - start_s <= FLASH_S), pause.tail_s)
    )
    return lead, tail


def _weigh(witness: Witness, wish: Wish, pauses: Sequence[Pause]) -> Iterator[Highlight]:
    whole = [number for number, pause in enumerate(pauses) if pause.ends_sentence]
    usable = whole if _covers(pauses, whole, wish) else list(range(len(pauses)))
    begins = [(pauses[n].cut_in, n) for n in usable]
    ends = [(pauses[n].cut_out, n) for n in usable]
    latest = wish.end_s if wish.end_s is not None else float("inf")
    for start_s, first in begins:
        if start_s < wish.start_s:
            continue
        low = bisect.bisect_left(ends, (start_s + wish.shortest_s, -1))
        high = bisect.bisect_right(ends, (min(start_s + wish.longest_s, latest), len(pauses)))
        for end_s, last in _thin(ends[low:high]):
            yield _candidate(witness, wish, (pauses[first], pauses[last]), start_s, end_s)


def _covers(pauses: Sequence[Pause], whole: Sequence[int], wish: Wish) -> bool:
    """Tell whether sentence ends come often enough to cut at these alone."""
    times = [pauses[number].start for number in whole]
    return len(times) > 2 and max(b - a for a, b in itertools.pairwise(times)) < wish.longest_s / 2


def _thin(ends: list[tuple[float, int]]) -> list[tuple[float, int]]:
    if len(ends) <= MOST_ENDS:
        return ends
    return [ends[number * len(ends) // MOST_ENDS] for number in range(MOST_ENDS)]


def _candidate(witness: Witness, wish: Wish, edges: tuple[Pause, Pause], start_s: float, end_s: float) -> Highlight:
    evidence = witness.testify(*edges, start_s, end_s)
    words = witness.words[witness.within(start_s, end_s)]
    text = " ".join(word.text for word in words)
    said = f" {' '.join(plain(word.text) for word in words)} "
    named = [keyword for keyword in wish.keywords if f" {plain(keyword)}" in said]
    if named:
        reasons = (f"speaks of “{named[0]}”", *evidence.reasons)
        evidence = dataclasses.replace(evidence, reasons=reasons)
    length = 1 / (1 + abs(end_s - start_s - IDEAL_S) / IDEAL_S)
    score = min(1.0, weigh(evidence) * (0.94 + 0.06 * length) * _spoken_part(witness, start_s, end_s))
    score = min(1.0, score + KEYWORD_BONUS * bool(named))
    title = " ".join(word.text for word in words[:TITLE_WORDS])
    return Highlight(start_s, end_s, round(score, 4), evidence, title, text)


def _spoken_part(witness: Witness, start_s: float, end_s: float) -> float:
    """Return 0.5..1: long silences make a stretch worse, but the words of a talk need their pauses."""
    words = witness.words[witness.within(start_s, end_s)]
    spoken_s = sum(word.end - word.start for word in words)
    return 0.5 + 0.5 * min(1.0, spoken_s / (end_s - start_s) / 0.6)
