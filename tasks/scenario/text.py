"""How words become lines in each script: what joins them, which way they run, what may be taken apart (ring 0)."""

from __future__ import annotations

import bisect
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache

import budoux

from tasks.scenario.clusters import conjunct_linkers
from tasks.scenario.data import load

SPACE, BREAK, NONE = "space", "break", "none"
_PHRASE_PARSERS: dict[str, Callable[[], budoux.Parser]] = {
    "ja": budoux.load_default_japanese_parser,
    "zh-hans": budoux.load_default_simplified_chinese_parser,
    "zh-hant": budoux.load_default_traditional_chinese_parser,
    "th": budoux.load_default_thai_parser,
}
_TRADITIONAL = ("zh-hant", "zh-tw", "zh-hk", "zh-mo", "yue")


@cache
def script_of(char: str) -> str:
    """Return the script of a letter as ISO 15924 names it (``Latn``, ``Arab`` …), "" where many scripts share it."""
    if unicodedata.category(char)[0] not in "LM":
        return ""
    starts, spans = _ranges()
    place = bisect.bisect_right(starts, ord(char)) - 1
    if place < 0 or ord(char) > spans[place][0]:
        return ""
    return spans[place][1]


@cache
def _ranges() -> tuple[list[int], list[tuple[int, str]]]:
    rows = sorted((int(first, 16), int(last, 16), script) for first, last, script in load("scripts")["ranges"])
    return [row[0] for row in rows], [(row[1], row[2]) for row in rows]


@cache
def _group(name: str) -> frozenset[str]:
    return frozenset(load("scripts")[name])


def scripts_of(text: str) -> list[str]:
    """Return the scripts of a text in the order in which they first appear."""
    return list(dict.fromkeys(script for char in text if (script := script_of(char))))


