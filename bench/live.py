"""Hundreds of clients of the live stream at once: half by WebSocket, half by Server-Sent Events.

    python -m bench.live [--clients 500] [--users 100] [--seconds 60] [--rate 20]

Events are told at a fixed rate to users chosen by chance; each user has several clients, and each client breaks off
once and goes on from its last id. Passes when every client has every event of its user once and in order, none is lost,
and 95 of 100 events arrive within half a second. Figures are appended to ``bench/results/engine.jsonl``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import statistics
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.engine.dispatch import keep
from bench.engine.system import running_system

P95_S = 0.5
OPEN_S, SETTLE_S = 90.0, 15.0
UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
TEXT, CLOSE, PING = 0x81, 0x88, 0x89
PONG = bytes([0x8A, 0x80, 0, 0, 0, 0])
"""Frames of RFC 6455, section 5.2: the last of their messages; an empty pong behind a mask of nothing."""
KEY = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"


@dataclass
class Client:
    """One client: what it is told, and how late."""

    user: str
    tickets: list[str]
    by_socket: bool
    seen: list[int] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    ready: int = 0
    position: int = 0
    faults: list[str] = field(default_factory=list)

    def take(self, seq: int, event: str, data: dict[str, Any]) -> None:
        """Note one thing that was told."""
        if event == "ready":
            self.ready += 1
        elif event == "sound_played":
            self.seen.append(seq)
            self.late_s.append(time.monotonic() - data["sent_at"])
        else:
            self.faults.append(event)
        self.position = seq


def main() -> int:
    """Measure once; return 0 when the promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.live")
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=float, default=20.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o755)  # root's services run as nobody, who must be able to get here
        with running_system(home, workers=0) as system:
            found = measure(system.url, system.environ, options)
    keep({"bench": "live", **vars(options), **found})
    print(json.dumps(found, indent=1))
    print("PASSED" if found["passed"] else "FAILED")
    return 0 if found["passed"] else 1


def measure(url: str, environ: dict[str, str], options: argparse.Namespace) -> dict[str, Any]:
    """Open the streams, tell, and judge."""
    from api import create_app
    from api.config import read_api_settings
    from api.extensions import db

    app = create_app(read_api_settings(environ))
    with app.app_context():
        clients = make_clients(options)
        memory_mb = resident_mb(url)
        with listening(url, clients):
            opened_mb = resident_mb(url)
            told = tell(clients, options)
            time.sleep(SETTLE_S)
        db.engine.dispose()
    late = sorted(value for client in clients for value in client.late_s)
    wrong = sum(client.seen != list(range(1, told[client.user] + 1)) for client in clients)
    p95 = late[int(len(late) * 0.95)] if late else float("inf")
    faults = sum(len(client.faults) for client in clients)
    return {
        "events": sum(told.values()),
        "arrived": len(late),
        "median_ms": round(1000 * statistics.median(late), 1) if late else None,
        "p95_ms": round(1000 * p95, 1),
        "wrong_clients": wrong,
        "faults": faults,
        "mb_a_client": round((opened_mb - memory_mb) / len(clients), 3),
        "passed": wrong == 0 and faults == 0 and p95 <= P95_S,
    }


