"""How far text reaches in the installed fonts, for those who have to place it without a browser."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import groupby

import uharfbuzz
from fontTools.ttLib import TTFont

from tasks.fonts.catalogue import FontFace, font_faces, nearest_face
from tasks.fonts.chains import split_parts

USE_TYPO_METRICS = 1 << 7
Lines = tuple[float, float, float]


class FontRuler:
    """Measures text as the browser shapes it. All lengths are in multiples of the font size."""

    def families(self) -> Sequence[str]:
        """Return the installed families."""
        return _families()

    def weight(self, family: str, weight: int, style: str) -> int:
        """Return the nearest weight that a family has in a style."""
        face = nearest_face(family, weight=weight, style=style)
        return weight if face is None else max(face.weight_min, min(face.weight_max, weight))

    def line_height(self, family: str, weight: int, style: str) -> Lines:
        """Return ascent, descent and line gap."""
        face = nearest_face(family, weight=weight, style=style)
        return (0.95, 0.25, 0.0) if face is None else _lines(face)

    def width(self, text: str, family: str, weight: int, style: str) -> float:
        """Return the sum of the advances; what the family lacks is measured in the families that stand in for it."""
        return _width(text, family, weight, style)


@cache
def _families() -> tuple[str, ...]:
    return tuple(dict.fromkeys(face.family for face in font_faces()))


@cache
def _lines(face: FontFace) -> Lines:
    with TTFont(face.path, lazy=True, fontNumber=face.index) as font:
        os2, hhea, size = font["OS/2"], font["hhea"], font["head"].unitsPerEm
        if os2.fsSelection & USE_TYPO_METRICS or not hhea.ascent:
            parts = os2.sTypoAscender, -os2.sTypoDescender, os2.sTypoLineGap
        else:
            parts = hhea.ascent, -hhea.descent, hhea.lineGap
        return parts[0] / size, parts[1] / size, parts[2] / size


@lru_cache(maxsize=65_536)
def _width(text: str, family: str, weight: int, style: str) -> float:
    parts = split_parts({"fontFamily": family, "fontWeight": weight, "fontStyle": style}, text, context=text)
    runs = groupby(parts, key=lambda part: part.face)
    return sum(_advance("".join(part.text for part in run), face, weight) for face, run in runs)


def _advance(text: str, face: FontFace | None, weight: int) -> float:
    if face is None:
        return float(len(text))
    font = _font(face, weight)
    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    uharfbuzz.shape(font, buffer)
    return float(sum(position.x_advance for position in buffer.glyph_positions) / font.face.upem)


@lru_cache(maxsize=64)
def _font(face: FontFace, weight: int) -> uharfbuzz.Font:
    font = uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(face.path)), face.index))
    if face.weight_max > face.weight_min:
        font.set_variations({"wght": float(weight)})
    return font
