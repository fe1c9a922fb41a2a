"""A crowd at one process: requests begin one after the other, nobody holds a place who only waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, jsonify, request

from api import crowd
from api.errors import register_error_handlers
from api.requests import watch_edges

MOST = 2


class Gate:
    """A view that waits until it is let go, and counts who is in it."""

    def __init__(self) -> None:
        self.open, self.inside, self.most = threading.Event(), 0, 0
        self._lock = threading.Lock()

    def pass_through(self) -> None:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        assert self.open.wait(10)
        with self._lock:
            self.inside -= 1


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


@pytest.fixture
def small(gate: Gate) -> Flask:
    """An application with two places."""
    app = Flask("small")
    watch_edges(app)
    crowd.limit_crowd(app, MOST)
    register_error_handlers(app)

    @app.route("/healthz")
    def healthz() -> Any:
        return jsonify("well")

    @app.route("/work", methods=["GET", "POST"])
    def work() -> Any:
        gate.pass_through()
        return jsonify(request.get_json(silent=True))

    @app.route("/wait")
    def wait() -> Any:
        with crowd.outside():
            gate.pass_through()
        return jsonify("waited")

    @app.route("/fail")
    def fail() -> Any:
        raise ValueError("a fault of ours")

    return app


def ask(app: Flask, path: str, count: int) -> tuple[list[int], list[threading.Thread]]:
    """Ask so often at the same time; the answers' statuses come as they do."""
    statuses: list[int] = []
    asking = [
        threading.Thread(target=lambda: statuses.append(app.test_client().get(path).status_code)) for _ in range(count)
    ]
    for one in asking:
        one.start()
    return statuses, asking


def until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_no_more_work_at_once_than_there_are_places_and_all_are_served(small: Flask, gate: Gate) -> None:
    statuses, asking = ask(small, "/work", 12)
    until(lambda: gate.inside == MOST)
    time.sleep(0.2)
    assert gate.inside == MOST and statuses == []

    gate.open.set()
    for one in asking:
        one.join(10)

    assert statuses == [200] * 12
    assert gate.most == MOST


def test_who_waits_too_long_is_told_to_come_back_and_health_is_told_meanwhile(
    small: Flask, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowd, "LONGEST_WAIT_S", 0.2)
    statuses, asking = ask(small, "/work", MOST)
    until(lambda: gate.inside == MOST)

    answer = small.test_client().get("/work")

    assert answer.status_code == 503
    assert answer.get_json()["code"] == "service.database_unavailable"
    assert answer.headers["Retry-After"] == "2"
    assert small.test_client().get("/healthz").status_code == 200
    gate.open.set()
    for one in asking:
        one.join(10)
    assert statuses == [200] * MOST
    assert small.test_client().get("/work").status_code == 200


def test_who_waits_for_others_holds_no_place(small: Flask, gate: Gate) -> None:
    statuses, asking = ask(small, "/wait", 10)
    until(lambda: gate.inside == 10)

    assert small.test_client().get("/fail").status_code == 500
    gate.open.set()
    for one in asking:
        one.join(10)

    assert statuses == [200] * 10


def test_a_request_that_fails_or_is_refused_gives_its_place_back(small: Flask, gate: Gate) -> None:
    gate.open.set()
    client = small.test_client()

    for _ in range(MOST * 3):
        assert client.get("/fail").status_code == 500
        assert client.get("/nowhere").status_code == 404
        assert client.post("/work", data=b"{", content_type="application/json").status_code == 400

    assert client.post("/work", json=[1]).get_json() == [1]
    assert small.extensions[crowd.EXTENSION]._value == MOST


def test_a_body_that_comes_slowly_holds_no_place(small: Flask, gate: Gate) -> None:
    gate.open.set()
    free_meanwhile: list[int] = []

    class Slow:
        """The rest of a body; where it is read, places are counted."""

        def read(self, size: int = -1) -> bytes:
            free_meanwhile.append(small.extensions[crowd.EXTENSION]._value)
            return b"[1]" if len(free_meanwhile) == 1 else b""

        def readinto(self, buffer: bytearray) -> int:
            chunk = self.read(len(buffer))
            buffer[: len(chunk)] = chunk
            return len(chunk)

    answer = small.test_client().post(
        "/work",
        content_type="application/json",
        environ_overrides={"wsgi.input": Slow(), "CONTENT_LENGTH": "3"},
    )

    assert answer.get_json() == [1]
    assert free_meanwhile and set(free_meanwhile) == {MOST}
