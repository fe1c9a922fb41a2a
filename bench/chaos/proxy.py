"""A TCP proxy that fails as networks do: it cuts connections, or leaves them half open for good.

What a stalled connection was sent is swallowed, and nobody is told: that is a path that lost its state, and the fault
that clients notice last. A stalled connection never comes back; after :meth:`Proxy.resume` only new ones work.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

LOOPBACK = "127.0.0.1"
BLOCK = 1 << 16
_RESET = struct.pack("ii", 1, 0)

T = TypeVar("T")


@dataclass(eq=False)
class _Connection:
    """Both ends of one connection through the proxy."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    stalled: bool = False

    def is_silent(self) -> bool:
        """Tell whether nothing gets through."""
        return self.stalled

    def reset(self) -> None:
        """End both ends with RST, as a peer does that knows nothing of the connection."""
        for writer in filter(None, (self.client, self.server)):
            raw = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()


@dataclass
class Proxy:
    """A listener on a free loopback port in front of another one; a context manager.

    Every method may be called from any thread.
    """

    target: int
    port: int = 0
    _stalling: bool = False
    _connections: set[_Connection] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen; ``port`` says where."""
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._do(self._listen())
        return self

    def stop(self) -> None:
        """Reset every connection and stop listening."""
        if self._thread is None:
            return
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._thread = None

    def cut(self) -> int:
        """Reset every connection; return how many. New ones are not hindered."""
        return self._call(self._cut)

    def stall(self) -> int:
        """Leave every connection half open for good; return how many. New ones are accepted and as silent."""
        return self._call(self._stall)

    def resume(self) -> None:
        """Let new connections through again."""
        self._call(lambda: setattr(self, "_stalling", False))

    def count(self) -> int:
        """Return how many connections are open at the client's end, stalled ones included."""
        return self._call(lambda: len(self._connections))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _call(self, work: Callable[[], T]) -> T:
        async def run() -> T:
            return work()

        return self._do(run())

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port, backlog=128)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        self._cut()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _cut(self) -> int:
        found = list(self._connections)
        for connection in found:
            connection.reset()
        return len(found)

    def _stall(self) -> int:
        self._stalling = True
        for connection in self._connections:
            connection.stalled = True
        return len(self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer, stalled=self._stalling)
        self._connections.add(connection)
        try:
            await self._join(connection, reader)
        except (OSError, asyncio.CancelledError):  # the latter when we stop
            connection.reset()
        finally:
            self._connections.discard(connection)
            for end in filter(None, (connection.client, connection.server)):
                end.close()

    async def _join(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        """Carry bytes both ways until the client leaves, or the server does while the path is whole."""
        if connection.stalled:
            return await _pump(connection, reader, lambda: None)
        answers, connection.server = await asyncio.open_connection(LOOPBACK, self.target)
        there = asyncio.create_task(_pump(connection, reader, lambda: connection.server))
        back = asyncio.create_task(_pump(connection, answers, lambda: connection.client))
        try:
            done, _ = await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            if there not in done and connection.is_silent():  # the server's end is not heard of any more
                await there
            for task in done:
                task.result()
        finally:
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)


async def _pump(
    connection: _Connection, source: asyncio.StreamReader, sink: Callable[[], asyncio.StreamWriter | None]
) -> None:
    while data := await source.read(BLOCK):
        target = sink()
        if connection.stalled or target is None:
            continue
        target.write(data)
        await target.drain()
