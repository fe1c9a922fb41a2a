"""Making, cancelling and retrying jobs."""

from __future__ import annotations

from typing import Any

import pytest

from api.errors import ConflictError, QuotaError
from api.extensions import db
from api.jobs.effects import on_job_retried
from tasks.errors import FencedError
from tests.engine.play import KIND, PROBE, Play, StepSpec, fan_out, ingest, one_step


def test_a_new_job_has_its_steps_and_a_bell_for_each_that_can_start(play: Play) -> None:
    job_id = play.create(ingest())

    assert play.states(job_id) == {"job": "queued", "probe": "queued", "transcribe": "queued", "poster": "queued"}
    bells = play.bells(job_id)
    assert list(bells) == ["probe"]
    assert (bells["probe"].tries, bells["probe"].sent_at) == (0, None)
    assert [step.name for step in play.job(job_id).steps] == ["probe", "transcribe", "poster"]


def test_steps_that_wait_for_each_other_are_refused_and_leave_nothing(play: Play) -> None:
    circle = [StepSpec("a", PROBE, after=("b",)), StepSpec("b", PROBE, after=("a",))]

    for steps in (circle, [StepSpec("a", PROBE, after=("nobody",))], []):
        with pytest.raises(ValueError, match="step"):
            play.create(steps)
    db.session.rollback()

    assert db.session.execute(db.text("SELECT count(*) FROM job")).scalar() == 0


def test_the_next_steps_are_rung_after_the_chain_had_its_chance(play: Play) -> None:
    job_id = play.create(ingest())

    play.succeed(play.claim(job_id, "probe"))

    bells = play.bells(job_id)
    assert set(bells) == {"transcribe", "poster"}
    wait_s = db.session.execute(
        db.text("SELECT extract(epoch FROM due_at - clock_timestamp()) FROM outbox WHERE step_id = :id"),
        {"id": bells["poster"].step_id},
    ).scalar()
    assert 1.0 < float(wait_s) <= 2.0


def test_cancelling_a_queued_job_ends_it_at_once(play: Play) -> None:
    job_id = play.create(ingest())

    play.cancel(job_id)

    assert set(play.states(job_id).values()) == {"cancelled"}
    assert play.ask(job_id, "probe").reason == "cancelled"
    assert play.effects(job_id) == ["cancelled"]
    assert play.job(job_id).cancel_requested is True


def test_cancelling_a_running_job_is_heard_at_the_next_call_and_its_result_is_refused(play: Play) -> None:
    job_id = play.create(one_step())
    claim = play.claim(job_id, "only")

    play.cancel(job_id)

    for call in (lambda: play.beat(claim, 0.5), lambda: play.succeed(claim), lambda: play.fail(claim)):
        with pytest.raises(FencedError) as refused:
            call()
        assert refused.value.code == "job.cancelled"
    assert play.states(job_id) == {"job": "cancelled", "only": "cancelled"}
    assert play.effects(job_id) == ["cancelled"]
    assert play.history(job_id, "only") == [(1, "cancelled", None)]


def test_cancelling_between_attempts_ends_the_job(play: Play) -> None:
    job_id = play.create(one_step())
    play.fail(play.claim(job_id, "only"), "storage.away", permanent=False)

    play.cancel(job_id)

    assert play.states(job_id) == {"job": "cancelled", "only": "cancelled"}


def test_cancelling_keeps_what_is_done(play: Play) -> None:
    job_id = play.create(ingest())
    play.succeed(play.claim(job_id, "probe"), a=1)

    play.cancel(job_id)

    assert play.states(job_id) == {
        "job": "cancelled",
        "probe": "succeeded",
        "transcribe": "cancelled",
        "poster": "cancelled",
    }


def test_cancelling_twice_runs_the_effects_once(play: Play) -> None:
    job_id = play.create(one_step())

    play.cancel(job_id)
    play.cancel(job_id)

    assert play.effects(job_id) == ["cancelled"]
    assert play.events(job_id) == ["job.queued", "job.cancelled"]


@pytest.mark.parametrize("how", ["succeeded", "failed"])
def test_a_job_that_ended_cannot_be_cancelled(play: Play, how: str) -> None:
    job_id = play.create(one_step())
    claim = play.claim(job_id, "only")
    play.succeed(claim) if how == "succeeded" else play.fail(claim)

    with pytest.raises(ConflictError) as refused:
        play.cancel(job_id)

    assert (refused.value.code, refused.value.extra) == ("job.finished", {"state": how})
    assert play.effects(job_id)[-1] == how


