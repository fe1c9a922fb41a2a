"""The CPU's engine: faster-whisper, always behind voice activity detection, with word times by DTW."""

from __future__ import annotations

import gc
import importlib.metadata
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tasks.errors import PermanentError
from tasks.media.audio import SPEECH_RATE, Samples
from tasks.speech.engine import UNKNOWN_LANGUAGE, Heard, HeardSegment, HeardWord, refuse_language
from tasks.speech.models import FoundModel, find_model
from tasks.speech.options import SpeechOptions

SHORTEST = SPEECH_RATE // 20
"""Samples below which nothing can be said, and voice activity detection cannot look."""


@dataclass(frozen=True)
class _LoadKey:
    path: str
    device: str
    compute: str
    threads: int


_lock = threading.Lock()
_loaded: dict[_LoadKey, Any] = {}


class FasterEngine:
    """One loaded faster-whisper model."""

    name = "faster"

    def __init__(self, model: FoundModel, whisper: Any) -> None:
        self.version = importlib.metadata.version("faster-whisper")
        self.model = model.name
        self.model_sha256 = model.sha256
        self.is_multilingual = bool(whisper.model.is_multilingual)
        self._whisper = whisper

    def check_language(self, language: str) -> None:
        """Raise PermanentError when the model cannot hear this language."""
        if language not in (self._whisper.supported_languages if self._whisper.model.is_multilingual else ("en",)):
            raise refuse_language(language, self.model)

    def detect(self, audio: Samples) -> dict[str, float]:
        """Return the probability of each language; nothing when only English is known."""
        return detect_with(self._whisper, audio)

    def hear(self, audio: Samples, *, language: str | None, hotwords: str = "") -> Heard:
        """Transcribe 16 kHz audio."""
        if language is None and not self.is_multilingual:
            language = "en"
        if len(audio) < SHORTEST or (language is None and not has_speech(audio)):
            return Heard(language or UNKNOWN_LANGUAGE, 1.0 if language else 0.0, "dtw", iter(()))
        segments, info = self._whisper.transcribe(
            audio,
            language=language,
            beam_size=5,
            word_timestamps=True,
            vad_filter=True,
            condition_on_previous_text=False,  # one wrong sentence must not breed others
            hotwords=hotwords or None,
        )
        # Whisper hears "You" in silence: where voice activity detection left nothing, it is not asked.
        found = to_segments(segments) if info.duration_after_vad > 0 else iter(())
        return Heard(info.language, float(info.language_probability), "dtw", found)


def detect_with(whisper: Any, audio: Samples) -> dict[str, float]:
    """Ask a faster-whisper model for the probability of each language in up to 30 s of speech."""
    if not whisper.model.is_multilingual:
        return {}
    return {str(code): float(chance) for code, chance in whisper.detect_language(audio)[2]}


def has_speech(audio: Samples) -> bool:
    """Tell whether a voice is heard at all: Whisper itself hears "You" in silence."""
    if len(audio) < SHORTEST:
        return False
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    return bool(get_speech_timestamps(audio, VadOptions()))


def to_segments(segments: Any) -> Iterator[HeardSegment]:
    """Turn faster-whisper's segments into ours."""
    for segment in segments:
        words = tuple(
            HeardWord(w.word, float(w.start), float(w.end), float(w.probability)) for w in segment.words or ()
        )
        yield HeardSegment(float(segment.start), float(segment.end), words)


def load_faster(options: SpeechOptions) -> FasterEngine:
    """Return the engine, loading its model unless this process holds it; one model is held at a time."""
    device = pick_device(options.device)
    model = find_model(options, on_gpu=device == "cuda")
    compute = options.compute or ("float16" if device == "cuda" else "int8")
    key = _LoadKey(str(model.path), device, compute, options.threads)
    with _lock:
        if key not in _loaded:
            _unload_all()
            _loaded[key] = _load(key)
        return FasterEngine(model, _loaded[key])


def pick_device(wanted: str) -> str:
    """Resolve ``auto`` to ``cuda`` where CTranslate2 sees a GPU."""
    if wanted != "auto":
        return wanted
    import ctranslate2

    return "cuda" if ctranslate2.get_cuda_device_count() > 0 else "cpu"


def _load(key: _LoadKey) -> Any:
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise PermanentError("speech.engine_unavailable", "faster-whisper is not installed on this worker") from error
    return WhisperModel(
        key.path, device=key.device, compute_type=key.compute, cpu_threads=key.threads, local_files_only=True
    )


def _unload_all() -> None:
    """Free the memory of a model for good; dropping the object alone leaks about 90 MB."""
    while _loaded:
        _, whisper = _loaded.popitem()
        whisper.model.unload_model()
    gc.collect()
