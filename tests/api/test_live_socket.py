"""The live stream over real sockets: WebSocket and Server-Sent Events tell the same; slow clients are dropped."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any
from uuid import UUID

import httpx
import pytest
from simple_websocket import Client, ConnectionClosed
from werkzeug.serving import make_server

from api.extensions import db
from api.live import stream, wire
from api.live.hub import get_hub
from api.live.models import Topic
from api.live.reading import begin_to_listen, read_told
from api.live.telling import tell_live
from api.live.wire import TooSlowError, Wire
from tests.api.farm import Caller
from tests.api.teams import found, join, sign_in
from tests.engine.line import changed_settings

OPEN: list[Client] = []
"""What a test left open when it failed would keep the server from its end."""


@pytest.fixture
def address(app: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A threaded server of the application on a port of its own, which notices soon that a client has gone."""
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.5)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    for client in OPEN:
        with suppress(ConnectionClosed):
            client.close()
    OPEN.clear()
    server.shutdown()
    thread.join()
    server.server_close()
    assert get_hub().join(15)


def open_socket(user: Caller, address: str, query: str = "") -> Client:
    ticket = user.post("/live/tickets", expect=201)["ticket"]
    OPEN.append(Client(f"ws://{address}/api/v1/live/socket?ticket={ticket}{query}"))
    return OPEN[-1]


def hear(client: Client) -> dict[str, Any]:
    text = client.receive(timeout=20)
    assert text is not None
    told: dict[str, Any] = json.loads(text)
    return told


def say(user: Caller, *numbers: int, weight: str = "") -> None:
    for number in numbers:
        tell_live(db.session(), UUID(user.id), Topic.SOUNDS, "sound_played", {"number": number, "weight": weight})
    db.session.commit()


def end(client: Client) -> None:
    client.close()
    client.thread.join(10)


def test_socket_and_event_stream_tell_the_same_and_go_on_from_an_id(user: Caller, address: str) -> None:
    client = open_socket(user, address)
    assert hear(client) == {"id": 0, "event": "ready", "data": {"topics": ["credits", "jobs", "player", "sounds"]}}
    say(user, 1, 2)
    user.expect(200, "PATCH", "/player", {"volume": 3})
    heard = [hear(client) for _ in range(3)]
    assert [(one["id"], one["event"]) for one in heard] == [
        (1, "sound_played"),
        (2, "sound_played"),
        (3, "player_state"),
    ]
    assert heard[2]["data"]["volume"] == 3
    end(client)
    again = open_socket(user, address, "&last_event_id=2&topics=player")
    assert [hear(again)["event"], hear(again)["id"]] == ["ready", 3]
    end(again)
    signed = {"Authorization": f"Bearer {user.token}", "Last-Event-ID": "0"}
    with httpx.stream("GET", f"http://{address}/api/v1/live/events", headers=signed, timeout=20) as answer:
        lines = iter(answer.iter_lines())
        data = []
        while len(data) < 4:
            line = next(lines)
            if line.startswith("data: "):
                data.append(json.loads(line[6:]))
    assert data[1:] == [one["data"] for one in heard]


@pytest.mark.parametrize(
    ("origin", "is_heard"),
    [
        ("http://{address}", True),
        ("https://{address}", True),  # behind a proxy that speaks TLS
        ("http://editor.example", True),
        ("https://editor.example", False),
        ("http://editor.example.evil.example", False),
        ("http://{address}.evil.example", False),
        ("null", False),
    ],
)
def test_only_pages_of_known_origins_open_sockets(
    app: Any, user: Caller, address: str, origin: str, is_heard: bool
) -> None:
    ticket = user.post("/live/tickets", expect=201)["ticket"]
    shake = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    shake |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": origin.format(address=address)}
    url = f"http://{address}/api/v1/live/socket?ticket={ticket}"

    with (
        changed_settings(app, cors_origins=("http://editor.example",)),
        httpx.stream("GET", url, headers=shake, timeout=20) as answer,
    ):
        assert answer.status_code == (101 if is_heard else 403)
        if not is_heard:
            answer.read()
            assert answer.json()["code"] == "live.foreign_origin"


