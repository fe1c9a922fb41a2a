"""S-13: a message that is not JSON is not looked into, whoever could put it on the broker."""

from __future__ import annotations

import base64
import json
import os
import pickle
import uuid
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Connection
from kombu.exceptions import ContentDisallowed
from kombu.serialization import loads

from tasks.app import make_celery

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
