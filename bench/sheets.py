"""Sheets of what is drawn offline, to be looked at: ``python -m bench.sheets OUT.png``.

One row for each video type, moments of a composed song from its quiet start to its end; pictures are those that
``reelyard musicvideo`` and the farm draw. The one in ``docs/_static`` was made so.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.songs import Song, compose, play, write_wav
from tasks.clips.draw import Painter
from tasks.clips.score import Score
from tasks.clips.sheet import write_png
from tasks.clips.sound import hear_frames
from tasks.contracts.clips import ClipPlan
from tasks.contracts.music import (
    VIDEO_TYPES,
    Curve,
    Genre,
    Key,
    Loudness,
    Meter,
    Mood,
    SongAnalysis,
    SongSection,
    Tempo,
    VideoType,
)
from tasks.workflows.clip_plan import plan_clips
from tasks.workflows.clip_sections import heard_sections

SIZE, SHOWN, COLUMNS, GAP = (640, 360), (320, 180), 4, 6
FPS = Fraction(30)
MOODS = {
    "dance": ("happy", 0.85, 0.8),
    "performance": ("energetic", 0.6, 0.9),
    "narrative": ("calm", 0.6, 0.3),
    "abstract": ("dark", 0.25, 0.5),
    "lyric": ("sad", 0.3, 0.25),
}
"""A mood, its valence and arousal for each type, so that palettes differ as they do between songs."""
Rgb = NDArray[np.uint8]


def describe(song: Song, mood: str) -> SongAnalysis:
    """Return the analysis of a composed song from its own truth."""
    truth = compose(song).truth
    levels = {"intro": 0.25, "verse": 0.55, "chorus": 0.95}
    sections = tuple(
        SongSection(0.0 if number == 0 else start, end, label, number, levels[label])
        for number, (start, end, label) in enumerate(truth.sections)
    )
    sections = (*sections[:-1], replace(sections[-1], end=truth.duration_s))
    steps = [next(one.energy for one in sections if 0.5 * n < one.end) for n in range(int(truth.duration_s / 0.5))]
    name, valence, arousal = MOODS[mood]
    return SongAnalysis(
        duration_s=truth.duration_s,
        engine="truth",
        engine_version="1",
        tempo=Tempo(song.bpm, 1.0, "truth"),
        meter=Meter(4, 1.0, "truth"),
        key=Key(song.key, 1.0, "truth"),
        loudness=Loudness(-14.0, 6.0, -1.0),
        energy=Curve(0.5, tuple(steps)),
        genre=Genre("pop", 1.0, "truth"),
        mood=Mood(name, "truth", (name,), {"valence": valence, "arousal": arousal}),
        video_type=VideoType(mood, "chosen"),
        beats=tuple(truth.beats.tolist()),
        downbeats=tuple(truth.downbeats.tolist()),
        sections=sections,
    )


def draw_row(kind: str, song: SongAnalysis, plan: ClipPlan, score: Score) -> list[Rgb]:
    """Draw moments of a video type: shortly after a beat, from clips spread over the song."""
    pictures = []
    for number in np.linspace(0, len(plan.clips) - 1, COLUMNS).round().astype(int):
        clip = plan.clips[number]
        painter = Painter(song, plan, clip, video_type=kind, size=SIZE)
        inside = range(clip.frame_count // 2 + 3)
        for frame in inside:  # some scenes remember what they drew
            drawn = painter.paint(score.at(clip.start_frame + frame, frame / clip.frame_count))
        pictures.append(np.asarray(drawn.reformat(*SHOWN, format="rgb24", interpolation="AREA").to_ndarray(), np.uint8))
    return pictures


def main() -> int:
    """Draw the sheet."""
    song = Song("sheet", ((0, 120.0),), "A minor", form=(("intro", 4), ("verse", 6), ("chorus", 6)))
    width, height = SHOWN
    whole = np.full((len(VIDEO_TYPES) * (height + GAP) + GAP, COLUMNS * (width + GAP) + GAP, 3), 16, np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        wav = write_wav(Path(folder) / "song.wav", play(compose(song)))
        for row, kind in enumerate(VIDEO_TYPES):
            heard = describe(song, kind)
            plan = plan_clips(heard, heard_sections(heard), fps=FPS)
            score = Score(heard, FPS, hear_frames(wav, fps=FPS, frame_count=plan.frame_count))
            for column, picture in enumerate(draw_row(kind, heard, plan, score)):
                top, left = GAP + row * (height + GAP), GAP + column * (width + GAP)
                whole[top : top + height, left : left + width] = picture
    write_png(whole, Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
