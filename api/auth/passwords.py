"""Passwords as argon2id hashes (argon2-cffi's defaults, RFC 9106 low-memory profile)."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tasks.errors import InvalidInputError

MIN_LENGTH = 10
MIN_DIFFERENT = 5
USUAL = Path(__file__).with_name("usual_passwords.txt")
USUAL_DIGITS = 12
OUR_NAMES = ("reelyard",)
"""What a password here must not be made of: the product's names."""
KEYBOARD_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop")
_hasher = PasswordHasher()
_slots = BoundedSemaphore(os.cpu_count() or 2)
"""Each hash takes 64 MiB and a core: more at once than cores would only let strangers fill the memory."""


def hash_password(password: str) -> str:
    """Return a salted hash."""
    with _slots:
        return _hasher.hash(one_form(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Tell whether the password fits; takes as long when there is no account, so that nobody learns which exist."""
    try:
        with _slots:
            return _hasher.verify(stored or _nobody(), one_form(password)) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def one_form(password: str) -> str:
    """Return the password in one Unicode form: keyboards write the same letter differently."""
    return unicodedata.normalize("NFKC", password)


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _hasher.hash("the password of nobody")


@lru_cache(maxsize=1)
def _usual() -> frozenset[str]:
    lines = USUAL.read_text().splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def is_usual(text: str) -> bool:
    """Tell whether a case-folded password is on the list of usual ones (ASVS 5.0, 6.2.4)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:USUAL_DIGITS] in _usual()


def require_strong(password: str, email: str) -> None:
    """Raise ``user.password_weak`` for what a guesser tries first: short, repeated, in a row, usual, a name."""
    text = one_form(password).casefold()
    if len(text) < MIN_LENGTH:
        raise weak(f"A password needs at least {MIN_LENGTH} characters")
    if len(set(text)) < MIN_DIFFERENT:
        raise weak(f"A password needs at least {MIN_DIFFERENT} different characters")
    if is_row(text):
        raise weak("A password must not be a row of neighbours, like 1234567890")
    if is_usual(text):
        raise weak("A password must not be one of those that everybody tries, nor a single word")
    if any(is_made_of(text, name) for name in (email.casefold(), *email.casefold().split("@"))):
        raise weak("A password must not be made of the e-mail address")
    if any(is_made_of(text, name) for name in OUR_NAMES):
        raise weak("A password must not be made of the product's name")


def is_made_of(text: str, name: str) -> bool:
    """Tell whether nothing but a few characters, or a row of neighbours, is added to a name."""
    if text == name:
        return True
    rest = text.replace(name, "")
    return len(name) >= 4 and rest != text and (len(rest) < MIN_DIFFERENT or is_row(rest))


def is_row(text: str) -> bool:
    """Tell whether the text is neighbours only: by number, by alphabet or on a keyboard, either way round."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    if len(steps - {-9, 9}) == 1 and steps & {1, -1}:  # 9: from the end of the digits to their beginning
        return True
    return any(text in row * 4 or text[::-1] in row * 4 for row in KEYBOARD_ROWS)


def weak(reason: str) -> InvalidInputError:
    """Return the error with the reason."""
    return InvalidInputError("user.password_weak", reason)
