"""Which encoder to use and how: pure, except for the probe, which really encodes a frame."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from tasks.contracts import RenderOutput
from tasks.errors import PermanentError

logger = logging.getLogger(__name__)

SOFTWARE, HARDWARE = "libx264", "h264_nvenc"
PROBE_SIDE = 256
NVENC_PRESETS = {
    "ultrafast": "p1", "superfast": "p1", "veryfast": "p2", "faster": "p3", "fast": "p4",
    "medium": "p5", "slow": "p6", "slower": "p7", "veryslow": "p7",
}  # fmt: skip


@dataclass(frozen=True)
class EncoderChoice:
    """The encoder really used, its options, and why not the one that was wished for."""

    name: str
    options: dict[str, str]
    fallback_reason: str = ""


def build_options(encoder: str, output: RenderOutput, *, gpu: int = 0, threads: int = 0) -> dict[str, str]:
    """Return an encoder's options for a quality and a preset in x264's terms."""
    if encoder == HARDWARE:
        return {
            "preset": NVENC_PRESETS.get(output.preset, output.preset),
            "tune": "hq",
            "rc": "vbr",
            "cq": str(output.crf),
            "b": "0",
            "gpu": str(gpu),
            "bf": "2",
            "spatial-aq": "1",
        }
    options = {"preset": output.preset, "crf": str(output.crf)}
    return {**options, "threads": str(threads)} if threads else options


def choose_encoder(output: RenderOutput, *, configured: str = "auto", gpu: int = 0, threads: int = 0) -> EncoderChoice:
    """Pick the encoder for an order.

    Raises ``render.unsupported_output`` for a codec or container we cannot write, ``render.encoder_unavailable`` when a
    named encoder does not work here: naming one is strict.
    """
    if output.codec != "h264" or output.container != "mp4":
        wanted = f"{output.codec} in {output.container}"
        raise PermanentError("render.unsupported_output", f"This node writes h264 in mp4, not {wanted}")
    wish = output.encoder if output.encoder != "auto" else configured
    if wish == SOFTWARE:
        return EncoderChoice(SOFTWARE, build_options(SOFTWARE, output, threads=threads))
    problem = probe_encoder(HARDWARE, gpu)
    if not problem:
        return EncoderChoice(HARDWARE, build_options(HARDWARE, output, gpu=gpu))
    if wish == HARDWARE:
        raise PermanentError("render.encoder_unavailable", f"{HARDWARE} does not work on this node: {problem}")
    return EncoderChoice(SOFTWARE, build_options(SOFTWARE, output, threads=threads), fallback_reason=problem)


@cache
def probe_encoder(name: str, gpu: int = 0) -> str:
    """Encode one frame for real; return an empty string, or the encoder's own words why not."""
    options = {"gpu": str(gpu)} if name == HARDWARE else {}
    level = av.logging.get_level()
    av.logging.set_level(av.logging.PANIC)
    try:
        encoder = av.CodecContext.create(name, "w")
        assert isinstance(encoder, VideoCodecContext)
        encoder.width = encoder.height = PROBE_SIDE
        encoder.pix_fmt, encoder.time_base, encoder.options = "yuv420p", Fraction(1, 30), options
        frame = av.VideoFrame(PROBE_SIDE, PROBE_SIDE, "yuv420p")
        frame.pts = 0
        packets = [*encoder.encode(frame), *encoder.encode(None)]
    except (av.error.FFmpegError, ValueError, PermissionError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        av.logging.set_level(level)
    return "" if packets else "it took a frame and gave no packet"
