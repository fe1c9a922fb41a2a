"""Secrets that users entrust to us: encrypted under a key of the installation, opened only for a worker's claim."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from api.extensions import get_settings
from tasks.errors import InvalidInputError

_PURPOSE = b"reelyard publish targets"


def seal(secrets: dict[str, Any]) -> str:
    """Return secrets so that nobody reads them without the installation's key."""
    return _box().encrypt(json.dumps(secrets, sort_keys=True).encode()).decode()


def unseal(sealed: str) -> dict[str, Any]:
    """Return sealed secrets; raise ``publish_target.unreadable`` when the installation's key is another one by now."""
    try:
        opened: dict[str, Any] = json.loads(_box().decrypt(sealed.encode()))
    except InvalidToken as error:
        raise InvalidInputError(
            "publish_target.unreadable", "The target's secrets cannot be read; enter them anew"
        ) from error
    return opened


def _box() -> Fernet:
    settings = get_settings()
    key = (settings.webhooks.key or settings.jwt_secret).encode()
    return Fernet(base64.urlsafe_b64encode(hmac.digest(key, _PURPOSE, hashlib.sha256)))
