"""Signatures of worker callbacks: HMAC-SHA256 over method, path, timestamp and body."""

from __future__ import annotations

import hashlib
import hmac
import time

from tasks.errors import PermanentError

TIMESTAMP_HEADER = "X-Reelyard-Timestamp"
SIGNATURE_HEADER = "X-Reelyard-Signature"
TOLERANCE_S = 300


def sign(secret: str, method: str, path: str, timestamp: str, body: bytes) -> str:
    """Return the hexadecimal signature of one call."""
    head = f"{method.upper()}\n{path}\n{timestamp}\n".encode()
    return hmac.new(secret.encode(), head + body, hashlib.sha256).hexdigest()


def signed_headers(secret: str, method: str, path: str, body: bytes) -> dict[str, str]:
    """Return the two headers that a worker sends with ``body``."""
    timestamp = str(int(time.time()))
    return {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: sign(secret, method, path, timestamp, body)}


def verify(
    secret: str, method: str, path: str, headers: dict[str, str], body: bytes, *, now: float | None = None
) -> None:
    """Raise ``callback.unsigned``, ``callback.expired`` or ``callback.bad_signature`` unless the call is genuine."""
    timestamp, signature = headers.get(TIMESTAMP_HEADER, ""), headers.get(SIGNATURE_HEADER, "")
    if not timestamp or not signature:
        raise PermanentError("callback.unsigned", "The call carries no signature")
    current = time.time() if now is None else now
    if not timestamp.isdigit() or abs(current - int(timestamp)) > TOLERANCE_S:
        raise PermanentError("callback.expired", f"The timestamp is more than {TOLERANCE_S} s away from now")
    expected = sign(secret, method, path, timestamp, body)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise PermanentError("callback.bad_signature", "The signature does not fit method, path, timestamp and body")
