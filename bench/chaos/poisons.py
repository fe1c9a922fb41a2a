"""Ways in which a job can take down what works on it, and what each of them has to end as."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bench.chaos.rows import Rows
from tasks.attempt import StepContext

ATTEMPTS = 3
POISON_CODE = "job.poison"
KILLED, CRASHED, MEMORY, STUCK, SLOW, FORKING = "killed", "crashed", "memory", "stuck", "slow", "forking"
KINDS = (KILLED, CRASHED, MEMORY, STUCK, SLOW, FORKING)
HUNGRY, BOMB = "hungry", "bomb"
"""Two more for hosts whose control group bounds memory and processes: others would be their prey."""
SILENT = "step.worker_lost"
CHILDREN = 40
_CHILD_S = 0.5
_ROOM_BYTES = 64 << 20


@dataclass(frozen=True)
class End:
    """What a kind of poison ends as.

    :param code: of the job.
    :param cause: of its attempts; where it is none of the job's own, it stands among the causes that the job tells.
    :param says: what the message of one attempt has to say.
    """

    code: str
    cause: str
    says: str


ENDS = {
    KILLED: End(POISON_CODE, "step.crashed", "signal 9"),
    CRASHED: End(POISON_CODE, "step.crashed", "signal 11"),
    STUCK: End(POISON_CODE, SILENT, "silent"),
    MEMORY: End("node.out_of_memory", "node.out_of_memory", "memory"),
    SLOW: End("child.timeout", "child.timeout", "sleep took longer"),
    FORKING: End("child.timeout", "child.timeout", "sh took longer"),
}
REASONS = frozenset(end.code for end in ENDS.values())


def take(context: StepContext, kind: str) -> NoReturn:
    """Do what a kind of poison does; none of them returns."""
    many = f"n=0; while [ $n -lt {CHILDREN} ]; do sleep 3600 & n=$((n+1)); done; wait"
    ways: dict[str, Callable[[], object]] = {
        KILLED: lambda: os.kill(os.getpid(), signal.SIGKILL),
        CRASHED: lambda: os.kill(os.getpid(), signal.SIGSEGV),
        # A call that does not let go of the interpreter: no thread beats meanwhile
        STUCK: lambda: ctypes.PyDLL(None).sleep(3600),
        MEMORY: take_memory,
        SLOW: lambda: context.run_child(["sleep", "3600"], timeout_s=_CHILD_S),
        FORKING: lambda: context.run_child(["sh", "-c", many], timeout_s=_CHILD_S),
        HUNGRY: lambda: [bytearray(os.urandom(1)) * _ROOM_BYTES for _ in range(64)],
        BOMB: lambda: [context.children.start(["sleep", "3600"]) for _ in range(1000)],
    }
    ways[kind]()
    raise AssertionError(f"poison of the kind {kind!r} had no effect")


def take_memory() -> None:
    """Ask for more memory than this process may have; raise MemoryError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    present = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (present + _ROOM_BYTES, hard))
    try:
        bytearray(4 * _ROOM_BYTES)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@dataclass(frozen=True)
class Tried:
    """One attempt that came to nothing."""

    step: str
    outcome: str
    code: str
    message: str

    @property
    def lost(self) -> bool:
        """Whether it was lost with its process, and charged to nobody."""
        return self.outcome == "lost"


def wrong_causes(jobs: Iterable[tuple[str, str]], rows: Rows) -> Iterable[str]:
    """Find poisonous jobs, given with their kinds, that do not tell what they did, or were not tried three times.

    Faults meet poison as well and count like it, so that not every attempt has the cause; one has at least.
    """
    query = """SELECT a.step_id::text, a.outcome, coalesce(a.code, ''), coalesce(a.message, '') FROM attempt a
        JOIN step s ON s.id = a.step_id WHERE s.job_id = %s AND a.outcome IN ('lost', 'retried', 'failed')"""
    told = "SELECT error_code, coalesce(error_details->>'causes', '') FROM job WHERE id = %s"
    for job, kind in jobs:
        tried = [Tried(*row) for row in rows.all(query, job)]
        for code, causes in rows.all(told, job):
            yield from (f"{job} ({kind}) {found}" for found in _judge(ENDS[kind], tried, code, causes))


def _judge(end: End, tried: list[Tried], code: str | None, causes: str) -> Iterable[str]:
    if code in REASONS - {end.code, POISON_CODE}:
        yield f"failed with {code}"
    elif code == POISON_CODE and (untold := {one.code for one in tried if one.lost and one.code not in causes}):
        yield f"does not tell of {sorted(untold)}"
    elif code == end.code and not any(one.code == end.cause and end.says in one.message for one in tried):
        yield f"has no attempt that says {end.cause}: {end.says}"
    charged = Counter(one.step for one in tried if not one.lost)
    if code == end.code != POISON_CODE and max(charged.values(), default=0) != ATTEMPTS:
        yield f"was tried {charged} times"
