"""Which files may come in: declared types, the kind each is guessed to be, and what we call them.

The declared type only decides whether a transfer starts; what a file really is, its probe decides.
"""

from __future__ import annotations

import re
import unicodedata

from api.assets.models import AssetKind

VIDEO_TYPES = (
    "video/mp4",
    "video/quicktime",
    "video/x-m4v",
    "video/webm",
    "video/x-matroska",
    "video/matroska",
    "video/mpeg",
    "video/mp2t",
    "video/ogg",
    "video/x-msvideo",
)
AUDIO_TYPES = (
    "audio/mpeg",
    "audio/mp4",
    "audio/x-m4a",
    "audio/aac",
    "audio/wav",
    "audio/x-wav",
    "audio/vnd.wave",
    "audio/flac",
    "audio/x-flac",
    "audio/ogg",
    "audio/opus",
    "audio/webm",
)
IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp")
CAPTIONS, SOUND = PURPOSES = ("captions", "sound")
"""What files are sent for: to be transcribed, or as sound alone."""
ACCEPTED_TYPES = VIDEO_TYPES + AUDIO_TYPES + IMAGE_TYPES

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0080-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def guess_kind(content_type: str) -> AssetKind:
    """Return what a declared type promises."""
    if content_type in IMAGE_TYPES:
        return AssetKind.IMAGE
    return AssetKind.VIDEO if content_type in VIDEO_TYPES else AssetKind.AUDIO


def clean_filename(name: str) -> str:
    """Return the last path component of a user's file name without control or direction characters.

    The result is only ever shown and sent in Content-Disposition; object keys are made from ids.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    cleaned = _CONTROL.sub("", last).strip().strip(".").strip()
    return cleaned[:255] or "upload"
