"""Which encoder to use: by the order, by the node's settings and by a probe that really encodes a frame."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from render_node.encode.options import build_options
from tasks.contracts import RenderOutput
from tasks.contracts.outputs import ENCODERS, complete_output
from tasks.errors import PermanentError
from tasks.media.priority import ordinary_priority
from tasks.media.siting import LEFT

SOFTWARE, HARDWARE = "libx264", "h264_nvenc"
PROBE_SIDE = 256
SITING = "chroma_sample_location"
"""FFmpeg's option for any encoder."""
QUIET = {"libx265": {"x265-params": "log-level=error"}}
os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 and x265 write to stderr past FFmpeg's own log
_PROBE_FORMATS = {"prores_ks": "yuv444p10le", "gif": "pal8", "png": "rgb24"}


@dataclass(frozen=True)
class EncoderChoice:
    """The encoder really used, its options and pixel format, and why not the one that was wished for."""

    name: str
    options: dict[str, str]
    pixel_format: str = "yuv420p"
    fallback_reason: str = ""

    @property
    def is_hardware(self) -> bool:
        """Tell whether it is a card that encodes, and a session of it that is taken."""
        return self.name.endswith("_nvenc")

    @property
    def siting(self) -> str:
        """Return where chroma lies in the frames that it is given and in those of 4:2:0 that it writes."""
        return self.options.get(SITING, LEFT)


def tell_siting(choice: EncoderChoice, siting: str) -> EncoderChoice:
    """Return the encoder told where the chroma lies; what of it a codec can say (AV1 not all), the file says."""
    return replace(choice, options={**choice.options, SITING: siting})


def choose_encoder(output: RenderOutput, *, configured: str = "auto", gpu: int = 0, threads: int = 0) -> EncoderChoice:
    """Pick the encoder for an order.

    :param configured: the node's own wish; a software or hardware encoder of another codec means its kind.
    Raises ``render.*`` for an output that cannot be, ``render.encoder_unavailable`` when no encoder works here or a
    named one does not: naming one is strict.
    """
    output = complete_output(output)
    problems: list[str] = []
    names = _candidates(output, configured)
    for name in names:
        pixel_format = pixel_format_of(name, output)
        options = build_options(name, output, gpu=gpu, threads=threads)
        # Cards differ in what they can do, so theirs are tried with the very options that will be used.
        tried = tuple(options.items()) if name.endswith("_nvenc") else ()
        problem = probe_encoder(name, gpu, pixel_format) or probe_encoder(name, gpu, pixel_format, tried)
        if not problem:
            return EncoderChoice(name, options, pixel_format, fallback_reason="; ".join(problems))
        problems.append(problem)
    raise PermanentError(
        "render.encoder_unavailable", f"{' and '.join(names)} cannot be used on this node: {'; '.join(problems)}"
    )


def _candidates(output: RenderOutput, configured: str) -> tuple[str, ...]:
    names = ENCODERS[output.codec]
    if output.encoder != "auto":
        return (output.encoder,)
    if configured in ("", "auto"):
        return names
    if configured in names:
        return (configured,)
    is_hardware = configured.endswith("_nvenc")
    return tuple(name for name in names if name.endswith("_nvenc") == is_hardware) or names


def pixel_format_of(encoder: str, output: RenderOutput) -> str:
    """Return the pixel format that an encoder is given for a completed output."""
    if output.codec == "prores":
        return "yuva444p10le" if output.alpha else "yuv444p10le"
    if output.codec in ("gif", "png"):
        return "pal8" if output.codec == "gif" else "rgba" if output.alpha else "rgb24"
    if output.alpha:
        return "yuva420p"
    if output.bit_depth == 10:
        return "p010le" if encoder.endswith("_nvenc") else "yuv420p10le"
    return "yuv420p"


@cache
def probe_encoder(name: str, gpu: int = 0, pixel_format: str = "", tried: tuple[tuple[str, str], ...] = ()) -> str:
    """Encode one frame for real; return an empty string, or the encoder's own words why not.

    :param tried: options to encode with, as pairs.
    """
    options = dict(tried) or ({"gpu": str(gpu)} if name.endswith("_nvenc") else QUIET.get(name, {}))
    level = av.logging.get_level()
    av.logging.set_level(av.logging.PANIC)
    try:
        encoder = av.CodecContext.create(name, "w")
        assert isinstance(encoder, VideoCodecContext)
        encoder.width = encoder.height = PROBE_SIDE
        encoder.pix_fmt = pixel_format or _PROBE_FORMATS.get(name, "yuv420p")
        encoder.time_base, encoder.options = Fraction(1, 30), options
        frame = av.VideoFrame(PROBE_SIDE, PROBE_SIDE, encoder.pix_fmt)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts = 0
        with ordinary_priority():
            packets = [*encoder.encode(frame), *encoder.encode(None)]
    except (av.error.FFmpegError, ValueError, PermissionError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        av.logging.set_level(level)
    return "" if packets else "it took a frame and gave no packet"
