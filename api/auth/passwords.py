"""Passwords as argon2id hashes (argon2-cffi's defaults, RFC 9106 low-memory profile)."""

from __future__ import annotations

import os
from functools import lru_cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()
_slots = BoundedSemaphore(os.cpu_count() or 2)
"""Each hash takes 64 MiB and a core: more at once than cores would only let strangers fill the memory."""


def hash_password(password: str) -> str:
    """Return a salted hash."""
    with _slots:
        return _hasher.hash(password)


def verify_password(stored: str | None, password: str) -> bool:
    """Tell whether the password fits; takes as long when there is no account, so that nobody learns which exist."""
    try:
        with _slots:
            return _hasher.verify(stored or _nobody(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _hasher.hash("the password of nobody")
