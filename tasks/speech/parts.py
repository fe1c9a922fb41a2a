"""Parts of a file that workers heard each for itself, as messages and joined."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.contracts.hearing import HeardPart, PartSegment, PartWord
from tasks.speech.diarize import VoiceWindows
from tasks.speech.engine import HeardSegment, HeardWord
from tasks.speech.pipeline import Hearing


def to_part(hearing: Hearing, *, voices_key: str = "") -> HeardPart:
    """Return a part as a message."""
    segments = tuple(
        PartSegment(segment.start, segment.end, tuple(PartWord(w.text, w.start, w.end, w.score) for w in segment.words))
        for segment in hearing.segments
    )
    return HeardPart(
        hearing.language,
        hearing.probability,
        hearing.method,
        hearing.aligned,
        hearing.heard_s,
        segments,
        voices_key,
    )


def join_parts(parts: list[HeardPart]) -> Hearing:
    """Put parts together, in order; the first that tells a language tells it for all."""
    told = next((part for part in parts if part.language is not None), None)
    joined = Hearing(told.language, told.probability) if told else Hearing(None)
    for part in parts:
        joined.segments += [_to_segment(segment) for segment in part.segments]
        joined.aligned += part.aligned
        joined.heard_s = max(joined.heard_s, part.heard_s)
        if part.method != "none":
            joined.method = part.method
    return joined


def _to_segment(segment: PartSegment) -> HeardSegment:
    words = tuple(HeardWord(word.text, word.start, word.end, word.score) for word in segment.words)
    return HeardSegment(segment.start, segment.end, words)


def write_voices(path: Path, heard: list[VoiceWindows]) -> None:
    """Write what is known of the voices of a part."""
    middles = np.asarray([middle for part in heard for middle in part.middles], np.float64)
    vectors = np.concatenate([part.vectors for part in heard]) if heard else np.zeros((0, 256), np.float32)
    with path.open("wb") as file:
        np.savez(file, middles=middles, vectors=vectors)


def read_voices(path: Path) -> VoiceWindows:
    """Read what :func:`write_voices` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return VoiceWindows(tuple(stored["middles"].tolist()), stored["vectors"].astype(np.float32))
