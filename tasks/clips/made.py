"""What a provider gave is looked at before anybody counts on it: is there a picture, how large, how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tasks.clips.fit import read_clip
from tasks.contracts.making import MakeOrder
from tasks.errors import PermanentError
from tasks.media.apart import Errand, call
from tasks.media.checksum import sha256_of
from tasks.media.limits import MediaLimits
from tasks.media.picture import clean_picture


@dataclass(frozen=True)
class Made:
    """A clip or still that can be used; ``size`` in pixels, ``seconds`` 0 of a still."""

    path: Path
    size: tuple[int, int]
    seconds: float
    sha256: str


def describe_made(
    path: Path, order: MakeOrder, *, limits: MediaLimits, on_spoiled: Callable[[], None] = lambda: None
) -> Made:
    """Decode what came; any size, length and rate will do, since composition makes it fit.

    Raises ``clips.empty``, ``media.*`` or ``image.*`` after calling ``on_spoiled`` where it is of no use.
    """
    try:
        kept = path.with_suffix(".clean.png") if order.still else path
        look = Errand(f"{__name__}:{'clean' if order.still else 'read'}", path, limits)
        if limits.walls:
            width, height, seconds = call(replace(look, target=kept if order.still else None))
        elif order.still:
            width, height, seconds = clean(path, kept, limits)
        else:
            width, height, seconds = read(path, kept, limits)
    except PermanentError:
        on_spoiled()
        raise
    return Made(kept, (int(width), int(height)), float(seconds), sha256_of(kept))


def clean(path: Path, out: Path, limits: MediaLimits, *_: Any) -> tuple[int, int, float]:
    """Write a still anew and return its size, and no seconds; an errand, too."""
    picture = clean_picture(path, out, limits=limits)
    return picture.width, picture.height, 0.0


def read(path: Path, _: Path, limits: MediaLimits, *__: Any) -> tuple[int, int, float]:
    """Decode a clip and return its size and its seconds; an errand, too."""
    clip = read_clip(path, limits)
    return *clip.size, round(float(clip.duration_s), 4)
