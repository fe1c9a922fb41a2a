"""Clients that want work done: they try again until they are answered, and write down what was promised to them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from bench.chaos.heard import ASKED
from bench.chaos.orders import CANCELLED, FINE, LONG, RENDER, SECONDS, SHORT_S, UPLOAD, Order, scenario_of
from cli.client import ApiClient, ApiProblemError
from tasks.errors import ReelyardError

PASSWORD = "battery staple of the chaos farm"
PAUSE_S = 0.3
OVER_QUOTA_PAUSE_S = 1.5
"""How long a client waits that has as much running as it may; it is told 10 s, which is meant for real renders."""
GIVE_UP_S = 240.0
PATIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request is worth sending again, as is one that another request still works on."""
IN_PROGRESS = "idempotency.in_progress"


@dataclass
class Log:
    """What happened, one JSON object a line; ``at`` is in seconds since 1970."""

    path: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, what: str, **details: Any) -> None:
        """Add one line and hand it to the system."""
        line = json.dumps({"at": round(time.time(), 3), "what": what, **details})
        with self._lock, self.path.open("a") as file:
            file.write(line + "\n")

    def read(self) -> list[dict[str, Any]]:
        """Return all lines in order."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]


@dataclass
class Customer:
    """One user with a video of each kind to render over."""

    client: ApiClient
    sources: dict[str, str] = field(default_factory=dict)


def make_users(database_url: str, count: int, *, seed: int, plan: str = "pro") -> list[str]:
    """Add accounts and return their addresses."""
    from api.database import driver_url
    from api.users.service import create_user

    addresses = [f"chaos-{seed}-{number}@example.com" for number in range(count)]
    engine = create_engine(driver_url(database_url))
    with Session(engine) as session:
        for address in addresses:
            create_user(session, address, PASSWORD, plan=plan, verified=True)
        session.commit()
    engine.dispose()
    return addresses


@contextmanager
def customers(
    api_url: str, addresses: list[str], *, kinds: tuple[str, ...] = (RENDER, LONG)
) -> Iterator[list[Customer]]:
    """Sign everybody in and bring in a video of each kind for each."""
    found = []
    try:
        for address in addresses:
            customer = Customer(ApiClient(api_url, timeout_s=15.0))
            found.append(customer)
            insist(lambda customer=customer, address=address: customer.client.login(address, PASSWORD))  # type: ignore[misc]
        for number, customer in enumerate(found):
            for kind in kinds:
                done = send_file(customer.client, Order(-1, kind, FINE, number, 0.02), key=f"source {kind}")
                customer.sources[kind] = done["asset"]["id"]
                customer.client.wait(done["job"]["id"], timeout_s=90)
        yield found
    finally:
        for customer in found:
            customer.client.close()


def listen(people: list[Customer], hooks_url: str, log: Log) -> None:
    """Make an endpoint for everybody, each at a path of its own; write down by what secret its messages are known."""
    for number, customer in enumerate(people):
        path = f"/{number}"
        wanted = {"url": hooks_url + path, "events": [ASKED]}
        made = insist(lambda client=customer.client, wanted=wanted: client.call("POST", "/webhooks", json=wanted))  # type: ignore[misc]
        log.write("listening", webhook=made["id"], path=path, secret=made["secret"])


def insist(call: Callable[[], Any]) -> Any:
    """Call until it works or the answer is final; raise after four minutes."""
    deadline = time.monotonic() + GIVE_UP_S
    while True:
        try:
            return call()
        except (ReelyardError, httpx.HTTPError) as error:
            if is_final(error) or time.monotonic() > deadline:
                raise
            over = isinstance(error, ApiProblemError) and error.status == 429
        time.sleep(OVER_QUOTA_PAUSE_S if over else PAUSE_S)


def is_final(error: Exception) -> bool:
    """Tell whether an error would come again."""
    return isinstance(error, ApiProblemError) and error.status not in PATIENT and error.code != IN_PROGRESS


def send_file(client: ApiClient, order: Order, *, key: str) -> dict[str, Any]:
    """Announce, send and complete an upload whose content is its order; return what completing answered."""
    data = order.to_bytes()
    declared = {"filename": f"{order.number}.mp4", "content_type": "video/mp4", "size_bytes": len(data)}
    headers = {"Idempotency-Key": key}
    ticket = insist(lambda: client.call("POST", "/uploads", json=declared, headers=headers))
    transfer = ticket["upload"]
    insist(lambda: _put(transfer["parts"][0]["url"], data, transfer["headers"]))
    completed: dict[str, Any] = insist(lambda: client.call("POST", f"/uploads/{ticket['id']}/complete"))
    return completed


def order_once(client: ApiClient, order: Order, source_id: str, *, key: str) -> str:
    """Order a render and return its job; raise what the first answer raises."""
    seconds = SECONDS.get(order.kind, SHORT_S)
    body = {"source_asset_id": source_id, "scenario": scenario_of(order, duration_s=seconds), "mode": "off"}
    headers = {"Idempotency-Key": key}
    return str(client.call("POST", "/renders", json=body, headers=headers)["job_id"])


def submit(customer: Customer, order: Order, log: Log) -> None:
    """Have one order accepted, and cancelled where that is its fate; write down what was answered."""
    client, key, started = customer.client, f"order {order.number}", time.monotonic()
    if order.kind == UPLOAD:
        job_id = send_file(client, order, key=key)["job"]["id"]
    else:
        job_id = insist(lambda: order_once(client, order, customer.sources[order.kind], key=key))
    took_s = round(time.monotonic() - started, 3)
    about = {"kind": order.kind, "fate": order.fate, "poison": order.poison}
    log.write("accepted", number=order.number, job=job_id, took_s=took_s, **about)
    if order.fate == CANCELLED:
        log.write("cancelled", job=job_id, number=order.number, final=cancel(client, job_id))


def cancel(client: ApiClient, job_id: str) -> bool:
    """Cancel a job; tell whether that was granted (false: it had ended already)."""
    try:
        insist(lambda: client.call("POST", f"/jobs/{job_id}/cancel"))
    except ApiProblemError as error:
        if error.code != "job.finished":
            raise
        return False
    return True


def _put(url: str, data: bytes, headers: dict[str, str]) -> None:
    httpx.put(url, content=data, headers=headers, timeout=30, trust_env=False).raise_for_status()
