"""What is asked and told of sounds of the soundboard."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contracts.base import Message
from tasks.contracts.music import Loudness


@dataclass(frozen=True)
class SoundOrder(Message):
    """Input of step ``sounds.level``: LUFS wanted, and the highest true peak in dBTP."""

    object_key: str
    size_bytes: int = 0
    target_lufs: float = -14.0
    ceiling_dbtp: float = -1.0


@dataclass(frozen=True)
class SoundReady(Message):
    """Result of step ``sounds.level``: the levelled MP3, the outline of it, and what was measured in it.

    :param reason: why the target was not reached; empty when it was.
    """

    object_key: str
    waveform_key: str
    size_bytes: int
    duration_s: float
    before: Loudness
    after: Loudness
    gain_db: float
    limited: bool
    reason: str = ""


@dataclass(frozen=True)
class TakeOrder(Message):
    """Input of step ``sounds.take``: a file that nobody has looked at; LUFS and peak as above, the most seconds."""

    object_key: str
    size_bytes: int
    target_lufs: float = -14.0
    ceiling_dbtp: float = -1.0
    max_s: float = 600.0


@dataclass(frozen=True)
class SoundTaken(Message):
    """Result of step ``sounds.take``: what the file is, and the sound that was made of it."""

    sha256: str
    ready: SoundReady
