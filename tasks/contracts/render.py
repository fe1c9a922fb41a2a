"""What a render is ordered with and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from tasks.contracts.base import Message
from tasks.contracts.fonts import OrderedFont
from tasks.contracts.images import OrderedImage
from tasks.contracts.shorts import Reframing
from tasks.errors import InvalidInputError

SEVERAL_OUTPUTS = 2
"""Version of an order that has a list of outputs."""


@dataclass(frozen=True)
class MusicMix(Message):
    """Music laid under the source's own sound.

    :param gain_db: change of the music's level, :param duck_db: by how much it gives way while someone speaks, 0 never.
    :param loop: begin again when it ends before the video does.
    :param asset_id: which asset it is; empty where a file is given instead.
    """

    asset_id: str = ""
    gain_db: float = -12.0
    duck_db: float = 12.0
    loop: bool = True


@dataclass(frozen=True)
class SoundOutput(Message):
    """What happens to the sound; with everything left out the source's own packets are kept.

    :param mute: no sound at all.
    :param loudness_lufs: integrated loudness to reach (EBU R 128), :param true_peak_dbtp: never louder than this.
    :param fade_in_s: seconds, as for ``fade_out_s``.
    :param music: how the order's music is mixed in.
    """

    mute: bool = False
    loudness_lufs: float | None = None
    true_peak_dbtp: float = -1.0
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    music: MusicMix | None = None

    @property
    def is_mixed(self) -> bool:
        """Tell whether the sound must be made anew."""
        changed = self.loudness_lufs is not None or self.music is not None or self.fade_in_s or self.fade_out_s
        return bool(changed) and not self.mute


@dataclass(frozen=True)
class RenderOutput(Message):
    """How the result is encoded; ``tasks.contracts.outputs`` checks it and fills in what is left open.

    :param container: ``mp4 webm mov gif png`` (a zip of numbered pictures).
    :param codec: ``h264 hevc av1 vp9 prores gif png``; ``auto`` is the container's own.
    :param encoder: ``auto`` picks NVENC where a probe really encoded a frame, else software; naming one is strict.
    :param width: output pixels, even; 0 keeps the source's displayed size (as for ``height``).
    :param aspect: ``9:16 1:1 4:5 16:9``, empty keeps the source's; ``fit`` says how: ``crop pad blur stretch``.
    :param background: colour of padding and of captions alone without alpha, ``#RRGGBB``.
    :param fps: frames a second as ``25`` or ``30000/1001``; empty keeps the source's own times.
    :param crf: constant quality in the encoder's own scale; at most one of ``crf``, ``bit_rate`` (bits a second) and
        ``quality`` (``draft medium high best``).
    :param preset: speed of the encoder in x264's words.
    :param bit_depth: 8 or 10; 0 is 8, for ProRes and for HDR that is kept 10.
    :param dynamic_range: ``sdr`` tone-maps HDR sources, ``keep`` passes them through.
    :param layer: ``video``, or ``captions`` for these alone; :param alpha: None is yes for captions alone.
    """

    container: str = "mp4"
    codec: str = "auto"
    encoder: str = "auto"
    width: int = 0
    height: int = 0
    aspect: str = ""
    fit: str = "crop"
    background: str = "#000000"
    fps: str = ""
    crf: int | None = None
    bit_rate: int = 0
    quality: str = ""
    preset: str = "medium"
    bit_depth: int = 0
    dynamic_range: str = "sdr"
    layer: str = "video"
    alpha: bool | None = None
    sound: SoundOutput = field(default_factory=SoundOutput)


@dataclass(frozen=True)
class RenderOrder(Message):
    """Input of step ``render.video``: object key of the source, the validated scenario, the outputs.

    An order of one output is written as version 1, which has ``output``; one of several as version 2, which has a list
    of ``outputs`` in its place; one that frames the picture as version 3, which has ``reframing``, too. All are read.

    :param music_key: object key of the music that an output's ``sound.music`` mixes in.
    :param fonts: uploaded faces that the scenario names, :param images: uploaded pictures that it shows.
    :param further: outputs after the first one.
    :param reframing: how the source's picture is framed before anything is drawn on it.
    """

    SINCE: ClassVar[Mapping[str, int]] = {"further": SEVERAL_OUTPUTS, "reframing": 3}

    source_key: str
    scenario: dict[str, Any]
    output: RenderOutput = field(default_factory=RenderOutput)
    source_sha256: str = ""
    music_key: str = ""
    fonts: tuple[OrderedFont, ...] = ()
    images: tuple[OrderedImage, ...] = ()
    further: tuple[RenderOutput, ...] = ()
    reframing: Reframing | None = None

    @property
    def outputs(self) -> tuple[RenderOutput, ...]:
        """All that is to be written."""
        return (self.output, *self.further)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary of the oldest version that can say it."""
        told = super().to_json()
        if further := told.pop("further", ()):
            told["outputs"] = [told.pop("output"), *further]
        return told

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Build the order from any of its versions; raise as every message does."""
        version = document.get("version") if isinstance(document, dict) else None
        if version == SEVERAL_OUTPUTS or (version == cls.SINCE["reframing"] and "outputs" in document):
            outputs = document.get("outputs")
            if not isinstance(outputs, list) or not outputs:
                raise InvalidInputError("contract.invalid", "RenderOrder.outputs must be a list that is not empty")
            rest = {name: value for name, value in document.items() if name != "outputs"}
            document = {**rest, "output": outputs[0], "further": outputs[1:]}
        return super().from_json(document)


@dataclass(frozen=True)
class RenderReceipt(Message):
    """What really happened: nothing here is what was asked for, everything is what was used.

    :param recipe: hash over scenario, source, output, fonts and versions; equal recipes give equal pictures.
    :param fonts: one entry per font file used: family, version, sha256.
    :param captured_states: distinct caption pictures drawn, :param frame_count: frames written.
    :param audio: ``copy`` when the original packets were kept, else the codec they were encoded with, ``none`` without.
    :param pixel_format: of the encoder, :param colour: space, range, primaries and transfer as they are tagged.
    :param output: the order it was made for, complete, :param source_sha256: of the footage's file.
    :param pictures_sha256: hash over the encoded pictures in order; empty where they are not one stream.
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
    container: str = "mp4"
    pixel_format: str = ""
    colour: dict[str, str] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)
    timings_s: dict[str, float] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    source_sha256: str = ""
    pictures_sha256: str = ""
