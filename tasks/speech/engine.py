"""What every speech engine does, and choosing one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from tasks.errors import PermanentError
from tasks.media.audio import Samples
from tasks.speech.options import SpeechOptions

UNKNOWN_LANGUAGE = "und"


@dataclass(frozen=True)
class HeardWord:
    """One word; times in seconds from the start of the audio that was given."""

    text: str
    start: float
    end: float
    score: float
    speaker: str | None = None


@dataclass(frozen=True)
class HeardSegment:
    """Words heard together."""

    start: float
    end: float
    words: tuple[HeardWord, ...]


@dataclass(frozen=True)
class Heard:
    """What an engine makes of some audio.

    :param method: how the words got their times: ``dtw`` or ``wav2vec2``.
    :param segments: produced while they are read, so that the caller can report progress and stop.
    """

    language: str
    language_probability: float
    method: str
    segments: Iterator[HeardSegment]


class Engine(Protocol):
    """A loaded model. ``hear`` finds the speech itself; no speech gives no segments."""

    name: str
    version: str
    model: str
    model_sha256: str
    is_multilingual: bool

    def check_language(self, language: str) -> None:
        """Raise PermanentError ``speech.language_unsupported`` when the model cannot hear this language."""

    def detect(self, audio: Samples) -> dict[str, float]:
        """Return the probability of each language in up to 30 s of 16 kHz speech; nothing when only one is known."""

    def hear(self, audio: Samples, *, language: str | None, hotwords: str = "") -> Heard:
        """Transcribe 16 kHz audio; ``language`` None detects. ``hotwords`` are names that may occur."""


def load_engine(options: SpeechOptions) -> Engine:
    """Return this process's engine for these options, loading its model the first time."""
    if options.engine == "whisperx":
        from tasks.speech.whisperx import load_whisperx

        return load_whisperx(options)
    from tasks.speech.faster import load_faster

    return load_faster(options)


def refuse_language(language: str, model: str) -> PermanentError:
    """Return the error for a language that a model does not know."""
    return PermanentError(
        "speech.language_unsupported",
        f"Model {model} does not understand language {language!r}",
        {"language": language},
    )
