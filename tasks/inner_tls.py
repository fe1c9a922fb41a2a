"""What REELYARD_TLS_INSIDE asks of the ways to our own services (ring 0): TLS with a certificate that is checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, parse_qs, urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")
FORGETFUL = {"ssl_cert_reqs": ("none", "optional"), "ssl_check_hostname": ("false", "no", "0", "f", "n")}
"""Parameters of a rediss:// URL that have any certificate taken."""


def find_plain_ways(urls: Mapping[str, str]) -> list[str]:
    """Name the variables whose URLs lead over a network without TLS; never their values. Empty URLs lead nowhere."""
    return [problem for name, url in urls.items() if url for problem in _find_plain(name, url)]


def _find_plain(name: str, url: str) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.scheme == "postgresql":
        if not _is_database_secured(parts):
            yield f"{name} must say sslmode=verify-full, as REELYARD_TLS_INSIDE asks"
    elif parts.scheme == "unix" or not parts.hostname or parts.hostname in LOOPBACK:
        return
    elif parts.scheme == "rediss":
        asked = {key: values[-1].lower() for key, values in parse_qs(parts.query).items()}
        if any(asked.get(key) in values for key, values in FORGETFUL.items()):
            yield f"{name} must have the certificate checked, as REELYARD_TLS_INSIDE asks"
    elif parts.scheme != "https":
        kind = "rediss" if parts.scheme == "redis" else "https"
        yield f"{name} must be {kind}, as REELYARD_TLS_INSIDE asks"


def _is_database_secured(parts: SplitResult) -> bool:
    """Look at the host of a URL and at those that its query names: several, or one instead of the first."""
    asked = parse_qs(parts.query)
    first = [parts.hostname] if parts.hostname else []
    named = [host for value in asked.get("host", []) for host in value.split(",")]
    addresses = asked.get("hostaddr", [])
    if all(host.startswith("/") or _without_port(host) in LOOPBACK for host in [*first, *named, *addresses]):
        return True
    if addresses or (first and named):  # the certificate would be held against another name
        return False
    return asked.get("sslmode", [""])[-1].lower() == "verify-full"


def _without_port(host: str) -> str:
    """Return ``db`` for ``db:5432``; an address of IPv6 has more colons than one."""
    return host.partition(":")[0] if host.count(":") == 1 else host
