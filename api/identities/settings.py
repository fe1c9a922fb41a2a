"""Providers and issuers, as the environment says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

IDENTITY_VARIABLES = {
    "google_client_id": "REELYARD_GOOGLE_CLIENT_ID",
    "google_client_secret": "REELYARD_GOOGLE_CLIENT_SECRET",
    "google_issuer": "REELYARD_GOOGLE_ISSUER",
    "github_client_id": "REELYARD_GITHUB_CLIENT_ID",
    "github_client_secret": "REELYARD_GITHUB_CLIENT_SECRET",
    "github_url": "REELYARD_GITHUB_URL",
    "github_api_url": "REELYARD_GITHUB_API_URL",
    "issuers": "REELYARD_ISSUERS",
    "timeout_s": "REELYARD_IDENTITY_TIMEOUT_S",
    "skew_s": "REELYARD_CLOCK_SKEW_S",
}
LOOPBACK = ("127.0.0.1", "::1", "localhost")
ISSUER_KEYS = {"issuer", "jwks_url", "audience", "authorized_parties", "email_claim", "email_verified_claim"}


@dataclass(frozen=True)
class IdentitySettings:
    """Clients at providers; ``issuers`` is the JSON text that :func:`parse_issuers` reads."""

    google_client_id: str
    google_client_secret: str = field(repr=False)
    google_issuer: str
    github_client_id: str
    github_client_secret: str = field(repr=False)
    github_url: str
    github_api_url: str
    issuers: str
    timeout_s: float
    skew_s: int


@dataclass(frozen=True)
class Issuer:
    """Somebody else whose tokens let people in.

    :param audience: must be in ``aud``; None where the issuer writes none, and then ``authorized_parties`` is needed.
    :param authorized_parties: what ``azp`` must be one of; empty when it does not matter.
    :param email_claim: claim that holds the address.
    :param email_verified_claim: claim that must be true before the address counts.
    """

    issuer: str
    jwks_url: str
    audience: str | None
    authorized_parties: tuple[str, ...]
    email_claim: str
    email_verified_claim: str


def parse_issuers(text: str) -> list[Issuer]:
    """Read the JSON list of issuers; raise ValueError with what is wrong."""
    try:
        listed = json.loads(text) if text else []
    except ValueError as error:
        raise ValueError("must be JSON") from error
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise ValueError("must be a JSON list of objects")
    issuers = [parse_issuer(one) for one in listed]
    if len({one.issuer for one in issuers}) != len(issuers):
        raise ValueError("names an issuer twice")
    return issuers


def parse_issuer(one: dict[str, Any]) -> Issuer:
    """Read one issuer; a token must be bound to us by ``audience`` or ``authorized_parties``."""
    if set(one) - ISSUER_KEYS:
        raise ValueError(f"has unknown keys: {', '.join(sorted(set(one) - ISSUER_KEYS))}")
    parties = one.get("authorized_parties", [])
    if not isinstance(parties, list) or not all(isinstance(party, str) for party in parties):
        raise ValueError("has authorized_parties that are not a list of texts")
    texts = {name: one.get(name) for name in ISSUER_KEYS - {"authorized_parties"}}
    if not all(value is None or (isinstance(value, str) and value) for value in texts.values()):
        raise ValueError("has values that are not text")
    if texts["audience"] is None and not parties:
        raise ValueError("needs audience or authorized_parties, or tokens made for others would be good here")
    for name in ("issuer", "jwks_url"):
        require_safe_url(name, texts[name])
    return Issuer(
        issuer=str(texts["issuer"]),
        jwks_url=str(texts["jwks_url"]),
        audience=texts["audience"],
        authorized_parties=tuple(parties),
        email_claim=texts["email_claim"] or "email",
        email_verified_claim=texts["email_verified_claim"] or "email_verified",
    )


def require_safe_url(name: str, value: str | None) -> None:
    """Raise ValueError unless it is https, or http on this machine."""
    parts = urlsplit(value or "")
    if len(value or "") > 255:
        raise ValueError(f"has a {name} of more than 255 characters")
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return
    raise ValueError(f"needs {name} as an https URL")


def check_identity(settings: IdentitySettings) -> list[str]:
    """Name what is half configured or unsafe."""
    problems = []
    for name in ("google", "github"):
        if bool(getattr(settings, f"{name}_client_id")) != bool(getattr(settings, f"{name}_client_secret")):
            upper = f"REELYARD_{name.upper()}_CLIENT"
            problems.append(f"{upper}_ID and {upper}_SECRET belong together")
    for name in ("google_issuer", "github_url", "github_api_url"):
        try:
            require_safe_url(name, getattr(settings, name))
        except ValueError:
            problems.append(f"{IDENTITY_VARIABLES[name]} must be https, or http on this machine")
    try:
        parse_issuers(settings.issuers)
    except ValueError as error:
        problems.append(f"REELYARD_ISSUERS {error}")
    return problems
