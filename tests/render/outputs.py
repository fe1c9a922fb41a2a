"""Sources, test cards and readers for tests of outputs."""

from __future__ import annotations

import io
import json
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from render_node.colour import KR_KB, Colour

CARD = (
    (235, 235, 235),
    (12, 34, 56),
    (200, 40, 40),
    (40, 180, 60),
    (50, 60, 210),
    (220, 200, 30),
    (180, 60, 190),
    (128, 128, 128),
)
"""Colours of the test card's columns, inside what 8-bit YUV can hold."""
BT601, BT709 = Colour(6, False, 6, 6), Colour(1, False, 1, 1)
FULL_709 = Colour(1, True, 1, 1)


def card(width: int, height: int) -> np.ndarray[Any, Any]:
    """Return the test card: a column for each colour."""
    picture = np.empty((height, width, 3), np.uint8)
    for number, colour in enumerate(CARD):
        picture[:, number * width // len(CARD) : (number + 1) * width // len(CARD)] = colour
    return picture


def centres(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the colour in the middle of each column."""
    height, width = picture.shape[:2]
    return np.array([picture[height // 2, (2 * n + 1) * width // (2 * len(CARD))] for n in range(len(CARD))], float)


def to_planes(picture: np.ndarray[Any, Any], colour: Colour, *, bits: int = 8) -> list[np.ndarray[Any, Any]]:
    """Return full-size Y, Cb, Cr of an RGB picture, worked out here and not by FFmpeg."""
    kr, kb = KR_KB[colour.space]
    rgb = picture.astype(float) / 255
    y = rgb @ [kr, 1 - kr - kb, kb]
    cb, cr = (rgb[..., 2] - y) / (2 - 2 * kb), (rgb[..., 0] - y) / (2 - 2 * kr)
    unit = 2 ** (bits - 8)
    if colour.is_full_range:
        top = 256 * unit - 1
        return [np.rint(y * top), np.rint(cb * top + 128 * unit), np.rint(cr * top + 128 * unit)]
    return [np.rint((y * 219 + 16) * unit), np.rint((cb * 224 + 128) * unit), np.rint((cr * 224 + 128) * unit)]


def to_rgb(frame: av.VideoFrame) -> np.ndarray[Any, Any]:
    """Return a decoded frame as RGB by its own tags (BT.601 and limited where it has none), worked out here."""
    if frame.format.is_rgb:
        return frame.to_ndarray(format="rgb24").astype(float)
    depth = frame.format.components[0].bits
    unit, full = 2 ** (depth - 8), frame.color_range == 2 or frame.format.name.startswith("yuvj")
    planes = []
    for plane in frame.planes[:3]:
        words = np.frombuffer(plane, np.uint8 if depth == 8 else np.uint16)
        rows = words.reshape(plane.height, -1)[:, : plane.width].astype(float)
        planes.append(rows.repeat(frame.height // plane.height, 0).repeat(frame.width // plane.width, 1))
    kr, kb = KR_KB.get(int(frame.colorspace), KR_KB[6])
    low, high, chroma = (
        (0, 255 * unit + unit - 1, 255 * unit + unit - 1) if full else (16 * unit, 219 * unit, 224 * unit)
    )
    y, cb, cr = (planes[0] - low) / high, (planes[1] - 128 * unit) / chroma, (planes[2] - 128 * unit) / chroma
    red, blue = y + cr * (2 - 2 * kr), y + cb * (2 - 2 * kb)
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return np.stack([red, green, blue], -1) * 255


def raw_frame(picture: np.ndarray[Any, Any], colour: Colour, pixel_format: str = "yuv420p") -> av.VideoFrame:
    """Return an RGB picture (even size) as a YUV frame with its tags."""
    frame = av.VideoFrame(picture.shape[1], picture.shape[0], pixel_format)
    bits = frame.format.components[0].bits
    for plane, values in zip(frame.planes, to_planes(picture, colour, bits=bits), strict=True):
        down, across = frame.height // plane.height, frame.width // plane.width
        small = values[::down, ::across][: plane.height, : plane.width]
        words = np.frombuffer(plane, np.uint8 if bits == 8 else np.uint16)
        words.reshape(plane.height, -1)[:, : plane.width] = small
    colour.tag(frame)
    return frame


def write_source(
    path: Path, frames: list[av.VideoFrame], *, codec: str = "libx264", fps: Fraction = Fraction(25), **options: str
) -> Path:
    """Write frames almost without loss, keeping their tags; ``pts`` None follows the rate, else is milliseconds."""
    lossless = {"libx264": {"crf": "0"}, "libx265": {"x265-params": "lossless=1:log-level=error"}}.get(codec, {})
    with av.open(str(path), "w") as output:
        speed = {"preset": "ultrafast"} if codec.startswith("libx26") else {}
        stream = output.add_stream(codec, rate=fps, options={**speed, **lossless, **options})
        first = frames[0]
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, first.format.name
        context = stream.codec_context
        context.time_base = Fraction(1, 1000)
        context.color_range, context.colorspace = first.color_range, first.colorspace
        context.color_primaries, context.color_trc = first.color_primaries, first.color_trc
        for number, frame in enumerate(frames):
            frame.pts = round(number * 1000 / fps) if frame.pts is None else frame.pts
            frame.time_base = Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def read_frames(path: Path) -> list[av.VideoFrame]:
    """Return the decoded frames of any output; VP9 through the decoder that knows alpha, pictures from their zip."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as pictures:
            names = sorted(name for name in pictures.namelist() if name.endswith(".png"))
            return [_read(io.BytesIO(pictures.read(name)))[0] for name in names]
    return _read(str(path))


def _read(file: Any) -> list[av.VideoFrame]:
    with av.open(file) as container:
        stream = container.streams.video[0]
        if stream.codec_context.name != "vp9":
            return list(container.decode(stream))
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        return [frame for packet in container.demux(stream) if packet.size for frame in decoder.decode(packet)]


def read_index(path: Path) -> dict[str, Any]:
    """Return the list of times inside a zip of pictures."""
    with zipfile.ZipFile(path) as pictures:
        index: dict[str, Any] = json.loads(pictures.read("index.json"))
        return index
