"""A render at its smallest, for self-tests: by the way that every render takes, and the file is looked at.

What a node could do as it started it must still do: an encoder that went with its card is not missed otherwise, since
renders fall back to software.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from render_node.decode import SAMPLE_ENCODERS, probe_decoder
from render_node.encode.sessions import card_of, hold_sessions
from render_node.encode.settings import SOFTWARE, probe_encoder
from render_node.workroom import open_room
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput
from tasks.contracts.outputs import ENCODERS
from tasks.errors import ReelyardError
from tasks.media.priority import ordinary_priority
from tasks.scratch import scratch_directory

SIDE, FRAMES, RATE = 256, 10, 30
INK = 150
"""Luma from which on a pixel is of the captions: the footage is darker, they are white."""
LEAST_INK, MOST_INK = 0.01, 0.5
MOST_CHANGE = 6.0
"""Levels by which the footage may differ in the middle after it was encoded."""
SESSION_S = 60.0
SCENARIO: dict[str, Any] = {
    "version": "1",
    "canvas": {"width": SIDE, "height": SIDE},
    "tracks": [
        {
            "id": "t",
            "type": "captions",
            "style": {"fontSize": 72, "color": "#FFFFFF"},
            "cues": [
                {"id": "c", "start": 0.0, "end": 1.0, "words": [{"id": "w", "text": "TEST", "start": 0.0, "end": 1.0}]}
            ],
        }
    ],
}
Plane = NDArray[np.uint8]


def rehearse(settings: WorkerSettings) -> list[str]:
    """Decode footage, draw captions over it, encode it, and decode that again; return what went wrong."""
    try:
        with scratch_directory(settings.scratch_dir, "rehearsal") as scratch:
            source = scratch / "footage.mkv"
            write_footage(source)
            with open_room(settings, scratch, source) as room:
                output = RenderOutput().to_json()
                room.call("render", scenario=SCENARIO, outputs=[output], names=["video.mp4"], posters={})
                return examine_video(room.take("video.mp4"))
    except ReelyardError as error:
        return [f"render: {error.detail}"]
    except (OSError, av.error.FFmpegError) as error:
        return [f"render: {type(error).__name__}: {error}"]


def draw_footage() -> Plane:
    """Return the luma of every frame of the footage: dark, and not the same everywhere."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    luma: Plane = (24 + (rows + columns) // 8).astype(np.uint8)
    return luma


def write_footage(path: Path) -> None:
    """Write the footage."""
    picture = np.full((SIDE * 3 // 2, SIDE), 128, np.uint8)
    picture[:SIDE] = draw_footage()
    with ordinary_priority(), av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream(SOFTWARE, rate=RATE)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for _ in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        container.mux(stream.encode(None))


def examine_video(path: Path) -> list[str]:
    """Decode a rehearsal's video and tell what of it is not as it should be."""
    with av.open(str(path)) as container:
        decoded = [frame.to_ndarray(format="yuv420p")[:SIDE] for frame in container.decode(video=0)]
    frames = [luma.astype(np.uint8, copy=False) for luma in decoded]
    if len(frames) != FRAMES:
        return [f"render: {len(frames)} of {FRAMES} frames came back"]
    problems = [problem for frame in frames[1:-1] for problem in examine_frame(frame)]
    return problems[:1]


def examine_frame(luma: Plane) -> list[str]:
    """Tell whether a frame lacks its captions or its footage; pure."""
    ink = float(np.mean(luma >= INK))
    change = float(np.median(np.abs(luma.astype(np.int16) - draw_footage())))
    if not LEAST_INK <= ink <= MOST_INK:
        return [f"render: captions cover {ink:.1%} of the picture"]
    return [] if change <= MOST_CHANGE else [f"render: the footage came back {change:g} levels different"]


def compare_with_start(about: Mapping[str, Any], settings: WorkerSettings) -> list[str]:
    """Try again the encoders and decoders that worked when the node told what it is made of; return those lost.

    :param about: what it told then.
    """
    encoders = [name for names in ENCODERS.values() for name in names if name in working(about, "encoders")]
    decoders = [codec for codec in SAMPLE_ENCODERS if codec in working(about, "decoders")]
    try:
        with hold_sessions(1, card_of(settings), longest_s=SESSION_S):
            tried = {
                **{f"encoder {name}": probe_encoder(name, settings.gpu) for name in encoders},
                **{f"decoder {codec}": probe_decoder(codec, settings.gpu) for codec in decoders},
            }
    except ReelyardError as error:
        return [f"encoder: {error.detail}"]
    return [f"{name}: worked as the node started, not now: {problem}" for name, problem in tried.items() if problem]


def working(about: Mapping[str, Any], kind: str) -> Collection[str]:
    """Return the names of what a node told works."""
    return {name for name, found in (about.get(kind) or {}).items() if found.get("ok")}
