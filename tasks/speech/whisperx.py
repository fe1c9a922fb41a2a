"""The GPU hosts' engine: WhisperX, batched, aligned by wav2vec2 where a local alignment model is found.

Without one, its Whisper model is run for word times of its own (DTW), since captions need words. WhisperX brings pins
of its own and lives in an environment of its own (``requirements/whisperx.txt``); it is imported on first use.
"""

from __future__ import annotations

import importlib.metadata
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tasks.errors import PermanentError
from tasks.media.audio import Samples
from tasks.speech.engine import UNKNOWN_LANGUAGE, Heard, HeardSegment, HeardWord, refuse_language
from tasks.speech.faster import detect_with, has_speech, pick_device, to_segments
from tasks.speech.models import FoundModel, find_model
from tasks.speech.options import SpeechOptions

_ALIGN_FOLDER = "align"
_SENTENCE_DATA = "tokenizers/punkt_tab"
_SENTENCE_FILES = ("collocations.tab", "sent_starters.txt", "abbrev_types.txt", "ortho_context.tab")
_lock = threading.Lock()
_pipelines: dict[tuple[str, str, str, str], Any] = {}
_aligners: dict[tuple[str, str, str], Any] = {}
_stand_ins: list[tempfile.TemporaryDirectory[str]] = []


class WhisperXEngine:
    """One loaded WhisperX pipeline."""

    name = "whisperx"

    def __init__(self, options: SpeechOptions, model: FoundModel, *, library: Any, device: str) -> None:
        self.version = importlib.metadata.version("whisperx")
        self.model = model.name
        self.model_sha256 = model.sha256
        self._options = options
        self._path = str(model.path)
        self._english_only = model.english_only
        self.is_multilingual = not model.english_only
        self._library = library
        self._device = device

    def check_language(self, language: str) -> None:
        """Raise PermanentError when the model cannot hear this language."""
        whisper = self._pipeline("en" if self._english_only else None).model
        if language not in (whisper.supported_languages if whisper.model.is_multilingual else ("en",)):
            raise refuse_language(language, self.model)

    def detect(self, audio: Samples) -> dict[str, float]:
        """Return the probability of each language; nothing when only English is known."""
        return {} if self._english_only else detect_with(self._pipeline(None).model, audio)

    def hear(self, audio: Samples, *, language: str | None, hotwords: str = "") -> Heard:
        """Transcribe 16 kHz audio."""
        if not has_speech(audio):
            return Heard(language or UNKNOWN_LANGUAGE, 1.0 if language else 0.0, "dtw", iter(()))
        if self._english_only:
            language = language or "en"
        pipeline = self._pipeline(language)
        probability = 1.0
        if language is None:
            language, probability, _ = pipeline.model.detect_language(audio)
        aligner = self._aligner(str(language))
        if aligner is None:
            segments, _ = pipeline.model.transcribe(
                audio,
                language=language,
                beam_size=5,
                word_timestamps=True,
                vad_filter=True,
                condition_on_previous_text=False,
                hotwords=hotwords or None,
            )
            return Heard(str(language), float(probability), "dtw", to_segments(segments))
        pipeline.options = replace(pipeline.options, hotwords=hotwords or None)
        found = pipeline.transcribe(audio, batch_size=self._options.batch, language=language)["segments"]
        return Heard(str(language), float(probability), "wav2vec2", self._align(found, aligner, audio))

    def _align(self, found: list[dict[str, Any]], aligner: Any, audio: Samples) -> Iterator[HeardSegment]:
        """Align one segment at a time, so that the caller sees progress and can stop."""
        model, metadata = aligner
        for segment in found:
            aligned = self._library.align([segment], model, metadata, audio, self._device)["segments"]
            for part in aligned:
                words = fill_times(part.get("words", []), start=float(part["start"]), end=float(part["end"]))
                # A word without a space before it would be taken for the rest of the one before.
                apart = tuple(replace(word, text=f" {word.text}") for word in words)
                yield HeardSegment(float(part["start"]), float(part["end"]), apart)

    def _pipeline(self, language: str | None) -> Any:
        compute = self._options.compute or ("float16" if self._device == "cuda" else "int8")
        key = (self._path, self._device, compute, language or "")
        with _lock:
            if key not in _pipelines:
                _pipelines.clear()
                _pipelines[key] = self._library.load_model(
                    self._path,
                    self._device,
                    compute_type=compute,
                    language=language,
                    vad_method="pyannote",  # its weights are in the package; silero would be fetched
                    threads=self._options.threads,
                    local_files_only=True,
                )
            return _pipelines[key]

    def _aligner(self, language: str) -> Any:
        """Return the alignment model of a language: ``MODEL_DIR/align/<language>``, or from its hub when allowed."""
        key = (language, self._device, self._options.model_dir)
        with _lock:
            if key not in _aligners:
                _aligners.clear()
                _aligners[key] = self._load_aligner(language)
            return _aligners[key]

    def _load_aligner(self, language: str) -> Any:
        _stand_in_for_sentence_data()
        folder = Path(self._options.model_dir, _ALIGN_FOLDER, language) if self._options.model_dir else None
        if folder is not None and (folder / "config.json").is_file():
            return self._library.load_align_model(language, self._device, model_name=str(folder))
        if folder is not None and any(folder.glob("*.pt*")):
            return self._library.load_align_model(language, self._device, model_dir=str(folder))
        if self._options.download:
            try:
                return self._library.load_align_model(language, self._device)
            except ValueError:
                return None  # WhisperX knows no alignment model for this language
        return None


