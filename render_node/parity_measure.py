"""How a file is held against stills: where its captions are, how much of them, in which colours, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from render_node.parity_pictures import Grey, Moment, Planes
from tasks.errors import PermanentError

LEAST_SIGNAL = 6.0
"""Root mean square of what a caption adds, in levels; below it there is nothing to be found again."""
LEAST_CHANGE = 2.0
"""The same of what differs between the captions of two frames; below it nobody can tell which of them is shown."""
CLEARLY = 2.0
"""How many times as large as what the encoder changed there a change must be to be judged, root mean squares both."""
REACH = 6
"""Pixels in each direction in which a caption is looked for, in a picture of at most WORK_WIDTH."""
NEAR = 2
"""Pixels in each direction in which it is looked for in the whole picture."""
WORK_WIDTH = 640
EASE = 0.01
"""By how much another place must be better to count as a shift."""
CELL = 32
"""Pixels of the output each way over which captions' colours are averaged."""
AFAR = 4
"""Pixels that are averaged each way before the whole frame is compared: encoders smooth grain, which is no fault."""


@dataclass(frozen=True)
class Sample:
    """What was measured at one time.

    :param ssim: of the whole frame at a quarter of its size.
    :param box: region of the captions (x, y, width, height) in pixels of the output.
    :param likeness: correlation of what the captions add in still and file, 0..1, where they should be.
    :param presence: how much of it is there, 1 is all.
    :param shift: where it is found best, in pixels of the output.
    :param colour: how far the captions' colours are off, root mean square over cells of 32 by 32, in levels of 8 bits.
    :param punctual: 1 where the captions of this frame are shown, 0 where those of the frame before or after; None
        where they are hardly different.
    """

    t: float
    ssim: float
    box: tuple[int, int, int, int]
    likeness: float
    presence: float
    shift: tuple[int, int]
    colour: float = 0.0
    punctual: float | None = None


def compare(moment: Moment, mine: Planes) -> Sample | None:
    """Measure one frame, of which ``mine`` are the file's planes; None when its captions hardly change the footage."""
    plain, still, box = moment.plain[0], moment.still[0], moment.box
    if mine[0].shape != still.shape:
        raise PermanentError(
            "render.parity_failed", f"The file's picture is {mine[0].shape[::-1]}, not {still.shape[::-1]}"
        )
    step = max(1, math.ceil(still.shape[1] / WORK_WIDTH))
    added, seen = still - plain, mine[0] - plain
    wanted, found = shrink(added, step), shrink(seen, step)
    left, top = box.x // step, box.y // step
    right, bottom = math.ceil((box.x + box.width) / step), math.ceil((box.y + box.height) / step)
    wanted = wanted[top:bottom, left:right]
    if wanted.size == 0 or float(np.sqrt(np.mean(wanted**2))) < LEAST_SIGNAL:
        return None
    here, presence = match(wanted, found, left, top)
    shift = _shift(wanted, found, left, top, reach=REACH)
    if shift == (0, 0) and step > 1:
        own = added[box.y : box.y + box.height, box.x : box.x + box.width]
        shift = _shift(own, seen, box.x, box.y, reach=NEAR)
        step = 1
    return Sample(
        round(moment.t, 6),
        round(ssim(shrink(still, AFAR), shrink(mine[0], AFAR)), 4),
        (box.x, box.y, box.width, box.height),
        round(here, 4),
        round(presence, 4),
        (shift[0] * step, shift[1] * step),
        round(off_colour(moment, mine), 2),
        punctuality(moment, mine),
    )


def _shift(wanted: Grey, found: Grey, left: int, top: int, *, reach: int) -> tuple[int, int]:
    return max(
        ((across, down) for across in range(-reach, reach + 1) for down in range(-reach, reach + 1)),
        key=lambda by: match(wanted, found, left + by[0], top + by[1])[0] + (EASE if by == (0, 0) else 0.0),
    )


