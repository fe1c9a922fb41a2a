"""What takes a real worker's processes down: each death is told with its cause, and nothing else dies."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bench.chaos import poisons
from bench.chaos.orders import FINE, POISON, UPLOAD, Order
from tasks.config import read_worker_settings
from tasks.deaths import GRACE_S, SEEN_FOR_S, UNSEEN_S, Slots, find_counter
from tasks.names import TaskName
from tasks.storage.s3 import S3Storage
from tests.integration.control_server import ControlServer
from tests.integration.test_cpu_worker import ROOT, bell, environ, publish, server, storage, wait_for

__all__ = ["environ", "server", "storage"]
GROUPS = Path("/sys/fs/cgroup")
LEASE_S = 2.0
TELLS = {
    poisons.KILLED: ("step.crashed", "signal 9"),
    poisons.CRASHED: ("step.crashed", "signal 11"),
    poisons.MEMORY: ("node.out_of_memory", "ran out of memory"),
    poisons.SLOW: ("child.timeout", "sleep took longer than 0.5 s"),
    poisons.FORKING: ("child.timeout", "sh took longer than 0.5 s"),
}
"""What the worker tells of each kind; of the one that is stuck nobody but its silence tells."""


@contextmanager
def worker(environ: dict[str, str], log: Path, *, group: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Run the worker with the bodies of the chaos bench, with two slots, in a control group where one is given."""
    command = [sys.executable, "-m", "celery", "-A", "bench.chaos.cpu_worker", "worker", "-Q", "ingest"]
    command += ["--without-gossip", "--without-mingle", "--concurrency", "2", "--hostname", f"{uuid4().hex}@test"]
    enter = f'for g in {group or "/dev"}; do [ $g = /dev ] || echo $$ > $g/cgroup.procs; done; exec "$@"'
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", enter.replace(",", " "), "sh", *command],
            env={**environ, "REELYARD_ENV": "test"}, cwd=ROOT, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def order(server: ControlServer, storage: S3Storage, step_id: str, kind: str = "") -> None:
    """Have a probe ready whose upload is poison of a kind, or none."""
    wanted = Order(1, UPLOAD, POISON if kind else FINE, 0, 0.02, kind)
    key = f"assets/{uuid4().hex}/source"
    storage.put_bytes(key, wanted.to_bytes(), content_type="video/mp4")
    source = {"object_key": key, "size_bytes": len(wanted.to_bytes())}
    server.offer(step_id, job_id="job-1", input=source, lease_s=LEASE_S, beat_s=0.2)


def ring(environ: dict[str, str], *steps: str) -> None:
    for step in steps:
        publish(environ, [bell(TaskName.INGEST_PROBE, step)])


def failures(server: ControlServer) -> dict[str, dict[str, Any]]:
    return {told["step_id"]: told["failure"] for told in server.bodies("report") if told.get("failure")}


def done(server: ControlServer) -> set[str]:
    return {told["step_id"] for told in server.bodies("report") if told.get("result")}


def children_named(pattern: str) -> list[int]:
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def test_each_death_is_told_at_once_with_its_cause_and_the_worker_goes_on(
    environ: dict[str, str], server: ControlServer, storage: S3Storage, tmp_path: Path
) -> None:
    for kind in TELLS:
        order(server, storage, kind, kind)
    for number in range(3):
        order(server, storage, f"fine-{number}")
    log = tmp_path / "worker.log"

    with worker(environ, log):
        ring(environ, *TELLS, "fine-0", "fine-1", "fine-2")
        wait_for(lambda: len(failures(server)) == len(TELLS) and len(done(server)) == 3, log, timeout_s=90)
        left = children_named("^sleep 3600$")

    told = failures(server)
    for kind, (code, says) in TELLS.items():
        assert told[kind]["code"] == code
        assert says in told[kind]["detail"]
        assert told[kind]["permanent"] is False
    assert left == []


def test_a_process_that_holds_the_interpreter_for_ever_is_ended_after_its_lease(
    environ: dict[str, str], server: ControlServer, storage: S3Storage, tmp_path: Path
) -> None:
    for step in ("stuck-0", "stuck-1"):
        order(server, storage, step, poisons.STUCK)
    order(server, storage, "fine")
    log = tmp_path / "worker.log"

    with worker(environ, log):
        ring(environ, "stuck-0", "stuck-1")
        wait_for(lambda: len(server.bodies("claim")) == 2, log)
        began = time.monotonic()
        ring(environ, "fine")  # both slots are stuck: it waits for one of them
        wait_for(lambda: done(server) == {"fine"}, log, timeout_s=90)
        waited_s = time.monotonic() - began

    assert waited_s > LEASE_S + GRACE_S + SEEN_FOR_S - 2.0
    assert log.read_text().count("process outlived its lease; it is killed") >= 1
    assert not [beat for beat in server.bodies("beat") if beat["step_id"].startswith("stuck")][10:]


