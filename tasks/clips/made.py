"""What a provider gave is looked at before anybody counts on it: is there a picture, how large, how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tasks.clips.fit import read_clip
from tasks.contracts.making import MakeOrder
from tasks.errors import PermanentError
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
        if order.still:
            out = path.with_suffix(".clean.png")
            picture = clean_picture(path, out)
            return Made(out, (picture.width, picture.height), 0.0, sha256_of(out))
        clip = read_clip(path, limits)
    except PermanentError:
        on_spoiled()
        raise
    return Made(path, clip.size, round(float(clip.duration_s), 4), sha256_of(path))
