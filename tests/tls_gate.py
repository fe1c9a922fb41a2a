"""TLS in front of a service that speaks none here: what a client sees of a server with a certificate."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""How a PostgreSQL client asks for TLS before it begins; 'S' is the answer of a server that has it."""


@contextmanager
def tls_gate(context: ssl.SSLContext, target: tuple[str, int], *, postgres: bool = False) -> Iterator[int]:
    """Serve on a loopback port and hand each connection's plain bytes on to the target; yield the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def accept() -> None:
        while not over.is_set():
            with suppress(OSError):
                plain, _ = listener.accept()
                threading.Thread(target=serve, args=(plain, context, target, postgres), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        over.set()
        with suppress(OSError):  # wakes the thread that accepts
            socket.create_connection(listener.getsockname(), timeout=1).close()
        thread.join(5)
        listener.close()


def serve(plain: socket.socket, context: ssl.SSLContext, target: tuple[str, int], postgres: bool) -> None:
    """Begin TLS and copy both ways until one side ends; a client that wants none is left without an answer."""
    with suppress(OSError), plain:
        if postgres:
            if plain.recv(8, socket.MSG_WAITALL) != SSL_REQUEST:
                return
            plain.sendall(b"S")
        with context.wrap_socket(plain, server_side=True) as inside, socket.create_connection(target) as beyond:
            back = threading.Thread(target=copy, args=(beyond, inside), daemon=True)
            back.start()
            copy(inside, beyond)
            back.join(5)


def copy(source: socket.socket, sink: socket.socket) -> None:
    """Hand on what comes, and the end."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
