"""What is sent, what is remembered between attempts, and what every kind of target can do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tasks.contracts.delivery import SendResult

Tick = Callable[[int], None]
"""Told how many bytes the target has."""


@dataclass(frozen=True)
class Parcel:
    """One clip on its way.

    :param ref: names the delivery, the same in each attempt. :param url: where the file can be had for a while.
    """

    ref: str
    path: Path
    filename: str
    content_type: str
    size_bytes: int
    url: str
    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    visibility: str = "private"


@dataclass
class Memory:
    """What the target gave an attempt, kept by the API before it counts, so that the next attempt goes on from there.

    :param save: stores all of ``known`` for good, :param renew: stores new secrets in the place of the old ones.
    """

    known: dict[str, Any] = field(default_factory=dict)
    save: Callable[[dict[str, Any]], None] = lambda known: None
    renew: Callable[[dict[str, Any]], None] = lambda secrets: None

    def put(self, **facts: Any) -> None:
        """Remember facts; an empty one is forgotten."""
        self.known = {name: value for name, value in {**self.known, **facts}.items() if value not in ("", None)}
        self.save(self.known)


class Publisher(Protocol):
    """Sends a parcel to one target.

    Errors: ``publish.unavailable`` (transient); ``publish.unauthorized``, ``publish.quota``, ``publish.refused``,
    ``publish.unknown_outcome`` (permanent).
    """

    def publish(self, parcel: Parcel, memory: Memory, tick: Tick) -> SendResult:
        """Show the clip at the target once, however often it is called with the same memory."""
