"""How alike two fingerprints are (:mod:`tasks.samples.fingerprint`). Pure, so that the API can ask, too."""

from __future__ import annotations

SLACK_WORDS = 64
"""How far two may be shifted against each other: three seconds."""
LEAST_WORDS = 20
"""Less than a second is too little to know anything by."""
_OVERLAP = 0.8
SAME = 0.7
"""Share of equal bits from which two are the same sound. Of different sounds it is one half, give or take 0.05 over the
shortest; the paper takes 0.65 for its more words."""


_GLANCE = 1024
"""Bytes from the middle by which the likeliest shifts are chosen: all of a sound is compared at these alone."""
_CHOSEN = 3


def likeness(one: bytes, other: bytes) -> float:
    """Return the share of equal bits at the best shift, 0..1; 0 where there is too little to compare."""
    pairs = [pair for shift in range(-SLACK_WORDS, SLACK_WORDS + 1) if (pair := _shifted(one, other, shift))]
    best = sorted(pairs, key=lambda pair: -_share(*(_middle(side) for side in pair)))[:_CHOSEN]
    return max((_share(*pair) for pair in best), default=0.0)


def _shifted(one: bytes, other: bytes, shift: int) -> tuple[bytes, bytes] | None:
    """Return what lies on each other of both, None where that is too little."""
    first, second = (one[4 * shift :], other) if shift >= 0 else (one, other[-4 * shift :])
    size = min(len(first), len(second)) // 4 * 4
    if size < 4 * LEAST_WORDS or size < _OVERLAP * max(len(one), len(other)):
        return None
    return first[:size], second[:size]


def _middle(side: bytes) -> bytes:
    start = max(0, len(side) - _GLANCE) // 2
    return side[start : start + _GLANCE]


def _share(first: bytes, second: bytes) -> float:
    different = (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).bit_count()
    return 1 - different / (len(first) * 8)
