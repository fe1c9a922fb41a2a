"""What was fetched, looked at before anybody relies on it: the media, and the still that shows it."""

from __future__ import annotations

import logging
from pathlib import Path

from tasks.contracts import MediaInfo
from tasks.contracts.samples import LinkOrder
from tasks.errors import FencedError, PermanentError, ReelyardError
from tasks.fetchers.base import FetchSettings, check_length
from tasks.fetching import Fetcher, FetchLimits
from tasks.media.limits import MediaLimits
from tasks.media.picture import MAX_BYTES, clean_picture
from tasks.media.poster import extract_poster
from tasks.media.probe import probe_file

THUMBNAIL_SIDE = 640
THUMBNAIL_S = 30.0
TYPES = {
    "mov": ("video/mp4", ".mp4"),
    "matroska": ("video/x-matroska", ".mkv"),
    "mp3": ("audio/mpeg", ".mp3"),
    "wav": ("audio/wav", ".wav"),
    "flac": ("audio/flac", ".flac"),
    "ogg": ("audio/ogg", ".ogg"),
    "aac": ("audio/aac", ".aac"),
    "mpegts": ("video/mp2t", ".ts"),
}
"""Content type and suffix by container, as :mod:`tasks.media.sniff` names it."""
_log = logging.getLogger(__name__)


def check_media(path: Path, order: LinkOrder, limits: MediaLimits) -> MediaInfo:
    """Return what a fetched file holds; raise ``media.*``, ``link.no_sound``, ``link.too_long``."""
    media = probe_file(path, limits)
    if media.audio is None:
        raise PermanentError("link.no_sound", "What the link leads to has no sound")
    check_length(media.duration_s, order)
    return media


def fetch_thumbnail(
    url: str, path: Path, folder: Path, settings: FetchSettings, *, media: MediaInfo, limits: MediaLimits
) -> Path | None:
    """Return a still that is safe to show: the service's own, else a frame of the video; None where neither is."""
    still = folder / "thumbnail.png"
    try:
        if url:
            fetch_picture(url, folder, still, settings, limits)
            return still
    except FencedError:
        raise
    except ReelyardError as error:
        _log.info("thumbnail not fetched", extra={"code": error.code})
    if media.video is None:
        return None
    try:
        extract_poster(path, still, limits=limits, longest_side=THUMBNAIL_SIDE)
    except PermanentError as error:
        _log.info("thumbnail not drawn", extra={"code": error.code})
        return None
    return still


def fetch_picture(url: str, folder: Path, target: Path, settings: FetchSettings, limits: MediaLimits) -> None:
    """Fetch a picture and write its pixels alone."""
    raw = folder / "thumbnail.raw"
    fetcher = Fetcher(FetchLimits(MAX_BYTES, THUMBNAIL_S), inside=settings.inside, proxy=settings.proxy)
    fetcher.fetch(url, raw)
    clean_picture(raw, target, limits=limits, longest_side=THUMBNAIL_SIDE)
