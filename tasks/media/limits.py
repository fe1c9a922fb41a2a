"""What we are willing to decode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.config import WorkerSettings, pick

LIMIT_VARIABLES = {
    "max_duration_s": "REELYARD_MAX_MEDIA_S",
    "max_pixels": "REELYARD_MAX_PIXELS",
    "walls": "REELYARD_SANDBOX",
}


@dataclass(frozen=True)
class MediaLimits:
    """Caps checked from a probe, before anything is decoded in earnest.

    :param max_pixels: width times height of a video frame.
    :param max_streams: streams of any kind, :param max_av_streams: audio and video streams.
    :param walls: how a process apart reads the file (``off auto required``, as REELYARD_SANDBOX); empty reads it here.
    """

    max_duration_s: float = 4 * 3600.0
    max_pixels: int = 8192 * 4320
    max_side: int = 16384
    max_streams: int = 64
    max_av_streams: int = 8
    max_fps: float = 300.0
    min_sample_rate: int = 8000
    max_sample_rate: int = 192_000
    max_channels: int = 8
    walls: str = ""


def spell_s(duration_s: float) -> str:
    """Write a length of time for a person."""
    if duration_s < 120:
        return f"{duration_s:.1f} seconds"
    return f"{duration_s / 60:.0f} minutes" if duration_s < 7200 else f"{duration_s / 3600:.1f} hours"


def limits_of(settings: WorkerSettings) -> MediaLimits:
    """Return the limits that the environment asks for, with the walls that workers read within."""
    return MediaLimits(max_duration_s=settings.max_media_s, max_pixels=settings.max_pixels, walls=settings.sandbox)


def limits_from(values: Mapping[str, Any]) -> MediaLimits:
    """Return what :func:`limits_of` does, of an environment that was read with :data:`LIMIT_VARIABLES`."""
    return MediaLimits(**pick(values, LIMIT_VARIABLES))
