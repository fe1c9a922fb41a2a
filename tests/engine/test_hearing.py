"""Outages: nobody can renew a lease while the database or the API is away, which is no job's and no node's fault."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from api.extensions import db, get_settings
from api.farm.beats import take_beat
from api.farm.models import Node
from api.farm.quarantine import watch_nodes
from tasks.contracts import NodeBeat
from tests.engine.line import changed_settings
from tests.engine.play import Play, one_step

BUSY, IDLE = "node", "idle@y"  # the first is who claims in these tests


def beat(*nodes: str) -> None:
    for node in nodes:
        take_beat(db.session(), NodeBeat(node, instance="first", host=node, role="cpu", pid=1))
    db.session.commit()


def pass_time(seconds: float, *, heard: bool) -> None:
    """Move everything that was stored back in time; nodes that were heard beat at the end as before."""
    past = {"past": f"{seconds} s"}
    for column in ("registered_at", "started_at", "heard_since", "seen_at", "consumed_at"):
        db.session.execute(db.text(f"UPDATE farm_node SET {column} = {column} - CAST(:past AS interval)"), past)
    for column in ("lease_until", "started_at"):
        db.session.execute(db.text(f"UPDATE step SET {column} = {column} - CAST(:past AS interval)"), past)
    if heard:
        db.session.execute(db.text("UPDATE farm_node SET seen_at = now() WHERE id = :id"), {"id": IDLE})
    db.session.commit()


def outcomes(play: Play, job_id: UUID) -> list[tuple[str, str | None]]:
    return [(outcome, code) for _, outcome, code in play.history(job_id, "only")]


@pytest.fixture
def running(play: Play) -> Iterator[tuple[Play, UUID]]:
    """A job on one of two nodes, both long since heard."""
    with changed_settings(play.app, lease_s=30.0, beat_s=10.0, node_beat_s=3.0):
        beat(BUSY, IDLE)
        pass_time(3600.0, heard=False)
        db.session.execute(db.text("UPDATE farm_node SET seen_at = now()"))
        job_id = play.create(one_step())
        play.claim(job_id, "only")
        yield play, job_id


def test_a_worker_that_is_silent_alone_is_lost(running: tuple[Play, UUID]) -> None:
    play, job_id = running
    pass_time(40.0, heard=True)

    assert play.reconcile()["lease_over"] == 1
    assert outcomes(play, job_id) == [("lost", "step.worker_lost")]


@pytest.mark.parametrize("first", ["reconciler", "beats"])
def test_a_job_survives_any_number_of_outages_whoever_comes_back_first(running: tuple[Play, UUID], first: str) -> None:
    play, job_id = running
    for outage in range(4):
        if outage:
            play.let_pauses_pass(job_id)
            play.claim(job_id, "only")
        pass_time(40.0, heard=False)
        if first == "beats":
            beat(BUSY, IDLE)
        assert play.reconcile()["lease_over"] == 1
        beat(BUSY, IDLE)
    play.let_pauses_pass(job_id)
    play.succeed(play.claim(job_id, "only"))

    assert outcomes(play, job_id) == [("handed_back", "step.unheard")] * 4 + [("succeeded", None)]
    step = play.step(job_id, "only")
    assert (step.charged, step.faults, play.job(job_id).losses) == (0, 0, 0)


def test_an_outage_puts_no_node_into_quarantine(running: tuple[Play, UUID]) -> None:
    play, _ = running
    for _ in range(get_settings().quarantine_after):
        play.claim(play.create(one_step()), "only")
    pass_time(40.0, heard=False)
    beat(BUSY, IDLE)

    assert play.reconcile()["lease_over"] == get_settings().quarantine_after + 1
    watch_nodes(db.session())

    assert db.session.get_one(Node, BUSY).quarantined_at is None


def test_a_short_silence_is_no_break(running: tuple[Play, UUID]) -> None:
    since = db.session.get_one(Node, IDLE).heard_since
    pass_time(2.0, heard=False)
    beat(IDLE)

    assert db.session.get_one(Node, IDLE).heard_since < since
