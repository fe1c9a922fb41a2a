"""Pictures of one's own, as orders carry them."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contracts.base import Message


@dataclass(frozen=True)
class OrderedImage(Message):
    """One picture that a scenario shows under a name: where its clean copy lies, and what that hashes to."""

    name: str
    object_key: str
    sha256: str
