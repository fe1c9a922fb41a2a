"""How to transcribe, from a worker's settings or straight from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.config import WorkerSettings, pick
from tasks.environment import read_environment
from tasks.media.limits import LIMIT_VARIABLES, MediaLimits, limits_from, limits_of

_VARIABLES = {
    "engine": "REELYARD_SPEECH_ENGINE",
    "model": "REELYARD_WHISPER_MODEL",
    "model_dir": "REELYARD_MODEL_DIR",
    "download": "REELYARD_MODEL_DOWNLOAD",
    "device": "REELYARD_WHISPER_DEVICE",
    "compute": "REELYARD_WHISPER_COMPUTE",
    "batch": "REELYARD_WHISPER_BATCH",
    "threads": "REELYARD_WHISPER_THREADS",
    "diarizer": "REELYARD_DIARIZATION_MODEL",
}


@dataclass(frozen=True)
class SpeechRequest:
    """What is wished for with one file.

    :param language: ISO 639-1 code to force; None detects. :param hotwords: names and terms that may occur.
    :param diarize: tell who speaks; :param speakers: how many there are, None guesses.
    :param is_strict: fail where the configured way of telling speakers cannot be had, instead of doing with another.
    """

    language: str | None = None
    hotwords: tuple[str, ...] = ()
    diarize: bool = False
    speakers: int | None = None
    is_strict: bool = False

    @classmethod
    def from_input(cls, given: Mapping[str, Any]) -> SpeechRequest:
        """Read the input of a transcription step."""
        return cls(
            language=given.get("language"),
            hotwords=tuple(given.get("hotwords") or ()),
            diarize=bool(given.get("diarize")),
            speakers=given.get("speakers"),
            is_strict=bool(given.get("is_strict")),
        )


@dataclass(frozen=True)
class SpeechOptions:
    """Engine, model and device of transcription.

    :param model: name or folder; empty takes the best one installed. :param model_dir: folder with models by name.
    :param diarizer: folder of a pyannote pipeline.
    :param block_s: seconds heard at once, cut in a quiet moment of the last :param search_s: of them.
    :param device: ``auto``, ``cpu`` or ``cuda``, :param compute: CTranslate2 type; empty chooses by device.
    """

    engine: str = "faster"
    model: str = ""
    model_dir: str = ""
    download: bool = False
    device: str = "auto"
    compute: str = ""
    batch: int = 8
    threads: int = 2
    diarizer: str = ""
    block_s: float = 600.0
    search_s: float = 60.0
    limits: MediaLimits = field(default_factory=MediaLimits)

    @classmethod
    def from_settings(cls, settings: WorkerSettings) -> SpeechOptions:
        """Take what concerns speech from a worker's settings."""
        return cls(
            engine=settings.speech_engine,
            model=settings.whisper_model,
            model_dir=settings.model_dir,
            download=settings.model_download,
            device=settings.whisper_device,
            compute=settings.whisper_compute,
            batch=settings.whisper_batch,
            threads=settings.whisper_threads,
            diarizer=settings.diarization_model,
            limits=limits_of(settings),
        )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> SpeechOptions:
        """Read only the variables of speech and of limits, for a process without services."""
        names = (*_VARIABLES.values(), *LIMIT_VARIABLES.values())
        values = read_environment(os.environ if environ is None else environ, names)
        return cls(**pick(values, _VARIABLES), limits=limits_from(values))


def cache_folder(options: SpeechOptions) -> Path:
    """Return where models are kept that were put together or fetched: MODEL_DIR, else the user's cache."""
    if options.model_dir:
        return Path(options.model_dir)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reelyard" / "models"
