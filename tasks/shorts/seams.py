"""What was put together is read again where it was: frames that were copied must decode to what they were."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from tasks.errors import PermanentError
from tasks.media.container import frames_of, media_start, open_media
from tasks.media.limits import MediaLimits
from tasks.media.probe import find_video
from tasks.shorts.packets import Track
from tasks.shorts.runs import Run

LOOKED_AT = 6
"""Frames after a seam that are held against the source; what comes in broken shows in the first that refer to it."""


class CannotCopyError(Exception):
    """Packets cannot be taken as they are; ``reason`` is why.

    ``codec``: none of those that are cut so, ``container``: does not hold it, ``header``: parameter sets that ours
    cannot stand beside, ``packets``: broken, hidden or twice, ``no_key_frame``: between the ends, ``open_gop``: none
    but such as cannot become the first picture of a sequence, ``interlaced``, ``encoder``: none for the picture's form,
    ``seam``: a frame came out otherwise than it was.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Placed:
    """A run and how many ticks it moves on its way into the clip."""

    run: Run
    shift: int


def check_seams(source: Path, out: Path, track: Track, placed: list[Placed], limits: MediaLimits | None = None) -> None:
    """Raise CannotCopyError ``seam`` unless the first frames of each copied run, come to from what lies before it, and
    its last frame are those of the source, each once.
    """
    for number, each in enumerate(placed):
        if not each.run.is_copied:
            continue
        before = placed[number - 1] if number else None
        came_from = [before.run.pts[-1] + before.shift] if before else []
        for wanted, lead in ((each.run.pts[:LOOKED_AT], came_from), (each.run.pts[-1:], [])):
            theirs = _look(source, [pts * track.base - track.zero for pts in wanted], track, limits)
            moved = [(pts + each.shift) * track.base for pts in wanted]
            ours = _look(out, [*(pts * track.base for pts in lead), *moved], track, limits)
            if ours[len(lead) :] != theirs or not all(ours):
                raise CannotCopyError("seam")


def _look(path: Path, times: list[Fraction], track: Track, limits: MediaLimits | None) -> list[str]:
    """Return hashes of the frames at these times, which follow each other; empty for one that is not there once."""
    found: list[list[str]] = [[] for _ in times]
    last = times[-1] + track.step / 2
    try:
        with open_media(path, limits) as container:
            stream: Any = find_video(container)
            zero, base = media_start(container), stream.time_base
            container.seek(int((times[0] + zero) / base), stream=stream)
            for frame in frames_of(container, stream):
                at = (frame.pts or 0) * base - zero
                if at > last:
                    break
                place = min(range(len(times)), key=lambda n: abs(times[n] - at))
                if abs(times[place] - at) < track.step / 2:
                    found[place].append(hash_frame(frame))
    except PermanentError:
        return []
    return [each[0] if len(each) == 1 else "" for each in found]


def hash_frame(frame: Any) -> str:
    """Return a hash of a planar frame's samples, without what pads its rows."""
    deep = 2 if "le" in frame.format.name else 1
    told = hashlib.sha256()
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        told.update(rows[: plane.height, : plane.width * deep].tobytes())
    return told.hexdigest()
