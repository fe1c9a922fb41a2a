"""Grapheme clusters: what people call one character, by the rules of Unicode's annex 29 (ring 0)."""

from __future__ import annotations

import unicodedata
from functools import cache

from tasks.scenario.data import load

ZWJ = "\u200d"
EMOJI_STYLE, TEXT_STYLE = "\ufe0f", "\ufe0e"
KEYCAP = "\u20e3"
_LOOSE_MARKS = frozenset("\u102b\u102c\u1038\u1062\u1063\u1064\u1083\u108f\uaa7b\uaa7d") | frozenset(
    map(chr, (*range(0x1067, 0x106E), *range(0x1087, 0x108D), *range(0x109A, 0x109D)))
)
"""Marks of Burmese that Unicode counts as characters of their own."""
_SPACING_VOWELS = frozenset("\u0e33\u0eb3")
"""Sara Am of Thai and Lao: letters by category, vowels of the consonant before by rule."""


def clusters(text: str) -> list[str]:
    """Return the grapheme clusters of a text; joined they are the text."""
    found: list[str] = []
    for char in text:
        if found and _continues(found[-1], char):
            found[-1] += char
        else:
            found.append(char)
    return found


def _continues(before: str, char: str) -> bool:
    last = before[-1]
    if _is_control(char) or _is_control(last):
        return False
    return (
        _extends(char)
        or (last == ZWJ and is_pictograph(char) and is_pictograph(before[0]))
        or (is_flag_half(char) and is_flag_half(last) and len(before) % 2 == 1)
        or _joins_syllable(last, char)
        or _joins_conjunct(before, char)
    )


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Zl", "Zp") or char in "\u200b\u200e\u200f\u2060\u00ad\ufeff"


@cache
def _extends(char: str) -> bool:
    """Marks, joiners, variation selectors, skin tones and tags belong to what is before them."""
    code = ord(char)
    return (
        (unicodedata.category(char) in ("Mn", "Me", "Mc") and char not in _LOOSE_MARKS)
        or char in (ZWJ, "\u200c")
        or char in _SPACING_VOWELS
        or 0x1F3FB <= code <= 0x1F3FF
        or 0xE0020 <= code <= 0xE007F
        or char in "\uff9e\uff9f"
    )


def is_flag_half(char: str) -> bool:
    """Tell whether a character is one of the letters that pair up to a flag."""
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


@cache
def is_pictograph(char: str) -> bool:
    """Tell whether a character can be an emoji (symbols of the planes and blocks that have them)."""
    code = ord(char)
    return (
        0x1F000 <= code <= 0x1FAFF
        or (0x2190 <= code <= 0x2BFF and unicodedata.category(char) in ("So", "Sm"))
        or code in (0xA9, 0xAE, 0x203C, 0x2049, 0x2122, 0x2139, 0x3030, 0x303D, 0x3297, 0x3299)
    )


def _joins_syllable(last: str, char: str) -> bool:
    kinds = {"L": "LVSF", "V": "VT", "S": "VT", "T": "T", "F": "T"}
    return bool(_jamo(char)) and _jamo(char) in kinds.get(_jamo(last), "")


@cache
def _jamo(char: str) -> str:
    """Return L, V or T for a part of a Korean syllable, S for a whole one without a final, F with one."""
    code = ord(char)
    if 0x1100 <= code <= 0x115F or 0xA960 <= code <= 0xA97C:
        return "L"
    if 0x1160 <= code <= 0x11A7 or 0xD7B0 <= code <= 0xD7C6:
        return "V"
    if 0x11A8 <= code <= 0x11FF or 0xD7CB <= code <= 0xD7FB:
        return "T"
    if 0xAC00 <= code <= 0xD7A3:
        return "F" if (code - 0xAC00) % 28 else "S"
    return ""


def _joins_conjunct(before: str, char: str) -> bool:
    """A consonant after a virama is part of the same syllable, with marks and joiners in between."""
    if unicodedata.category(char) != "Lo":
        return False
    linkers = conjunct_linkers()
    for mark in reversed(before):
        if mark in linkers:
            return True
        if unicodedata.category(mark) != "Mn" and mark != ZWJ:
            return False
    return False


@cache
def conjunct_linkers() -> frozenset[str]:
    """Return the signs that join the consonant after them into one syllable."""
    return frozenset(chr(int(code, 16)) for code in load("scripts")["conjunctLinkers"])


def is_emoji(cluster: str) -> bool:
    """Tell whether a cluster is to be drawn as a colour picture: by its own nature, or asked for by a selector."""
    if TEXT_STYLE in cluster:
        return False
    return (
        EMOJI_STYLE in cluster
        or KEYCAP in cluster
        or (ZWJ in cluster[:-1] and is_pictograph(cluster[0]))
        or is_flag_half(cluster[0])
        or _is_picture_by_default(cluster[0])
    )


@cache
def _is_picture_by_default(char: str) -> bool:
    code = ord(char)
    spans: list[list[str]] = load("emoji")["presentation"]
    return any(int(first, 16) <= code <= int(last, 16) for first, last in spans)
