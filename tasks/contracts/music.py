"""What listening to a song tells. Times are seconds from the start of the media; every guess says how it was made."""

from __future__ import annotations

from dataclasses import dataclass, field

from tasks.contracts.base import Message

UNKNOWN = "unknown"
SECTION_LABELS = ("intro", "verse", "chorus", "bridge", "break", "outro")
VIDEO_TYPES = ("lyric", "performance", "narrative", "abstract", "dance")


@dataclass(frozen=True)
class SongOrder(Message):
    """Input of step ``music.analyze``."""

    object_key: str
    size_bytes: int = 0


@dataclass(frozen=True)
class TempoCandidate(Message):
    """One tempo that the song may be felt in; the confidences of all candidates add up to 1."""

    bpm: float
    confidence: float


@dataclass(frozen=True)
class Tempo(Message):
    """Beats a minute, fitted over all beats.

    :param bpm: None when there is no pulse; ``reason`` then says why.
    :param candidates: the tempo itself and its half and double, likeliest first.
    :param is_steady: whether one tempo holds from start to end.
    """

    bpm: float | None
    confidence: float
    method: str
    candidates: tuple[TempoCandidate, ...] = ()
    is_steady: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Meter(Message):
    """Beats in a bar; 0 is unknown. ``subdivision`` is 3 where each beat falls into three (6/8 is 2 by 3)."""

    beats_per_bar: int
    confidence: float
    method: str
    subdivision: int = 2
    reason: str = ""


@dataclass(frozen=True)
class Key(Message):
    """A key such as ``A minor``, or ``unknown``; ``confidence`` is 0..1."""

    name: str
    confidence: float
    method: str
    reason: str = ""


@dataclass(frozen=True)
class KeySpan(Message):
    """A stretch of the song in one key."""

    start: float
    end: float
    name: str
    confidence: float


@dataclass(frozen=True)
class SongSection(Message):
    """A stretch of the song that hangs together; ordered, without gaps, from 0 to the end.

    :param label: one of :data:`SECTION_LABELS`, a suggestion. :param group: equal for stretches that sound alike.
    :param energy: 0..1, mean of the energy curve.
    """

    start: float
    end: float
    label: str
    group: int
    energy: float


@dataclass(frozen=True)
class Curve(Message):
    """Values 0..1, one every ``step_s`` seconds from 0."""

    step_s: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class Loudness(Message):
    """EBU R 128. None where there is nothing to measure; ``reason`` then says why."""

    integrated_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float | None
    reason: str = ""


@dataclass(frozen=True)
class Genre(Message):
    """A genre with the scores of all that were weighed; ``method`` says whether a model or the signal decided."""

    name: str
    confidence: float
    method: str
    scores: dict[str, float] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Mood(Message):
    """A mood: its likeliest word, others that fit, and numbers from 0 to 1 (valence, arousal, …)."""

    primary: str
    method: str
    tags: tuple[str, ...] = ()
    vector: dict[str, float] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class VideoType(Message):
    """A kind of video that would fit, one of :data:`VIDEO_TYPES`, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class SongAnalysis(Message):
    """All that was heard.

    :param engine: ``librosa`` or ``madmom``; which of them decided what stands in each ``method``.
    """

    duration_s: float
    engine: str
    engine_version: str
    tempo: Tempo
    meter: Meter
    key: Key
    loudness: Loudness
    energy: Curve
    genre: Genre
    mood: Mood
    video_type: VideoType
    beats: tuple[float, ...] = ()
    downbeats: tuple[float, ...] = ()
    key_spans: tuple[KeySpan, ...] = ()
    sections: tuple[SongSection, ...] = ()


@dataclass(frozen=True)
class SongHeard(Message):
    """Result of step ``music.analyze``; the waveform is audiowaveform's JSON, version 2."""

    analysis: SongAnalysis
    waveform_key: str
