"""A broker of its own for tests that stop it, and a look at what it holds."""

from __future__ import annotations

import base64
import json
from typing import Any

import redis

from tasks.names import Queue

SEPARATOR = "\x06\x16"


def messages(redis_url: str, queue: Queue) -> list[dict[str, Any]]:
    """Return the waiting messages of a queue, most urgent first: task, id, step."""
    client = redis.Redis.from_url(redis_url)
    found = [
        parse(raw, priority)
        for priority in range(10)
        for raw in reversed(client.lrange(key_of(queue, priority), 0, -1))
    ]
    client.close()
    return found


def take_message(redis_url: str, queue: Queue) -> dict[str, Any] | None:
    """Take the most urgent message off a queue, as a worker would, and lose everything else it carries."""
    client = redis.Redis.from_url(redis_url, socket_connect_timeout=0.5, retry=None)
    try:
        for priority in range(10):
            raw = client.rpop(key_of(queue, priority))
            if raw is not None:
                return parse(raw, priority)
    finally:
        client.close()
    return None


def key_of(queue: Queue, priority: int) -> str:
    """Name the list in which kombu keeps the messages of a queue and priority."""
    return f"reelyard:{queue.value}" + (f"{SEPARATOR}{priority}" if priority else "")


def parse(raw: bytes, priority: int) -> dict[str, Any]:
    """Read a Celery message."""
    message = json.loads(raw)
    args, _, embed = json.loads(base64.b64decode(message["body"]))
    headers = message["headers"]
    return {
        "task": headers["task"],
        "id": headers["id"],
        "job_id": args[0],
        "step_id": args[1]["step_id"],
        "priority": priority,
        "chain": embed.get("chain") or [],
    }
