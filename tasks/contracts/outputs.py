"""Which outputs there can be: pure, so that the API refuses at once what a node would refuse later."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from tasks.contracts.render import RenderOutput, SoundOutput
from tasks.errors import InvalidInputError

CODECS = {
    "mp4": ("h264", "hevc", "av1"),
    "webm": ("vp9", "av1"),
    "mov": ("prores", "h264", "hevc"),
    "gif": ("gif",),
    "png": ("png",),
}
"""Codecs of each container, the one that it takes by itself first."""
ENCODERS = {
    "h264": ("h264_nvenc", "libx264"),
    "hevc": ("hevc_nvenc", "libx265"),
    "av1": ("av1_nvenc", "libsvtav1"),
    "vp9": ("libvpx-vp9",),
    "prores": ("prores_ks",),
    "gif": ("gif",),
    "png": ("png",),
}
"""Encoders of each codec, hardware first."""
ENCODER_NAMES = ("auto", *(name for names in ENCODERS.values() for name in names))
ALPHA_CODECS = frozenset({"vp9", "prores", "gif", "png"})
TEN_BIT_CODECS = frozenset({"hevc", "av1", "prores"})
UNRATED_CODECS = frozenset({"prores", "gif", "png"})
"""Codecs without a choice of quality or bit rate."""
SILENT_CONTAINERS = frozenset({"gif", "png"})
MAX_CRF = {"h264": 51, "hevc": 51, "av1": 63, "vp9": 63}
QUALITIES = ("draft", "medium", "high", "best")
CRF_OF = {
    "h264": (28, 23, 18, 14),
    "hevc": (30, 26, 21, 17),
    "av1": (45, 35, 27, 20),
    "vp9": (42, 33, 25, 18),
}
"""What each of QUALITIES means in a codec's own scale: chosen to look alike."""
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
ASPECTS = {"9:16": Fraction(9, 16), "1:1": Fraction(1), "4:5": Fraction(4, 5), "16:9": Fraction(16, 9)}
FITS = ("crop", "pad", "blur", "stretch")
MAX_OUTPUTS = 8
MIN_FPS, MIN_STILL_FPS = Fraction(1), Fraction(1, 60)
"""Frames a second; pictures may lie a minute apart, since they need not move."""
MAX_SIDE, MAX_FPS, MAX_GIF_FPS = 8192, Fraction(120), Fraction(50)
MIN_BIT_RATE, MAX_BIT_RATE = 50_000, 400_000_000
MIME_TYPES = {
    "mp4": "video/mp4", "webm": "video/webm", "mov": "video/quicktime", "gif": "image/gif", "png": "application/zip",
}  # fmt: skip
SUFFIXES = {"mp4": ".mp4", "webm": ".webm", "mov": ".mov", "gif": ".gif", "png": ".zip"}


def complete_output(output: RenderOutput) -> RenderOutput:
    """Check an output and fill in codec, quality, bit depth and alpha; doing it twice changes nothing.

    Raises InvalidInputError ``render.unsupported_output quality_conflict invalid_fps size_conflict alpha_unsupported
    bit_depth_unsupported sound_unsupported invalid_output``.
    """
    codec = _codec_of(output)
    crf = _crf_of(output, codec)
    _check_picture(output)
    _check_sound(output.sound, output.container)
    least = MIN_STILL_FPS if codec == "png" else MIN_FPS
    parse_fps(output.fps, least=least, most=MAX_GIF_FPS if codec == "gif" else MAX_FPS)
    alpha = _alpha_of(output, codec)
    depth = _depth_of(output, codec)
    return replace(output, codec=codec, crf=crf, quality="", alpha=alpha, bit_depth=depth)


def parse_fps(text: str, *, least: Fraction = MIN_STILL_FPS, most: Fraction = MAX_FPS) -> Fraction | None:
    """Read ``25`` or ``30000/1001``; None when nothing is said. Raises ``render.invalid_fps``."""
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,6})(?:/([1-9]\d{0,5}))?", text)
    rate = Fraction(int(match[1]), int(match[2] or 1)) if match else Fraction(0)
    if not least <= rate <= most:
        raise InvalidInputError(
            "render.invalid_fps", f"fps must be {least} to {most}, as 25 or 30000/1001, not {text!r}"
        )
    return rate


