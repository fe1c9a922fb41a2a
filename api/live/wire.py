"""The socket under a stream: whether it takes more, and how long one waits for that.

A client that reads nothing fills the kernel's buffers, and then its stream waits here. Nothing is queued for it in the
process; after :data:`SLOW_S` it is dropped.
"""

from __future__ import annotations

import select
import socket
import struct
from typing import Any

SLOW_S = 10.0
"""How long a client may take nothing."""
BUFFER_BYTES = 64 << 10
"""The most that the kernel keeps for a client (it doubles this for its own books)."""


class TooSlowError(Exception):
    """Raised when a client has taken nothing for too long."""


class Wire:
    """A client's socket, as far as the server hands it out; without one (in tests) it takes everything."""

    def __init__(self, environ: dict[str, Any], *, slow_s: float | None = None) -> None:
        self._socket: socket.socket | None = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
        self._slow_s = SLOW_S if slow_s is None else slow_s
        if self._socket is not None:
            whole = int(self._slow_s) + 1
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
            # What blocks all the same, a message larger than the room there is, ends with an error
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", whole, 0))

    def wait(self) -> None:
        """Return once the socket takes more; raise TooSlowError."""
        if self._socket is None:
            return
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        if not poll.poll(self._slow_s * 1000):
            raise TooSlowError

    def send(self, data: bytes) -> int:
        """Send all of it, or raise OSError: half a message is never followed by another."""
        assert self._socket is not None
        self._socket.sendall(data)
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)
