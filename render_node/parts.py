"""The pieces of a long video as they lie at hand: were they made alike, and do they add up to the whole?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from render_node.chunks import Chunk
from render_node.encode.joined_pictures import count_pictures
from tasks.contracts import RenderOutput, RenderReceipt
from tasks.contracts.outputs import complete_output
from tasks.errors import PermanentError
from tasks.workflows.chunks import PICTURES, decode_times, piece_form

SAME = ("encoder", "browser", "renderer", "versions", "width", "height", "fps_num", "fps_den", "pixel_format", "colour")
"""What the receipts of all pieces must agree in."""


@dataclass(frozen=True)
class Part:
    """A piece that has frames: its file and what was said about it."""

    path: Path
    chunk: Chunk

    @property
    def form(self) -> str:
        """What kind of file it is."""
        return piece_form(complete_output(RenderOutput.from_json(self.receipt.output)))

    @property
    def receipt(self) -> RenderReceipt:
        """What really happened when it was made."""
        assert self.chunk.receipt is not None
        return self.chunk.receipt


@dataclass(frozen=True)
class Timeline:
    """When each packet of the whole is shown and decoded, in decoding order; units of ``time_base``."""

    pts: list[int]
    dts: list[int]
    time_base: Fraction


def packets_of_parts(parts: list[Part]) -> Iterator[av.Packet[Any]]:
    """Yield the packets of pieces in order."""
    for part in parts:
        with av.open(str(part.path)) as container:
            yield from (packet for packet in container.demux(video=0) if packet.size)


def check_alike(parts: list[Part]) -> None:
    """Raise ``render.chunks_differ`` unless one kind of node made all pieces, and their decoders need the same."""
    if not parts:
        raise PermanentError("media.damaged", "Not one frame of the video can be decoded")
    for name in SAME:
        found = {repr(getattr(part.receipt, name)) for part in parts}
        if len(found) > 1:
            raise PermanentError(
                "render.chunks_differ", f"The pieces differ in {name}: {' and '.join(sorted(found))}"[:500]
            )
    if len({_extradata(part) for part in parts}) > 1:
        raise PermanentError("render.chunks_differ", "The pieces differ in their headers")


def _extradata(part: Part) -> bytes:
    if part.form == PICTURES:
        return b""
    with av.open(str(part.path)) as container:
        return container.streams.video[0].codec_context.extradata or b""


def build_timeline(parts: list[Part]) -> Timeline:
    """Read the times of all packets and put them on the clock of the whole."""
    time_base = parts[0].chunk.time_base
    pts: list[int] = []
    for part in parts:
        before = len(pts)
        pts += [part.chunk.first + shown for shown in shown_times(part)]
        if part.chunk.time_base != time_base or len(pts) - before != part.chunk.frames:
            raise PermanentError("render.chunks_incomplete", "A piece does not hold the frames that it should")
    return Timeline(pts, list(decode_times(pts)), time_base)


def shown_times(part: Part) -> Iterator[int]:
    """Yield when the frames of a piece are shown, in the order of its packets or pictures, after its first one."""
    if part.form != PICTURES:
        found = [packet.pts for packet in packets_of_parts([part])]
        if not part.chunk.shown:
            with av.open(str(part.path)) as container:
                clock = container.streams.video[0].time_base or Fraction(1)
            yield from (round((pts or 0) * clock / part.chunk.time_base) for pts in found)
            return
        count = len(found)
    else:
        count = count_pictures(part.path)
    if count != len(part.chunk.shown):
        raise PermanentError("render.chunks_incomplete", "A piece does not hold the frames that it should")
    yield from part.chunk.shown


def check_complete(timeline: Timeline, expected: list[float], *, dropped: int) -> None:
    """Raise ``render.chunks_incomplete`` unless the frames are those of the source, each once.

    :param expected: times in seconds, :param dropped: frames that could not be decoded, which may be missing.
    """
    shown = sorted(timeline.pts)
    if len(set(shown)) != len(shown):
        raise PermanentError("render.chunks_incomplete", "Pieces overlap: a frame is there twice")
    if dropped == 0 and len(shown) == len(expected):
        near = float(timeline.time_base) / 2
        if all(
            abs(float(mine * timeline.time_base) - theirs) <= near for mine, theirs in zip(shown, expected, strict=True)
        ):
            return
    elif len(shown) + dropped >= len(expected):
        return
    raise PermanentError("render.chunks_incomplete", f"The pieces hold {len(shown)} frames of {len(expected)}")
