"""Transitions that lie inside the clip that begins: the cut stays on its frame, and with it on its beat."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from tasks.clips.fit import Picture
from tasks.errors import InvalidInputError

LENGTHS_S = {"cut": Fraction(0), "flash": Fraction(3, 20), "dissolve": Fraction(1, 4)}
_WHITE, _GREY = 235, 128
_FLASH, _FIRST_SHARE = 0.55, 0.7


def frames_of(transition: str, fps: Fraction) -> int:
    """Return how many frames a transition lasts; raise ``clips.unknown_transition``."""
    if transition not in LENGTHS_S:
        known = ", ".join(LENGTHS_S)
        raise InvalidInputError("clips.unknown_transition", f"There is no transition {transition!r}; there are {known}")
    return round(LENGTHS_S[transition] * fps)


def blend(transition: str, picture: Picture, before: Picture, share: float) -> Picture:
    """Return a frame of a clip that begins.

    :param before: the last frame of the clip before. :param share: 0..1 through the transition; at 0 the new picture
    already outweighs, so that the greatest change lies on the cut.
    """
    if transition == "flash":
        white = np.full_like(picture, _GREY)
        white[: picture.shape[0] * 2 // 3] = _WHITE
        return _mix(picture, white, _FLASH * (1 - share))
    if transition == "dissolve":
        return _mix(picture, before, (1 - _FIRST_SHARE) * (1 - share))
    return picture


def _mix(picture: Picture, other: Picture, weight: float) -> Picture:
    part = round(weight * 256)
    mixed: Picture = ((picture.astype(np.uint16) * (256 - part) + other.astype(np.uint16) * part) >> 8).astype(np.uint8)
    return mixed
