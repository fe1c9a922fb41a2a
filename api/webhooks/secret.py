"""Secrets of endpoints, and what a receiver checks a message by.

A secret is HMAC-SHA256 of the endpoint's salt under a key of the installation, and stored nowhere: the database alone
opens nothing, nor does the key alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

from standardwebhooks import Webhook as Signer

from api.config import ApiSettings

PREFIX = "whsec_"
_PURPOSE = b"reelyard webhooks"


def installation_key(settings: ApiSettings) -> str:
    """Return what all secrets are made of: a key of its own, or the tokens' secret where there is none."""
    return settings.webhooks.key or settings.jwt_secret


def new_salt() -> str:
    """Draw 256 random bits, as hexadecimal digits."""
    return secrets.token_hex(32)


def secret_of(salt: str, server_secret: str) -> str:
    """Return the secret of a salt as receivers are given it: ``whsec_`` and 32 bytes in base64."""
    key = hmac.digest(server_secret.encode(), _PURPOSE, hashlib.sha256)
    return PREFIX + base64.b64encode(hmac.digest(key, bytes.fromhex(salt), hashlib.sha256)).decode()


def fingerprint(secret: str) -> str:
    """Return what is kept of a secret to notice that the installation's key has changed."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def signed_headers(secrets: list[str], message_id: str, at: datetime, body: str) -> dict[str, str]:
    """Return the headers of a message by Standard Webhooks 1.0: a signature for every secret that is good now.

    :param at: when it is sent, in UTC.
    """
    signatures = [Signer(secret).sign(message_id, at, body) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
