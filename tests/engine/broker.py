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
    found = []
    for priority in range(10):
        key = f"reelyard:{queue.value}" + (f"{SEPARATOR}{priority}" if priority else "")
        for raw in reversed(client.lrange(key, 0, -1)):
            message = json.loads(raw)
            args, _, embed = json.loads(base64.b64decode(message["body"]))
            headers = message["headers"]
            found.append(
                {
                    "task": headers["task"],
                    "id": headers["id"],
                    "job_id": args[0],
                    "step_id": args[1]["step_id"],
                    "priority": priority,
                    "chain": embed.get("chain") or [],
                }
            )
    client.close()
    return found