def _stand_in_for_sentence_data() -> None:
    """Give WhisperX's alignment empty rules of sentence ends where there are none, since it would fetch them.

    It splits every segment into sentences; with no rules each full stop ends one, and word times stay the same.
    """
    from nltk import data
    from whisperx.alignment import PUNKT_LANGUAGES

    if _stand_ins or _has_sentence_data(data):
        return
    folder = tempfile.TemporaryDirectory(prefix="reelyard-nltk-")
    _stand_ins.append(folder)
    for language in {"english", *PUNKT_LANGUAGES.values()}:
        place = Path(folder.name, _SENTENCE_DATA, language)
        place.mkdir(parents=True)
        for name in _SENTENCE_FILES:
            (place / name).touch()
    data.path.append(folder.name)


def _has_sentence_data(data: Any) -> bool:
    try:
        data.find(f"{_SENTENCE_DATA}/english/")
    except LookupError:
        return False
    return True


def fill_times(words: list[dict[str, Any]], *, start: float, end: float) -> tuple[HeardWord, ...]:
    """Give words that alignment left without times (numbers) an even share of the gap they stand in."""
    filled: list[HeardWord] = []
    index = 0
    while index < len(words):
        if "start" in words[index]:
            word = words[index]
            filled.append(
                HeardWord(word["word"], float(word["start"]), float(word["end"]), float(word.get("score", 0.0)))
            )
            index += 1
            continue
        stop = next((i for i in range(index, len(words)) if "start" in words[i]), len(words))
        left = filled[-1].end if filled else start
        right = float(words[stop]["start"]) if stop < len(words) else end
        share = max(0.0, right - left) / (stop - index)
        for place, word in enumerate(words[index:stop]):
            filled.append(HeardWord(word["word"], left + place * share, left + (place + 1) * share, 0.0))
        index = stop
    return tuple(filled)


def load_whisperx(options: SpeechOptions) -> WhisperXEngine:
    """Return the engine; PermanentError ``speech.engine_unavailable`` where WhisperX is not installed."""
    try:
        import whisperx
    except ImportError as error:
        raise PermanentError(
            "speech.engine_unavailable",
            "WhisperX is not installed on this worker: use its own environment (requirements/whisperx.txt) or "
            "REELYARD_SPEECH_ENGINE=faster",
        ) from error
    device = pick_device(options.device)
    return WhisperXEngine(options, find_model(options, on_gpu=device == "cuda"), library=whisperx, device=device)
