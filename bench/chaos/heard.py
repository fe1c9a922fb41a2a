"""What webhooks must have told by the end of a run: the checker's rules about the receiver's log.

Like :mod:`bench.chaos.check` it shares no code with the system; signatures are checked by the library of the standard.
"""

from __future__ import annotations

import hmac
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from bench.chaos.rows import Rows

ENDS = frozenset({"job.succeeded", "job.failed", "job.cancelled"})
ASKED = "job.*"
"""What every endpoint asks for: all that happens to a job as a whole, without its progress."""
TOLERANCE_S = 300.0
"""How old a message may be when it comes, as the standard has it."""
UNHEARD = """SELECT e.job_id::text, e.seq, e.kind FROM event e
    WHERE e.kind IN ('job.queued', 'job.running', 'job.succeeded', 'job.failed', 'job.cancelled') ORDER BY 1, 2"""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as its owner was told of it."""

    webhook: str
    path: str
    secret: str


@dataclass(frozen=True)
class Message:
    """One message as it came; ``job``, ``seq`` and ``event`` as its body says, empty where it says nothing."""

    at: float
    path: str
    headers: dict[str, str]
    body: str
    job: str
    seq: int
    event: str

    @property
    def id(self) -> str:
        """What its receiver knows it by."""
        return self.headers.get("webhook-id", "")


def read_endpoints(log: list[dict[str, Any]]) -> dict[str, Endpoint]:
    """Return by path the endpoints that clients have made."""
    made = [line for line in log if line["what"] == "listening"]
    return {line["path"]: Endpoint(line["webhook"], line["path"], line["secret"]) for line in made}


def read_messages(received: list[dict[str, Any]]) -> list[Message]:
    """Return what came, in order."""
    found = []
    for line in received:
        try:
            told = json.loads(line["body"])
            named = {"job": told["data"]["job_id"], "seq": told["data"]["seq"], "event": told["type"]}
        except (ValueError, KeyError, TypeError):
            named = {"job": "", "seq": 0, "event": ""}
        found.append(Message(line["at"], line["path"], line["headers"], line["body"], **named))
    return found


def unheard(promised: set[str], rows: Rows, messages: list[Message]) -> Iterable[str]:
    """Find what happened to accepted jobs and was never told, and jobs that were last told of another end."""
    heard = {(one.job, one.seq, one.event) for one in messages}
    for job, seq, kind in rows.all(UNHEARD):
        if job in promised and (job, seq, kind) not in heard:
            yield f"{job} never told its {kind} ({seq})"
    last = {job: event for job, _, event in sorted(one for one in heard if one[2] in ENDS)}
    for job, state in rows.all("SELECT id::text, state FROM job WHERE state IN ('succeeded', 'failed', 'cancelled')"):
        if job in promised and last.get(job) != f"job.{state}":
            yield f"{job} has {state}, and told {last.get(job, 'no end')}"


def ends_told_twice(rows: Rows, messages: list[Message]) -> Iterable[str]:
    """Find jobs that told of more ends than they came to; the same message may come again and again."""
    ends = defaultdict(set)
    for one in messages:
        if one.event in ENDS:
            ends[one.job].add(one.id)
    runs = dict(rows.all("SELECT id::text, run FROM job"))
    for job, ids in ends.items():
        if job in runs and len(ids) > runs[job]:
            yield f"{job} told {len(ids)} ends, and came to {runs[job]}"


def out_of_order(messages: list[Message]) -> Iterable[str]:
    """Find messages that came for the first time after a later one of the same job had come."""
    known: set[tuple[str, str]] = set()
    highest: dict[tuple[str, str], int] = {}
    for one in messages:
        if (one.path, one.id) in known:
            continue
        known.add((one.path, one.id))
        stream = (one.path, one.job)
        if one.seq < highest.get(stream, 0):
            yield f"{one.job} told {one.event} ({one.seq}) after {highest[stream]}"
        highest[stream] = max(one.seq, highest.get(stream, 0))


def bad_signatures(endpoints: dict[str, Endpoint], messages: list[Message]) -> Iterable[str]:
    """Find messages that their receiver would not believe."""
    for one in messages:
        endpoint = endpoints.get(one.path)
        if endpoint is None:
            yield f"{one.id} came to {one.path}, where nobody listens"
        elif not is_signed(one, endpoint.secret):
            yield f"{one.id} at {one.path} is not signed as it should be"


def is_signed(message: Message, secret: str) -> bool:
    """Tell whether a message was good when it came.

    The library's own ``verify`` compares with the clock of now, and a run may be longer than messages are good.
    """
    try:
        sent_at = int(message.headers["webhook-timestamp"])
        given = message.headers["webhook-signature"].split(" ")
    except (KeyError, ValueError):
        return False
    wanted = Webhook(secret).sign(message.id, datetime.fromtimestamp(sent_at, UTC), message.body)
    fresh = abs(message.at - sent_at) <= TOLERANCE_S
    return fresh and any(hmac.compare_digest(wanted.encode(), one.encode()) for one in given)


def foreign_messages(endpoints: dict[str, Endpoint], rows: Rows, messages: list[Message]) -> Iterable[str]:
    """Find messages about jobs of others than the endpoint's owner."""
    own = set(rows.all("SELECT w.id::text, j.id::text FROM webhook w JOIN job j ON j.owner_id = w.owner_id"))
    for one in messages:
        if one.path in endpoints and (endpoints[one.path].webhook, one.job) not in own:
            yield f"{one.path} was told of {one.job}"


def count_messages(messages: list[Message]) -> dict[str, int]:
    """Return how many messages came, and how many of them came again."""
    different = {(one.path, one.id) for one in messages}
    return {"came": len(messages), "came again": len(messages) - len(different)}
