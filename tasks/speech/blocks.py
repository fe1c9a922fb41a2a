"""Long audio in blocks that are cut where it is quiet, so that memory does not grow with the media's length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tasks.media.audio import SPEECH_RATE, Samples

BLOCK_S = 600.0
SEARCH_S = 60.0

_WINDOW = SPEECH_RATE * 3 // 10


def iter_blocks(
    pieces: Iterable[Samples], *, block_s: float = BLOCK_S, search_s: float = SEARCH_S
) -> Iterator[tuple[float, Samples]]:
    """Yield (start in seconds, samples) of blocks of about ``block_s``, cut in the quietest moment of their end.

    :param search_s: how far before a block's end the cut may lie.
    """
    size, search = round(block_s * SPEECH_RATE), round(search_s * SPEECH_RATE)
    held: list[Samples] = []
    held_count = start = 0
    for piece in pieces:
        held.append(piece)
        held_count += len(piece)
        if held_count < size:
            continue
        joined = np.concatenate(held)
        cut = len(joined) - search + quietest_moment(joined[-search:])
        yield start / SPEECH_RATE, joined[:cut]
        start += cut
        held, held_count = [joined[cut:]], len(joined) - cut
    if held_count:
        yield start / SPEECH_RATE, np.concatenate(held)


def quietest_moment(samples: Samples) -> int:
    """Return the middle of the quietest 0.3 s, as a sample number."""
    if len(samples) <= _WINDOW:
        return len(samples)
    energy = np.concatenate(([0.0], np.cumsum(np.square(samples, dtype=np.float64))))
    loudness = energy[_WINDOW:] - energy[:-_WINDOW]
    return int(np.argmin(loudness)) + _WINDOW // 2
