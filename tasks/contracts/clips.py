"""The clips that make a music video: which, how long, of what. Lengths are whole frames; seconds are only told."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tasks.contracts.base import Message

SHORTEST_S, LONGEST_S = 3, 10
"""Lengths between which a clip may be, where its section allows it."""


@dataclass(frozen=True)
class ClipSection(Message):
    """A stretch of the song with the user's words for it; ``section_ref`` is the caller's own id.

    :param energy: 0..1; the livelier, the shorter its clips.
    """

    start_s: float
    end_s: float
    label: str
    note: str = ""
    energy: float = 0.5
    section_ref: str = ""


@dataclass(frozen=True)
class PlannedClip(Message):
    """One clip: ``frame_count`` frames from ``start_frame`` of the video.

    :param beat_s: the beat nearest to its first frame, None in a song without beats.
    :param from_beat_ms: how long after that beat the first frame is shown; negative is before it.
    :param is_downbeat: whether that beat is the first of a bar.
    :param seed: what chance in drawing it comes from.
    """

    number: int
    section: int
    start_frame: int
    frame_count: int
    prompt: str
    seed: int
    beat_s: float | None = None
    from_beat_ms: float | None = None
    is_downbeat: bool = False

    @property
    def end_frame(self) -> int:
        """The frame at which the next clip begins."""
        return self.start_frame + self.frame_count


@dataclass(frozen=True)
class ClipPlan(Message):
    """All clips of a video, in order, without gaps, from frame 0 to ``frame_count``."""

    fps_num: int
    fps_den: int
    frame_count: int
    sections: tuple[ClipSection, ...]
    clips: tuple[PlannedClip, ...]

    @property
    def fps(self) -> Fraction:
        """Frames a second."""
        return Fraction(self.fps_num, self.fps_den)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(self.frame_count / self.fps)


@dataclass(frozen=True)
class ClipEstimate(Message):
    """What the clips of a plan would take, told before anything is paid.

    :param billed_s: seconds that the provider makes and bills: its own lengths, not those of the plan.
    :param time_s: time until all are there, so many at once as the provider takes.
    """

    provider: str
    clip_count: int
    billed_s: float
    cost_usd: float
    time_s: float


@dataclass(frozen=True)
class FittedClip(Message):
    """What was done to a clip so that it fills its place.

    :param stretched: how many times slower it runs than it was made; 1 where it was long enough.
    :param trimmed_s: seconds left out at its end. :param from_size: ``WIDTHxHEIGHT`` as it was made.
    """

    number: int
    from_size: str
    stretched: float
    trimmed_s: float


@dataclass(frozen=True)
class ComposedVideo(Message):
    """A music video as its file was read again when it was done.

    :param audio: ``copy`` where the song's own packets lie in the file, else the codec that it was encoded with.
    :param copied_frames: how many are the very packets of the film before, :param keys: the objects of the clips.
    """

    width: int
    height: int
    fps_num: int
    fps_den: int
    frame_count: int
    video_end_s: float
    audio_end_s: float
    audio: str
    transition: str
    size_bytes: int
    clips: tuple[FittedClip, ...]
    copied_frames: int = 0
    keys: tuple[str, ...] = ()
