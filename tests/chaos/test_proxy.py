"""The proxy fails as it says: cut is noticed at once, half-open is not noticed at all, and what is new works again."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from bench.chaos.proxy import LOOPBACK, Proxy


class Echo(socketserver.BaseRequestHandler):
    """Answers every byte with itself; tells the server what it heard."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            while data := self.request.recv(1000):
                self.server.heard.append(data)  # type: ignore[attr-defined]
                self.request.sendall(data)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), Echo)
        self.heard: list[bytes] = []


@pytest.fixture
def server() -> Iterator[EchoServer]:
    with EchoServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: EchoServer) -> Iterator[Proxy]:
    with Proxy(server.server_address[1]) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    connection = socket.create_connection((LOOPBACK, proxy.port), timeout=5)
    connection.settimeout(0.3)
    return connection


def ask(connection: socket.socket, word: bytes) -> bytes:
    connection.sendall(word)
    return connection.recv(1000)


def test_bytes_pass_both_ways_and_the_end_of_a_client_is_told(proxy: Proxy, server: EchoServer) -> None:
    with connect(proxy) as one, connect(proxy) as two:
        assert ask(one, b"one") == b"one"
        assert ask(two, b"two") == b"two"
        assert proxy.count() == 2
    deadline = threading.Event()
    for _ in range(100):
        if proxy.count() == 0:
            break
        deadline.wait(0.02)
    assert proxy.count() == 0
    assert server.heard == [b"one", b"two"]


def test_a_cut_resets_what_is_open_and_hinders_nothing_new(proxy: Proxy) -> None:
    with connect(proxy) as old:
        assert ask(old, b"before") == b"before"
        assert proxy.cut() == 1
        with pytest.raises(ConnectionResetError):
            old.recv(1000)
        with connect(proxy) as new:
            assert ask(new, b"after") == b"after"


def test_a_stalled_connection_stays_open_and_silent_and_swallows_what_is_sent(proxy: Proxy, server: EchoServer) -> None:
    with connect(proxy) as connection:
        assert ask(connection, b"before") == b"before"
        assert proxy.stall() == 1
        connection.sendall(b"lost")  # no error: nobody tells the client
        with pytest.raises(TimeoutError):
            connection.recv(1000)
        assert proxy.count() == 1
    assert server.heard == [b"before"]


def test_while_stalled_new_connections_are_accepted_and_as_silent(proxy: Proxy, server: EchoServer) -> None:
    proxy.stall()
    with connect(proxy) as connection:
        connection.sendall(b"lost")
        with pytest.raises(TimeoutError):
            connection.recv(1000)
        proxy.resume()
        connection.sendall(b"lost too")
        with pytest.raises(TimeoutError):
            connection.recv(1000)
    assert server.heard == []


def test_after_resuming_only_new_connections_work(proxy: Proxy, server: EchoServer) -> None:
    with connect(proxy) as old, connect(proxy) as other:
        assert ask(old, b"before") == b"before"
        assert ask(other, b"before") == b"before"
        assert proxy.stall() == 2
        proxy.resume()
        old.sendall(b"lost")
        with pytest.raises(TimeoutError):
            old.recv(1000)
        with connect(proxy) as new:
            assert ask(new, b"after") == b"after"
            assert proxy.cut() == 3  # the silent ones are still there
        with pytest.raises(ConnectionResetError):
            other.recv(1000)
    assert server.heard == [b"before", b"before", b"after"]


def test_a_stalled_connection_outlives_its_server(proxy: Proxy, server: EchoServer) -> None:
    with connect(proxy) as connection:
        assert ask(connection, b"before") == b"before"
        proxy.stall()
        server.shutdown()
        server.server_close()
        with pytest.raises(TimeoutError):
            connection.recv(1000)
        assert proxy.count() == 1


def test_a_server_that_is_away_is_a_reset() -> None:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    with Proxy(port) as proxy, pytest.raises(ConnectionResetError), connect(proxy) as connection:
        connection.recv(1000)
