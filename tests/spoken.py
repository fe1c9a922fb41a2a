"""Synthetic speech whose word times are known, by espeak-ng, whose library and voices are in a wheel."""

from __future__ import annotations

import ctypes
import importlib.util
import wave
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import require

_SYNCHRONOUS = 2
_END, _WORD = 0, 1
_RATE_PARAMETER = 1
_UTF8 = 1


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class Spoken:
    """What a voice said: 16-bit samples, and (word, second at which it begins) where the voice tells."""

    samples: np.ndarray[Any, Any]
    rate: int
    words: list[tuple[str, float]]

    def write(self, path: Path) -> Path:
        """Write a WAV."""
        return write_wav(path, self.samples, self.rate)


def write_wav(path: Path, samples: np.ndarray[Any, Any], rate: int) -> Path:
    """Write 16-bit mono samples as a WAV."""
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.astype("<i2").tobytes())
    return path


def say(text: str, *, voice: str = "en-us+f3", words_a_minute: int = 150, pause_s: float = 0.3) -> Spoken:
    """Speak ``text`` with silence of ``pause_s`` before and after."""
    library, rate = _espeak()
    pieces: list[np.ndarray[Any, Any]] = []
    told: list[tuple[int, int, int]] = []

    def collect(samples: Any, count: int, events: Any) -> int:
        number = 0
        while events[number].type != _END:
            if events[number].type == _WORD:
                told.append((events[number].text_position - 1, events[number].length, events[number].sample))
            number += 1
        if samples and count:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = _Callback(collect)
    library.espeak_SetSynthCallback(callback)
    assert library.espeak_SetVoiceByName(voice.encode()) == 0, voice
    library.espeak_SetParameter(_RATE_PARAMETER, words_a_minute, 0)
    raw = text.encode()
    library.espeak_Synth(raw, len(raw) + 1, 0, 0, 0, _UTF8, None, None)
    pause = np.zeros(round(pause_s * rate), np.int16)
    words = [(text[at : at + length].split()[0], pause_s + sample / rate) for at, length, sample in told]
    return Spoken(np.concatenate([pause, *pieces, pause]), rate, words)


def join(*parts: Spoken) -> Spoken:
    """Put what was said one after the other."""
    words: list[tuple[str, float]] = []
    at_s = 0.0
    for part in parts:
        words += [(word, at_s + start_s) for word, start_s in part.words]
        at_s += len(part.samples) / part.rate
    return Spoken(np.concatenate([part.samples for part in parts]), parts[0].rate, words)


@lru_cache(maxsize=1)
def _espeak() -> tuple[Any, int]:
    spec = importlib.util.find_spec("espeakng_loader")
    require(spec is not None, "the package espeakng-loader, which speaks known words")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    library = ctypes.CDLL(str(folder / "libespeak-ng.so"))
    rate = int(library.espeak_Initialize(_SYNCHRONOUS, 0, str(folder).encode(), 0))
    assert rate > 0
    return library, rate