def test_a_death_that_the_pool_has_missed_is_told_once(
    environ: dict[str, str], server: ControlServer, tmp_path: Path
) -> None:
    settings = replace(read_worker_settings(environ), scratch_dir=str(tmp_path))
    slots = Slots(lambda: settings)
    with subprocess.Popen(["sleep", "60"]) as process:
        note = tmp_path / f"reelyard-slot-{os.getpid()}-{process.pid}"
        told = {"job_id": "job-1", "step_id": "unseen", "token": 5, "lease_until": time.monotonic() + 60}
        note.write_text(json.dumps(told))
        slots.look()
        process.send_signal(signal.SIGSEGV)  # and nobody waits for it: it stays as a zombie
        for _ in range(4):
            slots.look()
            time.sleep(UNSEEN_S / 2)
        slots.look()
        slots.tell_death(process.pid, slots.describe("signal 11 (SIGSEGV)"))  # the pool has seen it after all
        wait_for(lambda: failures(server), tmp_path / "none.log")
        time.sleep(0.5)

    [report] = server.bodies("report")
    assert (report["step_id"], report["token"], report["failure"]["code"]) == ("unseen", 5, "step.crashed")
    assert report["failure"]["detail"] == "The step's process ended by signal 11 (SIGSEGV)"


@pytest.fixture
def group() -> Iterator[str]:
    """Control groups of version 1 with little memory and few processes; where none can be made, that is said."""
    made: list[Path] = []
    name = f"reelyard-test-{uuid4().hex[:8]}"
    try:
        for controller, file, most in (("memory", "memory.limit_in_bytes", 700 << 20), ("pids", "pids.max", 80)):
            folder = GROUPS / controller / name
            folder.mkdir()
            made.append(folder)
            (folder / file).write_text(str(most))
    except OSError as error:
        for folder in made:
            folder.rmdir()
        pytest.skip(f"control groups cannot be made here: {os.strerror(error.errno or errno.EPERM)}")
    yield ",".join(map(str, made))
    deadline = time.monotonic() + 10
    for folder in made:
        while folder.exists():
            try:
                folder.rmdir()
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)


def test_what_the_kernel_kills_for_memory_and_what_forks_too_often_is_told_so(
    environ: dict[str, str], server: ControlServer, storage: S3Storage, tmp_path: Path, group: str
) -> None:
    order(server, storage, "hungry", poisons.HUNGRY)
    order(server, storage, "bomb", poisons.BOMB)
    order(server, storage, "fine")
    log = tmp_path / "worker.log"

    with worker(environ, log, group=group):
        ring(environ, "hungry")
        wait_for(lambda: len(failures(server)) == 1, log, timeout_s=60)
        ring(environ, "bomb", "fine")
        wait_for(lambda: {"bomb", "fine"} <= {*failures(server), *done(server)}, log, timeout_s=60)
        if "fine" in failures(server):  # beside the bomb it met the limit, too: told so, and tried again
            assert failures(server)["fine"]["code"] == "node.no_processes"
            order(server, storage, "fine")
            ring(environ, "fine")
        wait_for(lambda: done(server) == {"fine"}, log, timeout_s=60)
        left = children_named("^sleep 3600$")

    told = failures(server)
    assert (told["hungry"]["code"], told["bomb"]["code"]) == ("step.out_of_memory", "node.no_processes")
    assert left == []


def test_the_counter_of_memory_kills_is_found_in_both_versions_of_control_groups(tmp_path: Path) -> None:
    one, two = tmp_path / "memory" / "a" / "memory.oom_control", tmp_path / "b" / "memory.events"
    for path in (one, two):
        path.parent.mkdir(parents=True)
        path.write_text("oom_kill 0\n")

    assert find_counter("4:memory:/a\n0::/\n", tmp_path) == one
    assert find_counter("0::/b\n", tmp_path) == two
    assert find_counter("3:cpu,cpuacct:/a\n0::/gone\n", tmp_path) is None
