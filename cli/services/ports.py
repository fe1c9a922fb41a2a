"""Free loopback ports, kept from one start to the next."""

from __future__ import annotations

import random
import socket

from tasks.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
_LOW, _HIGH = 20000, 32700  # below the usual ephemeral range, so that no outgoing connection takes one meanwhile


def is_free(port: int) -> bool:
    """Tell whether we could listen on a loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def pick_ports(names: tuple[str, ...], *, wanted: dict[str, int], saved: dict[str, int]) -> dict[str, int]:
    """Return a distinct free port for every name.

    :param wanted: ports that were asked for; a busy one raises ``port.busy``.
    :param saved: ports of the last start, used again when still free.
    """
    chosen: dict[str, int] = {}
    for name in names:
        if name in wanted:
            chosen[name] = require_free(wanted[name], name)
        elif saved.get(name) and saved[name] not in chosen.values() and is_free(saved[name]):
            chosen[name] = saved[name]
        else:
            chosen[name] = _draw(set(chosen.values()))
    return chosen


def require_free(port: int, name: str) -> int:
    """Return ``port`` or raise ``port.busy``."""
    if not is_free(port):
        raise ConfigurationError("port.busy", f"Port {port} for {name} is in use; choose another or stop what holds it")
    return port


def _draw(taken: set[int]) -> int:
    for _ in range(1000):
        port = random.randint(_LOW, _HIGH)  # noqa: S311 - not a secret
        if port not in taken and is_free(port):
            return port
    raise ConfigurationError("port.none_free", f"No free port between {_LOW} and {_HIGH}")
