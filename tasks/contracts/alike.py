"""How alike two fingerprints are (:mod:`tasks.samples.fingerprint`). Pure, so that the API can ask, too."""

from __future__ import annotations

WORD_BITS = 32
SLACK_WORDS = 64
"""How far two may be shifted against each other: three seconds."""
LEAST_WORDS = 20
"""Less than a second is too little to know anything by."""
SAME = 0.7
"""Share of equal bits from which two are the same sound. Of different sounds it is one half, give or take 0.05 over the
shortest; the paper takes 0.65 for its more words."""


def likeness(one: bytes, other: bytes) -> float:
    """Return the share of equal bits at the best shift, 0..1; 0 where there is too little to compare."""
    most = 0.0
    for shift in range(-SLACK_WORDS, SLACK_WORDS + 1):
        first, second = (one[4 * shift :], other) if shift >= 0 else (one, other[-4 * shift :])
        size = min(len(first), len(second)) // 4 * 4
        overlap = size / max(len(one), len(other), 1)
        if size < 4 * LEAST_WORDS or overlap < 0.8:
            continue
        different = (int.from_bytes(first[:size], "big") ^ int.from_bytes(second[:size], "big")).bit_count()
        most = max(most, 1 - different / (size * 8))
    return most
