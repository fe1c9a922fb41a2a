"""What a production process refuses to start with: settings that are handy on a desk and an open door on a server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tasks.values import flag

if TYPE_CHECKING:
    from api.config import ApiSettings

LOOPBACK = ("127.0.0.1", "::1", "localhost")
FEWEST_LETTERS = 10
"""Different characters in a secret of 32 bytes; random ones have far more."""
PLACEHOLDER = re.compile(
    r"change.?me|change.?this|replace.?(me|this|with)|your.?secret|insecure|tests.?only|example", re.I
)
KNOWN_PASSWORDS = frozenset(
    (
        *("admin", "any", "guest", "letmein", "minio", "minio123", "minioadmin", "minioadmin123"),
        *("none", "password", "passwd", "postgres", "qwerty", "redis", "reelyard", "root"),
        *("s3cr3t", "secret", "some_secret_key", "test", "valkey", "12345678", "123456"),
    )
)
DEBUG_FLAGS = ("FLASK_DEBUG", "PYTHONDEVMODE", "FLOWER_UNAUTHENTICATED_API")
MOST_SIGN_INS = 600
"""A minute and address; above it passwords can be guessed as fast as they can be hashed."""


def find_weaknesses(settings: ApiSettings, environ: Mapping[str, str]) -> list[str]:
    """Name every weak setting, never its value."""
    return [*_weak_secrets(settings), *_weak_services(settings), *_open_doors(settings), *_weak_flags(environ)]


def _weak_secrets(settings: ApiSettings) -> Iterator[str]:
    secrets = {"REELYARD_JWT_SECRET": settings.jwt_secret, "REELYARD_CALLBACK_SECRET": settings.callback_secret}
    if settings.webhooks.key:
        secrets["REELYARD_WEBHOOK_KEY"] = settings.webhooks.key
    for name, secret in secrets.items():
        if PLACEHOLDER.search(secret):
            yield f"{name} is a placeholder; make one with: openssl rand -hex 32"
        elif len(set(secret)) < FEWEST_LETTERS:
            yield f"{name} repeats a few characters; make one with: openssl rand -hex 32"


def _weak_services(settings: ApiSettings) -> Iterator[str]:
    database, redis = urlsplit(settings.database_url), urlsplit(settings.redis_url)
    if _is_known(database.password, database.username):
        yield "DATABASE_URL needs a password that nobody knows"
    if redis.scheme != "unix" and _is_known(redis.password, redis.username):
        yield "REDIS_URL needs a password that nobody knows: who reaches Redis decides what workers do"
    if _is_known(settings.storage.s3_secret_key, settings.storage.s3_access_key):
        yield "AWS_SECRET_ACCESS_KEY is one that everybody knows"


def _is_known(password: str | None, user: str | None) -> bool:
    text = unquote(password or "")
    return not text or text.lower() in KNOWN_PASSWORDS or text == user or bool(PLACEHOLDER.search(text))


def _open_doors(settings: ApiSettings) -> Iterator[str]:
    if {"*", "null"} & set(settings.cors_origins):
        yield "REELYARD_CORS_ORIGINS must name origins in production, not * or null"
    for name, url in (
        ("REELYARD_PUBLIC_URL", settings.public_url),
        ("REELYARD_S3_PUBLIC_URL", settings.storage.s3_public_url),
        ("REELYARD_CDN_URL", settings.storage.cdn_url),
    ):
        if url.startswith("http://") and urlsplit(url).hostname not in LOOPBACK:
            yield f"{name} must be https, or tokens and files travel in the open"
    amount, _, period = settings.auth_rate.partition(" per ")
    if period.strip() == "minute" and amount.strip().isdigit() and int(amount) > MOST_SIGN_INS:
        yield f"REELYARD_AUTH_RATE may be {MOST_SIGN_INS} per minute at most"


def _weak_flags(environ: Mapping[str, str]) -> Iterator[str]:
    for name in DEBUG_FLAGS:
        if _is_on(environ.get(name, "")):
            yield f"{name} is not for production"
    if environ.get("REELYARD_FAILPOINTS"):
        yield "REELYARD_FAILPOINTS is for tests: it makes processes die"


def _is_on(value: str) -> bool:
    try:
        return flag(value)
    except ValueError:
        return bool(value)
