"""Old jobs lose their history, and nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.events.stream import read_batch
from api.extensions import db
from api.jobs.history import sweep
from tests.engine.play import Play, one_step


def make_old(job_id: UUID, days: int) -> None:
    then = f"finished_at = finished_at - interval '{days} days'"
    db.session.execute(db.text(f"UPDATE job SET {then} WHERE id = :id"), {"id": job_id})
    db.session.commit()


def finished(play: Play) -> UUID:
    job_id = play.create(one_step())
    play.succeed(play.claim(job_id, "only"), found=1)
    return job_id


def test_jobs_older_than_the_setting_keep_their_end_and_their_results_alone(play: Play) -> None:
    old, young, running = finished(play), finished(play), play.create(one_step())
    play.claim(running, "only")
    make_old(old, 91)
    make_old(young, 89)
    before = [(play.events(job), play.history(job, "only")) for job in (young, running)]

    assert sweep(db.session(), days=90) == 1

    assert play.events(old) == ["job.succeeded"]
    assert play.history(old, "only") == []
    assert play.step(old, "only").result == {"found": 1}
    assert [(play.events(job), play.history(job, "only")) for job in (young, running)] == before
    assert sweep(db.session(), days=90) == 0


def test_a_stream_of_a_trimmed_job_tells_its_end_and_ends(play: Play) -> None:
    job_id = finished(play)
    make_old(job_id, 91)
    sweep(db.session(), days=90)

    batch: Any = read_batch(db.engine, job_id, 0)

    assert ([event.kind for event in batch.events], batch.complete) == (["job.succeeded"], True)


def test_a_trimmed_job_that_is_retried_goes_on_numbering_and_is_trimmed_again(play: Play) -> None:
    job_id = play.create(one_step())
    play.fail(play.claim(job_id, "only"))
    make_old(job_id, 91)
    assert sweep(db.session(), days=90) == 1
    last = play.job(job_id).event_seq

    play.retry(job_id)
    play.succeed(play.claim(job_id, "only"))
    assert play.job(job_id).event_seq > last
    assert sweep(db.session(), days=90) == 0
    make_old(job_id, 91)

    assert sweep(db.session(), days=90) == 1
    assert play.events(job_id) == ["job.succeeded"]
