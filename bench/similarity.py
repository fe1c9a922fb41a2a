"""How much of a picture is kept: SSIM of luma against the source, in the part that captions do not reach."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Blocks = NDArray[np.float64]
SIDE = 8
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
EVERY = 20


def ssim_outside(source: Path, output: Path, share: float = 0.5) -> float:
    """Return the mean SSIM of every 20th frame's upper ``share``."""
    values = [
        ssim(blocks(mine, share), blocks(right, share))
        for mine, right in zip(frames(output), frames(source), strict=True)
    ]
    return float(np.mean(values))


def frames(path: Path) -> Iterator[av.VideoFrame]:
    """Yield every 20th frame."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        yield from islice(container.decode(video=0), 0, None, EVERY)


def blocks(frame: av.VideoFrame, share: float) -> Blocks:
    """Return the luma of a frame's upper part in squares: (number, 64)."""
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)  # type: ignore[call-overload]
    height, width = int(plane.height * share) // SIDE, plane.width // SIDE
    luma = rows[: height * SIDE, : width * SIDE].astype(np.float64)
    return luma.reshape(height, SIDE, width, SIDE).swapaxes(1, 2).reshape(-1, SIDE * SIDE)


def ssim(one: Blocks, two: Blocks) -> float:
    """Return the mean structural similarity of two sets of squares."""
    means = one.mean(axis=1), two.mean(axis=1)
    variances = one.var(axis=1), two.var(axis=1)
    covariance = (one * two).mean(axis=1) - means[0] * means[1]
    upper = (2 * means[0] * means[1] + C1) * (2 * covariance + C2)
    lower = (means[0] ** 2 + means[1] ** 2 + C1) * (variances[0] + variances[1] + C2)
    return float((upper / lower).mean())


if __name__ == "__main__":
    print(ssim_outside(Path(sys.argv[1]), Path(sys.argv[2])))
