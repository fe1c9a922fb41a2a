"""Inside of the process that runs yt-dlp: the only way out is a socket file, and nothing else may be started.

The walls are around the process (:mod:`tasks.sandbox`); where there are none, an audit hook keeps Python itself from
connecting, looking names up and starting programs. It cannot be taken off again.
"""

from __future__ import annotations

import selectors
import socket
import sys
import threading
from contextlib import suppress

_FORBIDDEN = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "socket.sendto")
_PIECE = 64 * 1024


def open_bridge(gate: str) -> int:
    """Listen on the loopback and carry each connection to the gate's socket file; return the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]

    def accept() -> None:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=carry, args=(client, gate), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.addaudithook(lambda event, given: forbid(event, given, port, gate))
    return port


def forbid(event: str, given: tuple[object, ...], port: int, gate: str) -> None:
    """Raise PermissionError for what would lead around the gate."""
    if event in _FORBIDDEN:
        raise PermissionError(f"{event} is not allowed here")
    if event in ("socket.connect", "socket.getaddrinfo"):
        where = given[1] if event == "socket.connect" else given[0]
        if where not in (gate, ("127.0.0.1", port), "127.0.0.1", b"127.0.0.1"):
            raise PermissionError(f"{where!r} cannot be reached from here")


def carry(client: socket.socket, gate: str) -> None:
    """Carry bytes between a client and the gate until either ends."""
    with client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as way, suppress(OSError):
        way.connect(gate)
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, way)
            ready.register(way, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    piece = source.recv(_PIECE)
                    if not piece:
                        return
                    key.data.sendall(piece)
