"""A farm on paper: the real dispatcher, turns, admission and node registry with simulated nodes and a recorded broker.

    python -m bench.sim_farm [--sizes 10x1000,100x10000,1000x100000] [--steps 3000] [--users 200]

For each size (nodes x queued steps) every node beats once, then steps go through the engine: rung by the dispatcher,
admitted, claimed and reported by the node whose turn it is. Nothing is simulated but the nodes' bodies and the broker,
a list. Prints milliseconds a beat, a decision (the dispatcher's share of one step) and a whole step, and this process's
memory; what grows with the size of the farm shows there. Results are appended to ``bench/results/engine.jsonl``.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from bench.engine.dispatch import keep
from cli.services.launcher import start_services
from tasks.contracts import ClaimRequest, NodeBeat, StepReport

KIND, QUEUE, TASK = "bench", "ingest", "ingest.poster"
SLOTS = 4
INSTANCE = "simulated"
SETTINGS = {
    "REELYARD_ENV": "test",
    "REELYARD_JWT_SECRET": "bench-only-secret-of-more-than-thirty-two-bytes",
    "REELYARD_CALLBACK_SECRET": "bench-only-callback-secret-of-more-than-32-bytes",
    "REELYARD_NODE_LOST_S": "600",
    "REELYARD_LEASE_S": "600",
    "REELYARD_LOG_LEVEL": "ERROR",
}


COPIES = """CREATE TEMP TABLE copy ON COMMIT DROP AS
    SELECT gen_random_uuid() AS job_id, gen_random_uuid() AS step_id, owner.id AS owner_id
    FROM generate_series(1, :count) AS n
    JOIN (SELECT id, row_number() OVER () - 1 AS place, count(*) OVER () AS size FROM "user") AS owner
    ON n % owner.size = owner.place"""
COPIED = {
    "job": {"id": "job_id", "owner_id": "owner_id"},
    "step": {"id": "step_id", "job_id": "job_id"},
    "outbox": {"step_id": "step_id", "job_id": "job_id", "owner_id": "owner_id"},
    "event": {"job_id": "job_id"},
}
"""Tables of a job's rows, with the columns that a copy has of its own."""


@dataclass
class Recorder:
    """The broker's side of :class:`api.jobs.publish.Publisher`: bells lie in a list until a node takes them."""

    rung: deque[tuple[UUID, UUID]] = field(default_factory=deque)

    def bell(self, step_id: UUID, attempt: int, *, job_id: UUID, task: str, priority: int) -> tuple[UUID, UUID]:
        """Return what a bell says."""
        return job_id, step_id

    def send(self, bell: tuple[UUID, UUID]) -> None:
        """Ring."""
        self.rung.append(bell)


