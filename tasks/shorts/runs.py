"""What of a clip can be copied from its source as it is, packet by packet, and what has to be encoded. Pure."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST_COPIED = 8
"""A stretch of fewer frames is not worth two seams."""


@dataclass(frozen=True)
class Sample:
    """A packet of pictures: when it is shown, in the stream's ticks, and whether decoding may begin with it.

    :param is_open: what follows such an entry has to change where decoding begins with it.
    """

    pts: int
    is_entry: bool = False
    is_open: bool = False


@dataclass(frozen=True)
class Run:
    """Frames that are shown one after the other, from ``pts[0]`` on.

    :param packets: places of copied packets in the order of decoding; none: the frames are encoded.
    """

    pts: tuple[int, ...]
    packets: tuple[int, ...] = ()

    @property
    def is_copied(self) -> bool:
        """Tell whether packets are taken as they are."""
        return bool(self.packets)


def plan_runs(samples: Sequence[Sample], start: int, end: int, *, fewest: int = FEWEST_COPIED) -> list[Run]:
    """Divide the frames shown from ``start`` up to before ``end`` into runs that are copied or encoded.

    A copied run begins where decoding may begin, without the frames that are shown before that but decoded after it. It
    ends where everything decoded so far is shown, and nothing beyond ``end`` was needed.

    :param samples: of the whole stream, in the order of decoding.
    """
    wanted = sorted(each.pts for each in samples if start <= each.pts < end)
    copied = _find_copied(samples, wanted, end)
    if len(copied) < fewest:
        return [Run(tuple(wanted))] if wanted else []
    shown = sorted(samples[place].pts for place in copied)
    head, tail = bisect.bisect_left(wanted, shown[0]), bisect.bisect_right(wanted, shown[-1])
    runs = [Run(tuple(wanted[:head])), Run(tuple(shown), tuple(copied)), Run(tuple(wanted[tail:]))]
    return [run for run in runs if run.pts]


def _find_copied(samples: Sequence[Sample], wanted: list[int], end: int) -> list[int]:
    """Return places of the packets that can be copied, in the order of decoding."""
    if not wanted:
        return []
    entries = [place for place, each in enumerate(samples) if each.is_entry and wanted[0] <= each.pts < end]
    if not entries:
        return []
    first = samples[entries[0]].pts
    before = bisect.bisect_left(wanted, first)
    taken: list[int] = []
    whole, latest = 0, first
    for place in range(entries[0], len(samples)):
        pts = samples[place].pts
        if pts >= end:
            break
        if pts < first:
            continue  # it may refer to what was cut away
        taken.append(place)
        latest = max(latest, pts)
        if bisect.bisect_right(wanted, latest) - before == len(taken):
            whole = len(taken)
    return taken[:whole]
