"""Scenarios as they come: ours as they are, those of other formats turned into ours with the installed fonts."""

from __future__ import annotations

from typing import Any

from tasks.fonts.ruler import FontRuler
from tasks.scenario.motiontext import Conversion, convert, is_motiontext


def accept(document: Any, *, strict: bool = False, aspect: tuple[int, int] | None = None) -> Conversion:
    """Return a scenario of ours and what of the document it could not keep; nothing is lost of one that is ours.

    Raises ``scenario.invalid`` for a MotionText document that cannot be read, and with ``strict``
    ``scenario.motiontext_unmapped`` for one that cannot be kept whole. Scenarios of ours are not looked at.

    :param aspect: width and height of the picture, where it is known.
    """
    if not is_motiontext(document):
        return Conversion(document, [])
    return convert(document, strict=strict, ruler=FontRuler(), aspect=aspect)