def direction_of(text: str) -> str:
    """Return ``ltr`` or ``rtl`` by the first strong character, "" where none is (numbers, marks, emoji)."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return ""


def may_split(text: str) -> bool:
    """Tell whether the letters of a word may move apart.

    They may not where they are written joined (Arabic, Syriac, N'Ko …), stacked, or fused into conjuncts.
    """
    scripts = set(scripts_of(text))
    if scripts & _group("joining") or scripts & {"Khmr", "Mymr", "Tibt"}:
        return False
    fuses = bool(scripts & _group("stacking")) and any(sign in text for sign in _linkers())
    return not fuses and not conjunct_linkers() & set(text)


@cache
def _linkers() -> frozenset[str]:
    return frozenset(chr(int(code, 16)) for code in load("scripts")["linkers"])


def joins(texts: list[str], language: str | None = None) -> list[str]:
    """Say how each word follows the one before it.

    ``space``: a space, where a line may end. ``break``: no space, but a line may begin. ``none``: no space, same line.
    Japanese, Chinese and Thai break between phrases only; punctuation never begins a line alone.

    :param language: BCP 47 tag of the text; None: found out from its letters.
    :returns: one entry per word; the first one's is ``space``.
    """
    kinds = [SPACE] * len(texts)
    spaceless = _spaceless("".join(texts), language)
    for number in range(1, len(texts)):
        kinds[number] = _join(texts[number - 1], texts[number], spaceless)
    for start, end in _runs(kinds):
        _join_phrases(texts, kinds, start, end, language)
    return kinds


def _spaceless(text: str, language: str | None) -> frozenset[str]:
    """Return the scripts that set no spaces; Korean does, also between its Chinese characters."""
    is_korean = "Hang" in scripts_of(text) or (language or "").lower().startswith("ko")
    return _group("spaceless") - {"Hani"} if is_korean else _group("spaceless")


def _join(before: str, after: str, spaceless: frozenset[str]) -> str:
    if not before or not after:
        return SPACE
    if _is_all(before, "opening") or _is_all(after, "closing"):
        return NONE
    left, right = script_of(_last_letter(before)), script_of(_first_letter(after))
    if left in spaceless and right in spaceless:
        return BREAK
    if left not in spaceless and right not in spaceless:
        return BREAK if _ends_wide(before) else SPACE
    # Thai, Lao, Khmer and Burmese set foreign words and numbers off by spaces; Chinese and Japanese do not.
    return BREAK if {left, right} & spaceless & {"Hani", "Hira", "Kana", "Bopo"} else SPACE


def _is_all(text: str, group: str) -> bool:
    return all(char in _group(group) and not script_of(char) for char in text)


def _ends_wide(text: str) -> bool:
    """Full-width marks bring their own room."""
    return unicodedata.east_asian_width(text[-1]) in "WF" and unicodedata.category(text[-1])[0] == "P"


def _last_letter(text: str) -> str:
    return next((char for char in reversed(text) if unicodedata.category(char)[0] in "LN"), text[-1])


def _first_letter(text: str) -> str:
    return next((char for char in text if unicodedata.category(char)[0] in "LN"), text[0])


def _runs(kinds: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the [start, end) of words that follow each other without spaces."""
    start = 0
    for number in range(1, len(kinds) + 1):
        if number == len(kinds) or kinds[number] == SPACE:
            if number - start > 1:
                yield start, number
            start = number


def _join_phrases(texts: list[str], kinds: list[str], start: int, end: int, language: str | None) -> None:
    """Keep the words of a phrase together."""
    run = "".join(texts[start:end])
    bounds = _phrase_bounds(run, language)
    place = 0
    for number in range(start + 1, end):
        place += len(texts[number - 1])
        is_inside = bounds is not None and place not in bounds
        if kinds[number] == BREAK and (is_inside or _is_forbidden(texts[number - 1], texts[number])):
            kinds[number] = NONE


def _is_forbidden(before: str, after: str) -> bool:
    """No line ends with an opening bracket or begins with a closing mark, small kana or a mark of length."""
    return before[-1] in _group("opening") or after[0] in _group("closing")


def _phrase_bounds(run: str, language: str | None) -> set[int] | None:
    """Return where phrases begin in a text, or None where nothing is known about its phrases."""
    model = phrase_model(run, language)
    if model is None:
        return None
    bounds, place = set(), 0
    for phrase in _parser(model).parse(run):
        bounds.add(place)
        place += len(phrase)
    return bounds


@cache
def _parser(model: str) -> budoux.Parser:
    return _PHRASE_PARSERS[model]()


def phrase_model(text: str, language: str | None = None) -> str | None:
    """Return which model knows the phrases of a text: ``ja``, ``zh-hans``, ``zh-hant``, ``th`` or None."""
    scripts = set(scripts_of(text))
    if "Thai" in scripts:
        return "th"
    if scripts & {"Hira", "Kana"}:
        return "ja"
    if not scripts & {"Hani", "Bopo"}:
        return None
    return han_language(text, language) if han_language(text, language) in _PHRASE_PARSERS else None


def han_language(text: str, language: str | None = None) -> str:
    """Return whose Chinese characters a text is written in: ``ja``, ``ko``, ``zh-hans``, ``zh-hant`` or ``zh-hk``.

    Kana and Hangul decide, then the language tag, then characters that only one kind of Chinese has.
    """
    scripts = set(scripts_of(text))
    if scripts & {"Hira", "Kana"}:
        return "ja"
    tag = (language or "").lower().replace("_", "-")
    if tag.startswith(("ja", "ko")):
        return tag[:2]
    if "Hang" in scripts:
        return "ko"
    if tag.startswith(("zh-hk", "zh-mo", "yue", "zh-hant-hk")):
        return "zh-hk"
    if tag.startswith(_TRADITIONAL):
        return "zh-hant"
    if tag.startswith(("zh-hans", "zh-cn", "zh-sg")) or not _looks_traditional(text):
        return "zh-hans"
    return "zh-hant"


def _looks_traditional(text: str) -> bool:
    """Each kind has characters that the other's national standard leaves out."""
    only_traditional = sum(_is_in(char, "big5") and not _is_in(char, "gb2312") for char in text)
    only_simplified = sum(_is_in(char, "gb2312") and not _is_in(char, "big5") for char in text)
    return only_traditional > only_simplified


@cache
def _is_in(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return script_of(char) == "Hani"
