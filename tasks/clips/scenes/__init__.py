"""What can be drawn: one kind of motion graphics for each video type."""

from __future__ import annotations

from tasks.clips.scenes.canvas import Canvas, Scene
from tasks.clips.scenes.flow import Flow
from tasks.clips.scenes.horizon import Horizon
from tasks.clips.scenes.lights import Lights
from tasks.clips.scenes.tiles import Tiles
from tasks.clips.scenes.tunnel import Tunnel

SCENES: dict[str, type[Scene]] = {
    "dance": Tunnel,
    "performance": Lights,
    "narrative": Horizon,
    "abstract": Flow,
    "lyric": Tiles,
}
"""By video type (:data:`tasks.contracts.music.VIDEO_TYPES`)."""

__all__ = ["SCENES", "Canvas", "Scene"]
