"""What is said by whom: the voices there are, and what may be asked of them (ring 0).

The table is of eSpeak NG 1.52: a voice's language (BCP 47) and the name that the engine knows it by. A test holds it
against the engine.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tasks.contracts.base import Message
from tasks.errors import InvalidInputError

LONGEST_TEXT = 2000
SLOWEST, FASTEST, USUAL = 80, 400, 175
"""Words a minute."""
VOICES: Mapping[str, str] = MappingProxyType(
    json.loads(Path(__file__).with_name("voices.json").read_text(encoding="utf-8"))
)
TIMBRES = (*(f"f{number}" for number in range(1, 6)), *(f"m{number}" for number in range(1, 9)), "whisper", "croak")
"""Other throats for any voice, as ``en-us+f3``."""


@dataclass(frozen=True)
class Speech(Message):
    """What is said: by a voice, in words a minute."""

    text: str
    voice: str
    rate: int = USUAL

    @property
    def sha256(self) -> str:
        """Return what tells it from everything else that could be said."""
        told = json.dumps(["speech", self.text, self.voice, self.rate], ensure_ascii=False)
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True)
class SpeechOrder(Message):
    """Input of step ``sounds.speak``: LUFS wanted, the highest true peak in dBTP, the most seconds it may take."""

    speech: Speech
    target_lufs: float = -14.0
    ceiling_dbtp: float = -1.0
    max_s: float = 600.0


def clean_text(text: str) -> str:
    """Return a text in one spelling, its white space as single blanks; raise ``tts.bad_text``."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if not text:
        raise InvalidInputError("tts.bad_text", "There is nothing to say")
    if len(text) > LONGEST_TEXT:
        details = {"length": len(text), "limit": LONGEST_TEXT}
        raise InvalidInputError("tts.bad_text", f"At most {LONGEST_TEXT} characters can be said at once", details)
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Co", "Cn") for sign in text):
        raise InvalidInputError("tts.bad_text", "The text has control characters in it")
    if not any(sign.isalnum() for sign in text):
        raise InvalidInputError("tts.bad_text", "The text has neither letters nor digits in it")
    return text


def find_voice(voice: str) -> str:
    """Return what the engine calls a voice (``en-us``, ``en-us+f3``); raise ``tts.unknown_voice``."""
    language, plus, timbre = voice.partition("+")
    if language not in VOICES or (plus and timbre not in TIMBRES):
        raise InvalidInputError("tts.unknown_voice", f"There is no voice {voice[:40]}; see GET /sounds/voices")
    return VOICES[language] + plus + timbre
