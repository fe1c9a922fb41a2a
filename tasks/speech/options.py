"""How to transcribe, from a worker's settings or straight from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tasks.config import WorkerSettings, pick
from tasks.environment import read_environment
from tasks.media.limits import MediaLimits, limits_of

_VARIABLES = {
    "engine": "REELYARD_SPEECH_ENGINE",
    "model": "REELYARD_WHISPER_MODEL",
    "model_dir": "REELYARD_MODEL_DIR",
    "download": "REELYARD_MODEL_DOWNLOAD",
    "device": "REELYARD_WHISPER_DEVICE",
    "compute": "REELYARD_WHISPER_COMPUTE",
    "batch": "REELYARD_WHISPER_BATCH",
    "threads": "REELYARD_WHISPER_THREADS",
}


@dataclass(frozen=True)
class SpeechOptions:
    """Engine, model and device of transcription.

    :param model: name or folder; empty takes the best one installed. :param model_dir: folder with models by name.
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
            limits=limits_of(settings),
        )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> SpeechOptions:
        """Read only the variables of speech, for a process without services."""
        values = read_environment(os.environ if environ is None else environ, tuple(_VARIABLES.values()))
        return cls(**pick(values, _VARIABLES))


def cache_folder(options: SpeechOptions) -> Path:
    """Return where models are kept that were put together or fetched: MODEL_DIR, else the user's cache."""
    if options.model_dir:
        return Path(options.model_dir)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reelyard" / "models"
