"""Jobs of one empty step through the whole engine: what dispatching costs, and how long an idle system takes to start.

    python -m bench.engine.dispatch [--jobs 10000] [--singles 100] [--slots 4]
    BENCH_APART=1 python -m bench.engine.dispatch    # each step by a bell of its own, for comparison

Every job is a row with a step and a bell, rung by the engine over the broker, claimed and reported over signed HTTP by
a Celery worker, committed with its event. Singles are ordered one after the other on an idle system; their latency is
from the job's row to the start of the attempt, by the database's clock. Results are appended to
``bench/results/engine.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from bench.engine.cpu import milliseconds_each, used_by_kind
from bench.engine.system import ROOT, running_system

RESULTS = ROOT / "bench" / "results" / "engine.jsonl"
KIND = "bench"
LONGEST_S = 900.0


def main() -> int:
    """Measure once and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine.dispatch")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--singles", type=int, default=100)
    parser.add_argument("--slots", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o755)  # root's services run as nobody, who must be able to get here
        with running_system(home, slots=options.slots) as system:
            found = measure(system.environ, jobs=options.jobs, singles=options.singles)
    apart = bool(os.environ.get("BENCH_APART"))
    keep({"bench": "dispatch", "slots": options.slots, "apart": apart, **found})
    print(json.dumps(found, indent=2))
    return 0


def measure(environ: dict[str, str], *, jobs: int, singles: int) -> dict[str, Any]:
    """Order singles, then many jobs at once; return seconds and jobs a second."""
    from api import create_app
    from api.config import read_api_settings
    from api.extensions import db
    from api.users.service import create_user

    app = create_app(read_api_settings(environ))
    with app.app_context():
        owner = create_user(db.session(), "bench@example.com", "a long enough password", plan="studio", verified=True)
        db.session.commit()
        order(owner.id, 1, publish=True)
        wait_done(1)
        for number in range(singles):
            order(owner.id, 1, publish=True)
            wait_done(number + 2)
        waits = start_latencies()
        before, started = used_by_kind(), time.monotonic()
        order(owner.id, jobs, publish=False)
        ordered_s = time.monotonic() - started
        wait_done(singles + 1 + jobs)
        seconds, after = time.monotonic() - started, used_by_kind()
        db.engine.dispose()
    ranked = sorted(waits)
    return {
        "jobs": jobs,
        "jobs_per_s": round(jobs / seconds, 1),
        "ordering_s": round(ordered_s, 1),
        "cpu_ms_each": milliseconds_each(before, after, jobs),
        "start_p50_ms": round(statistics.median(ranked) * 1000, 1),
        "start_p95_ms": round(ranked[int(0.95 * (len(ranked) - 1))] * 1000, 1),
    }


def order(owner_id: Any, count: int, *, publish: bool) -> None:
    """Add jobs of one empty step, 500 to a transaction."""
    from api.extensions import db
    from api.jobs.service import create_job, publish_soon
    from tasks.names import Priority, TaskName
    from tasks.workflows.plan import StepSpec

    step = StepSpec("nothing", TaskName.SAMPLES_WAVEFORM)  # whose end has no effect: the engine alone is measured
    for number in range(count):
        subject = {"asset_id": str(uuid4())}
        job = create_job(
            db.session(), owner_id=owner_id, kind=KIND, steps=[step], priority=Priority.NORMAL, subject=subject
        )
        if number % 500 == 499 or number == count - 1:
            db.session.commit()
    if publish:
        publish_soon(job.id)


def wait_done(count: int) -> None:
    """Wait until as many jobs have succeeded; raise TimeoutError."""
    from api.extensions import db

    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        done = db.session.scalar(text("SELECT count(*) FROM job WHERE state = 'succeeded'"))
        db.session.rollback()
        if done >= count:
            return
        time.sleep(0.02 if count < 1000 else 0.5)
    raise TimeoutError(f"{count} jobs had not succeeded after {LONGEST_S:g} s")


def start_latencies() -> list[float]:
    """Return seconds from the row of each job to the start of its attempt, but for the first, which warmed up."""
    from api.extensions import db

    query = """SELECT extract(epoch FROM a.started_at - j.created_at) FROM job j JOIN step s ON s.job_id = j.id
        JOIN attempt a ON a.step_id = s.id ORDER BY j.created_at OFFSET 1"""
    return [float(seconds) for seconds in db.session.scalars(text(query))]


def keep(figures: dict[str, Any]) -> None:
    """Append figures with commit and machine to the results."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
    with RESULTS.open("a") as file:
        file.write(json.dumps({**about, **figures}) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
