"""A slot that has done a short step gets the next in line with its report: the one whose turn it is, and only then."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from api.callbacks.routes import take_report_and_next
from api.extensions import db
from api.farm.models import Node, QueuePolicy
from api.ids import new_id
from api.jobs.models import OutboxBell
from api.turns.line import stamp_arrivals
from tasks.contracts import Claim, ReportAndAsk, StepReport
from tasks.names import Priority, Queue
from tests.engine.play import POSTER, PROBE, Play, StepSpec


@pytest.fixture
def node(play: Play) -> str:
    """A node that consumes what probes and posters wait in."""
    db.session.execute(db.delete(OutboxBell))  # what other tests have left in line
    now = datetime.now(UTC)
    told = {"registered_at": now, "started_at": now, "seen_at": now, "consumed_at": now}
    name = f"node@{new_id()}"
    db.session.add(Node(id=name, instance="1", host="h", role="cpu", pid=1, queues=[Queue.INGEST.value], **told))
    db.session.commit()
    return name


def order(play: Play, spec: StepSpec | None = None, *, priority: Priority = Priority.NORMAL) -> UUID:
    """Order a job of one step that stands in line at once."""
    job_id = play.create([spec or StepSpec("only", PROBE)], priority=priority)
    db.session.execute(db.text("UPDATE outbox SET due_at = clock_timestamp() WHERE job_id = :job"), {"job": job_id})
    stamp_arrivals(db.session())
    db.session.commit()
    return job_id


def end(node: str, given: Claim, *, nonce: str = "n", **outcome: Any) -> Claim | None:
    """Report an attempt and ask for the next step."""
    report = StepReport(given.job_id, given.step_id, given.token, **(outcome or {"result": {}}))
    try:
        answer = take_report_and_next(ReportAndAsk(report, node, PROBE.value, nonce).to_json())
    finally:
        db.session.rollback()
    assert answer["accepted"] is True
    return answer["next"] and Claim.from_json(answer["next"])


def test_the_next_in_line_comes_with_the_report(play: Play, node: str) -> None:
    first, second, third = order(play), order(play), order(play)

    given = end(node, play.claim(first, "only"))
    last = given and end(node, given, nonce="m")

    assert given is not None
    assert last is not None
    assert [UUID(given.job_id), UUID(last.job_id)] == [second, third]
    assert [play.job(job).state for job in (first, second, third)] == ["succeeded", "succeeded", "running"]
    assert play.step(third, "only").node == node
    assert last.token > given.token
    assert play.bells(third) == {}
    assert end(node, last, nonce="l") is None


def test_the_same_call_again_gives_the_same_claim(play: Play, node: str) -> None:
    done, _, waiting = play.claim(order(play), "only"), order(play), order(play)

    given, again = end(node, done), end(node, done)

    assert given is not None
    assert given == again
    assert play.states(waiting)["only"] == "queued"
    assert end(node, done, nonce="another") is None


def test_the_clock_of_the_line_follows_what_is_handed_on(play: Play, node: str) -> None:
    done, waiting = play.claim(order(play), "only"), order(play)
    tag = db.session.scalar(db.select(OutboxBell.turn).filter_by(job_id=waiting))
    db.session.execute(db.text("UPDATE turn_clock SET clock = 0"))
    db.session.commit()

    end(node, done)

    clock = "SELECT clock FROM turn_clock WHERE queue = 'ingest' AND priority = :normal"
    assert db.session.scalar(db.text(clock), {"normal": int(Priority.NORMAL)}) == max(tag, 0.0)


@pytest.mark.parametrize(
    "reason", ["urgent", "task", "limits", "suspected", "paused", "drained", "other_queue", "failed"]
)
def test_a_slot_goes_back_to_its_bells_where_others_may_come_first(play: Play, node: str, reason: str) -> None:
    done, waiting = play.claim(order(play), "only"), order(play, spec_of(reason))
    hold_up(play, node, waiting, reason)

    failure = {"failure": {"code": "media.empty", "detail": "", "permanent": True}}
    given = end(node, done, **(failure if reason == "failed" else {}))
    undo(reason)

    assert given is None
    assert play.states(waiting) == {"job": "queued", **dict.fromkeys([spec_of(reason).name], "queued")}


def spec_of(reason: str) -> StepSpec:
    """The step that waits."""
    task = POSTER if reason == "task" else PROBE
    return StepSpec("only", task, limits=("host:example.org",) if reason == "limits" else ())


def hold_up(play: Play, node: str, waiting: UUID, reason: str) -> None:
    """Arrange why the step that waits is not given."""
    if reason == "urgent":
        order(play, priority=Priority.HIGH)
    elif reason == "suspected":
        db.session.execute(db.text("UPDATE job SET losses = 1 WHERE id = :job"), {"job": waiting})
    elif reason == "paused":
        db.session.merge(QueuePolicy(name="ingest", paused_at=datetime.now(UTC)))
    elif reason == "drained":
        db.session.get_one(Node, node).drain_at = datetime.now(UTC)
    elif reason == "other_queue":
        db.session.get_one(Node, node).queues = ["render"]
    db.session.commit()


def undo(reason: str) -> None:
    """Let other tests have their queue."""
    if reason == "paused":
        db.session.execute(db.delete(QueuePolicy).filter_by(name="ingest"))
        db.session.commit()


def test_a_report_holds_though_nothing_can_be_handed_on(play: Play, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = order(play), order(play)
    done = play.claim(first, "only")

    def broken(*_: Any) -> None:
        raise RuntimeError("no input")

    monkeypatch.setattr("api.farm.next_in_line.claim_held", broken)

    assert end(node, done) is None
    assert (play.job(first).state, play.states(second)["only"]) == ("succeeded", "queued")
