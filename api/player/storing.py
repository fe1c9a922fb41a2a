"""A player's state as a document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from api.player.machine import Entry, Mode, Player, Status


def to_document(player: Player) -> dict[str, Any]:
    """Return a state as JSON holds it."""
    plain = {"entries": [asdict(entry) for entry in player.entries], "heard": sorted(player.heard)}
    return {**asdict(player), **plain, "trail": list(player.trail)}


def from_document(document: dict[str, Any]) -> Player:
    """Return the state of a document."""
    return Player(
        **{
            **document,
            "entries": tuple(Entry(**entry) for entry in document["entries"]),
            "status": Status(document["status"]),
            "mode": Mode(document["mode"]),
            "heard": frozenset(document["heard"]),
            "trail": tuple(document["trail"]),
        }
    )