def _codec_of(output: RenderOutput) -> str:
    allowed = CODECS.get(output.container, ())
    codec = allowed[0] if output.codec == "auto" and allowed else output.codec
    if codec not in allowed:
        raise InvalidInputError(
            "render.unsupported_output",
            f"There is no {output.codec} in {output.container}; containers and their codecs are "
            + "; ".join(f"{name}: {', '.join(codecs)}" for name, codecs in CODECS.items()),
        )
    if output.encoder not in ("auto", *ENCODERS[codec]):
        raise InvalidInputError("render.unsupported_output", f"{output.encoder} does not write {codec}")
    if output.preset not in PRESETS:
        raise InvalidInputError("render.invalid_output", f"preset must be one of {', '.join(PRESETS)}")
    return codec


def _crf_of(output: RenderOutput, codec: str) -> int | None:
    named = [name for name in ("crf", "bit_rate", "quality") if getattr(output, name) not in (None, 0, "")]
    if output.crf == 0 and "crf" not in named:
        named.append("crf")
    if len(named) > 1:
        raise InvalidInputError("render.quality_conflict", f"Give one of {' and '.join(named)}, not both")
    if codec in UNRATED_CODECS:
        if named:
            raise InvalidInputError("render.quality_conflict", f"{codec} has no {named[0]} to choose")
        return None
    if output.bit_rate:
        _require(MIN_BIT_RATE <= output.bit_rate <= MAX_BIT_RATE, f"bit_rate must be {MIN_BIT_RATE} to {MAX_BIT_RATE}")
        return None
    if output.crf is not None:
        _require(0 <= output.crf <= MAX_CRF[codec], f"crf of {codec} must be 0 to {MAX_CRF[codec]}")
        return output.crf
    _require(output.quality in ("", *QUALITIES), f"quality must be one of {', '.join(QUALITIES)}")
    return CRF_OF[codec][QUALITIES.index(output.quality or "high")]


def _check_picture(output: RenderOutput) -> None:
    for name in ("width", "height"):
        _require(0 <= getattr(output, name) <= MAX_SIDE, f"{name} must be 0 to {MAX_SIDE}")
    _require(output.fit in FITS, f"fit must be one of {', '.join(FITS)}")
    _require(output.aspect in ("", *ASPECTS), f"aspect must be one of {', '.join(ASPECTS)}")
    _require(re.fullmatch("#[0-9A-Fa-f]{6}", output.background) is not None, "background must be #RRGGBB")
    _require(output.layer in ("video", "captions"), "layer must be video or captions")
    _require(output.dynamic_range in ("sdr", "keep"), "dynamic_range must be sdr or keep")
    if output.aspect and output.width and output.height:
        wanted = output.height * ASPECTS[output.aspect]
        if abs(output.width - wanted) > 2:
            raise InvalidInputError(
                "render.size_conflict", f"{output.width}x{output.height} is not {output.aspect}; give one side only"
            )


def _check_sound(sound: SoundOutput, container: str) -> None:
    if sound.is_mixed and container in SILENT_CONTAINERS:
        raise InvalidInputError("render.sound_unsupported", f"{container} holds no sound")
    _require(sound.loudness_lufs is None or -40 <= sound.loudness_lufs <= -8, "loudness_lufs must be -40 to -8")
    _require(-9 <= sound.true_peak_dbtp <= 0, "true_peak_dbtp must be -9 to 0")
    _require(0 <= sound.fade_in_s <= 60 and 0 <= sound.fade_out_s <= 60, "fades must be 0 to 60 seconds")
    if sound.music is not None:
        _require(-60 <= sound.music.gain_db <= 12, "music gain_db must be -60 to 12")
        _require(0 <= sound.music.duck_db <= 30, "music duck_db must be 0 to 30")


def _alpha_of(output: RenderOutput, codec: str) -> bool:
    alone = output.layer == "captions"
    wanted = alone if output.alpha is None else output.alpha
    if wanted and not alone:
        raise InvalidInputError(
            "render.alpha_unsupported", "A video covers the whole picture; alpha needs layer captions"
        )
    if wanted and codec not in ALPHA_CODECS:
        raise InvalidInputError(
            "render.alpha_unsupported",
            f"{codec} has no alpha; take webm, mov (prores), gif or png, or alpha false for a plain background",
        )
    return wanted


def _depth_of(output: RenderOutput, codec: str) -> int:
    _require(output.bit_depth in (0, 8, 10), "bit_depth must be 8 or 10")
    keeps = output.dynamic_range == "keep"
    depth = output.bit_depth or (10 if codec == "prores" or keeps else 8)
    is_possible = depth == 10 if codec == "prores" else depth == 8 or codec in TEN_BIT_CODECS
    if not is_possible or (keeps and depth == 8):
        what = "HDR that is kept needs 10 bits" if keeps and depth == 8 else f"{codec} is not written with {depth} bits"
        raise InvalidInputError("render.bit_depth_unsupported", what)
    return depth


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise InvalidInputError("render.invalid_output", what)
