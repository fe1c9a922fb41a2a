"""What the versions of a transcript did: which edits are in force, what can be undone and redone. Pure.

Versions are only ever added. ``heard``, ``imported`` and ``translated`` begin, ``edit`` adds patches, ``revert`` and
``rebase`` replace all that is in force, ``undo`` and ``redo`` step along what was done. Undoing steps off the last one
of these; redoing steps on again, until something new is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tasks.transcripts.patches import Patch

HEARD, IMPORTED, EDIT, REVERT, REBASE, UNDO, REDO = "heard", "imported", "edit", "revert", "rebase", "undo", "redo"
TRANSLATED = "translated"
REPLACING = (HEARD, IMPORTED, TRANSLATED, REVERT, REBASE)
"""Kinds whose patches are all that is in force, not more of them."""


class Version(Protocol):
    """What of a version counts here."""

    version: int
    kind: str
    patches: Any


@dataclass
class History:
    """The versions that are in force, oldest first, and those that were undone, last undone at the end."""

    done: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, versions: Sequence[Version]) -> History:
        """Read versions, oldest first."""
        history = cls()
        for version in versions:
            history.add(version)
        return history

    def add(self, version: Version) -> None:
        """Follow one version more."""
        if version.kind == UNDO:
            self.undone.append(self.done.pop())
        elif version.kind == REDO:
            self.done.append(self.undone.pop())
        else:
            self.done.append(version.version)
            self.undone.clear()


def patches_in_force(versions: Sequence[Version], at: int | None = None) -> list[Patch]:
    """Return the patches that made the newest version, or version ``at``, of what was heard.

    :param versions: oldest first.
    """
    seen = [version for version in versions if at is None or version.version <= at]
    by_number = {version.version: version for version in seen}
    patches: list[Patch] = []
    for number in History.of(seen).done:
        version = by_number[number]
        if version.kind in REPLACING:
            patches = []
        patches += [Patch.from_json(patch) for patch in version.patches] if version.patches is not None else [WHOLE]
    return patches


WHOLE = Patch({"op": "replace_all", "segments": []})
"""Stands for a version that was stored as a whole document; its text is in that version."""
