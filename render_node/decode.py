"""Who decodes the footage: the processor, or NVDEC where the footage is heavy and the card was seen to do it right."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TypeVar

import av
import av.error
import numpy as np
from av.codec.hwaccel import HWAccel
from av.video.stream import VideoStream
from numpy.typing import NDArray

from render_node.encode.settings import QUIET
from tasks.config import WorkerSettings
from tasks.contracts import VideoInfo
from tasks.errors import PermanentError
from tasks.media.priority import ordinary_priority

SAMPLE_ENCODERS = {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1", "vp9": "libvpx-vp9"}
"""Codecs that NVDEC may decode, and what writes the sample that it is tried on."""
PIXELS_A_SECOND = 1920 * 1080 * 50
"""From here on it pays to copy frames back from the card: below it the processor decodes faster than we draw."""
PLAIN = "yuv420p"
FROM_CARD = "nv12"
SIDE, FRAMES = 256, 3

T = TypeVar("T")


@dataclass(frozen=True)
class Decoder:
    """What decodes: ``device`` is the card's number for CUDA, empty for the processor; ``reason`` says why not it."""

    device: str = ""
    reason: str = ""

    def acceleration(self) -> HWAccel | None:
        """Return what opens a file for this decoder."""
        return HWAccel("cuda", self.device, allow_software_fallback=True) if self.device else None


def is_heavy(video: VideoInfo) -> bool:
    """Tell whether NVDEC would help with footage: a codec it has, plain 8 bits, many pixels a second."""
    rate = Fraction(video.fps_num, max(1, video.fps_den))
    is_known = video.codec in SAMPLE_ENCODERS and video.pixel_format == PLAIN
    return is_known and video.width * video.height * rate >= PIXELS_A_SECOND


def choose_decoder(video: VideoInfo, settings: WorkerSettings) -> Decoder:
    """Pick the decoder of footage on this slot; with ``REELYARD_DECODER=software`` always the processor."""
    if settings.decoder == "software" or not is_heavy(video):
        return Decoder()
    problem = probe_decoder(video.codec, settings.gpu)
    return Decoder(reason=problem) if problem else Decoder(str(settings.gpu))


@cache
def probe_decoder(codec: str, gpu: int = 0) -> str:
    """Decode frames on the card; return an empty string when they are those of the processor, else what is wrong."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.PANIC)
    try:
        sample = make_sample(SAMPLE_ENCODERS[codec])
        expected = list(read_sample(sample, None))
        found = list(read_sample(sample, HWAccel("cuda", str(gpu), allow_software_fallback=False)))
    except (av.error.FFmpegError, ValueError, RuntimeError, NotImplementedError) as error:
        return f"{type(error).__name__}: {error}"[:200]
    finally:
        av.logging.set_level(level)
    is_same = len(found) == len(expected) and all(map(np.array_equal, found, expected))
    return "" if is_same else "its frames are not those of the processor"


def make_sample(encoder: str) -> bytes:
    """Return a short video with a moving picture, as a file."""
    out = io.BytesIO()
    rows, columns = np.mgrid[0 : SIDE * 3 // 2, 0:SIDE]
    with ordinary_priority(), av.open(out, "w", format="matroska") as container:
        stream = container.add_stream(encoder, rate=30, options=QUIET.get(encoder, {}))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, PLAIN
        for number in range(FRAMES):
            picture = ((rows * 3 + columns * 2 + number * 16) % 200 + 20).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format=PLAIN)))
        container.mux(stream.encode(None))
    return out.getvalue()


def read_sample(sample: bytes, acceleration: HWAccel | None) -> Iterator[NDArray[np.uint8]]:
    """Yield the planes of each frame, one array of luma over chroma."""
    with av.open(io.BytesIO(sample), "r", hwaccel=acceleration) as container:
        for frame in container.decode(video=0):
            yield planar(frame).to_ndarray().astype(np.uint8, copy=False)


def planar(frame: av.VideoFrame) -> av.VideoFrame:
    """Return a frame as the processor would have decoded it: the same samples in planes, times and tags kept."""
    if frame.format.name != FROM_CARD:
        return frame
    plain = frame.reformat(format=PLAIN)
    plain.pts, plain.time_base = frame.pts, frame.time_base
    plain.color_range, plain.colorspace = frame.color_range, frame.colorspace
    plain.color_primaries, plain.color_trc = frame.color_primaries, frame.color_trc
    return plain


def decode_safely(decoder: Decoder, run: Callable[[Decoder], T]) -> T:
    """Do the work with a decoder, and once more with the processor where a card found the footage damaged."""
    try:
        return run(decoder)
    except PermanentError as error:
        if not decoder.device or error.code != "media.damaged":
            raise
        return run(Decoder(reason=f"it failed on this footage: {error.detail}"))
