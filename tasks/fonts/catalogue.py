"""The installed font files, by family, style and weight."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTFont

PREFIX = "fontpkg-"
OLD_WEIGHTS = {250: 100, 275: 200}
"""Thin and ExtraLight of older fonts carry these, since Windows GDI emboldened smaller ones; CSS says 100 and 200."""


@dataclass(frozen=True)
class FontFace:
    """One font file. A variable font covers ``weight_min`` to ``weight_max``; in a static one they are equal."""

    family: str
    style: str
    weight_min: int
    weight_max: int
    version: str
    path: Path

    @property
    def sha256(self) -> str:
        """Hash of the file, as receipts name it."""
        return _hash(self.path)

    @property
    def characters(self) -> frozenset[int]:
        """Code points that the font has a glyph for."""
        return _characters(self.path)

    def to_json(self) -> dict[str, Any]:
        """Describe the face as receipts and the catalogue do."""
        return {
            "family": self.family,
            "style": self.style,
            "weight_min": self.weight_min,
            "weight_max": self.weight_max,
            "version": self.version,
            "sha256": self.sha256,
        }


@cache
def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def _characters(path: Path) -> frozenset[int]:
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap() or {})


@cache
def font_faces() -> tuple[FontFace, ...]:
    """Return every installed face, in a fixed order."""
    faces: list[FontFace] = []
    for distribution in distributions():
        name = distribution.metadata["Name"] or ""
        if name.startswith(PREFIX):
            faces += _read_package(name.replace("-", "_"))
    return tuple(sorted(faces, key=lambda face: (face.family, face.style, face.weight_min)))


def _read_package(module: str) -> list[FontFace]:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent
    metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    family, version = str(metadata["family"]), str(metadata["version"])
    return [_read_face(path, family, version) for path in sorted((folder / "files").glob("*.[to]tf"))]


def _read_face(path: Path, family: str, version: str) -> FontFace:
    with TTFont(path, lazy=True) as font:
        weight = int(font["OS/2"].usWeightClass)
        low = high = OLD_WEIGHTS.get(weight, weight)
        if "fvar" in font:
            for axis in font["fvar"].axes:
                if axis.axisTag == "wght":
                    low, high = int(axis.minValue), int(axis.maxValue)
        italic = bool(font["OS/2"].fsSelection & 1) or "Italic" in path.stem
    return FontFace(family, "italic" if italic else "normal", low, high, version, path)


def find_face(family: str, *, weight: int, style: str) -> FontFace | None:
    """Return the face that draws exactly this family, weight and style, or None."""
    for face in font_faces():
        if face.family == family and face.style == style and face.weight_min <= weight <= face.weight_max:
            return face
    return None


def catalogue() -> list[dict[str, Any]]:
    """Return every family with its faces, for the API and people."""
    families: dict[str, list[dict[str, Any]]] = {}
    for face in font_faces():
        families.setdefault(face.family, []).append(face.to_json())
    return [{"family": family, "faces": faces} for family, faces in families.items()]
