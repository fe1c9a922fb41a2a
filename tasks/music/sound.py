"""The sound of a song as the analysis wants it: mono, 22050 Hz, no constant offset, within our limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.errors import PermanentError
from tasks.media.audio import iter_mono, read_header
from tasks.media.limits import MediaLimits, spell_s
from tasks.music.onsets import RATE, Floats

SHORTEST_S = 1.0
SILENT = 10 ** (-65 / 20)
"""Loudest sample of what counts as silence."""


@dataclass(frozen=True)
class Sound:
    """Samples at 22050 Hz and where they come from.

    :param is_silent: nothing in it is loud enough to be heard.
    """

    path: Path
    samples: Floats
    duration_s: float
    limits: MediaLimits
    is_silent: bool


def load_sound(
    path: Path, *, limits: MediaLimits, longest_s: float, tick: Callable[[float, float], None] | None = None
) -> Sound:
    """Decode a song.

    :param longest_s: length in seconds above which it is refused before it is decoded, whatever its header says.
    :param tick: called with seconds done and in all; what it raises stops the work.
    Errors: those of opening media; ``music.no_sound``, ``music.too_short``, ``media.too_long``.
    """
    claimed_s = check_header(path, limits=limits, longest_s=longest_s)
    pieces, count = [], 0
    for piece in iter_mono(path, RATE, limits):
        pieces.append(piece)
        count += len(piece)
        if count > longest_s * RATE:
            raise too_long(count / RATE, longest_s)
        if tick is not None:
            tick(min(count / RATE, claimed_s), claimed_s)
    if count < SHORTEST_S * RATE:
        raise PermanentError("music.too_short", f"The sound lasts {count / RATE:.1f} seconds, less than one")
    samples = np.concatenate(pieces)
    samples -= samples.mean()
    return Sound(path, samples, count / RATE, limits, float(np.abs(samples).max()) < SILENT)


def check_header(path: Path, *, limits: MediaLimits, longest_s: float) -> float:
    """Return the length that the file claims, in seconds."""
    header = read_header(path, limits)
    if not header.channels:
        raise PermanentError("music.no_sound", "The file has no sound")
    if header.channels > limits.max_channels:
        raise PermanentError("media.unsupported_audio", f"The sound has {header.channels} channels")
    if header.duration_s > longest_s + 1:
        raise too_long(header.duration_s, longest_s)
    return max(header.duration_s, 0.001)


def too_long(length_s: float, longest_s: float) -> PermanentError:
    """Return the error for a song over the limit."""
    return PermanentError(
        "media.too_long",
        f"The song lasts {spell_s(length_s)}; at most {spell_s(longest_s)} are analysed",
        {"duration_s": round(length_s, 1), "limit_s": longest_s},
    )
