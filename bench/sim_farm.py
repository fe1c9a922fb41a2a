"""A farm on paper: the real dispatcher, turns, admission and node registry with simulated nodes and a recorded broker.

    python -m bench.sim_farm [--sizes 10x1000,100x10000,1000x100000] [--steps 1000] [--users 200]

For each size (nodes x queued steps) every node beats once, then steps go through the engine: rung by the dispatcher,
admitted, claimed and reported by the node whose turn it is; at last the rounds that look after the whole farm (nodes
that fail, drains, what an administrator and Prometheus see) are made a few times. Nothing is simulated but the nodes'
bodies and the broker, a list. Prints the milliseconds of processor, ours and the database's together, that a beat, a
decision (the dispatcher's share of one step), a whole step and a round take, the time that a step took on the clock,
and this process's memory; what grows with the size of the farm shows there. The database does not wait for its disk:
what is measured is the work, on any machine and beside any other. The exit code is 0 when a decision costs at the
largest size at most twice what it costs at the smallest, and memory grows by a quarter at most. Results are appended to
``bench/results/engine.jsonl``.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
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
ROUNDS = 3
SHOWN = ("beat_ms", "decision_ms", "step_ms", "farm_ms", "step_clock_ms", "memory_mb")
MOST_DECISION, MOST_MEMORY = 2.0, 1.25
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
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--users", type=int, default=200)
    options = parser.parse_args()
    print(" ".join(f"{title:>11}" for title in ("nodes", "queued", *SHOWN)))
    measured = []
    for size in options.sizes.split(","):
        nodes, queued = (int(part) for part in size.split("x"))
        with tempfile.TemporaryDirectory(prefix="reelyard-bench-", ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o755)  # root's services run as nobody, who must be able to get here
            with start_services(Path(folder), environ={}, durable=False) as services:
                found = measure(
                    {**services.environ, **SETTINGS}, nodes, queued, steps=options.steps, users=options.users
                )
        keep({"bench": "sim_farm", "nodes": nodes, "queued": queued, **found})
        print(" ".join(f"{value:11.2f}" for value in (nodes, queued, *(found[name] for name in SHOWN))), flush=True)
        measured.append(found)
    return 0 if is_flat(measured[0], measured[-1]) else 1


def is_flat(first: dict[str, float], last: dict[str, float]) -> bool:
    """Tell whether the largest farm costs what the smallest does, a decision and in memory."""
    decision = last["decision_ms"] <= MOST_DECISION * first["decision_ms"]
    return decision and last["memory_mb"] <= MOST_MEMORY * first["memory_mb"]


@dataclass
class Meter:
    """Adds up processor time, in seconds, of this process and of the database's that works for it."""

    spent_s: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Count what the block takes under a name."""
        before = spent_s()
        yield
        self.spent_s[name] = self.spent_s.get(name, 0.0) + spent_s() - before


def spent_s() -> float:
    """Return the processor time that this process and its database connection have taken so far."""
    from api.extensions import db

    backend = db.session.connection().connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
    times = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def measure(environ: dict[str, str], nodes: int, queued: int, *, steps: int, users: int) -> dict[str, float]:
    """Return milliseconds of processor a beat, a decision, a step and a round, and this process's peak memory in MB."""
    from api import create_app
    from api.config import read_api_settings
    from api.extensions import db
    from api.migrate import upgrade

    upgrade(environ["DATABASE_URL"])
    app = create_app(read_api_settings(environ))
    with app.app_context():
        meter, count = Meter(), min(steps, queued // 2)
        fill(queued, users)
        with meter.of("beat"):
            for number in range(nodes):
                beat(number)
        arrive()
        started = time.monotonic()
        with meter.of("step"):
            work(nodes, count, meter)
        clock_s = time.monotonic() - started
        with meter.of("farm"):
            look_after_farm()
        db.session.remove()
        db.engine.dispose()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each = {"beat": nodes, "decision": count, "step": count, "farm": ROUNDS}
    costs = {f"{name}_ms": round(1000 * meter.spent_s[name] / times, 3) for name, times in each.items()}
    return {**costs, "step_clock_ms": round(1000 * clock_s / count, 3), "memory_mb": round(peak_mb, 1)}


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
    db.session.execute(text("SET LOCAL statement_timeout = 0"))  # a hundred thousand rows at once are no request
    copy_job(job.id, queued - 1)
    db.session.execute(text("UPDATE outbox SET due_at = clock_timestamp()"))
    db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("RESET statement_timeout"))


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


def look_after_farm() -> None:
    """Make the rounds whose work may grow with the farm."""
    from api.extensions import db
    from api.farm.metrics import measure_nodes, measure_work
    from api.farm.orders import hand_back_overdue
    from api.farm.quarantine import watch_nodes

    for _ in range(ROUNDS):
        hand_back_overdue(db.session())
        watch_nodes(db.session())
        measure_nodes(db.session())
        measure_work(db.session())
        db.session.rollback()


def work(nodes: int, steps: int, meter: Meter) -> None:
    """Take steps through the engine, counting the dispatcher's share apart."""
    from api.control.dispatcher import dispatch
    from api.extensions import db

    broker, done = Recorder(), 0
    while done < steps:
        with meter.of("decision"):
            dispatch(db.session(), broker, rering_s=600.0)  # type: ignore[arg-type]
        rung = len(broker.rung)
        while broker.rung:
            answer(*broker.rung.popleft(), node=name(done % nodes))
            done += 1
        if not rung:
            time.sleep(0.02)


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
