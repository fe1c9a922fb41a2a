"""A talk to look at: a real face that moves over a drawn room, and a real voice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np

from cli.samples import PORTRAIT, get_sample
from tasks.errors import TransientError
from tasks.shorts.faces import resize
from tests.conftest import require
from tests.media_samples import make_video

Pixels = np.ndarray[Any, Any]
FACE_IN_PORTRAIT = (0.43, 0.23)


def portrait() -> Pixels:
    """Return a real portrait, RGB, 512 by 512."""
    try:
        path = get_sample(PORTRAIT)
    except TransientError as error:
        require(False, f"a real portrait ({error})")
        raise
    with av.open(str(path)) as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="rgb24"))


def face_place(t: float, *, scene_s: float) -> float:
    """Return where the face's middle is at a moment, in widths of the picture: it walks, and changes sides."""
    place = 0.25 if int(t / scene_s) % 2 == 0 else 0.72
    return place + 0.06 * float(np.sin(t / 3))


def make_talk(
    path: Path,
    *,
    wav: Path,
    duration_s: float,
    width: int = 640,
    height: int = 360,
    fps: int = 25,
    scene_s: float = 12.0,
) -> Path:
    """Write a video in which the portrait stands left, then right; the room changes its colour with it."""
    side = round(height * 0.8)
    head = resize(portrait().astype(np.float32), side, side).astype(np.uint8)
    rows = np.linspace(0, 60, height, dtype=np.uint8)[:, None, None]
    rooms = [np.broadcast_to(np.array(c, np.uint8) + rows, (height, width, 3)) for c in ((40, 60, 90), (120, 80, 50))]

    def draw(_number: int, t: float) -> Pixels:
        picture = rooms[int(t / scene_s) % 2].copy()
        left = round(face_place(t, scene_s=scene_s) * width - FACE_IN_PORTRAIT[0] * side)
        first, last = max(0, left), min(width, left + side)
        picture[height - side :, first:last] = head[:, first - left : last - left]
        return picture

    return make_video(path, width=width, height=height, fps=fps, duration_s=duration_s, audio=wav, draw=draw)
