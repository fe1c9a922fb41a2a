"""What fonts do with text, asked of HarfBuzz: the shaper that the browser uses too."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from pathlib import Path

import uharfbuzz

EXTRA_CHARACTERS = " \u00a0\u200b\u200c\u200d\u200e\u200f\u2060\u25cc\ufe0f"
"""What the stage may add between words, and what shapers add themselves (the dotted circle under a lone mark)."""
KHMER_SPLIT = frozenset("\u17be\u17bf\u17c0\u17c4\u17c5")
"""Vowels that are written around a consonant: shapers set U+17C1 before it, though Unicode does not say so."""


@cache
def _face(path: Path, index: int) -> uharfbuzz.Face:
    return uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(path)), index)


@cache
def characters(path: Path, index: int) -> frozenset[int]:
    """Return the code points that a face has a glyph for."""
    return frozenset(_face(path, index).unicodes)


@lru_cache(maxsize=65_536)
def glyphs_of(path: Path, index: int, cluster: str) -> tuple[int, ...]:
    """Return the glyphs that a face draws a grapheme cluster with; 0 is the one for what is missing."""
    buffer = uharfbuzz.Buffer()
    buffer.add_str(cluster)
    buffer.guess_segment_properties()
    uharfbuzz.shape(uharfbuzz.Font(_face(path, index)), buffer)
    return tuple(info.codepoint for info in buffer.glyph_infos)


@lru_cache(maxsize=256)
def subset(path: Path, index: int, text: str) -> bytes:
    """Return the face cut down to what a text needs, every layout feature kept; the same bytes for the same text.

    :param text: its characters count, not their order.
    """
    wanted = uharfbuzz.SubsetInput()
    wanted.unicode_set.update(map(ord, needed_characters(text)))
    wanted.layout_feature_tag_set.clear()
    wanted.layout_feature_tag_set.invert()
    wanted.flags = uharfbuzz.SubsetFlags.NOTDEF_OUTLINE
    data: bytes = uharfbuzz.subset(_face(path, index), wanted).blob.data
    return data


def needed_characters(text: str) -> set[str]:
    """Return the characters that a shaper may ask a font for while it draws a text: composed, decomposed, its own."""
    needed = {char for form in ("NFC", "NFD", "NFKD") for char in unicodedata.normalize(form, text)}
    split = "\u17c1" if KHMER_SPLIT & set(text) else ""
    return {*needed, *text, *EXTRA_CHARACTERS, *split}