def test_a_retry_goes_on_from_the_step_that_failed(play: Play) -> None:
    job_id = play.create(ingest())
    play.succeed(play.claim(job_id, "probe"), a=1)
    play.succeed(play.claim(job_id, "transcribe"), b=2)
    play.fail(play.claim(job_id, "poster"))

    play.retry(job_id)

    job = play.job(job_id)
    assert (job.state, job.run, job.error, job.finished_at) == ("queued", 2, None, None)
    assert play.states(job_id)["poster"] == "queued"
    assert "poster" in play.bells(job_id)
    claim = play.claim(job_id, "poster")
    assert (claim.attempt, claim.results) == (2, {"probe": {"a": 1}})
    play.succeed(claim)
    assert play.job(job_id).state == "succeeded"
    assert play.step(job_id, "probe").attempt == 1
    assert play.effects(job_id) == ["step probe", "failed", "retried", "succeeded"]


def test_a_retry_gives_a_poisoned_step_three_workers_again(play: Play) -> None:
    job_id = play.create(one_step())
    for _ in range(3):
        play.let_lease_pass(play.claim(job_id, "only"))
        play.reconcile()

    play.retry(job_id)
    play.let_lease_pass(play.claim(job_id, "only"))
    play.reconcile()

    assert play.states(job_id) == {"job": "running", "only": "queued"}
    assert play.step(job_id, "only").faults == 1


def test_a_cancelled_job_can_be_retried_and_the_old_worker_stays_fenced(play: Play) -> None:
    job_id = play.create(one_step())
    old = play.claim(job_id, "only")
    play.cancel(job_id)

    play.retry(job_id)
    with pytest.raises(FencedError):
        play.succeed(old)
    play.succeed(play.claim(job_id, "only"))

    assert play.job(job_id).state == "succeeded"
    assert play.job(job_id).cancel_requested is False


def test_retrying_what_goes_on_changes_nothing_and_what_succeeded_is_refused(play: Play) -> None:
    job_id = play.create(one_step())
    play.retry(job_id)
    claim = play.claim(job_id, "only")
    play.retry(job_id)
    assert (play.job(job_id).run, play.states(job_id)["only"]) == (1, "running")
    play.succeed(claim)

    with pytest.raises(ConflictError) as refused:
        play.retry(job_id)

    assert refused.value.code == "job.finished"


def test_a_retry_that_quota_refuses_changes_nothing(play: Play) -> None:
    refusing = []

    @on_job_retried(KIND)
    def refuse(session: Any, job: Any) -> None:
        if job.id in refusing:
            raise QuotaError("quota.daily_renders", "None left today")

    job_id = play.create(one_step())
    play.fail(play.claim(job_id, "only"))
    refusing.append(job_id)

    with pytest.raises(QuotaError):
        play.retry(job_id)

    assert play.states(job_id) == {"job": "failed", "only": "failed"}
    assert play.effects(job_id) == ["failed"]


def test_the_database_refuses_a_row_that_breaks_the_rules(play: Play) -> None:
    from sqlalchemy.exc import IntegrityError

    job_id = play.create(one_step())
    for broken in (
        "UPDATE step SET state = 'running'",
        "UPDATE step SET state = 'asleep'",
        "UPDATE step SET fraction = 1.5",
        "UPDATE job SET percent = 99.5",
        "UPDATE job SET state = 'failed'",
        "INSERT INTO event (job_id, seq, kind, data) SELECT id, 1, 'x', '{}' FROM job",
    ):
        with pytest.raises(IntegrityError):
            db.session.execute(db.text(broken))
        db.session.rollback()
    assert play.states(job_id) == {"job": "queued", "only": "queued"}


def test_a_job_whose_steps_have_ended_without_it_is_finished_by_the_reconciler(play: Play) -> None:
    job_id = play.create(fan_out(2))
    db.session.execute(db.text("UPDATE step SET state = 'succeeded' WHERE job_id = :id"), {"id": job_id})
    db.session.commit()

    assert play.reconcile()["unfinished"] == 1

    assert play.job(job_id).state == "succeeded"
    assert play.effects(job_id) == ["succeeded"]
    assert play.reconcile() == {"lease_over": 0, "forgotten": 0, "unfinished": 0, "slot_free": 0}


def test_a_ready_step_without_a_bell_gets_one(play: Play) -> None:
    job_id = play.create(ingest())
    db.session.execute(db.text("DELETE FROM outbox"))
    db.session.execute(db.text("UPDATE step SET queued_at = now() - interval '1 minute'"))
    db.session.commit()

    assert play.reconcile()["forgotten"] == 1

    assert list(play.bells(job_id)) == ["probe"]
