"""Making an uploaded font safe: parsed, cut to known tables, written anew. Run in a child process of small means.

``python -m tasks.fonts.sanitize SOURCE TARGET`` prints what the font is as JSON, or ``{"code", "detail"}`` and exits 3.
"""

from __future__ import annotations

import io
import json
import resource
import struct
import sys
import unicodedata
from pathlib import Path
from typing import Any

import uharfbuzz
from fontTools.ttLib import TTFont

from tasks.errors import PermanentError
from tasks.fonts.catalogue import read_face

MAX_BYTES = 8 * 1024 * 1024
MAX_UNPACKED_BYTES = 32 * 1024 * 1024
MAX_GLYPHS = 50_000
MAX_FAMILY = 64
MEMORY_BYTES = 1024 * 1024 * 1024
CPU_S = 30
TIMEOUT_S = 60.0
REFUSED = 3

KINDS = {b"\0\1\0\0": "ttf", b"true": "ttf", b"OTTO": "otf", b"wOFF": "woff", b"wOF2": "woff2"}
KEPT = frozenset(
    [
        "head",
        "hhea",
        "maxp",
        "OS/2",
        "hmtx",
        "cmap",
        "name",
        "post",
        "glyf",
        "loca",
        "CFF",
        "CFF2",
        "VORG",
        "GDEF",
        "GSUB",
        "GPOS",
        "BASE",
        "kern",
        "fvar",
        "gvar",
        "avar",
        "HVAR",
        "VVAR",
        "MVAR",
        "STAT",
        "COLR",
        "CPAL",
        "vhea",
        "vmtx",
    ]
)
"""Outlines, metrics, layout, variations and colour layers; no programs, bitmaps, SVG, signatures or private tables."""
NEEDED = ("head", "hhea", "maxp", "OS/2", "hmtx", "cmap", "name")
KEPT_NAMES = frozenset((1, 2, 4, 6, 16, 17))
NO_EMBEDDING, BITMAPS_ONLY, NO_SUBSETTING = 0x0002, 0x0200, 0x0100
"""Bits of OS/2 ``fsType`` by which a font's maker says what may be done with it."""


def sanitize(source: Path, target: Path) -> dict[str, Any]:
    """Write a safe copy of a font and return what it is; raise PermanentError ``font.*``.

    :returns: family, style, weight_min, weight_max, glyphs, characters (ranges), may_subset, kind.
    """
    data = source.read_bytes()
    kind = check_wrapping(data)
    try:
        font = TTFont(io.BytesIO(data), recalcTimestamp=False, lazy=False)
        check_font(font)
        clean(font)
        font.flavor = None
        font.save(target, reorderTables=True)
        face = read_face(target, family_of(font), "")
    except PermanentError:
        raise
    except MemoryError as error:
        raise PermanentError("font.too_large", "The font unpacks to more than there is room for") from error
    except Exception as error:
        raise PermanentError("font.unreadable", f"The font cannot be read: {type(error).__name__}") from error
    codes = sorted(check_shaping(target))
    return {
        "family": face.family,
        "style": face.style,
        "weight_min": face.weight_min,
        "weight_max": face.weight_max,
        "glyphs": int(font["maxp"].numGlyphs),
        "characters": pack_ranges(codes),
        "may_subset": not font["OS/2"].fsType & NO_SUBSETTING,
        "kind": kind,
    }


def check_wrapping(data: bytes) -> str:
    """Return what kind of file it is by its first bytes; refuse others and what would unpack too large."""
    if len(data) > MAX_BYTES:
        raise PermanentError("font.too_large", f"The file has {len(data)} bytes; at most {MAX_BYTES} are accepted")
    kind = KINDS.get(data[:4])
    if kind is None:
        raise PermanentError("font.unreadable", "The file is no TTF, OTF, WOFF or WOFF2 font")
    if kind.startswith("woff"):
        (unpacked,) = struct.unpack(">I", data[16:20].ljust(4, b"\0"))
        if unpacked > MAX_UNPACKED_BYTES:
            raise PermanentError("font.too_large", f"The font unpacks to {unpacked} bytes")
    return kind


def check_font(font: TTFont) -> None:
    """Refuse fonts that lack tables, have too many glyphs, or whose maker forbids this use."""
    missing = [tag for tag in NEEDED if tag not in font]
    if missing or not {"glyf", "CFF ", "CFF2"} & set(font.keys()):
        raise PermanentError("font.unreadable", f"The font lacks tables: {', '.join(missing) or 'outlines'}")
    if font["maxp"].numGlyphs > MAX_GLYPHS:
        raise PermanentError("font.too_large", f"The font has {font['maxp'].numGlyphs} glyphs; {MAX_GLYPHS} at most")
    allowed = font["OS/2"].fsType
    # Where several of the lower bits are set, the most generous one counts
    if allowed & 0x000F == NO_EMBEDDING or allowed & BITMAPS_ONLY:
        raise PermanentError("font.embedding_refused", "The font's licence bits forbid embedding its outlines")


def clean(font: TTFont) -> None:
    """Drop every table and name that drawing does not need, and all hinting programs."""
    for tag in [tag for tag in font.keys() if tag != "GlyphOrder" and tag.strip() not in KEPT]:  # noqa: SIM118
        del font[tag]
    for tag in font.keys():  # noqa: SIM118 -- a TTFont is no dictionary
        _ = font[tag]  # every table is parsed, so that each is written anew
    font["name"].names = [name for name in font["name"].names if name.nameID in KEPT_NAMES]
    if "glyf" in font:
        for name in font["glyf"].keys():  # noqa: SIM118
            font["glyf"][name].removeHinting()


def family_of(font: TTFont) -> str:
    """Return the family's name, printable characters only; raise ``font.unreadable`` without one."""
    named = font["name"].getDebugName(16) or font["name"].getDebugName(1) or ""
    shown = "".join(char for char in named if unicodedata.category(char)[0] not in "CZ" or char == " ")
    family = " ".join(shown.split())[:MAX_FAMILY].strip()
    if not family:
        raise PermanentError("font.unreadable", "The font has no family name")
    return family


def check_shaping(path: Path) -> set[int]:
    """Return the characters that the written font draws; raise ``font.unreadable`` when it shapes nothing."""
    face = uharfbuzz.Face(uharfbuzz.Blob(path.read_bytes()))
    characters = set(face.unicodes)
    buffer = uharfbuzz.Buffer()
    buffer.add_str("".join(chr(code) for code in sorted(characters)[:500]))
    buffer.guess_segment_properties()
    uharfbuzz.shape(uharfbuzz.Font(face), buffer)
    if not characters or not buffer.glyph_infos:
        raise PermanentError("font.unreadable", "The font draws no character")
    return characters


def pack_ranges(codes: list[int]) -> list[list[int]]:
    """Return ascending code points as [first, last] ranges."""
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def limit_self() -> None:
    """Give this process little memory, time and room to write."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MAX_UNPACKED_BYTES, 2 * MAX_UNPACKED_BYTES))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def main(arguments: list[str]) -> int:
    """Sanitize one file under limits; print the outcome as JSON."""
    source, target = map(Path, arguments)
    limit_self()
    try:
        told = sanitize(source, target)
    except PermanentError as error:
        print(json.dumps({"code": error.code, "detail": error.detail}))  # noqa: T201 -- its way to answer
        return REFUSED
    print(json.dumps(told))  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
