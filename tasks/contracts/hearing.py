"""What a worker heard in one part of a long file; several of them make a transcript."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contracts.base import Message


@dataclass(frozen=True)
class PartWord(Message):
    """One word; times in seconds from the media's start, not yet in order with its neighbours."""

    text: str
    start: float
    end: float
    score: float


@dataclass(frozen=True)
class PartSegment(Message):
    """Words heard together."""

    start: float
    end: float
    words: tuple[PartWord, ...] = ()


@dataclass(frozen=True)
class HeardPart(Message):
    """Result of step ``speech.hear``.

    :param language: None where nothing told it, :param aligned: how many segments forced alignment placed.
    :param heard_s: where the part ends in the media; 0 where it lies behind its end.
    :param voices_key: object with what is known of the voices; empty when nobody asked who speaks.
    """

    language: str | None
    probability: float
    method: str
    aligned: int
    heard_s: float
    segments: tuple[PartSegment, ...] = ()
    voices_key: str = ""
