"""What a step costs the database: the statements of a claim and of a report, counted, so that none creeps in."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import event

from api.callbacks.routes import claim_if_admitted
from api.control.dispatcher import Round, dispatch
from api.extensions import db
from api.ids import new_id
from api.jobs import attempts
from api.jobs.engine import lock_job
from api.jobs.publish import get_publisher
from api.webhooks.models import Webhook
from tasks.contracts import Claim, ClaimRequest, Heartbeat, Progress, StepReport
from tests.engine.play import POSTER, SPEECH, Play, StepSpec, ingest

ALONE = [StepSpec("only", POSTER)]


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collect the first words of every statement that is sent within the block, but those of the tests' own effects."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "effect_log" not in statement:
            sent.append(" ".join(statement.split())[:40])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def claim(play: Play, job_id: UUID, name: str) -> tuple[Claim, list[str]]:
    """Claim a step whose bell was rung, as over HTTP; return the claim and what it cost."""
    step = play.step(job_id, name)
    db.session.execute(db.text("UPDATE outbox SET sent_at = now() WHERE job_id = :job"), {"job": job_id})
    db.session.commit()
    request = ClaimRequest(str(job_id), str(step.id), "node", step.task)
    db.session.rollback()
    with counted() as sent:
        given = claim_if_admitted(request)
        db.session.commit()
    assert given.claimed, given.reason
    return given, sent


def report(given: Claim) -> list[str]:
    """Report a success; return what it cost."""
    with counted() as sent:
        attempts.take_report(db.session(), StepReport(given.job_id, given.step_id, given.token, result={}))
        db.session.commit()
    return sent


def test_claim_and_report_of_a_job_of_one_step_take_six_statements(play: Play) -> None:
    given, claiming = claim(play, play.create(ALONE), "only")
    reporting = report(given)

    # May the node have work; lock and read everything; write everything
    assert len(claiming) == 3, claiming
    # Lock and read everything; the poster's own effect; write everything
    assert len(reporting) == 3, reporting
    assert play.events(UUID(given.job_id)) == [
        *("job.queued", "job.running", "step.running", "step.succeeded", "job.succeeded"),
    ]


def test_a_step_among_others_costs_two_statements_more_however_many_they_are(play: Play) -> None:
    for parts in (2, 30):
        job_id = play.create([StepSpec("cut", POSTER, part=number) for number in range(parts)])
        given, claiming = claim(play, job_id, "cut")

        assert len(claiming) == 4, claiming
        assert len(report(given)) == 4


def test_what_comes_next_is_rung_within_the_report(play: Play) -> None:
    job_id = play.create(ingest())
    given, _ = claim(play, job_id, "probe")

    with counted() as sent:
        play.succeed(given)

    assert sorted(play.bells(job_id)) == ["poster", "transcribe"]
    assert [statement for statement in sent if "outbox" in statement or statement.startswith("INSERT")] == []


def test_a_heartbeat_with_progress_takes_two_statements(play: Play) -> None:
    given, _ = claim(play, play.create(ALONE), "only")

    with counted() as sent:
        attempts.keep_alive(db.session(), Heartbeat(given.job_id, given.step_id, given.token, Progress(0.5, "draw")))
        db.session.commit()

    assert len(sent) == 2, sent
    assert play.job(UUID(given.job_id)).stage == "draw"


def test_events_cost_a_statement_for_each_kind_of_listener_only_where_somebody_listens(play: Play) -> None:
    quiet, _ = claim(play, play.create(ALONE), "only")
    db.session.add(
        Webhook(
            id=new_id(), owner_id=play.owner_id, url="https://example.com", events=["job.succeeded"], enabled=True,
            salt="s", fingerprint="f",
        )
    )  # fmt: skip
    db.session.commit()
    heard, claiming = claim(play, play.create(ALONE), "only")

    # Webhooks, and the live stream
    assert len(claiming) == 5, claiming
    assert [len(report(given)) for given in (quiet, heard)] == [5, 5]
    told = db.session.execute(
        db.text("SELECT type FROM webhook_delivery JOIN webhook w ON w.id = webhook_id")
    ).scalars()
    assert list(told) == ["job.succeeded", "job.succeeded"]


def test_a_claim_that_waits_for_a_lock_reads_the_clock_after_it(play: Play) -> None:
    job_id = play.create([StepSpec("a", POSTER), StepSpec("b", SPEECH)])
    asking = str(play.step(job_id, "a").id)
    given: list[Claim] = []

    def ask() -> None:
        with play.app.app_context():
            given.append(attempts.claim_step(db.session(), ClaimRequest(str(job_id), asking, "node", POSTER.value)))
            db.session.commit()

    job = lock_job(db.session(), job_id)
    assert job is not None
    thread = threading.Thread(target=ask)
    thread.start()
    wait_for_lock_wait()
    job.stage = "changed while it waits"
    db.session.flush()
    freed_at = db.session.scalar(db.text("SELECT clock_timestamp()"))
    db.session.commit()
    thread.join()

    assert given[0].claimed
    assert play.step(job_id, "a").started_at >= freed_at
    assert play.job(job_id).stage == "a"


def test_a_dispatcher_without_a_bell_to_ring_sends_one_statement(play: Play) -> None:
    db.session.execute(db.text("DELETE FROM outbox"))
    db.session.commit()
    with counted() as idle:
        assert dispatch(db.session(), get_publisher(), rering_s=2.0) == Round()
    play.create(ALONE)
    db.session.execute(db.text("UPDATE outbox SET due_at = now()"))
    db.session.commit()
    with counted() as busy:
        assert dispatch(db.session(), get_publisher(), rering_s=2.0).rung == 1

    assert len(idle) == 1
    assert len(busy) > len(idle)


def wait_for_lock_wait() -> None:
    """Wait until somebody waits for a lock that another transaction holds."""
    waiting = db.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if db.session.scalar(waiting):
            return
        time.sleep(0.02)
    raise TimeoutError("nobody waits")
