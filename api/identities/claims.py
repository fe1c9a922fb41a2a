"""Checking a token that somebody else signed."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from api.identities.keys import KeyCache

RSA_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
CURVE_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
MOST_CHARACTERS = 16_384
MAX_SUBJECT = 255
Claims = dict[str, Any]


class BadTokenError(Exception):
    """Raised for a token that must not be believed."""


class OldTokenError(BadTokenError):
    """Raised for a token that is good but for its time, which is over."""


@dataclass(frozen=True)
class Expected:
    """What a token must say.

    :param audience: must be in ``aud``, None when ``aud`` does not matter.
    :param authorized_parties: ``azp`` must be one of these; empty: it must be the audience, if there is any ``azp``.
    :param nonce: must be ``nonce``, unless None.
    """

    issuer: str
    audience: str | None
    authorized_parties: tuple[str, ...] = ()
    nonce: str | None = None
    skew_s: int = 60


def verify_token(text: str, keys: KeyCache, expected: Expected) -> Claims:
    """Return the claims of a genuine token.

    Raises OldTokenError, BadTokenError, and ``identity.unavailable`` (TransientError) without keys.
    """
    if len(text) > MOST_CHARACTERS:
        raise BadTokenError("too long")
    key = keys.find(read_kid(text))
    if key is None:
        raise BadTokenError("unknown key")
    algorithms = [CURVE_ALGORITHMS.get(key.curve_name, "")] if isinstance(key, ECKey) else RSA_ALGORITHMS
    try:
        # Issuers add headers of their own; those that the token calls critical are refused all the same
        registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
        claims = jwt.decode(text, key, algorithms=algorithms, registry=registry).claims
        check_times(claims, expected)
    except ExpiredTokenError as error:
        raise OldTokenError("expired") from error
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise BadTokenError(type(error).__name__) from error
    check_parties(claims, expected)
    return claims


def read_kid(text: str) -> str | None:
    """Return the key id that a token's header names, before anything in it is believed."""
    header = read_part(text, 0)
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise BadTokenError("key id")
    return kid


def read_part(text: str, index: int) -> Claims:
    """Return the header (0) or the claims (1) of a token without believing them; raise BadTokenError."""
    parts = text.split(".")
    try:
        read = json.loads(base64.urlsafe_b64decode(parts[index] + "=" * (-len(parts[index]) % 4)))
    except (ValueError, IndexError, RecursionError) as error:
        raise BadTokenError("no token") from error
    if len(parts) != 3 or not isinstance(read, dict):
        raise BadTokenError("no token")
    return read


def check_times(claims: Claims, expected: Expected) -> None:
    """Raise unless the token has its times, is valid now, and is not from the future."""
    required = {name: {"essential": True} for name in ("iss", "sub", "exp", "iat")}
    JWTClaimsRegistry(now=lambda: int(time.time()), leeway=expected.skew_s, **required).validate(claims)  # type: ignore[arg-type]


def check_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    """Raise unless the token is from whom and for whom it should be, about somebody, for this sign-in."""
    subject, audience, party = claims["sub"], claims.get("aud"), claims.get("azp")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims["iss"] != expected.issuer:
        raise BadTokenError("issuer")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or "\x00" in subject:
        raise BadTokenError("subject")
    if expected.audience is not None and expected.audience not in audiences:
        raise BadTokenError("audience")
    check_party(party, audiences, expected)
    if expected.nonce is not None and claims.get("nonce") != expected.nonce:
        raise BadTokenError("nonce")


def check_party(party: Any, audiences: list[Any], expected: Expected) -> None:
    """Raise unless the token was made for one of the parties that may show it."""
    if expected.authorized_parties:
        if party not in expected.authorized_parties:
            raise BadTokenError("authorized party")
    elif expected.nonce is not None:
        needed = len(audiences) > 1
        if (party is not None or needed) and party != expected.audience:
            raise BadTokenError("authorized party")
