"""Where a music video is cut: clips whose lengths add up to their section to the frame, cut on beats. Pure."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from tasks.contracts.clips import LONGEST_S, SHORTEST_S, ClipPlan, ClipSection, PlannedClip
from tasks.contracts.music import SongAnalysis
from tasks.errors import InvalidInputError
from tasks.workflows.clip_prompts import build_prompt

_OFF_BEAT, _WEAK_BEAT = 100.0, 0.6
"""What a cut costs that is not on a beat, and one on a beat other than the first of its bar, where a clip of half or
double the wanted length costs about 1: nothing but the limits on lengths drives a cut off the beats."""


@dataclass(frozen=True)
class Grid:
    """Beats as frames. ``strong`` are those that begin a bar."""

    fps: Fraction
    beats: tuple[float, ...]
    downbeats: tuple[float, ...]

    def frame_of(self, time_s: float) -> int:
        """Return the frame whose start is nearest to a time."""
        return round(Fraction(time_s) * self.fps)

    def nearest(self, frame: int) -> float | None:
        """Return the beat nearest to the start of a frame."""
        time_s = float(frame / self.fps)
        place = bisect_left(self.beats, time_s)
        return min(self.beats[max(0, place - 1) : place + 1], key=lambda beat: abs(beat - time_s), default=None)

    def is_strong(self, beat_s: float | None) -> bool:
        """Tell whether a beat begins a bar; its time may be written twice, a millisecond apart."""
        if beat_s is None:
            return False
        place = bisect_left(self.downbeats, beat_s - 0.001)
        return place < len(self.downbeats) and self.downbeats[place] <= beat_s + 0.001


@dataclass(frozen=True)
class Lengths:
    """Lengths of clips in frames: the least, the most and the one that is wanted."""

    least: int
    most: int
    wanted: float

    @classmethod
    def at(cls, fps: Fraction, energy: float) -> Lengths:
        """Return the lengths for a section: the more energy, the shorter."""
        wanted_s = 7.0 - 3.5 * min(1.0, max(0.0, energy))
        return cls(-(-SHORTEST_S * fps.numerator // fps.denominator), int(LONGEST_S * fps), float(wanted_s * fps))

    def cost(self, frames: int) -> float:
        """Return how unwelcome a clip of so many frames is."""
        return float((frames / self.wanted - 1) ** 2)


def plan_clips(
    song: SongAnalysis, sections: Sequence[ClipSection], *, fps: Fraction, overall: str = "", seed: int = 0
) -> ClipPlan:
    """Plan the clips of a song's sections, which are in order and cover it; raise ``clips.invalid_sections``.

    Every clip lasts 3 to 10 s unless its section itself is shorter. Beats that allow it are cut on, the first of a bar
    rather than another; each clip tells how far from its beat it begins.
    """
    _check(sections, song.duration_s, fps)
    grid = Grid(fps, tuple(sorted(song.beats)), tuple(sorted(song.downbeats)))
    total = max(1, grid.frame_of(song.duration_s))
    edges = [0, *(grid.frame_of(section.start_s) for section in sections[1:]), total]
    if any(after <= before for before, after in pairwise(edges)):
        raise InvalidInputError("clips.invalid_sections", "A section is shorter than a frame")
    clips: list[PlannedClip] = []
    for place, (section, (start, end)) in enumerate(zip(sections, pairwise(edges), strict=True)):
        cuts = find_cuts(start, end, grid, Lengths.at(fps, section.energy))
        prompt = build_prompt(section, song, overall=overall)
        for first, after in pairwise([start, *cuts, end]):
            clips.append(_clip(len(clips), place, first, after, grid=grid, prompt=prompt, seed=seed))
    return ClipPlan(fps.numerator, fps.denominator, total, tuple(sections), tuple(clips))


def _check(sections: Sequence[ClipSection], duration_s: float, fps: Fraction) -> None:
    if not 1 <= fps <= 240:
        raise InvalidInputError("clips.invalid_rate", f"A video has 1 to 240 frames a second, not {float(fps):g}")
    slack_s = float(1 / fps) + 0.001
    meets = all(abs(after.start_s - before.end_s) <= slack_s for before, after in pairwise(sections))
    covers = sections and abs(sections[0].start_s) <= slack_s and abs(sections[-1].end_s - duration_s) <= slack_s
    if not (covers and meets):
        raise InvalidInputError("clips.invalid_sections", "The sections do not cover the song without gap or overlap")


def _clip(number: int, section: int, first: int, after: int, *, grid: Grid, prompt: str, seed: int) -> PlannedClip:
    beat = grid.nearest(first)
    distance = None if beat is None else round((float(first / grid.fps) - beat) * 1000, 3)
    own_seed = int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:4], "big") >> 1
    return PlannedClip(
        number=number,
        section=section,
        start_frame=first,
        frame_count=after - first,
        prompt=prompt,
        seed=own_seed,
        beat_s=beat,
        from_beat_ms=distance,
        is_downbeat=grid.is_strong(beat),
    )


def find_cuts(start: int, end: int, grid: Grid, lengths: Lengths) -> list[int]:
    """Return the frames inside a section at which it is cut, those that cost least in all; none where it is short."""
    if end - start < 2 * lengths.least:
        return []
    prices = _places(start, end, grid, lengths)
    frames = sorted(prices)
    # The shortest way through the places, from the section's start to its end.
    best: dict[int, tuple[float, int]] = {start: (0.0, start)}
    for place, frame in enumerate(frames[1:], start=1):
        first = bisect_left(frames, frame - lengths.most)
        ways = [
            (best[before][0] + lengths.cost(frame - before) + prices[frame], before)
            for before in frames[first:place]
            if before in best and frame - before >= lengths.least
        ]
        if ways:
            best[frame] = min(ways)
    return _walk_back(best, start, end)


def _walk_back(best: dict[int, tuple[float, int]], start: int, end: int) -> list[int]:
    cuts: list[int] = []
    frame = best[end][1]
    while frame != start:
        cuts.append(frame)
        frame = best[frame][1]
    return cuts[::-1]


def _places(start: int, end: int, grid: Grid, lengths: Lengths) -> dict[int, float]:
    """Return the frames that may be cut at, with their price: beats, and some between for where there are none."""
    count = -(-(end - start) // lengths.most)
    # Equal parts are always a way through, whatever the beats are.
    prices = {start + (end - start) * part // count: _OFF_BEAT for part in range(1, count)}
    every = max(1, round(grid.fps))
    prices.update(dict.fromkeys(range(start + every, end, every), _OFF_BEAT))
    first = bisect_left(grid.beats, float(start / grid.fps) - 1.0)
    for beat in grid.beats[first:]:
        frame = grid.frame_of(beat)
        if frame >= end:
            break
        price = 0.0 if grid.is_strong(beat) else _WEAK_BEAT
        prices[frame] = min(price, prices.get(frame, price))
    inside = {frame: price for frame, price in prices.items() if start < frame < end}
    return {start: 0.0, **inside, end: 0.0}