def make_clients(options: argparse.Namespace) -> list[Client]:
    """Add users and the tickets of their clients: one for the beginning, one to go on with."""
    from api.extensions import db
    from api.live.models import LiveReader, LiveTicket
    from api.live.tickets import hash_ticket
    from api.users.service import create_user

    session, ends = db.session(), datetime.now(UTC) + timedelta(hours=1)
    users = [
        create_user(session, f"live-{number}@example.com", "a long enough password", verified=True)
        for number in range(options.users)
    ]
    clients = []
    session.flush()
    session.add_all(LiveReader(user_id=user.id) for user in users)
    for number in range(options.clients):
        tickets = [secrets.token_urlsafe(32) for _ in range(2)]
        user = users[number % len(users)]
        session.add_all(LiveTicket(sha256=hash_ticket(one), user_id=user.id, expires_at=ends) for one in tickets)
        clients.append(Client(str(user.id), tickets, by_socket=number // len(users) % 2 == 0))
    session.commit()
    return clients


def tell(clients: list[Client], options: argparse.Namespace) -> dict[str, int]:
    """Tell users things at a fixed rate; return how much each was told."""
    from uuid import UUID

    from api.extensions import db
    from api.live.models import Topic
    from api.live.telling import tell_live

    chance = random.Random(7)
    told = dict.fromkeys((client.user for client in clients), 0)
    users, due = list(told), time.monotonic()
    for number in range(int(options.seconds * options.rate)):
        due += 1 / options.rate
        time.sleep(max(0.0, due - time.monotonic()))
        user = chance.choice(users)
        data = {"number": number, "sent_at": time.monotonic()}
        tell_live(db.session(), UUID(user), Topic.SOUNDS, "sound_played", data)
        db.session.commit()
        told[user] += 1
    return told


class listening:  # noqa: N801 - used as a block
    """All clients follow their streams for the length of the block."""

    def __init__(self, url: str, clients: list[Client]) -> None:
        self._url, self._clients = url, clients
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="clients")
        self._tasks: list[Any] = []

    def __enter__(self) -> None:
        self._thread.start()
        self._tasks = [asyncio.run_coroutine_threadsafe(follow(self._url, one), self._loop) for one in self._clients]
        deadline = time.monotonic() + OPEN_S
        while sum(client.ready > 0 for client in self._clients) < len(self._clients):
            if time.monotonic() > deadline:
                raise TimeoutError("not all streams are open")
            time.sleep(0.1)

    def __exit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.5), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def follow(url: str, client: Client) -> None:
    """Follow the stream, break off after some time, and go on from the last id."""
    await asyncio.sleep(random.random() * 2)
    pause_s = 5.0 + random.random() * 20
    with suppress(TimeoutError):
        await asyncio.wait_for(read(url, client, client.tickets[0], ""), pause_s)
    await read(url, client, client.tickets[1], f"&last_event_id={client.position}")


async def read(url: str, client: Client, ticket: str, more: str) -> None:
    """Read one stream until it ends."""
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        path = f"/api/v1/live/{'socket' if client.by_socket else 'events'}?ticket={ticket}{more}"
        upgrade = UPGRADE + KEY if client.by_socket else ""
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\n{upgrade}\r\n".encode())
        status = await reader.readline()
        if b" 101 " not in status and b" 200 " not in status:
            client.faults.append(status.decode())
            return
        while (await reader.readline()).strip():
            pass
        await (read_frames(reader, writer, client) if client.by_socket else read_events(reader, client))
        client.faults.append("ended")
    except OSError as error:
        client.faults.append(type(error).__name__)
    finally:
        writer.close()


async def read_frames(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: Client) -> None:
    """Take text frames, and answer pings."""
    with suppress(asyncio.IncompleteReadError):
        while True:
            kind, size = await reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await reader.readexactly(2))
            payload = await reader.readexactly(size)
            if kind == TEXT:
                told = json.loads(payload)
                client.take(told["id"], told["event"], told["data"])
            elif kind == PING:
                writer.write(PONG)
            elif kind == CLOSE:
                return


async def read_events(reader: asyncio.StreamReader, client: Client) -> None:
    """Take events of a chunked answer; lines of sizes between them match no name."""
    fields: dict[str, str] = {}
    while line := await reader.readline():
        name, _, value = line.decode().rstrip("\r\n").partition(": ")
        if name in ("id", "event", "data"):
            fields[name] = value
        if name == "data":
            client.take(int(fields.get("id", 0)), fields["event"], json.loads(value))


def resident_mb(url: str) -> float:
    """Return the memory of the API's processes."""
    port, total = str(urlsplit(url).port), 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"api.wsgi" in (told := (folder / "cmdline").read_bytes()) and port.encode() in told:
                total += int((folder / "statm").read_text().split()[1]) * 4096
    return total / 1e6


if __name__ == "__main__":
    sys.exit(main())
