"""Which language is spoken in a whole file: looked for in stretches spread over it, not in its first seconds alone."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tasks.media.audio import SPEECH_RATE, Samples
from tasks.speech.engine import Engine

STRETCH_S = 30.0
STRETCHES = 5


def find_language(engine: Engine, pieces: Iterable[Samples], *, duration_s: float) -> tuple[str, float] | None:
    """Return the language spoken longest and its probability, or None where no speech is found or one is known.

    :param pieces: the file's 16 kHz sound in order.
    """
    chances: dict[str, float] = {}
    weight = 0.0
    for stretch in take_stretches(pieces, duration_s=duration_s):
        speech = only_speech(stretch)
        found = engine.detect(speech) if len(speech) else {}
        for code, chance in found.items():
            chances[code] = chances.get(code, 0.0) + chance * len(speech)
        weight += len(speech) if found else 0
    if not chances:
        return None
    best = max(chances, key=lambda code: chances[code])
    return best, chances[best] / weight


def take_stretches(pieces: Iterable[Samples], *, duration_s: float) -> list[Samples]:
    """Return up to five stretches of 30 s, evenly spread over the sound; all of it when it is short."""
    count = max(1, min(STRETCHES, -(-int(duration_s) // int(STRETCH_S))))
    size = round(STRETCH_S * SPEECH_RATE)
    room = max(0, round(duration_s * SPEECH_RATE) - size)
    starts = [round(room * number / max(1, count - 1)) for number in range(count)]
    kept: list[list[Samples]] = [[] for _ in starts]
    at = 0
    for piece in pieces:
        for start, parts in zip(starts, kept, strict=True):
            parts.append(piece[max(0, start - at) : max(0, start + size - at)])
        at += len(piece)
    return [np.concatenate(parts) for parts in kept if parts]


def only_speech(audio: Samples) -> Samples:
    """Return what is spoken in 16 kHz audio, without what lies between."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    spoken = [audio[found["start"] : found["end"]] for found in get_speech_timestamps(audio, VadOptions())]
    return np.concatenate(spoken) if spoken else np.zeros(0, np.float32)
