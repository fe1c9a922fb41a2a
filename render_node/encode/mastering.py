"""What HDR footage says of the screen it was made on and of its brightest pixels, and how encoders are told."""

from __future__ import annotations

import struct
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.sidedata.sidedata import Type

from render_node.encode.settings import EncoderChoice
from tasks.media.container import open_media, packets_of
from tasks.media.limits import MediaLimits
from tasks.media.probe import find_video

Point = tuple[float, float]

RATIONALS, DISPLAY = 20, struct.Struct("=22i")
"""Numbers of ``AVMasteringDisplayMetadata``: x and y of red, green, blue and white, least and most light; two flags."""
LEVELS = struct.Struct("=2I")
"""``AVContentLightMetadata``: MaxCLL, MaxFALL."""
MOST_PACKETS = 100
STEPS_OF_COLOUR, STEPS_OF_LIGHT = 50_000, 10_000
"""What x265 counts in: parts of one, parts of a cd/m2 (SMPTE ST 2086 as HEVC writes it)."""


@dataclass(frozen=True)
class Display:
    """The mastering display (SMPTE ST 2086): CIE x and y of its primaries and white, its light in cd/m2."""

    red: Point
    green: Point
    blue: Point
    white: Point
    least_nits: float
    most_nits: float


@dataclass(frozen=True)
class Mastering:
    """Static HDR metadata; either part may be missing.

    :param levels: MaxCLL and MaxFALL in cd/m2 (CTA-861.3).
    """

    display: Display | None = None
    levels: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what is there as plain JSON."""
        named = {"display": asdict(self.display) if self.display else None, "levels": self.levels}
        return {name: value for name, value in named.items() if value}


def read_mastering(source: Path, limits: MediaLimits) -> Mastering:
    """Read the metadata of a video's first frame: later ones need not carry it."""
    with open_media(source, limits) as container:
        stream = find_video(container)
        packets = packets_of(container, stream) if stream else ()
        for _, packet in zip(range(MOST_PACKETS), packets, strict=False):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                assert isinstance(frame, av.VideoFrame)
                return mastering_of(frame)
    return Mastering()


def mastering_of(frame: av.VideoFrame) -> Mastering:
    """Return the metadata that a decoded frame carries."""
    entries: Any = frame.side_data  # its stub has it yield names, and the bytes of an entry are its buffer
    found = {entry.type: bytes(entry) for entry in entries}
    levels = found.get(Type.CONTENT_LIGHT_LEVEL, b"")
    pair = LEVELS.unpack(levels) if len(levels) == LEVELS.size else None
    return Mastering(_display_of(found.get(Type.MASTERING_DISPLAY_METADATA, b"")), pair)


def _display_of(data: bytes) -> Display | None:
    if len(data) != DISPLAY.size:
        return None
    numbers = DISPLAY.unpack(data)
    has_colours, has_light = numbers[RATIONALS:]
    pairs = zip(numbers[0:RATIONALS:2], numbers[1:RATIONALS:2], strict=True)
    values = [float(Fraction(above, below)) if below else 0.0 for above, below in pairs]
    if not has_colours or not has_light:
        return None
    red, green, blue, white = zip(values[0:8:2], values[1:8:2], strict=True)
    return Display(red, green, blue, white, values[8], values[9])


def tell(choice: EncoderChoice, mastering: Mastering) -> EncoderChoice:
    """Return the encoder with the metadata among its options; one that cannot be told stays as it is."""
    name, build = WRITERS.get(choice.name, ("", None))
    told = ":".join(build(mastering)) if build else ""
    if not told:
        return choice
    before = choice.options.get(name, "")
    return replace(choice, options={**choice.options, name: f"{before}:{told}" if before else told})


def _for_x265(mastering: Mastering) -> list[str]:
    told = []
    if display := mastering.display:
        points = {"G": display.green, "B": display.blue, "R": display.red, "WP": display.white}
        colours = "".join(
            f"{name}({round(x * STEPS_OF_COLOUR)},{round(y * STEPS_OF_COLOUR)})" for name, (x, y) in points.items()
        )
        most, least = (round(nits * STEPS_OF_LIGHT) for nits in (display.most_nits, display.least_nits))
        told.append(f"master-display={colours}L({most},{least})")
    return [*told, *([f"max-cll={mastering.levels[0]},{mastering.levels[1]}"] if mastering.levels else [])]


def _for_svt(mastering: Mastering) -> list[str]:
    told = []
    if display := mastering.display:
        points = {"G": display.green, "B": display.blue, "R": display.red, "WP": display.white}
        colours = "".join(f"{name}({x:.5f},{y:.5f})" for name, (x, y) in points.items())
        told.append(f"mastering-display={colours}L({display.most_nits:.4f},{display.least_nits:.4f})")
    return [*told, *([f"content-light={mastering.levels[0]},{mastering.levels[1]}"] if mastering.levels else [])]


WRITERS = {"libx265": ("x265-params", _for_x265), "libsvtav1": ("svtav1-params", _for_svt)}
"""By encoder: the option that takes it, and how it is written there."""
