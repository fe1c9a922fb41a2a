"""Letters of other languages to the nearest sounds of English, for an aligner that knows English sounds alone. Pure.

A rough sound is enough: the words' order and their neighbours hold each in place.
"""

from __future__ import annotations

import unicodedata

# The longest spelling first; what is not listed is silent. Marks over letters that change nothing are taken off.
_COMMON = {
    "a": "AA", "b": "B", "d": "D", "e": "EH", "f": "F", "i": "IY", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AO",
    "p": "P", "r": "R", "s": "S", "t": "T", "u": "UW", "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z", "c": "K",
    "q": "K", "qu": "K W", "ph": "F",
}  # fmt: skip
_SOUNDS: dict[str, dict[str, str]] = {
    "it": {
        **_COMMON, "g": "G", "j": "Y", "z": "T S", "h": "",
        "ce": "CH EH", "ci": "CH IY", "cia": "CH AA", "cio": "CH AO", "ciu": "CH UW", "ch": "K",
        "ge": "JH EH", "gi": "JH IY", "gia": "JH AA", "gio": "JH AO", "giu": "JH UW", "gh": "G",
        "gli": "L Y IY", "glia": "L Y AA", "glio": "L Y AO", "glie": "L Y EH", "gn": "N Y",
        "sce": "SH EH", "sci": "SH IY", "scia": "SH AA", "scio": "SH AO", "sciu": "SH UW",
        "ia": "Y AA", "ie": "Y EH", "io": "Y AO", "iu": "Y UW", "ua": "W AA", "uo": "W AO", "ue": "W EH",
    },
    "es": {
        **_COMMON, "v": "B", "z": "S", "j": "HH", "h": "", "g": "G", "ñ": "N Y", "ll": "Y", "ch": "CH",
        "ce": "S EH", "ci": "S IY", "ge": "HH EH", "gi": "HH IY", "gue": "G EH", "gui": "G IY", "que": "K EH",
        "qui": "K IY", "rr": "R", "ia": "Y AA", "ie": "Y EH", "io": "Y AO", "ua": "W AA", "ue": "W EH", "uo": "W AO",
        "y": "Y",
    },
    "pt": {
        **_COMMON, "g": "G", "j": "ZH", "h": "", "ç": "S", "ch": "SH", "lh": "L Y", "nh": "N Y", "x": "SH",
        "ce": "S IY", "ci": "S IY", "ge": "ZH IY", "gi": "ZH IY", "gue": "G EH", "gui": "G IY", "que": "K IY",
        "qui": "K IY", "rr": "HH", "ss": "S", "ão": "AW N", "ãe": "AY N", "õe": "OY N", "ã": "AH N", "õ": "OW N",
        "am": "AH M", "em": "EY N", "ou": "OW", "ei": "EY", "ai": "AY",
    },
}  # fmt: skip
_KEPT = "çñãõ"
_LONGEST = max(len(letters) for sounds in _SOUNDS.values() for letters in sounds)
LANGUAGES = frozenset(_SOUNDS)


def sound_out(word: str, language: str) -> str:
    """Return the nearest English phones of a word; empty for one without letters that are spoken."""
    letters, sounds = fold(word), _SOUNDS[language]
    phones: list[str] = []
    place = 0
    while place < len(letters):
        for length in range(_LONGEST, 0, -1):
            piece = letters[place : place + length]
            if len(piece) == length and piece in sounds:
                phones.append(sounds[piece])
                place += length
                break
        else:
            place += 1
        if place < len(letters) and letters[place] == letters[place - 1] and letters[place] not in "aeiou":
            place += 1  # a doubled consonant is one sound
    return " ".join(filter(None, phones))


def fold(word: str) -> str:
    """Return a word in small letters without marks but those that change the sound."""
    kept = []
    for letter in word.lower():
        bare = unicodedata.normalize("NFD", letter)[0]
        kept.append(letter if letter in _KEPT else bare)
    return "".join(letter for letter in kept if letter.isalpha())
