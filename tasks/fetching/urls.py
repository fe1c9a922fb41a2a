"""Reading a URL of a stranger strictly: what two parsers could read in two ways is refused."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urljoin

import idna

from tasks.errors import PermanentError

LONGEST = 2048
PORTS = {"http": 80, "https": 443}
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[^\[\]/?#@:]+)(?::(?P<port>[0-9]{1,5}))?(?P<target>[/?][^#]*)?(?:#.*)?",
    re.IGNORECASE | re.DOTALL,
)
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\<>\"^`{|}\u0080-\u00a0\u2028\u2029\ufeff\ud800-\udfff]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
_INNER = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "arpa", "onion", "test")
"""Last labels that lead to no public host; names of a host's own network never reach the resolver."""


@dataclass(frozen=True)
class Target:
    """A URL taken apart: ``host`` is a lower-case ASCII name or an address, ``path`` begins with a slash."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host, and port where it is not the usual one, as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL written anew from its parts."""
        return f"{self.scheme}://{self.authority}{self.path}"


def read_url(text: str, *, inside: bool = False) -> Target:
    """Take a URL apart; raise PermanentError ``url.refused`` unless it is plain http(s) on its usual port.

    :param inside: take any port and names of inner networks, too.
    """
    if not isinstance(text, str) or len(text) > LONGEST:
        _refuse("The address is too long")
    if _UNSAFE.search(text):
        _refuse("The address holds characters that have no place in one")
    found = _URL.fullmatch(text)
    if found is None:
        _refuse("The address must be http or https, without a user name")
    scheme = found["scheme"].lower()
    port = PORTS[scheme] if found["port"] is None else int(found["port"])
    if port != PORTS[scheme] and not (inside and 0 < port < 65536):
        _refuse("Only the usual ports of http and https are fetched from")
    path = found["target"] or "/"
    path = path if path.startswith("/") else f"/{path}"
    return Target(scheme, _read_host(found["host"], inside=inside), port, _ascii_path(path))


def follow(base: Target, location: str, *, inside: bool = False) -> Target:
    """Return where a redirect leads, read as strictly as the first URL; never from https back to http."""
    if len(location) > LONGEST or _UNSAFE.search(location):
        _refuse("The redirect leads to a broken address")
    target = read_url(urljoin(base.url, location), inside=inside)
    if base.scheme == "https" and target.scheme != "https":
        _refuse("The redirect leads from https to http")
    return target


def _read_host(text: str, *, inside: bool) -> str:
    if text.startswith("["):
        return _literal(text[1:-1])
    if "%" in text:
        _refuse("The host name is escaped")
    name = _to_ascii(text).lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _literal(name)
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        _refuse("The host is no name")
    if inside:
        return name
    if len(labels) < 2:
        _refuse("The host is no public name")
    if labels[-1] in _INNER:
        _refuse("The host is a name of an inner network")
    return name


def _literal(text: str) -> str:
    """Accept addresses in their one usual form: 0177.1, 0x7f000001 and 2130706433 are none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        _refuse("The host is a number that is no address")


def _to_ascii(text: str) -> str:
    if text.isascii():
        return text
    try:
        return idna.encode(text, uts46=True).decode()
    except idna.IDNAError:
        _refuse("The host name cannot be written as DNS spells it")


def _ascii_path(path: str) -> str:
    return "".join(
        letter if letter.isascii() else "".join(f"%{byte:02X}" for byte in letter.encode()) for letter in path
    )


def _refuse(why: str) -> NoReturn:
    raise PermanentError("url.refused", why)
