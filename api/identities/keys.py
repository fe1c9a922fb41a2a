"""Public keys of an issuer, kept a while: they survive the issuer being away, and change when it changes them."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from api.identities.fetching import fetch_json
from tasks.errors import TransientError

PublicKey = RSAKey | ECKey
KINDS: dict[str, type[PublicKey]] = {"RSA": RSAKey, "EC": ECKey}
FRESH_S, PAUSE_S = 3600.0, 30.0
LEAST_RSA_BITS = 2048
MOST_KEYS = 64


class KeyCache:
    """The keys behind one JWKS URL.

    An unknown key id has the keys fetched again, but at most once in ``PAUSE_S``: forged tokens must not make us a
    nuisance to the issuer.

    :param jwks_url: gives the URL; called only when keys are to be fetched.
    """

    def __init__(
        self, jwks_url: Callable[[], str], *, timeout_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._jwks_url = jwks_url
        self._timeout_s = timeout_s
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str | None, PublicKey] = {}
        self._tried_at = self._fetched_at = float("-inf")

    def find(self, kid: str | None) -> PublicKey | None:
        """Return the key of that id, or the only one for None; raise ``identity.unavailable`` without any keys.

        Who has a key never waits for others to be fetched.
        """
        known = self._pick(kid)
        if (known is None or self._is_stale()) and self._lock.acquire(blocking=known is None):
            try:
                if self._clock() - self._tried_at > PAUSE_S and (self._is_stale() or self._pick(kid) is None):
                    self._fetch()
            finally:
                self._lock.release()
        if not self._keys:
            raise TransientError("identity.unavailable", "The issuer's keys cannot be had")
        return self._pick(kid)

    def _is_stale(self) -> bool:
        return self._clock() - self._fetched_at > FRESH_S

    def _pick(self, kid: str | None) -> PublicKey | None:
        keys = self._keys
        if kid is None:
            return next(iter(keys.values())) if len(keys) == 1 else None
        return keys.get(kid)

    def _fetch(self) -> None:
        self._tried_at = now = self._clock()
        try:
            keys = read_keys(fetch_json(self._jwks_url(), timeout_s=self._timeout_s))
        except TransientError:
            return  # the keys we have go on working
        if keys:
            self._keys, self._fetched_at = keys, now


def read_keys(document: Any) -> dict[str | None, PublicKey]:
    """Return the keys of a JWKS that can verify signatures; others, and secrets in it, are left out."""
    listed = document.get("keys") if isinstance(document, dict) else None
    keys: dict[str | None, PublicKey] = {}
    for one in (listed if isinstance(listed, list) else [])[:MOST_KEYS]:
        key = read_key(one)
        if key is not None:
            kid = one.get("kid")
            keys[kid if isinstance(kid, str) else None] = key
    return keys


def read_key(one: Any) -> PublicKey | None:
    """Return one key, None unless it is an RSA or EC key for signatures of a decent size."""
    kind = one.get("kty") if isinstance(one, dict) else None
    if not isinstance(kind, str) or kind not in KINDS or one.get("use", "sig") != "sig":
        return None
    public = {name: value for name, value in one.items() if name in ("kty", "n", "e", "crv", "x", "y")}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of small keys, which are refused below
            key = KINDS[kind].import_key(public)
            small = isinstance(key, RSAKey) and key.raw_value.key_size < LEAST_RSA_BITS
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None if small else key
