"""Long audio in blocks that are cut where it is quiet, so that memory does not grow with the media's length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tasks.media.audio import SPEECH_RATE, Samples

BLOCK_S = 600.0
SEARCH_S = 60.0

_WINDOW = SPEECH_RATE * 3 // 10


@dataclass(frozen=True)
class BlockRange:
    """Which blocks of a file are wanted: from ``first`` up to before ``stop``; None is all that follow."""

    first: int = 0
    stop: int | None = None

    def __contains__(self, number: int) -> bool:
        return self.first <= number and not self.is_past(number)

    def is_past(self, number: int) -> bool:
        """Tell whether a block comes after these."""
        return self.stop is not None and number >= self.stop


WHOLE = BlockRange()


def iter_blocks(
    pieces: Iterable[Samples], *, block_s: float = BLOCK_S, search_s: float = SEARCH_S, wanted: BlockRange = WHOLE
) -> Iterator[tuple[float, Samples]]:
    """Yield (start in seconds, samples) of blocks of about ``block_s``, cut in quiet moments.

    Cut n is the quietest moment of the ``search_s`` before n times ``block_s``: whoever reads the same file, even for
    a few of its blocks, cuts it at the same samples.
    """
    for number, (start_s, block) in enumerate(_cut(pieces, block_s, search_s)):
        if wanted.is_past(number):
            return
        if number in wanted:
            yield start_s, block


def _cut(pieces: Iterable[Samples], block_s: float, search_s: float) -> Iterator[tuple[float, Samples]]:
    size, search = round(block_s * SPEECH_RATE), round(search_s * SPEECH_RATE)
    held: list[Samples] = []
    held_count = start = 0
    end = size
    for piece in pieces:
        held.append(piece)
        held_count += len(piece)
        while start + held_count >= end:
            joined = np.concatenate(held)
            last = end - start
            cut = last - search + quietest_moment(joined[last - search : last])
            yield start / SPEECH_RATE, joined[:cut]
            start, end = start + cut, end + size
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
