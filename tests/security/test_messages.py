"""S-13: a message that is not JSON is not looked into, whoever could put it on the broker."""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Connection
from kombu.exceptions import ContentDisallowed
from kombu.serialization import loads

from tasks.app import make_celery
from tasks.refused import KEY, MOST, Refused, list_refused, note_refused

pytestmark = pytest.mark.security("S-13")


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


def test_the_trap_works(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))

    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize("role", ["api", "control", "cpu", "render"])
@pytest.mark.parametrize(
    "kind",
    ["application/x-python-serialize", "application/x-yaml", "application/x-msgpack", "pickle"],
)
def test_no_process_accepts_anything_but_json(tmp_path: Path, role: str, kind: str) -> None:
    conf = make_celery(role, redis_url="redis://127.0.0.1:1/0").conf
    message = pickle.dumps(Trap(tmp_path / "sprung"))

    for accepted in (conf.accept_content, conf.result_accept_content):
        with pytest.raises(ContentDisallowed):
            loads(message, kind, "binary", accept=accepted)
    assert not (tmp_path / "sprung").exists()


def test_a_pickle_on_the_queue_is_refused_by_a_consumer(services: Any, tmp_path: Path) -> None:
    url, queue = services.environ["REDIS_URL"], f"trap-{uuid.uuid4().hex}"
    app = make_celery("cpu", redis_url=url)
    body = base64.b64encode(pickle.dumps(Trap(tmp_path / "sprung"))).decode()
    delivery = {"exchange": "", "routing_key": queue}
    properties = {"body_encoding": "base64", "delivery_tag": uuid.uuid4().hex, "delivery_info": delivery, "priority": 0}
    message = {"body": body, "content-type": "application/x-python-serialize", "content-encoding": "binary"}
    client = redis.Redis.from_url(url)
    client.lpush(queue, json.dumps({**message, "headers": {"task": "x", "id": "1"}, "properties": properties}))
    try:
        with Connection(url) as connection:
            consumer = connection.SimpleQueue(queue, no_ack=True, accept=app.conf.accept_content)
            with pytest.raises(ContentDisallowed):
                consumer.get(timeout=5)
    finally:
        client.delete(queue)
        client.close()
    assert not (tmp_path / "sprung").exists()


SIGNED = "application/data"
ENVELOPE = {"content-encoding": "utf-8", "content-type": "application/json"}


def message(body: bytes, headers: Any, **envelope: Any) -> str:
    """Return what the broker holds of a message."""
    delivery = {"exchange": "reelyard", "routing_key": "ingest"}
    properties = {"body_encoding": "base64", "delivery_tag": uuid.uuid4().hex, "delivery_info": delivery, "priority": 0}
    told = {**ENVELOPE, **envelope, "headers": headers, "properties": properties}
    return json.dumps({**told, "body": base64.b64encode(body).decode()})


def call(path: Path, size: int = 0) -> bytes:
    """Return a body that calls the worker's task."""
    return json.dumps([[str(path)], {}, {"callbacks": None, "filler": "x" * size}]).encode()


def forged(sprung: Path) -> dict[str, tuple[str, str]]:
    """Return messages that nobody may execute, with the reason that each is refused for."""
    trap, known = pickle.dumps(Trap(sprung)), {"task": "touch", "id": "1", "lang": "py"}
    return {
        "pickle": (message(trap, known, **{"content-type": "application/x-python-serialize"}), "not_json"),
        "yaml": (message(b"!!python/object/apply:os.system [x]", known, **{"content-type": "yaml"}), "not_json"),
        "msgpack": (message(b"\x93", known, **{"content-type": "application/x-msgpack"}), "not_json"),
        "signed": (message(call(sprung), known, **{"content-type": SIGNED}), "malformed"),
        "no-type": (message(trap, known, **{"content-type": None}), "malformed"),
        "unknown": (message(call(sprung), {"task": "os.system", "id": "1"}), "unknown_task"),
        "unknown-pickle": (
            message(trap, {"task": "os.system"}, **{"content-type": "application/x-python-serialize"}),
            "unknown_task",
        ),
        "no-task": (message(call(sprung), {}), "malformed"),
        "no-headers": (message(call(sprung), None), "malformed"),
        "list-for-task": (message(call(sprung), {"task": ["touch"], "id": "1"}), "malformed"),
        "huge": (message(call(sprung, size=50_000_000), known), "too_large"),
    }


def clear(client: redis.Redis) -> None:
    """Empty the queue, whatever the priority of what other tests left there, and the list of refused messages."""
    client.delete(KEY, *client.keys("reelyard:ingest*"))


@pytest.fixture
def broker(services: Any) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(services.environ["REDIS_URL"]) as client:
        clear(client)
        yield client
        clear(client)


def test_a_worker_refuses_forged_messages_notes_them_and_works_on(
    services: Any, broker: redis.Redis, tmp_path: Path
) -> None:
    sprung, done, log = tmp_path / "sprung", tmp_path / "done", tmp_path / "log"
    messages = forged(sprung)
    for text, _ in messages.values():
        broker.lpush("reelyard:ingest", text)
    broker.lpush("reelyard:ingest", message(call(done), {"task": "touch", "id": "2", "lang": "py"}))
    command = [sys.executable, "-m", "celery", "-A", "tests.security.message_worker", "worker", "-Q", "ingest"]
    command += ["--without-gossip", "--without-mingle", "--concurrency", "1", "--hostname", "forged@test"]
    with log.open("wb") as output:
        worker = subprocess.Popen(command, env={**os.environ, **services.environ}, stdout=output, stderr=output)
        try:
            wait_until(done.exists, worker, log)
        finally:
            worker.terminate()
            worker.wait(60)

    noted = list_refused(broker, limit=100)
    assert not sprung.exists()
    assert dict(zip(messages, (one.reason for one in reversed(noted)), strict=True)) == {
        name: reason for name, (_, reason) in messages.items()
    }
    assert {one.node for one in noted} == {"forged@test"}
    assert max(one.size_bytes for one in noted) > 50_000_000
    assert broker.llen("reelyard:ingest") == 0


def wait_until(condition: Callable[[], bool], worker: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert worker.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.1)


def test_the_list_of_refusals_is_capped_and_holds_no_body(broker: redis.Redis, services: Any) -> None:
    one = Refused("2026-01-01T00:00:00+00:00", "n", "ingest", "malformed", "t", "application/json", 3, "0" * 64)
    broker.lpush(KEY, *["{}"] * (MOST + 5))

    note_refused(services.environ["REDIS_URL"], one)

    assert broker.llen(KEY) == MOST
    assert list_refused(broker, limit=1) == [one]
