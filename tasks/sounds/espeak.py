"""eSpeak NG, whose library and voices lie in a wheel, as a speaker; it runs in a process apart.

It is under the GPL: nothing of it is loaded into the worker itself.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import wave
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.contracts.voices import Speech, find_voice
from tasks.errors import PermanentError, TransientError
from tasks.media.apart import Budget, Errand, call
from tasks.media.limits import MediaLimits

if TYPE_CHECKING:
    from tasks.media.walled import Teller

_SYNCHRONOUS, _NO_EXIT, _RATE, _UTF8 = 2, 0x8000, 1, 1
"""Of espeak-ng's speak_lib.h: AUDIO_OUTPUT_SYNCHRONOUS, espeakINITIALIZE_DONT_EXIT, espeakRATE, espeakCHARS_UTF8.

Its other ways of output have a thread of the engine's own, which can stop for good between two commands."""
_GO_ON, _ENOUGH = 0, 1
_QUIETEST = 32
"""Of 32767: what never gets louder is no speech."""
_BUDGET = Budget(memory_bytes=1 << 30, cpu_s=60, file_bytes=64 << 20, cores=1)
_Samples = ctypes.POINTER(ctypes.c_short)
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, _Samples, ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True)
class EspeakSpeaker:
    """Speaks by eSpeak NG. ``scratch`` is where the text lies while it is read."""

    limits: MediaLimits
    scratch: Path

    def speak(self, speech: Speech, target: Path, *, max_s: float) -> float:
        """Write what is said as a mono WAV; see :class:`tasks.sounds.speaker.Speaker`."""
        find_library()
        voice = find_voice(speech.voice)
        source = self.scratch / "text.json"
        source.write_text(json.dumps({**asdict(speech), "voice": voice}), encoding="utf-8")
        errand = Errand(
            "tasks.sounds.espeak:speak_apart", source, self.limits, {"max_s": max_s}, target=target, budget=_BUDGET
        )
        return float(call(errand))


def speak_apart(path: Path, target: Path, limits: MediaLimits, arguments: dict[str, Any], teller: Teller) -> float:
    """Say what stands in a file; return the seconds that it takes. Runs in the process apart."""
    order = json.loads(path.read_text(encoding="utf-8"))
    library, rate = open_library()
    samples = bytearray()
    most = int(arguments["max_s"] * rate) * 2

    def collect(said: Any, count: int, events: Any) -> int:
        if said and count > 0:
            samples.extend(ctypes.string_at(said, count * 2))
        return _ENOUGH if len(samples) > most else _GO_ON

    callback = _Callback(collect)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(order["voice"].encode()) != 0:
        raise PermanentError("tts.unknown_voice", f"The engine has no voice {order['voice']}")
    library.espeak_SetParameter(_RATE, order["rate"], 0)
    text = order["text"].encode()
    library.espeak_Synth(text, len(text) + 1, 0, 0, 0, _UTF8, None, None)
    return write_speech(target, bytes(samples), rate, most=most)


def write_speech(target: Path, samples: bytes, rate: int, *, most: int) -> float:
    """Write 16-bit mono samples; raise ``sound.too_long``, or ``tts.silent`` when nothing can be heard."""
    if len(samples) > most:
        raise PermanentError("sound.too_long", "Saying this takes longer than a sound may last")
    if max(map(abs, memoryview(samples).cast("h")), default=0) < _QUIETEST:
        raise PermanentError("tts.silent", "The voice has no sound for this text")
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return len(samples) / 2 / rate


def find_library() -> Path:
    """Return the folder of the engine; raise TransientError ``tts.engine_missing``."""
    spec = importlib.util.find_spec("espeakng_loader")
    if spec is None or spec.origin is None:
        raise TransientError("tts.engine_missing", "The package espeakng-loader is not installed")
    return Path(spec.origin).parent


def open_library() -> tuple[Any, int]:
    """Return the engine and its sample rate."""
    folder = find_library()
    library = ctypes.CDLL(str(folder / "libespeak-ng.so"))
    rate = int(library.espeak_Initialize(_SYNCHRONOUS, 0, str(folder).encode(), _NO_EXIT))
    assert rate > 0, "the engine does not find its voices"
    return library, rate
