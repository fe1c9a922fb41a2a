"""Translating a transcript."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contracts.base import Message
from tasks.contracts.transcript import Transcript


@dataclass(frozen=True)
class TranslateOrder(Message):
    """Input of step ``speech.translate``; its result is a Transcript.

    :param target: ISO 639-1 code of the language to translate into.
    """

    transcript: Transcript
    target: str
