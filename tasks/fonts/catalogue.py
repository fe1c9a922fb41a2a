"""The installed font files, by family, style and weight."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTFont

from tasks.fonts import shaping

PREFIX = "fontpkg-"
SOURCES = Path(__file__).parent / "data" / "sources.json"
OLD_WEIGHTS = {250: 100, 275: 200}
"""Thin and ExtraLight of older fonts carry these, since Windows GDI emboldened smaller ones; CSS says 100 and 200."""


@dataclass(frozen=True)
class FontFace:
    """One face. A variable font covers ``weight_min`` to ``weight_max``; in a static one they are equal.

    :param index: the face's number in a collection file, :param may_subset: whether its maker allows cutting it.
    """

    family: str
    style: str
    weight_min: int
    weight_max: int
    version: str
    path: Path
    index: int = 0
    may_subset: bool = True

    @property
    def sha256(self) -> str:
        """Hash of the file, as receipts name it."""
        return _hash(self.path)

    @property
    def characters(self) -> frozenset[int]:
        """Code points that the font has a glyph for."""
        return shaping.characters(self.path, self.index)

    def draws(self, cluster: str) -> bool:
        """Tell whether the face has every glyph that a grapheme cluster needs."""
        return 0 not in shaping.glyphs_of(self.path, self.index, cluster)

    def draws_as_one(self, cluster: str) -> bool:
        """Tell whether a single glyph draws the whole cluster, as a joined emoji must be."""
        glyphs = shaping.glyphs_of(self.path, self.index, cluster)
        return len(glyphs) == 1 and glyphs[0] != 0

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


@dataclass(frozen=True)
class UploadedFace(FontFace):
    """A face that somebody brought, known by what a worker found in it; its file lies in the storage.

    :param codes: code points that it has a glyph for.
    """

    object_key: str = ""
    digest: str = ""
    codes: frozenset[int] = frozenset()

    @property
    def sha256(self) -> str:
        """Hash of the safe copy."""
        return self.digest

    @property
    def characters(self) -> frozenset[int]:
        """Code points that the font has a glyph for."""
        return self.codes

    def draws(self, cluster: str) -> bool:
        """Tell whether the face has every character of a cluster, composed or decomposed."""
        forms = (unicodedata.normalize(form, cluster) for form in ("NFC", "NFD"))
        return any(all(ord(char) in self.codes or is_invisible(char) for char in form) for form in forms)

    def draws_as_one(self, cluster: str) -> bool:
        """Never: emoji are drawn by the emoji font of the chain."""
        return False


def is_invisible(char: str) -> bool:
    """Tell whether a character draws nothing of its own: joiners, marks of direction, variation selectors."""
    return unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f"


Provider = Callable[[], tuple[FontFace, ...]]
_provider: ContextVar[Provider | None] = ContextVar("uploaded_fonts", default=None)


def available_faces() -> tuple[FontFace, ...]:
    """Return every face that a scenario may name here and now: uploaded ones first, then the installed ones."""
    provide = _provider.get()
    return (*provide(), *font_faces()) if provide else font_faces()


def offer_fonts(provide: Provider) -> None:
    """Let every scenario from here on, in this thread, name further fonts; see :func:`uploaded_fonts`."""
    _provider.set(provide)


@contextmanager
def uploaded_fonts(provide: Provider) -> Iterator[None]:
    """Let the scenarios of this block name further fonts.

    :param provide: called whenever fonts are looked up, so it should remember its answer.
    """
    token = _provider.set(provide)
    try:
        yield
    finally:
        _provider.reset(token)


@cache
def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def font_faces() -> tuple[FontFace, ...]:
    """Return every installed face, in a fixed order."""
    faces: list[FontFace] = []
    for distribution in distributions():
        name = distribution.metadata["Name"] or ""
        if name.startswith(PREFIX):
            faces += _read_package(name.replace("-", "_"))
    for source in json.loads(SOURCES.read_text(encoding="utf-8")):
        faces += _read_source(source)
    return tuple(sorted(faces, key=lambda face: (face.family, face.style, face.weight_min)))


def _folder(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def _read_package(module: str) -> list[FontFace]:
    folder = _folder(module)
    if folder is None:
        return []
    metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    family, release = str(metadata["family"]), str(metadata["version"])
    return [read_face(path, family, release) for path in sorted((folder / "files").glob("*.[to]tf"))]


def _read_source(source: dict[str, Any]) -> list[FontFace]:
    folder = _folder(source["module"])
    if folder is None:
        return []
    release = version(source["distribution"]) if source["distribution"] else source["version"]
    faces = []
    for name, families in source["files"].items():
        listed = [families] if isinstance(families, str) else families
        faces += [read_face(folder / name, family, release, index) for index, family in enumerate(listed)]
    return faces


def read_face(path: Path, family: str, release: str, index: int = 0) -> FontFace:
    """Describe a font file (or one face of a collection) under a family name."""
    with TTFont(path, lazy=True, fontNumber=index) as font:
        weight = int(font["OS/2"].usWeightClass)
        low = high = OLD_WEIGHTS.get(weight, weight)
        if "fvar" in font:
            for axis in font["fvar"].axes:
                if axis.axisTag == "wght":
                    low, high = int(axis.minValue), int(axis.maxValue)
        italic = bool(font["OS/2"].fsSelection & 1) or "Italic" in path.stem
    return FontFace(family, "italic" if italic else "normal", low, high, release, path, index)


def find_face(family: str, *, weight: int, style: str, faces: Sequence[FontFace] | None = None) -> FontFace | None:
    """Return the face that draws exactly this family, weight and style, or None."""
    for face in available_faces() if faces is None else faces:
        if face.family == family and face.style == style and face.weight_min <= weight <= face.weight_max:
            return face
    return None


def nearest_face(family: str, *, weight: int, style: str, faces: Sequence[FontFace] | None = None) -> FontFace | None:
    """Return the face of a family that comes nearest in style, then in weight, as browsers choose; or None."""
    own = [face for face in (available_faces() if faces is None else faces) if face.family == family]
    own = [face for face in own if face.style == style] or own
    return min(own, key=lambda face: _distance(face, weight), default=None)


def _distance(face: FontFace, weight: int) -> tuple[int, int]:
    """Of two weights as far off, CSS takes the bolder for bold text and the lighter for light text."""
    gap = max(face.weight_min - weight, weight - face.weight_max, 0)
    is_bolder = face.weight_min > weight
    return gap, int(is_bolder != (weight > 500))


def catalogue() -> list[dict[str, Any]]:
    """Return every family with its faces, for the API and people."""
    families: dict[str, list[dict[str, Any]]] = {}
    for face in font_faces():
        families.setdefault(face.family, []).append(face.to_json())
    return [{"family": family, "faces": faces} for family, faces in families.items()]
