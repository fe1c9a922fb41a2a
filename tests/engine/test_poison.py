"""Jobs that take their workers down, by one step or several."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from api.extensions import db
from api.jobs import attempts
from api.jobs.models import OutboxBell
from api.turns import limits
from tasks.contracts import Claim, StepFailure
from tasks.errors import FencedError
from tasks.names import Queue
from tests.engine.line import Broker, add_node, changed_settings, run_dispatcher
from tests.engine.play import Play, fan_out


def bell_of(play: Play, job_id: UUID, part: int) -> OutboxBell:
    step = play.step(job_id, "part", part)
    return db.session.scalars(select(OutboxBell).filter_by(step_id=step.id)).one()


def lose(play: Play, *claims: Claim) -> None:
    """Let workers fall silent together."""
    for claim in claims:
        play.let_lease_pass(claim)
    play.reconcile()


def test_pieces_that_kill_their_workers_one_after_the_other_end_the_job_at_the_third(play: Play) -> None:
    job_id = play.create(fan_out(5))
    for part in range(3):
        lose(play, play.claim(job_id, "part", part=part))

    job = play.job(job_id)
    assert (job.state, job.error_code) == ("failed", "job.poison")
    assert sum(step.attempt for step in job.steps) == 3


def test_workers_lost_side_by_side_count_once_and_then_pieces_go_one_at_a_time(play: Play) -> None:
    job_id = play.create(fan_out(5))
    lose(play, *(play.claim(job_id, "part", part=part) for part in range(4)))
    assert (play.job(job_id).state, play.job(job_id).losses) == ("running", 1)

    alone = play.claim(job_id, "part", part=0)
    assert play.ask(job_id, "part", part=1).reason == "alone"
    assert bell_of(play, job_id, 1).parked_on == f"suspect:{job_id}"
    lose(play, alone)
    lose(play, play.claim(job_id, "part", part=2))

    assert play.job(job_id).error_code == "job.poison"
    assert sum(step.attempt for step in play.job(job_id).steps) == 6


def test_a_piece_that_succeeds_clears_its_job_and_lets_the_others_go_on_side_by_side(play: Play) -> None:
    job_id = play.create(fan_out(4))
    lose(play, *(play.claim(job_id, "part", part=part) for part in range(2)))
    alone = play.claim(job_id, "part", part=0)
    assert play.ask(job_id, "part", part=1).reason == "alone"
    assert limits.release(db.session()) == 0

    play.succeed(alone)

    assert limits.release(db.session()) == 1
    db.session.commit()
    assert bell_of(play, job_id, 1).parked_on is None
    claims = [play.claim(job_id, "part", part=part) for part in range(1, 4)]
    lose(play, *claims)
    assert (play.job(job_id).state, play.job(job_id).losses) == ("running", 1)


def test_one_piece_that_kills_is_given_up_after_three_while_the_others_succeed(play: Play) -> None:
    job_id = play.create(fan_out(4))
    for part in range(1, 4):
        lose(play, play.claim(job_id, "part", part=0))
        if part < 3:
            play.succeed(play.claim(job_id, "part", part=part))

    assert play.job(job_id).error_code == "job.poison"
    assert play.step(job_id, "part", 0).attempt == 3


def test_a_wide_jobs_first_wave_is_as_wide_as_the_farm_and_its_second_is_one_piece(play: Play, app: Any) -> None:
    db.session.execute(db.delete(OutboxBell))
    add_node(Queue.INGEST, 4)
    job_id = play.create(fan_out(200))
    db.session.execute(db.text("UPDATE outbox SET due_at = clock_timestamp() WHERE job_id = :job"), {"job": job_id})
    db.session.commit()
    broker = Broker()

    with changed_settings(app, ring_ahead_s=0.0):
        first = claim_all(play, broker)
        lose(play, *first)
        second = claim_all(play, broker)

    assert [claim.claimed for claim in first] == [True] * 4
    assert [claim.claimed for claim in second].count(True) == 1
    assert {claim.reason for claim in second} == {"", "alone"}
    assert play.job(job_id).losses == 1


def claim_all(play: Play, broker: Broker) -> list[Claim]:
    """Ring as many bells as there is room for, and have each answered."""
    run_dispatcher(broker)
    answers = []
    while (bell := broker.take()) is not None:
        answers.append(play.ask_by_id(bell["job_id"], bell["step_id"], bell["task"]))
    return answers


def tell_death(play: Play, claim: Claim, code: str, detail: str) -> None:
    """Report, as a worker's main process does, how the process died that worked on a step."""
    play.report(claim, failure=StepFailure(code, detail, permanent=False))


def test_deaths_that_are_told_end_the_job_at_the_third_and_keep_their_causes(play: Play) -> None:
    job_id = play.create(fan_out(2))
    crash = "The step's process ended by signal 11 (SIGSEGV)"
    tell_death(play, play.claim(job_id, "part"), "step.crashed", crash)
    assert play.step(job_id, "part").state == "queued"  # at once, not when the lease ends
    lose(play, play.claim(job_id, "part"))
    tell_death(play, play.claim(job_id, "part"), "step.out_of_memory", "The kernel killed it")

    job, causes = play.job(job_id), ["step.crashed", "step.worker_lost", "step.out_of_memory"]
    assert job.error["code"] == "job.poison"
    assert job.error["details"] == {"causes": causes}
    assert "The kernel killed it" in job.error["message"]
    assert play.history(job_id, "part") == [(1, "lost", causes[0]), (2, "lost", causes[1]), (3, "lost", causes[2])]
    assert play.step(job_id, "part").charged == 0


def test_a_death_told_late_twice_or_by_a_worker_that_was_leaving_counts_to_nobody(play: Play) -> None:
    job_id = play.create(fan_out(2))
    first = play.claim(job_id, "part")
    lose(play, first)
    with pytest.raises(FencedError):
        tell_death(play, first, "step.crashed", "It crashed")
    second = play.claim(job_id, "part")
    attempts.note_leaving(db.session(), "node")
    db.session.commit()
    tell_death(play, second, "step.crashed", "Its supervisor killed it")

    assert play.history(job_id, "part") == [(1, "lost", "step.worker_lost"), (2, "handed_back", "step.crashed")]
    assert play.job(job_id).losses == 1
