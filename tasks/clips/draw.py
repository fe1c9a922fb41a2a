"""Drawing a clip: every frame from the song's score, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from tasks.clips.palette import Bytes, build_palette
from tasks.clips.scenes import SCENES, Canvas
from tasks.clips.scenes.canvas import to_bytes
from tasks.clips.score import Moment, Score
from tasks.contracts.clips import ClipPlan, PlannedClip
from tasks.contracts.music import SongAnalysis
from tasks.errors import InvalidInputError

BT709 = 1
LIMITED = 1


def require_scene(video_type: str) -> None:
    """Raise ``clips.unknown_type`` unless there is something to draw for the type."""
    if video_type not in SCENES:
        raise InvalidInputError(
            "clips.unknown_type", f"There is no video type {video_type!r}; there are {', '.join(SCENES)}"
        )


class Painter:
    """Draws the frames of one clip."""

    def __init__(
        self, song: SongAnalysis, plan: ClipPlan, clip: PlannedClip, *, video_type: str, size: tuple[int, int]
    ) -> None:
        """Prepare a clip of a video type at a size in even pixels; raise ``clips.unknown_type``."""
        require_scene(video_type)
        kind = SCENES[video_type]
        section = plan.sections[clip.section]
        self._size = size
        width, height = size[0] // kind.SHRINK // 2 * 2, size[1] // kind.SHRINK // 2 * 2
        canvas = Canvas.of(width, height)
        chance = np.random.default_rng(clip.seed)
        self._scene = kind(canvas, chance, section.energy)
        self._palette = build_palette(song.mood, section.label, number=clip.number, energy=section.energy)
        away = np.hypot(canvas.x, canvas.y) / canvas.reach
        self._shade = to_bytes(1.0 - 0.62 * away**2.2).astype(np.uint16)
        self._grain = chance.integers(0, 6, (height, width)).astype(np.uint16)

    def paint(self, moment: Moment) -> VideoFrame:
        """Draw one frame, YUV 4:2:0 in BT.709, limited range."""
        bright, hue = self._scene.draw(moment)
        # Grain hides the steps that eight bits leave in soft gradients.
        toned = np.minimum(((bright * self._shade) >> 8) + self._grain, 255)
        index = (hue.astype(np.uint16) << 8) | toned
        # Less than a fifth of brightness comes and goes with beats: faster songs would flicker harmfully.
        gain = 0.84 + 0.12 * moment.energy + 0.14 * moment.pulse + 0.06 * moment.bar
        tables = self._palette.tables(gain, 0.06 * moment.bar + 0.08 * moment.onset * moment.energy)
        return self._frame(index, *tables)

    def _frame(self, index: NDArray[np.uint16], luma: Bytes, first: Bytes, second: Bytes) -> VideoFrame:
        height, width = index.shape
        picture = np.empty((height * 3 // 2, width), np.uint8)
        picture[:height] = luma[index]
        small = index[::2, ::2]
        flat = picture[height:].reshape(-1)
        flat[: small.size] = first[small].reshape(-1)
        flat[small.size :] = second[small].reshape(-1)
        frame = VideoFrame.from_ndarray(picture, format="yuv420p")
        if (width, height) != self._size:
            frame = frame.reformat(self._size[0], self._size[1], interpolation="BILINEAR")
        frame.colorspace = BT709
        frame.color_range = LIMITED
        return frame


def paint_clip(
    song: SongAnalysis, plan: ClipPlan, clip: PlannedClip, score: Score, *, video_type: str, size: tuple[int, int]
) -> Iterator[VideoFrame]:
    """Yield all frames of a clip."""
    painter = Painter(song, plan, clip, video_type=video_type, size=size)
    for number in range(clip.frame_count):
        yield painter.paint(score.at(clip.start_frame + number, number / clip.frame_count))
