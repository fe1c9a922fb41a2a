"""Many event streams held open at once, each over a connection of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

OPEN_S, AGAIN_S = 60.0, 1.0


@dataclass
class Streams:
    """What is seen of the streams: how many are open, how many the server ended or never opened."""

    open: int = 0
    lost: int = 0
    refused: int = 0
    _all_open: threading.Event = field(default_factory=threading.Event)


@contextmanager
def open_streams(base: str, token: str, jobs: list[str]) -> Iterator[Streams]:
    """Follow each of the jobs for the length of the block; raise TimeoutError unless all are open within a minute."""
    streams = Streams()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="streams")
    thread.start()
    watching = [asyncio.run_coroutine_threadsafe(_follow(streams, base, token, job, len(jobs)), loop) for job in jobs]
    try:
        if jobs and not streams._all_open.wait(OPEN_S):
            raise TimeoutError(f"{streams.open} of {len(jobs)} streams were open after {OPEN_S:g} s")
        yield streams
    finally:
        for one in watching:
            one.cancel()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.2), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _follow(streams: Streams, base: str, token: str, job: str, count: int) -> None:
    writer = None
    try:
        reader, writer = await _open(streams, urlsplit(base), token, job)
        streams.open += 1
        if streams.open == count:
            streams._all_open.set()
        while await reader.read(65536):
            pass
        streams.lost += 1
    except OSError:
        streams.lost += 1
    finally:
        if writer is not None:
            writer.close()


async def _open(
    streams: Streams, where: SplitResult, token: str, job: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a stream; who is told to come back does so, as browsers do, and is counted. Raise OSError otherwise."""
    lines = (f"GET /api/v1/jobs/{job}/events HTTP/1.1", f"Host: {where.netloc}", f"Authorization: Bearer {token}")
    while True:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        status = await reader.readline()
        if b" 200 " in status:
            return reader, writer
        writer.close()
        if b" 503 " not in status:
            raise OSError(f"a stream was answered {status!r}")
        streams.refused += 1
        await asyncio.sleep(AGAIN_S)
