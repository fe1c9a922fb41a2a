"""A gate between an application and one of its services, which a test can shut, open and clog."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Gate:
    """Forwards a loopback port to a service. Shut, it refuses; clogged, it takes connections and never answers."""

    def __init__(self, host: str, port: int) -> None:
        self._service = (host, port)
        self._listener: socket.socket | None = None
        self._open: list[socket.socket] = []
        self.clogged = False
        self.port = 0
        self.open()

    def open(self) -> None:
        """Let connections through, on the same port as before."""
        self.clogged = False
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """Cut every connection and refuse new ones."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def clog(self) -> None:
        """Cut what is open; take new connections and say nothing."""
        self.shut()
        self.open()
        self.clogged = True

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                self._open.append(near)
                if not self.clogged:
                    far = socket.create_connection(self._service)
                    self._open.append(far)
                    for source, target in ((near, far), (far, near)):
                        threading.Thread(target=forward, args=(source, target), daemon=True).start()


def forward(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until either side ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def gate_before(host: str, port: int) -> Iterator[Gate]:
    """Run a gate for the length of a test."""
    gate = Gate(host, port)
    try:
        yield gate
    finally:
        gate.shut()
