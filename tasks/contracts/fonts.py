"""Fonts of one's own, as orders carry them."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contracts.base import Message


@dataclass(frozen=True)
class OrderedFont(Message):
    """One uploaded face that a scenario names: where its safe copy lies and what it is known as."""

    family: str
    style: str
    weight_min: int
    weight_max: int
    object_key: str
    sha256: str
    may_subset: bool = True
