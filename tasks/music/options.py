"""How to analyse, from a worker's settings or straight from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.config import WorkerSettings, pick
from tasks.environment import read_environment
from tasks.media.limits import LIMIT_VARIABLES, MediaLimits, limits_from, limits_of

_VARIABLES = {
    "engine": "REELYARD_MUSIC_ENGINE",
    "longest_s": "REELYARD_MAX_MUSIC_S",
    "genre_model": "REELYARD_GENRE_MODEL",
}


@dataclass(frozen=True)
class MusicOptions:
    """Engine and limits; ``longest_s`` in seconds, ``genre_model`` an ONNX file or nothing."""

    engine: str = "librosa"
    longest_s: float = 900.0
    limits: MediaLimits = field(default_factory=MediaLimits)
    genre_model: str = ""

    @classmethod
    def from_settings(cls, settings: WorkerSettings) -> MusicOptions:
        """Take what concerns music from a worker's settings."""
        return cls(settings.music_engine, settings.max_music_s, limits_of(settings), settings.genre_model)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> MusicOptions:
        """Read only the variables of music and of limits, for a process without services."""
        names = (*_VARIABLES.values(), *LIMIT_VARIABLES.values())
        values = read_environment(os.environ if environ is None else environ, names)
        return cls(**pick(values, _VARIABLES), limits=limits_from(values))
