"""What end-to-end tests do to a running system."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import redis

from cli.client import ENDED, ApiClient
from cli.system import System, ping_workers
from tasks.children import kill_tree

LISTENING = "0A"


@dataclass
class Stack:
    """A running system, watched while a test waits."""

    system: System

    def wait_for(self, condition: Callable[[], Any], what: str, *, timeout_s: float = 60.0) -> Any:
        """Wait until ``condition`` gives something true, restarting what died meanwhile."""
        deadline = time.monotonic() + timeout_s
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what} did not happen within {timeout_s:g} s; {self.log_ends()}"
            self.system.supervisor.tend()
            time.sleep(0.1)
        return found

    def wait_ended(self, client: ApiClient, job_id: str, *, timeout_s: float = 90.0) -> dict[str, Any]:
        """Wait until a job has ended and return it."""
        last: dict[str, Any] = {}

        def ended() -> bool:
            last.update(client.job(job_id))
            return last["state"] in ENDED

        self.wait_for(ended, f"the end of job {job_id}", timeout_s=timeout_s)
        return last

    def wait_idle(self) -> None:
        """Wait until no slot works on anything."""

        def idle() -> bool:
            url = self.system.environ["DATABASE_URL"]
            with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM step WHERE state = 'running'")
                return bool(cursor.fetchone() == (0,))

        self.wait_for(idle, "the end of all work")

    def wait_worker(self, role: str) -> None:
        """Wait until a worker answers."""
        name = self.system.layout.node_name(role)

        def answers() -> bool:
            with suppress(redis.exceptions.ConnectionError):  # it may have just been started again
                return name in ping_workers(self.system.environ["REDIS_URL"])
            return False

        self.wait_for(answers, f"{role} answering")

    def kill_worker(self, role: str) -> list[int]:
        """Kill a worker with everything below it by SIGKILL; return the process ids."""
        pid = self.system.supervisor.children()[role].pid
        tree = [pid, *descendants(pid)]
        kill_tree(pid)
        return tree

    def browsers(self) -> list[int]:
        """Return the browsers that the render worker runs now."""
        pids = descendants(self.system.supervisor.children()["render"].pid)
        return [pid for pid in pids if "chrom" in command_of(pid)]

    def log_ends(self) -> str:
        """Return the last lines of every process's log."""
        children = self.system.supervisor.children().values()
        return "\n".join(f"--- {child.name}\n{child.log_tail(12)}" for child in children)


def descendants(pid: int) -> list[int]:
    """Return all processes below one."""
    found: list[int] = []
    for table in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in table.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def listening_addresses(pids: list[int]) -> set[tuple[str, int]]:
    """Return (host, port) of every TCP socket on which the processes listen."""
    sockets: set[str] = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                sockets.add(str(descriptor.readlink()))
            except OSError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == LISTENING and f"socket:[{fields[9]}]" in sockets:
                host = socket.inet_ntoa(bytes.fromhex(address)[::-1]) if table == "tcp" else address
                found.add((host, int(port, 16)))
    return found


def command_of(pid: int) -> str:
    """Return a process's command line, empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def transcribed(stack: Stack, client: ApiClient, clip: Path) -> tuple[str, dict[str, Any]]:
    """Upload a clip and wait for its transcript; return the asset's id and the transcript."""
    upload = client.upload(clip)
    job = stack.wait_ended(client, upload["job"]["id"])
    assert job["state"] == "succeeded", job["error"]
    asset_id = upload["asset"]["id"]
    listed = client.call("GET", "/transcripts", params={"asset_id": asset_id})["items"]
    assert len(listed) == 1
    return asset_id, client.call("GET", f"/transcripts/{listed[0]['id']}")


def words_of(transcript: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the words of a transcript in order."""
    return [word for segment in transcript["document"]["segments"] for word in segment["words"]]


def caption(text: str, *, width: int, height: int, start: float = 0.2, end: float = 1.5) -> dict[str, Any]:
    """Return a scenario that shows one text."""
    from tasks.contracts import Segment, Transcript, Word
    from tasks.scenario.build import scenario_from_transcript

    each = (end - start) / len(text.split())
    words = tuple(
        Word(f"w{number}", word, start + each * number, start + each * (number + 1))
        for number, word in enumerate(text.split())
    )
    segment = Segment("s1", text, start, end, words)
    transcript = Transcript("en", 1.0, end, "test", "1", "test", "none", (segment,))
    return scenario_from_transcript(transcript, width=width, height=height)


def order(
    client: ApiClient, asset_id: str, scenario: dict[str, Any], *, key: str = "", **output: Any
) -> dict[str, Any]:
    """Order a render and return it."""
    body = {"source_asset_id": asset_id, "scenario": scenario, "output": output}
    headers = {"Idempotency-Key": key} if key else {}
    render: dict[str, Any] = client.call("POST", "/renders", json=body, headers=headers)
    return render


def quota(client: ApiClient, kind: str) -> int:
    """Return how much of a quota is used."""
    used: int = client.call("GET", "/usage")["quotas"][kind]["used"]
    return used


def results_of(client: ApiClient, source_id: str) -> list[dict[str, Any]]:
    """Return the assets that renders of a source became."""
    listed = client.call("GET", "/assets", params={"limit": 100})["items"]
    return [asset for asset in listed if asset["source_asset_id"] == source_id]
