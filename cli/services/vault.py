"""Secrets of one home folder: generated once, kept in a file that only its owner reads."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

_GENERATED = {
    "postgres_password": 24,
    "redis_password": 24,
    "s3_access_key": 12,
    "s3_secret_key": 32,
    "s3_internal_key": 32,
    "jwt_secret": 48,
    "callback_secret": 48,
    "webhook_key": 48,
    "flower_password": 18,
}
"""Names of the secrets and the bytes of randomness in each."""


def open_vault(home: Path) -> dict[str, str]:
    """Return the home folder's secrets, generating those that are missing."""
    path = home / "secrets.json"
    home.mkdir(parents=True, exist_ok=True)
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    older = {"webhook_key": known["jwt_secret"]} if "jwt_secret" in known and "webhook_key" not in known else {}
    missing = {name: secrets.token_hex(size) for name, size in _GENERATED.items() if name not in known}
    missing |= older  # endpoints' secrets were made of it before they had a key of their own
    if missing:
        known |= missing
        write_private(path, json.dumps(known, indent=1))
    return known


def write_private(path: Path, content: str) -> None:
    """Write a file with mode 0600, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    draft.replace(path)
