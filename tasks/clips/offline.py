"""The provider that needs nobody: it draws the clips itself, from the song."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tasks.clips.draw import paint_clip
from tasks.clips.film import PASSING, Film
from tasks.clips.score import Score
from tasks.contracts.clips import ClipPlan, PlannedClip
from tasks.contracts.music import SongAnalysis

Tick = Callable[[int], None]


@dataclass(frozen=True)
class Drawing:
    """All that the clips of one video are drawn from; sizes are even pixels."""

    song: SongAnalysis
    plan: ClipPlan
    score: Score
    video_type: str
    size: tuple[int, int]


def draw_clip(drawing: Drawing, clip: PlannedClip, out: Path, *, tick: Tick | None = None) -> Path:
    """Draw one clip into an MP4; ``tick`` is called with the frames done. Raises ``clips.unknown_type``."""
    frames = paint_clip(
        drawing.song, drawing.plan, clip, drawing.score, video_type=drawing.video_type, size=drawing.size
    )
    with Film(out, size=drawing.size, fps=drawing.plan.fps, options=PASSING) as film:
        for frame in frames:
            film.write(frame)
            if tick is not None:
                tick(film.frames)
        film.finish()
    return out