def match(wanted: Grey, found: Grey, left: int, top: int) -> tuple[float, float]:
    """Return correlation with, and part present of, what captions add, at a place in the whole picture."""
    height, width = wanted.shape
    if left < 0 or top < 0:
        return -1.0, 0.0
    there = found[top : top + height, left : left + width]
    if there.shape != wanted.shape:
        return -1.0, 0.0
    both, own = float(np.vdot(wanted, there)), float(np.vdot(wanted, wanted))
    norm = math.sqrt(own * float(np.vdot(there, there)))
    return (both / norm if norm else 0.0), both / own


def off_colour(moment: Moment, mine: Planes) -> float:
    """Return how far captions are off in their two differences of colour, in levels, on the whole of each cell.

    A pixel counts as much as captions change it, so neither noise nor the footage beside them counts.
    """
    across = moment.still[0].shape[1] // moment.still[1].shape[1]
    light = shrink(np.abs(moment.still[0] - moment.plain[0]), across)
    weights = light + sum(
        np.abs(still - plain) for still, plain in zip(moment.still[1:], moment.plain[1:], strict=True)
    )
    box = moment.box
    part = np.s_[box.y // across : (box.y + box.height) // across, box.x // across : (box.x + box.width) // across]
    sums = _cells(weights[part], CELL // across)
    if not sums.any():
        return 0.0
    off = [
        _cells((weights * (seen - still))[part], CELL // across) / np.maximum(sums, 1)
        for seen, still in zip(mine[1:], moment.still[1:], strict=True)
    ]
    return float(np.sqrt((sums * (off[0] ** 2 + off[1] ** 2)).sum() / sums.sum()))


def _cells(plane: Grey, side: int) -> Grey:
    """Return the sums of squares of pixels."""
    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % side), (0, -width % side)))
    sums: Grey = padded.reshape(padded.shape[0] // side, side, -1, side).sum(axis=(1, 3))
    return sums


def punctuality(moment: Moment, mine: Planes) -> float | None:
    """Return where between the captions of another frame (0) and its own (1) a file's picture is, at the worst.

    None where captions of the frames beside it differ too little for that to be seen through the encoder's own errors.
    """
    found = [_share(moment.still, other, mine) for other in moment.beside]
    seen = [share for share in found if share is not None]
    return round(min(seen), 4) if seen else None


def _share(still: Planes, other: Planes, mine: Planes) -> float | None:
    """Return how much of the change from ``other`` to ``still`` is in a file's planes, fitted by least squares."""
    changes, seen = [], []
    for one, away, found in zip(still, other, mine, strict=True):
        touched = np.abs(one - away) > 1
        changes.append((one - away)[touched])
        seen.append((found - away)[touched])
    if max(_rms(values) for values in changes) < LEAST_CHANGE:
        return None
    change, there = np.concatenate(changes), np.concatenate(seen)
    share = float(np.vdot(change, there) / np.vdot(change, change))
    return share if _rms(change) >= CLEARLY * _rms((there - share * change).astype(np.float32)) else None


def _rms(values: Grey) -> float:
    return math.sqrt(float(np.mean(values**2))) if values.size else 0.0


def shrink(picture: Grey, step: int) -> Grey:
    """Return a picture made smaller by averaging squares of ``step`` pixels; what is left over is cut."""
    if step == 1:
        return picture
    height, width = (side // step * step for side in picture.shape)
    squares = picture[:height, :width].reshape(height // step, step, width // step, step)
    small: Grey = squares.mean(axis=(1, 3), dtype=np.float32)
    return small


def ssim(one: Grey, other: Grey) -> float:
    """Return the structural similarity of two pictures, over blocks of 8 by 8 pixels."""
    a, b = (_blocks(picture) for picture in (one, other))
    mean_a, mean_b = a.mean(axis=(1, 3)), b.mean(axis=(1, 3))
    var_a, var_b = (a**2).mean(axis=(1, 3)) - mean_a**2, (b**2).mean(axis=(1, 3)) - mean_b**2
    both = (a * b).mean(axis=(1, 3)) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return float(values.mean())


def _blocks(picture: Grey) -> Grey:
    height, width = (side // 8 * 8 for side in picture.shape)
    blocks: Grey = picture[:height, :width].reshape(height // 8, 8, width // 8, 8)
    return blocks