def main() -> int:
    """Measure every size and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.sim_farm")
    parser.add_argument("--sizes", default="10x1000,100x10000,1000x100000")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--users", type=int, default=200)
    options = parser.parse_args()
    print(f"{'nodes':>6} {'queued':>8} {'beat ms':>8} {'decision ms':>12} {'step ms':>8} {'memory MB':>10}")
    for size in options.sizes.split(","):
        nodes, queued = (int(part) for part in size.split("x"))
        with tempfile.TemporaryDirectory(prefix="reelyard-bench-", ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o755)  # root's services run as nobody, who must be able to get here
            with start_services(Path(folder), environ={}, durable=True) as services:
                found = measure(
                    {**services.environ, **SETTINGS}, nodes, queued, steps=options.steps, users=options.users
                )
        keep({"bench": "sim_farm", "nodes": nodes, "queued": queued, **found})
        print(
            f"{nodes:6} {queued:8} {found['beat_ms']:8.2f} {found['decision_ms']:12.2f} {found['step_ms']:8.2f} "
            f"{found['memory_mb']:10.0f}"
        )
    return 0


def measure(environ: dict[str, str], nodes: int, queued: int, *, steps: int, users: int) -> dict[str, float]:
    """Return milliseconds a beat, a decision and a step, and this process's peak memory in MB."""
    from api import create_app
    from api.config import read_api_settings
    from api.extensions import db
    from api.migrate import upgrade

    upgrade(environ["DATABASE_URL"])
    app = create_app(read_api_settings(environ))
    with app.app_context():
        fill(queued, users)
        started = time.monotonic()
        for number in range(nodes):
            beat(number)
        beat_s = (time.monotonic() - started) / nodes
        arrive()
        decision_s, step_s = work(nodes, min(steps, queued // 2))
        db.session.remove()
        db.engine.dispose()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "beat_ms": round(beat_s * 1000, 3),
        "decision_ms": round(decision_s * 1000, 3),
        "step_ms": round(step_s * 1000, 3),
        "memory_mb": round(peak_mb, 1),
    }


def fill(queued: int, users: int) -> None:
    """Queue jobs of one step each for many users: one is ordered, the rest are copies of its rows."""
    from api.extensions import db
    from api.jobs.service import create_job
    from api.users.models import User
    from tasks.names import Priority, TaskName
    from tasks.workflows.plan import StepSpec

    emails = [f"u{number}@example.com" for number in range(users)]
    people = [User(email=email, role="user", plan_code="free", enabled=True) for email in emails]
    db.session.add_all(people)
    db.session.flush()
    job = create_job(
        db.session(),
        owner_id=people[0].id,
        kind=KIND,
        steps=[StepSpec("nothing", TaskName(TASK))],
        priority=Priority.NORMAL,
        subject={"asset_id": str(uuid4())},  # of nothing: the step's effect finds nothing to do
    )
    copy_job(job.id, queued - 1)
    db.session.execute(text("UPDATE outbox SET due_at = clock_timestamp()"))
    db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def copy_job(job_id: UUID, count: int) -> None:
    """Add copies of a job of one step, for all users in turn."""
    from api.extensions import db

    db.session.execute(text(COPIES), {"count": count})
    for name, table in db.metadata.tables.items():
        if name not in COPIED:
            continue
        kept = [column.name for column in table.columns if column.name not in COPIED[name] and not column.computed]
        own = ", ".join(f"copy.{COPIED[name][column]}" for column in COPIED[name])
        heads = ", ".join([*COPIED[name], *(f'"{column}"' for column in kept)])
        rest = "".join(f', "{name}"."{column}"' for column in kept)
        of_job = "id" if name == "job" else "job_id"
        added = f'INSERT INTO "{name}" ({heads}) SELECT {own}{rest} FROM copy, "{name}" WHERE "{name}".{of_job} = :job'
        db.session.execute(text(added), {"job": job_id})  # nosec B608


def arrive() -> None:
    """Give every bell its place in line, as the dispatcher does when they come one by one."""
    from api.extensions import db
    from api.turns.line import stamp_arrivals

    while stamp_arrivals(db.session()):
        db.session.commit()
    db.session.commit()


def beat(number: int) -> None:
    """Tell of a node that consumes the queue."""
    from api.extensions import db
    from api.farm.beats import take_beat

    told: dict[str, Any] = {"queues": (QUEUE,), "started_with": (QUEUE,), "able": (QUEUE,), "slots": SLOTS}
    take_beat(db.session(), NodeBeat(name(number), INSTANCE, f"host-{number}", "cpu", 1, started_slots=SLOTS, **told))
    db.session.commit()


def work(nodes: int, steps: int) -> tuple[float, float]:
    """Take steps through the engine; return seconds of the dispatcher and of everything, a step."""
    from api.control.dispatcher import dispatch
    from api.extensions import db

    broker, done, deciding_s, started = Recorder(), 0, 0.0, time.monotonic()
    while done < steps:
        before = time.monotonic()
        dispatch(db.session(), broker, rering_s=600.0)  # type: ignore[arg-type]
        deciding_s += time.monotonic() - before
        rung = len(broker.rung)
        while broker.rung:
            answer(*broker.rung.popleft(), node=name(done % nodes))
            done += 1
        if not rung:
            time.sleep(0.02)
    return deciding_s / done, (time.monotonic() - started) / done


def answer(job_id: UUID, step_id: UUID, *, node: str) -> None:
    """Be the worker that heard a bell: claim and report, each a transaction as over HTTP."""
    from api.extensions import db
    from api.farm.admission import refusal
    from api.jobs import attempts

    request = ClaimRequest(str(job_id), str(step_id), node, TASK)
    if refusal(db.session(), request):
        raise RuntimeError(f"{node} was refused")
    claim = attempts.claim_step(db.session(), request)
    db.session.commit()
    if not claim.claimed:
        raise RuntimeError(f"step {step_id} was not given: {claim.reason}")
    attempts.take_report(db.session(), StepReport(claim.job_id, claim.step_id, claim.token, result={}))
    db.session.commit()


def name(number: int) -> str:
    """Return a node's id."""
    return f"cpu@host-{number}"


if __name__ == "__main__":
    raise SystemExit(main())
