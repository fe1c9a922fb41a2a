"""R13: the database's disk is full for a while, then that of the objects: refusals are typed, and nothing is lost.

Both lie on small file systems in memory, which are filled to the last byte under load. Jobs that were given up for want
of room are retried by their owners once there is room, as they are told they may, and end as all others.
"""

from __future__ import annotations

import errno
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from bench.chaos.farm import Farm
from bench.chaos.load import PASSWORD, Log, insist
from bench.chaos.rows import Rows
from cli.client import ApiClient, ApiProblemError
from tasks.errors import TransientError
from tasks.storage.base import StorageError

ROOM_MB = {"postgres": 600, "s3": 400}
FULL_S = 20.0
ASK_S = 0.25
BACK_S = 180.0
GIVEN_UP_S = 10.0
"""Until what was tried in vain has been given up."""
BLOCK = 1 << 20
TAKEN = "taken"
NO_ROOM = ("storage.%", "node.no_space")
"""Why jobs may be given up meanwhile."""


@contextmanager
def small_disks(home: Path) -> Iterator[None]:
    """Have the services' data under ``home`` lie on small file systems; raise SystemExit where that is not allowed."""
    if os.geteuid() != 0:
        raise SystemExit("This trial mounts file systems in memory, which takes root")
    with ExitStack() as stack:
        for name, size_mb in ROOM_MB.items():
            folder = disk_of(home, name)
            folder.mkdir(parents=True)
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=0700", "reelyard", str(folder)], check=True
            )
            stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=False)
        yield


def fill_disks(farm: Farm, log: Log, chance: random.Random) -> dict[str, Any]:
    """Fill one disk after the other for a while; return what clients were answered and what was given up meanwhile."""
    figures = {}
    with Rows(farm.database_url) as rows:
        address = rows.one('SELECT email FROM "user" WHERE email LIKE %s ORDER BY email LIMIT 1', "chaos-%")
    client = ApiClient(farm.layout.api_url, timeout_s=15.0)
    client.login(str(address), PASSWORD)
    for name in ROOM_MB:
        disk = disk_of(farm.layout.home, name)
        fill(disk)
        answers = ask(client, seconds=FULL_S)
        (disk / "ballast").unlink()
        if name == "s3":  # its index refuses to be written after an error, until it is opened again
            farm.services.children[name].stop()
            farm.services.start_one(name)
        log.write("settled", disk=name)
        figures[name] = {"answers": answers, "back after s": wait_back(farm), "given up": retry_given_up(farm)}
    client.close()
    return figures


def is_kept(figures: dict[str, Any]) -> bool:
    """Tell whether every answer was one that a client can act on, and work was refused only for want of room."""
    answers = Counter(answer for name in ROOM_MB for answer in figures[name]["answers"])
    return all(answer == TAKEN or answer.startswith("503 ") for answer in answers)


def disk_of(home: Path, name: str) -> Path:
    """Return where a service's data lie."""
    return home / "services" / name


def fill(disk: Path) -> None:
    """Leave not one block free."""
    with (disk / "ballast").open("wb", buffering=0) as file:
        for size in (BLOCK, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def ask(client: ApiClient, *, seconds: float) -> dict[str, int]:
    """Announce uploads all the time; return how often each answer came."""
    answers: Counter[str] = Counter()
    until = time.monotonic() + seconds
    declared = {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": 1000}
    while time.monotonic() < until:
        try:
            client.call("POST", "/uploads", json=declared)
            answers[TAKEN] += 1
        except ApiProblemError as error:
            answers[f"{error.status} {error.code}"] += 1
        except (TransientError, httpx.HTTPError) as error:
            answers[type(error).__name__] += 1
        time.sleep(ASK_S)
    return dict(answers)


def wait_back(farm: Farm) -> float:
    """Start the database again if it gave up, wait until the API is ready and objects can be stored; return seconds."""
    started = time.monotonic()
    if not farm.services.children["postgres"].is_running():
        farm.services.start_one("postgres")
    while time.monotonic() - started < BACK_S:
        with suppress(httpx.HTTPError, StorageError):
            if httpx.get(f"{farm.layout.api_url}/readyz", timeout=5, trust_env=False).status_code == 200:
                with closing(farm.open_storage()) as storage:
                    storage.put_bytes("trial/room", bytes(BLOCK), content_type="application/octet-stream")
                return round(time.monotonic() - started, 1)
        time.sleep(0.5)
    raise TimeoutError("The farm did not come back when there was room again")


def retry_given_up(farm: Farm) -> dict[str, int]:
    """Wait for what is still being tried, then retry what was given up for want of room; return how many, by code."""
    query = """SELECT j.id::text, j.error_code, u.email FROM job j JOIN "user" u ON u.id = j.owner_id
        WHERE j.state = 'failed' AND (j.error_code LIKE %s OR j.error_code = %s)"""
    found: Counter[str] = Counter()
    time.sleep(GIVEN_UP_S)
    with Rows(farm.database_url) as rows, ExitStack() as stack:
        clients: dict[str, ApiClient] = {}
        for job, code, address in rows.all(query, *NO_ROOM):
            if address not in clients:
                clients[address] = ApiClient(farm.layout.api_url, timeout_s=15.0)
                stack.callback(clients[address].close)
                clients[address].login(address, PASSWORD)
            insist(lambda client=clients[address], job=job: client.call("POST", f"/jobs/{job}/retry"))  # type: ignore[misc]
            found[code] += 1
    return dict(found)
