"""Turns: shares between users, classes and their ageing, room for bells, and what a decision costs."""

from __future__ import annotations

import os
import random
import statistics
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select, update

from api.extensions import db
from api.farm import admission
from api.jobs import service
from api.jobs.models import Job, OutboxBell
from tasks.contracts import ClaimRequest
from tasks.names import Priority, Queue, TaskName
from tests.engine.line import Broker, Farm, add_jobs, add_node, add_user, changed_settings, run_dispatcher
from tests.engine.play import PROBE, RENDER, Play, StepSpec

FLOOD = int(os.environ.get("FAIR_FLOOD", "600"))
MINUTES = int(os.environ.get("FAIR_MINUTES", "3"))


@pytest.fixture
def calm(app: Any) -> Iterator[None]:
    """Simulated time: nothing may depend on how long the test takes."""
    with changed_settings(app, ring_ahead_s=0.0, lease_s=3600.0, ageing_s=36000.0):
        yield


def owners(broker: Broker) -> list[UUID]:
    """Whose steps were rung, in order."""
    found = {row.id: row.owner_id for row in db.session.execute(select(Job.id, Job.owner_id))}
    db.session.rollback()
    return [found[UUID(bell["job_id"])] for bell in broker.rung]


def test_others_wait_no_two_stages_while_one_user_floods(play: Play, calm: None) -> None:
    slots, users, seed = 10, 20, random.Random(4)
    add_node(Queue.RENDER, slots)
    farm = Farm(play, slots, seed=11)
    add_jobs(play.owner_id, FLOOD)

    def submit(owner_id: UUID) -> None:
        job = Play(play.app, owner_id).create([StepSpec("only", RENDER, {})])
        farm.submit(job)
        assert service.publish_soon(job) is False, "it passed those who stand in line"

    for owner_id in [add_user() for _ in range(users)]:
        for minute in range(1, MINUTES):
            farm.at(60.0 * minute + seed.uniform(0, 60), lambda owner_id=owner_id: submit(owner_id))
    farm.run(60.0 * MINUTES + 60.0)

    waits = sorted(farm.waits.values())
    median_s = statistics.median(farm.stages)
    assert len(waits) == users * (MINUTES - 1)
    assert waits[int(0.95 * len(waits))] <= 2 * median_s, (waits, median_s)
    assert farm.most_out <= slots
    assert farm.free == 0, "the flood gets what others leave"


def test_shares_go_by_the_weights_of_plans(play: Play, calm: None) -> None:
    add_node(Queue.RENDER, 100)
    weights = {row.code: row.weight for row in db.session.execute(db.text("SELECT code, weight FROM plan"))}
    free, pro = add_user("free"), add_user("pro")
    add_jobs(free, 120)
    add_jobs(pro, 120)
    broker = Broker()

    assert run_dispatcher(broker).rung == 100

    rung = Counter(owners(broker))
    assert weights["pro"] > weights["free"]
    expected = 100 * weights["pro"] / (weights["pro"] + weights["free"])
    assert abs(rung[pro] - expected) <= 2


def test_costly_steps_count_for_more_than_cheap_ones(play: Play, calm: None) -> None:
    add_node(Queue.RENDER, 60)
    videos, pieces = add_user(), add_user()
    add_jobs(videos, 100, task=TaskName.RENDER_VIDEO)
    add_jobs(pieces, 100, task=TaskName.RENDER_CHUNK)
    broker = Broker()
    run_dispatcher(broker)

    assert Counter(owners(broker)) == {pieces: 50, videos: 10}  # 20 : 100, the price of each


def test_urgent_work_goes_first_and_the_rest_ages(play: Play, calm: None, app: Any) -> None:
    add_node(Queue.RENDER, 16)
    low = add_jobs(play.owner_id, 20, priority=Priority.LOW)
    high = add_jobs(play.owner_id, 20, priority=Priority.HIGH)
    broker = Broker()
    with changed_settings(app, ageing_s=60.0):
        run_dispatcher(broker)
        assert {bell["job_id"] for bell in broker.rung} <= set(map(str, high))
        take_all(play, broker)

        db.session.execute(update(OutboxBell).values(arrived_at=OutboxBell.arrived_at - timedelta(hours=1)))
        db.session.commit()
        broker.rung.clear()
        run_dispatcher(broker)

    late = {bell["job_id"] for bell in broker.rung} & set(map(str, low))
    assert (len(broker.rung), len(late)) == (16, 12)  # 4 urgent ones were left: they and every fourth turn


