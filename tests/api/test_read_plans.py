"""Every list and filter reads an index: none reads a whole large table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from api.control.reconciler import find_expired, find_forgotten, find_unfinished
from api.extensions import db
from api.farm.bulk import select_matching
from api.farm.dead_letters import read_failures
from api.ids import new_id
from api.jobs.metrics import job_gauges
from api.jobs.models import Job
from api.jobs.service import create_job
from tasks.names import Priority, TaskName
from tasks.workflows.plan import StepSpec
from tests.api.farm import Caller
from tests.api.seeding import copy_row

COUNT = 6_000
LARGE = {"job", "step", "event", "asset", "user"}
Sent = list[tuple[str, Any]]


@contextmanager
def noted() -> Iterator[Sent]:
    """Collect the reading statements that are sent within the block, with their values."""
    sent: Sent = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, *rest: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            sent.append((statement, values))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def read_whole(sent: Sent) -> list[str]:
    """Return the large tables that statements read from end to end, as the planner means to."""
    found = []
    connection = db.session.connection()
    for statement, values in sent:
        plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one()
        found += [f"{table}: {statement[:200]}" for table in whole_tables(plan[0]["Plan"]) if table in LARGE]
    return found


def whole_tables(node: dict[str, Any]) -> Iterator[str]:
    """Yield the tables that a node of a plan, or one below it, reads from end to end."""
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for below in node.get("Plans", ()):
        yield from whole_tables(below)


@pytest.fixture
def large(user: Caller, app: Any) -> UUID:
    """A job among many of its owner, nearly all succeeded, with steps and events; among many assets and people."""
    owner_id = UUID(user.id)
    steps = [StepSpec("only", TaskName.INGEST_PROBE)]
    job = create_job(db.session(), owner_id=owner_id, kind="ingest", steps=steps, priority=Priority.NORMAL, subject={})
    job_id, step_id = job.id, job.steps[0].id
    ended = "state = 'succeeded', percent = 100, finished_at = now(), created_at = now() - interval '1 day'"
    db.session.execute(db.text(f"UPDATE job SET {ended} WHERE id = :id"), {"id": job_id})
    db.session.execute(
        db.text("UPDATE step SET state = 'succeeded', finished_at = now() WHERE id = :id"), {"id": step_id}
    )
    db.session.execute(db.text("DELETE FROM outbox"))
    fresh = {"id": "gen_random_uuid()", "created_at": "now() - n * interval '1 minute'"}
    copy_row("job", job_id, COUNT, **fresh, finished_at="now() - n * interval '1 minute'")
    state = "CASE WHEN n % 500 = 0 THEN 'failed' ELSE 'succeeded' END"
    numbered = "(SELECT array_agg(id) FROM job)"
    db.session.execute(db.text(f"CREATE TEMP TABLE numbered ON COMMIT DROP AS SELECT {numbered} AS ids"))
    copied = {"id": "gen_random_uuid()", "job_id": "(SELECT ids[n + 1] FROM numbered)", "name": "'copy'"}
    copy_row("step", step_id, COUNT, **copied, state=state, finished_at="now() - n * interval '1 minute'")
    copy_row("event", job_id, COUNT, key="job_id", job_id=copied["job_id"], seq="n + 1")
    asset = {"id": new_id(), "owner": owner_id}
    db.session.execute(
        db.text(
            "INSERT INTO asset (id, owner_id, kind, state, filename, content_type, object_key, size_bytes, sha256)"
            " VALUES (:id, :owner, 'video', 'ready', 'a.mp4', 'video/mp4', 'k', 1, '')"
        ),
        asset,
    )
    copy_row("asset", asset["id"], COUNT, **fresh, object_key="'copy-' || n")
    copy_row("user", owner_id, COUNT, **fresh, email="'copy-' || n || '@example.com'")
    db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return job_id


def test_lists_and_filters_of_people_read_indexes(large: UUID, user: Caller) -> None:
    paths = [
        "/jobs",
        "/jobs?state=failed",
        "/jobs?state=running&kind=ingest",
        "/jobs?kind=render",
        f"/jobs/{large}",
        "/assets",
        "/renders",
    ]
    first = user.get("/jobs?limit=3")
    paths.append(f"/jobs?limit=3&cursor={first['next_cursor']}")
    for path in paths:
        with noted() as sent:
            user.get(path)

        assert sent
        assert read_whole(sent) == [], path


def test_lists_of_administrators_read_indexes(large: UUID, admin: Caller) -> None:
    paths = ["/admin/users", "/admin/audit", "/admin/farm/dead-letters"]
    for path in paths:
        with noted() as sent:
            admin.get(path)

        assert read_whole(sent) == [], path


def test_what_the_engine_looks_for_reads_indexes(large: UUID) -> None:
    session = db.session()
    with noted() as sent:
        find_expired(session)
        find_forgotten(session, 30.0)
        find_unfinished(session)
        job_gauges(session)
        read_failures(session, days=30)
        for action in ("retry", "cancel"):
            list(session.scalars(select_matching(session, action, {}).with_only_columns(Job.id).limit(1000)))

    assert len(sent) >= 8
    assert read_whole(sent) == []
