"""What an API token looks like: ``rly_live_``, 32 random letters and digits, and 6 that check them.

The fixed beginning and the checksum let scanners of source code tell a leaked token from noise without asking us.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM_LENGTH, CHECK_LENGTH, SHOWN_LENGTH = 32, 6, 8
MARK = "rly_"
FORM = re.compile(rf"rly_(live|test)_[0-9A-Za-z]{{{RANDOM_LENGTH + CHECK_LENGTH}}}")


@dataclass(frozen=True)
class Secret:
    """A new token: all of it, for one look; what is shown of it later; what is stored."""

    text: str
    prefix: str
    sha256: str

    def __repr__(self) -> str:
        return f"Secret({self.prefix}…)"


def make_secret(*, live: bool) -> Secret:
    """Draw a token of 190 random bits."""
    mark = f"{MARK}{'live' if live else 'test'}_"
    body = mark + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    text = body + checksum(body)
    return Secret(text, text[: len(mark) + SHOWN_LENGTH], digest(text))


def checksum(body: str) -> str:
    """Return CRC-32 of all that comes before it, in base 62."""
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECK_LENGTH):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def is_well_formed(text: str) -> bool:
    """Tell whether a text can be a token at all: its form and its checksum."""
    return FORM.fullmatch(text) is not None and checksum(text[:-CHECK_LENGTH]) == text[-CHECK_LENGTH:]


def digest(text: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(text.encode()).hexdigest()
