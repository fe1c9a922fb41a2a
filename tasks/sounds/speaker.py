"""Who says a text: one interface, whatever the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tasks.contracts.voices import Speech
from tasks.media.limits import MediaLimits
from tasks.sounds.espeak import EspeakSpeaker


class Speaker(Protocol):
    """An engine that speaks."""

    def speak(self, speech: Speech, target: Path, *, max_s: float) -> float:
        """Write what is said as a WAV and return its seconds.

        Raises ``tts.unknown_voice``, ``tts.silent``, ``sound.too_long`` and TransientError ``tts.engine_missing``.
        """


def get_speaker(limits: MediaLimits, scratch: Path) -> Speaker:
    """Return the engine of this worker."""
    return EspeakSpeaker(limits, scratch)
