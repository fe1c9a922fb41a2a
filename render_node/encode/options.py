"""Options of each encoder for a quality, a bit rate and a preset; pure."""

from __future__ import annotations

from collections.abc import Callable

from tasks.contracts import RenderOutput
from tasks.contracts.outputs import PRESETS

NVENC_PRESETS = dict(zip(PRESETS, ("p1", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p7"), strict=True))
SVT_PRESETS = dict(zip(PRESETS, ("12", "11", "10", "9", "8", "7", "5", "4", "2"), strict=True))
VPX_SPEEDS = dict(zip(PRESETS, ("8", "7", "6", "5", "4", "3", "2", "1", "0"), strict=True))
PRORES_4444 = "4"


def build_options(encoder: str, output: RenderOutput, *, gpu: int = 0, threads: int = 0) -> dict[str, str]:
    """Return an encoder's options for a completed output; ``threads`` 0 lets a software encoder choose."""
    options = _BUILDERS[encoder](output)
    if encoder.endswith("_nvenc"):
        return {**options, "gpu": str(gpu)}
    if encoder == "libx265":
        pools = f":pools={threads}" if threads else ""
        return {**options, "x265-params": f"log-level=error{pools}"}
    if encoder == "libsvtav1":
        return {**options, **({"svtav1-params": f"lp={threads}"} if threads else {})}
    return {**options, **({"threads": str(threads)} if threads else {})}


def _nvenc(output: RenderOutput) -> dict[str, str]:
    rate = {"b": str(output.bit_rate)} if output.bit_rate else {"cq": str(output.crf), "b": "0"}
    options = {"preset": NVENC_PRESETS[output.preset], "tune": "hq", "rc": "vbr", **rate, "spatial-aq": "1"}
    if output.codec == "av1":
        return {**options, "highbitdepth": "0"}
    depth = {"profile": "main10" if output.bit_depth == 10 else "main"} if output.codec == "hevc" else {}
    return {**options, **depth, "bf": "2"}


def _x26(output: RenderOutput) -> dict[str, str]:
    rate = {"b": str(output.bit_rate)} if output.bit_rate else {"crf": str(output.crf)}
    return {"preset": output.preset, **rate}


def _svt(output: RenderOutput) -> dict[str, str]:
    rate = {"b": str(output.bit_rate)} if output.bit_rate else {"crf": str(output.crf)}
    return {"preset": SVT_PRESETS[output.preset], **rate}


def _vpx(output: RenderOutput) -> dict[str, str]:
    """Build options of VP9; alternate reference frames and alpha do not go together in WebM."""
    rate = {"b": str(output.bit_rate)} if output.bit_rate else {"crf": str(output.crf), "b": "0"}
    options = {"cpu-used": VPX_SPEEDS[output.preset], "deadline": "good", "row-mt": "1", **rate}
    return {**options, **({"auto-alt-ref": "0"} if output.alpha else {})}


def _prores(output: RenderOutput) -> dict[str, str]:
    return {"profile": PRORES_4444, "vendor": "apl0", **({"alpha_bits": "16"} if output.alpha else {})}


def _plain(_: RenderOutput) -> dict[str, str]:
    return {}


_BUILDERS: dict[str, Callable[[RenderOutput], dict[str, str]]] = {
    "h264_nvenc": _nvenc,
    "hevc_nvenc": _nvenc,
    "av1_nvenc": _nvenc,
    "libx264": _x26,
    "libx265": _x26,
    "libsvtav1": _svt,
    "libvpx-vp9": _vpx,
    "prores_ks": _prores,
    "gif": _plain,
    "png": _plain,
}