def test_members_hear_of_the_jobs_of_their_organisation_while_they_are_in_it(user: Caller, address: str) -> None:
    studio = found(user)
    viewer, stranger = join(user, studio, "viewer"), sign_in(user.client, f"stranger-{studio[:8]}@example.com")
    for somebody in (user, stranger):
        begin_to_listen(db.session(), UUID(somebody.id))
    client = open_socket(viewer, address, "&topics=jobs")
    assert hear(client)["event"] == "ready"

    link = "https://vimeo.com/76979871"
    job = user.post("/samples", {"url": link, "organisation_id": studio}, expect=202)["job_id"]

    heard = hear(client)
    assert (heard["event"], heard["data"]["job_id"]) == ("job.queued", job)
    end(client)
    signed = {"Authorization": f"Bearer {viewer.token}", "Last-Event-ID": "0"}
    with httpx.stream("GET", f"http://{address}/api/v1/live/events?topics=jobs", headers=signed, timeout=20) as answer:
        lines = (line for line in answer.iter_lines() if line.startswith("data: "))
        assert [json.loads(next(lines)[6:]) for _ in range(2)][1] == heard["data"]
    viewer.post(f"/organisations/{studio}/leave", expect=204)
    user.post(f"/jobs/{job}/cancel", expect=202)
    user.post("/samples", {"url": link}, expect=202)
    assert heard_jobs(user)[0] == heard_jobs(viewer)[0] == job
    assert set(heard_jobs(viewer)) == {job} and len(heard_jobs(viewer)) < heard_jobs(user).count(job)
    assert len(set(heard_jobs(user))) == 2
    assert heard_jobs(stranger) == []


def heard_jobs(user: Caller) -> list[str]:
    """The jobs of the events that the user's clients were told."""
    db.session.rollback()
    return [one.data["job_id"] for one in read_told(db.session(), UUID(user.id), 0) if one.topic == "jobs"]


def test_a_client_that_speaks_is_shown_out(user: Caller, address: str) -> None:
    client = open_socket(user, address)
    hear(client)
    client.send("hello?")
    with pytest.raises(ConnectionClosed) as closed:
        for number in range(1, 50):  # it is noticed with the next event
            say(user, number)
            hear(client)
    assert closed.value.reason == 1008
    client.thread.join(10)


@pytest.mark.parametrize("path", ["socket", "events"])
def test_a_client_that_takes_nothing_is_dropped_with_a_code(
    user: Caller, address: str, path: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(wire, "SLOW_S", 0.5)
    monkeypatch.setattr(wire, "BUFFER_BYTES", 8 << 10)
    ticket = user.post("/live/tickets", expect=201)["ticket"]
    host, _, port = address.partition(":")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 10)
        slow.connect((host, int(port)))
        upgrade = (
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" if path == "socket" else ""
        )
        key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" if upgrade else ""
        request = f"GET /api/v1/live/{path}?ticket={ticket} HTTP/1.1\r\nHost: {address}\r\n{upgrade}{key}\r\n"
        slow.sendall(request.encode())
        first = slow.recv(64)
        assert first.startswith(b"HTTP/1.1 101" if upgrade else b"HTTP/1.1 200")
        for number in range(200):
            say(user, number, weight="x" * 1000)
        assert get_hub().join(20), "the stream goes on though nobody reads it"
        slow.settimeout(10)
        rest = bytearray()
        while chunk := slow.recv(65536):
            rest += chunk
    assert len(rest) < 150_000
    wanted = (
        b"\x88" + bytes([2]) + struct.pack("!H", 4008) if upgrade else b'event: dropped\ndata: {"code":"live.too_slow"}'
    )
    assert wanted in bytes(rest[-200:])


def test_a_wire_waits_for_room_and_gives_up(monkeypatch: Any) -> None:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        line = Wire({"gunicorn.socket": ours}, slow_s=0.2)
        line.wait()
        ours.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                ours.send(b"x" * 65536)
        ours.setblocking(True)
        with pytest.raises(TooSlowError):
            line.wait()
        with pytest.raises(OSError, match="unavailable"):
            line.send(b"x" * 65536)
        theirs.recv(1 << 22)
    Wire({}).wait()