def take_all(play: Play, broker: Broker) -> None:
    while (bell := broker.take()) is not None:
        assert play.ask_by_id(bell["job_id"], bell["step_id"], bell["task"]).claimed


def test_no_more_bells_are_out_than_slots_and_claims_make_room(play: Play, calm: None) -> None:
    add_node(Queue.RENDER, 3)
    add_jobs(play.owner_id, 10)
    broker = Broker()

    assert [run_dispatcher(broker).rung for _ in range(2)] == [3, 0]
    take_all(play, broker)
    assert run_dispatcher(broker).rung == 3


def test_more_bells_are_out_where_steps_are_short(play: Play, app: Any) -> None:
    add_node(Queue.INGEST, 2)
    add_jobs(play.owner_id, 60, task=PROBE)
    broker = Broker()
    rung = []
    with changed_settings(app, ring_ahead_s=30.0):
        for _ in range(3):
            rung.append(run_dispatcher(broker).rung)
            take_all(play, broker)
            db.session.execute(
                db.text("UPDATE turn_queue SET measured_at = measured_at - interval '0.5 s' WHERE queue = 'ingest'")
            )
            db.session.commit()

    assert rung[0] == 2
    assert rung[2] > rung[1] > 2


def test_work_that_comes_back_goes_on_before_its_owners_other_work(play: Play, calm: None) -> None:
    add_node(Queue.RENDER, 1)
    add_jobs(play.owner_id, 5)
    broker = Broker()
    run_dispatcher(broker)
    bell = broker.take()
    assert bell is not None
    claim = play.ask_by_id(bell["job_id"], bell["step_id"], bell["task"])
    run_dispatcher(broker)
    broker.take()
    play.let_lease_pass(claim)
    play.reconcile()
    db.session.execute(db.text("DELETE FROM outbox WHERE sent_at IS NOT NULL"))
    db.session.commit()

    run_dispatcher(broker)

    assert broker.rung[-1]["step_id"] == claim.step_id


def test_the_chain_of_a_job_does_not_pass_those_who_stand_in_line(play: Play, calm: None) -> None:
    add_node(Queue.RENDER, 1)
    crowd = add_jobs(add_user(), 4)
    run_dispatcher(Broker())
    job_id = play.create([StepSpec("only", RENDER, {})])
    step = play.step(job_id, "only")
    request = ClaimRequest(str(job_id), str(step.id), "node", step.task)

    assert admission.refusal(db.session(), request) == "others_first"
    for other in crowd:
        play.cancel(other)
    assert admission.refusal(db.session(), request) == ""


def test_a_decision_costs_the_same_however_many_wait(play: Play, calm: None) -> None:
    add_node(Queue.RENDER, 20)
    costs, used = [], set()
    for number in (1000, 4000):
        add_jobs(play.owner_id, number)
        broker = Broker()
        run_dispatcher(broker)
        take_all(play, broker)
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(db.text("VACUUM ANALYZE outbox, step, job, turn_clock, turn_queue"))
        statements = record_statements(lambda: run_dispatcher(Broker()))
        blocks = 0
        for statement, values in statements:
            plan = explain(statement, values)
            blocks += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            nodes = list(walk(plan))
            used |= {node.get("Index Name") for node in nodes}
            scanned = [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"]
            assert not {"outbox", "step", "job"}.intersection(scanned), statement
        costs.append(blocks)
        db.session.execute(db.text("UPDATE outbox SET sent_at = NULL, due_at = now() WHERE sent_at IS NOT NULL"))
        db.session.commit()

    assert {"ix_outbox_turn", "ix_outbox_out", "ix_outbox_arrived"} <= used
    assert costs[1] <= 2.5 * costs[0], costs


def record_statements(act: Any) -> list[tuple[str, Any]]:
    """The SELECTs on bells that a call makes."""
    found: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, sent: str, values: Any, context: Any, *_: Any) -> None:
        statement = context.statement if context is not None else sent  # of one that is planned only its name is sent
        if statement.startswith("SELECT") and "outbox" in statement and "WITH" not in statement:
            found.append((statement, values))

    event.listen(db.engine, "before_cursor_execute", note)
    act()
    event.remove(db.engine, "before_cursor_execute", note)
    assert len(found) == 3  # the look, what is out in the queue, the first of the line
    return found


def explain(statement: str, values: Any) -> dict[str, Any]:
    connection = db.session.connection()
    told = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values).scalar_one()
    db.session.rollback()
    plan: dict[str, Any] = told[0]["Plan"]
    return plan


def walk(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from walk(part)
