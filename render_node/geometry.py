"""How a source's picture becomes the output's: size, turn, crop, padding, blurred surroundings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av.filter
from av.filter.context import FilterContext

from render_node.filters import Build, Step, chain, scale_flags
from render_node.siting import SITINGS
from tasks.contracts import RenderOutput, VideoInfo
from tasks.contracts.outputs import ASPECTS
from tasks.errors import PermanentError
from tasks.media.siting import LEFT, turned

TRANSPOSES: dict[int, tuple[Step, ...]] = {
    0: (), 90: (("transpose", "clock"),), 180: (("hflip", ""), ("vflip", "")), 270: (("transpose", "cclock"),),
}  # fmt: skip
ALMOST = Fraction(1, 100)
BLUR_SHRINK, BLUR_SIGMA = 4, 12


@dataclass(frozen=True)
class FrameGeometry:
    """Size of the output in pixels, even, and the source's rotation in degrees clockwise.

    :param pixel_aspect: width of one of the source's pixels by its height, as stored (before the rotation).
    :param stored_siting: where the source's chroma lies, as stored.
    """

    width: int
    height: int
    rotation: int
    fit: str = "crop"
    background: str = "#000000"
    pixel_aspect: Fraction = Fraction(1)
    stored_siting: str = LEFT

    @property
    def keeps_siting(self) -> bool:
        """Tell whether the chroma stays where it is in the picture."""
        return turned(self.stored_siting, self.rotation) in SITINGS

    @property
    def siting(self) -> str:
        """Return where chroma lies in the output."""
        return turned(self.stored_siting, self.rotation) if self.keeps_siting else LEFT


def choose_geometry(video: VideoInfo, output: RenderOutput) -> FrameGeometry:
    """Return the output's size: what was ordered, else the source as shown, cut to even numbers for 4:2:0.

    Raises ``render.too_small``.
    """
    width, height = output.width, output.height
    shown = Fraction(video.display_width, max(video.display_height, 1))
    ratio = ASPECTS[output.aspect] if output.aspect else shown
    if not width and not height:
        width, height = _natural_size(video, output, ratio)
    elif not height:
        height = round(width / ratio)
    elif not width:
        width = round(height * ratio)
    if min(width, height) < 2:
        raise PermanentError("render.too_small", "The output would have no pixels")
    aspect = Fraction(video.sample_aspect_num or 1, video.sample_aspect_den or 1)
    return FrameGeometry(
        width // 2 * 2,
        height // 2 * 2,
        video.rotation,
        output.fit,
        output.background,
        pixel_aspect=aspect,
        stored_siting=video.chroma_location or LEFT,
    )


def _natural_size(video: VideoInfo, output: RenderOutput, ratio: Fraction) -> tuple[int, int]:
    """Return the largest size inside the source for ``crop``, the smallest around it for the others."""
    width, height = video.display_width, video.display_height
    if not output.aspect:
        return width, height
    is_wider = Fraction(width, max(height, 1)) > ratio
    if is_wider == (output.fit == "crop"):
        return round(height * ratio), height
    return width, round(width / ratio)


def reshape(geometry: FrameGeometry, width: int, height: int) -> Build | None:
    """Return what turns and fits frames of a stored size, or None when they already are as ordered."""
    if geometry.rotation == 0 and geometry.pixel_aspect == 1 and (width, height) == (geometry.width, geometry.height):
        return None

    def build(graph: av.filter.Graph, last: FilterContext) -> FilterContext:
        last = chain(graph, last, *TRANSPOSES[geometry.rotation])
        w, h = (height, width) if geometry.rotation in (90, 270) else (width, height)
        aspect = 1 / geometry.pixel_aspect if geometry.rotation in (90, 270) else geometry.pixel_aspect
        if geometry.fit == "blur" and not _is_almost(geometry, Fraction(w, h) * aspect):
            return _blur(graph, last, geometry, w * aspect, h)
        return chain(graph, last, *_steps(geometry, w, h, aspect))

    return build


def _is_almost(geometry: FrameGeometry, shown: Fraction) -> bool:
    return abs(shown / Fraction(geometry.width, geometry.height) - 1) <= ALMOST


def _steps(geometry: FrameGeometry, w: int, h: int, aspect: Fraction) -> Iterator[Step]:
    """Yield the filters of ``crop``, ``pad`` and ``stretch`` for an upright picture of stored size."""
    width, height = geometry.width, geometry.height
    if aspect == 1 and 0 <= w - width <= 1 and 0 <= h - height <= 1:
        if (w, h) != (width, height):
            yield "crop", f"{width}:{height}:0:0"  # an odd row or column is left out, nothing is resampled
        return
    if geometry.fit == "pad" and not _is_almost(geometry, Fraction(w, h) * aspect):
        inner_w, inner_h = _inside(geometry, w * aspect, Fraction(h))
        x, y = (width - inner_w) // 4 * 2, (height - inner_h) // 4 * 2
        yield "scale", f"{inner_w}:{inner_h}:{scale_flags(geometry.siting)}"
        yield "pad", f"{width}:{height}:{x}:{y}:color={geometry.background.replace('#', '0x')}"
        return
    if geometry.fit == "crop":
        crop_w = min(w, round(h * Fraction(width, height) / aspect))
        crop_h = min(h, round(w * aspect * Fraction(height, width)))
        if w - crop_w > 1 or h - crop_h > 1:
            yield "crop", f"{crop_w}:{crop_h}:{(w - crop_w) // 4 * 2}:{(h - crop_h) // 4 * 2}:exact=1"
    yield "scale", f"{width}:{height}:{scale_flags(geometry.siting)}"


def _inside(geometry: FrameGeometry, w: Fraction, h: Fraction) -> tuple[int, int]:
    scale = min(geometry.width / w, geometry.height / h)
    return max(2, round(w * scale / 2) * 2), max(2, round(h * scale / 2) * 2)


def _blur(graph: av.filter.Graph, last: FilterContext, geometry: FrameGeometry, w: Fraction, h: int) -> FilterContext:
    """Lay the whole picture over a blurred one that fills the frame; the blur is worked out on a small copy."""
    width, height = geometry.width, geometry.height
    inner_w, inner_h = _inside(geometry, w, Fraction(h))
    small_w, small_h = max(2, width // BLUR_SHRINK // 2 * 2), max(2, height // BLUR_SHRINK // 2 * 2)
    cover = max(small_w / w, Fraction(small_h, h))
    cover_w, cover_h = max(small_w, math.ceil(w * cover / 2) * 2), max(small_h, math.ceil(h * cover / 2) * 2)
    split = chain(graph, last, ("split", "2"))
    behind, above = graph.add("null"), graph.add("null")
    split.link_to(behind, 0)
    split.link_to(above, 1)
    behind = chain(
        graph,
        behind,
        ("scale", f"{cover_w}:{cover_h}:flags=area"),
        ("crop", f"{small_w}:{small_h}"),
        ("gblur", f"sigma={BLUR_SIGMA}"),
        ("scale", f"{width}:{height}:{scale_flags(geometry.siting)}"),
    )
    above = chain(graph, above, ("scale", f"{inner_w}:{inner_h}:{scale_flags(geometry.siting)}"))
    overlay = graph.add("overlay", f"{(width - inner_w) // 4 * 2}:{(height - inner_h) // 4 * 2}:format=auto:eval=init")
    behind.link_to(overlay, 0, 0)
    above.link_to(overlay, 0, 1)
    return overlay
