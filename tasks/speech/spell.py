"""English as it is spoken: figures as words, and a guessed pronunciation of words no dictionary has. Pure.

Forced alignment needs a sound for every word; a rough one is enough, since its neighbours hold it in place.
"""

from __future__ import annotations

import re

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((1_000_000_000, "billion"), (1_000_000, "million"), (1000, "thousand"))
_SIGNS = {"%": ["percent"], "&": ["and"], "+": ["plus"], "@": ["at"], "=": ["equals"]}
_MONEY = {"$": "dollars", "£": "pounds", "€": "euros"}
_TOKEN = re.compile(r"[$£€]?\d[\d,]*(?:\.\d+)?(?:st|nd|rd|th|s)?|[a-z]+(?:['\u2019][a-z]+)*|[%&+@=]")
_FIGURE = re.compile(r"([$£€]?)(\d+)(?:\.(\d+))?")
_ROUND = 1_000_000_000_000

# Letters to sounds of the CMU dictionary, the longest spelling first.
_SOUNDS = {
    "tion": "SH AH N", "igh": "AY", "tch": "CH", "sch": "SH", "ough": "AO", "augh": "AO",
    "sh": "SH", "ch": "CH", "th": "TH", "ph": "F", "gh": "G", "wh": "W", "ck": "K", "ng": "NG", "qu": "K W", "kn": "N",
    "ee": "IY", "ea": "IY", "oo": "UW", "ou": "AW", "ow": "OW", "ai": "EY", "ay": "EY", "ey": "IY", "ie": "IY",
    "oa": "OW", "oi": "OY", "oy": "OY", "au": "AO", "aw": "AO", "er": "ER", "ir": "ER", "ur": "ER", "ar": "AA R",
    "or": "AO R", "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH",
    "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T",
    "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z",
}  # fmt: skip
_LONGEST = max(len(letters) for letters in _SOUNDS)


def speak(text: str, *, years: bool = True) -> list[str]:
    """Return what is said for a written word, in lower-case words: ``$1,859`` and ``light-hearted`` are several.

    :param years: read four bare figures as a year.
    """
    spoken: list[str] = []
    for token in _TOKEN.findall(text.lower()):
        if token in _SIGNS:
            spoken += _SIGNS[token]
        elif figure := _FIGURE.match(token.replace(",", "")):
            spoken += _speak_figure(figure, year=years and "," not in token)
        else:
            spoken.append(token.replace("\u2019", "'"))
    return spoken


def _speak_figure(figure: re.Match[str], *, year: bool) -> list[str]:
    sign, whole, rest = figure.groups()
    words = _speak_year(int(whole)) if year and len(whole) == 4 and not (sign or rest) else _speak_whole(whole)
    if rest:
        words += ["point", *(_ONES[int(digit)] for digit in rest)]
    return [*words, _MONEY[sign]] if sign else words


def _speak_whole(digits: str) -> list[str]:
    """A number by name; one with a leading zero, or too long for a name, digit by digit."""
    if (len(digits) > 1 and digits[0] == "0") or int(digits) >= _ROUND:
        return [_ONES[int(digit)] for digit in digits]
    return _speak_number(int(digits))


def _speak_number(number: int) -> list[str]:
    for size, name in _SCALES:
        if number >= size:
            rest = number % size
            return [*_speak_number(number // size), name, *(_speak_number(rest) if rest else [])]
    if number >= 100:
        rest = number % 100
        return [_ONES[number // 100], "hundred", *(_speak_number(rest) if rest else [])]
    if number >= 20:
        return [_TENS[number // 10], *([_ONES[number % 10]] if number % 10 else [])]
    return [_ONES[number]]


def _speak_year(number: int) -> list[str]:
    """Four figures without a comma are mostly years: eighteen fifty nine."""
    if not 1100 <= number <= 2099 or 2000 <= number <= 2009:
        return _speak_number(number)
    century, rest = divmod(number, 100)
    if rest == 0:
        return [*_speak_number(century), "hundred"]
    return [*_speak_number(century), *(["oh"] if rest < 10 else []), *_speak_number(rest)]


def guess_phones(word: str) -> str:
    """Return a likely pronunciation of an English word in the CMU dictionary's phones."""
    phones: list[str] = []
    place = 0
    while place < len(word):
        for length in range(_LONGEST, 0, -1):
            letters = word[place : place + length]
            if letters in _SOUNDS:
                phones.append(_SOUNDS[letters])
                place += len(letters)
                break
        else:
            place += 1
        if place < len(word) and word[place] == word[place - 1] and word[place] not in "aeiou":
            place += 1  # a doubled consonant is one sound
    return " ".join(phones) or "AH"
