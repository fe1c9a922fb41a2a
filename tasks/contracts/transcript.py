"""A transcript as engines produce it and the API stores it. Times are seconds from the start of the media."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contracts.base import Message


@dataclass(frozen=True)
class Word(Message):
    """One spoken word; ``id`` is stable for the transcript's life, ``score`` is 0..1, ``end > start`` always.

    :param estimated: nobody heard these times; they were spread over a known stretch by the words' lengths.
    """

    id: str
    text: str
    start: float
    end: float
    score: float = 0.0
    speaker: str | None = None
    estimated: bool = False


@dataclass(frozen=True)
class Segment(Message):
    """Words spoken together; ordered, not overlapping.

    :param placement: where a caption file put it, as WebVTT cue settings (``line:10% align:start``).
    """

    id: str
    text: str
    start: float
    end: float
    words: tuple[Word, ...] = ()
    speaker: str | None = None
    placement: str | None = None


@dataclass(frozen=True)
class Diarization(Message):
    """How speakers were told apart: by what, how many there are, and whether that number is known or guessed.

    :param method: ``resemblyzer`` or ``pyannote``; ``none`` where it was wished for and could not be done.
    """

    method: str
    speakers: int
    is_certain: bool


@dataclass(frozen=True)
class Transcript(Message):
    """What was said, by which engine and model, and how its words got their times.

    :param language_probability: 0..1; 1.0 when the language was given, not detected.
    :param alignment_method: ``dtw``, ``pocketsphinx`` or ``wav2vec2``: how word times were found; ``none`` when empty.
    :param duration_s: length of the audio that was heard.
    :param diarization: None where nobody asked who speaks.
    """

    language: str
    language_probability: float
    duration_s: float
    engine: str
    engine_version: str
    model: str
    alignment_method: str
    segments: tuple[Segment, ...] = ()
    model_sha256: str = ""
    diarization: Diarization | None = None
