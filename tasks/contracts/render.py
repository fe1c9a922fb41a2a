"""What a render is ordered with and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tasks.contracts.base import Message


@dataclass(frozen=True)
class RenderOutput(Message):
    """How the result is encoded.

    :param width: output pixels, even; 0 keeps the source's displayed size (as for ``height``).
    :param codec: ``h264`` (others are refused with ``render.unsupported_output`` until this node can).
    :param encoder: ``auto`` picks NVENC where a probe really encoded a frame, else libx264; naming one makes it strict.
    :param crf: constant quality 0..51 (lower is better), :param preset: the encoder's own preset name.
    """

    container: str = "mp4"
    codec: str = "h264"
    encoder: str = "auto"
    width: int = 0
    height: int = 0
    crf: int = 18
    preset: str = "medium"


@dataclass(frozen=True)
class RenderOrder(Message):
    """Input of step ``render.video``: object key of the source, the validated scenario, the output."""

    source_key: str
    scenario: dict[str, Any]
    output: RenderOutput = field(default_factory=RenderOutput)
    source_sha256: str = ""


@dataclass(frozen=True)
class RenderReceipt(Message):
    """What really happened: nothing here is what was asked for, everything is what was used.

    :param recipe: hash over scenario, source, output, fonts and versions; equal recipes give equal pictures.
    :param fonts: one entry per font file used: family, version, sha256.
    :param captured_states: distinct caption pictures drawn, :param frame_count: frames written.
    :param audio: ``copy`` when the original packets were kept, else the codec they were encoded with, ``none`` without.
    """

    recipe: str
    encoder: str
    encoder_options: dict[str, str]
    browser: str
    renderer: str
    fonts: tuple[dict[str, Any], ...]
    versions: dict[str, str]
    frame_count: int
    captured_states: int
    width: int
    height: int
    fps_num: int
    fps_den: int
    duration_s: float
    audio: str
    audio_duration_s: float = 0.0
    checks: dict[str, Any] = field(default_factory=dict)
    timings_s: dict[str, float] = field(default_factory=dict)
