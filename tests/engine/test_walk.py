"""Any order of claims, beats, reports, losses, cancels and retries keeps the engine's promises (state machine)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from api.errors import ConflictError
from api.extensions import db
from tasks.contracts import Claim
from tasks.errors import FencedError
from tests.engine.play import Play, fan_out, ingest, one_step

PLANS = {"one": one_step, "ingest": ingest, "fan out": lambda: fan_out(3)}
ENDED = {"succeeded", "failed", "cancelled"}

BROKEN_PROMISES = {
    "a running step outside a running job": """
        SELECT 1 FROM step JOIN job ON job.id = job_id WHERE step.state = 'running' AND job.state <> 'running'""",
    "an attempt that is open without its step running under its token": """
        SELECT 1 FROM attempt a JOIN step s ON s.id = a.step_id
        WHERE (a.outcome IS NULL) <> (s.state = 'running' AND s.token = a.token)""",
    "a later attempt with a smaller token": """
        SELECT 1 FROM attempt a JOIN attempt b ON a.step_id = b.step_id
        WHERE a.number < b.number AND a.token >= b.token""",
    "a step begun before what it waits for": """
        SELECT 1 FROM step s JOIN step b ON b.job_id = s.job_id AND b.name = ANY (s.after)
        WHERE s.attempt > 0 AND b.state <> 'succeeded'""",
    "a job whose end does not fit its steps": """
        SELECT 1 FROM job WHERE (state = 'succeeded') <>
        NOT EXISTS (SELECT 1 FROM step WHERE job_id = job.id AND state <> 'succeeded')""",
    "a failed job without a failed step or a reason": """
        SELECT 1 FROM job WHERE state = 'failed' AND (error_code IS NULL OR
        NOT EXISTS (SELECT 1 FROM step WHERE job_id = job.id AND state = 'failed'))""",
    "work left in a job that has ended": """
        SELECT 1 FROM step JOIN job ON job.id = job_id
        WHERE job.state IN ('succeeded', 'failed', 'cancelled') AND step.state IN ('queued', 'running')""",
    "a ready step that nobody will ring": """
        SELECT 1 FROM step s JOIN job ON job.id = s.job_id LEFT JOIN outbox o ON o.step_id = s.id
        WHERE s.state = 'queued' AND job.state IN ('queued', 'running') AND o.step_id IS NULL AND NOT EXISTS (
            SELECT 1 FROM step b WHERE b.job_id = s.job_id AND b.name = ANY (s.after) AND b.state <> 'succeeded')""",
    "a gap in the events": """
        SELECT 1 FROM job LEFT JOIN event ON event.job_id = job.id GROUP BY job.id
        HAVING count(event.seq) <> job.event_seq OR max(event.seq) <> job.event_seq""",
    "an end whose effects did not run exactly once": """
        SELECT 1 FROM job LEFT JOIN effect_log e ON e.job_id = job.id AND e.what IN ('succeeded', 'failed', 'cancelled')
        GROUP BY job.id HAVING count(e.id) <>
        CASE WHEN job.state IN ('succeeded', 'failed', 'cancelled') THEN job.run ELSE job.run - 1 END""",
    "a step whose effects ran twice, or not at all": """
        SELECT 1 FROM step s LEFT JOIN effect_log e ON e.job_id = s.job_id AND e.what = 'step ' || s.name
        WHERE s.task = 'ingest.probe' GROUP BY s.job_id, s.name HAVING count(DISTINCT e.id) <>
        count(DISTINCT s.id) FILTER (WHERE s.state = 'succeeded')""",
}


def make_machine(play: Play) -> type[RuleBasedStateMachine]:  # noqa: C901 - one class with many small rules
    """Return a machine over one engine; every run starts with empty tables."""

    class Farm(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            db.session.rollback()
            db.session.execute(db.text("TRUNCATE job, effect_log CASCADE"))
            db.session.commit()
            self.jobs: list[Any] = []
            self.claims: list[Claim] = []
            self.owners: dict[str, int] = {}
            self.ends: dict[Any, tuple[int, str]] = {}

        @initialize(plan=st.sampled_from(sorted(PLANS)))
        def begin(self, plan: str) -> None:
            self.jobs.append(play.create(PLANS[plan]()))

        @precondition(lambda self: len(self.jobs) < 3)
        @rule(plan=st.sampled_from(sorted(PLANS)))
        def create(self, plan: str) -> None:
            self.jobs.append(play.create(PLANS[plan]()))

        @rule(data=st.data())
        def claim(self, data: st.DataObject) -> None:
            job_id = data.draw(st.sampled_from(self.jobs))
            step = data.draw(st.sampled_from(sorted(play.job(job_id).steps, key=lambda step: step.position)))
            before = step.state
            claim = play.ask(job_id, step.name, part=step.part)
            if claim.claimed:
                assert before == "queued"
                assert claim.step_id not in self.owners, "two owners at once"
                assert all(claim.token > old.token for old in self.claims)
                self.owners[claim.step_id] = claim.token
                self.claims.append(claim)

        def call(self, claim: Claim, act: Any, *, ends: bool) -> None:
            owner = self.owners.get(claim.step_id) == claim.token
            try:
                act()
            except FencedError:
                assert not owner, "the owner was fenced"
                return
            if ends:
                self.owners.pop(claim.step_id, None) if owner else None
            else:
                assert owner, "a heartbeat of somebody else was accepted"

        @precondition(lambda self: self.claims)
        @rule(data=st.data(), fraction=st.floats(0, 1))
        def beat(self, data: st.DataObject, fraction: float) -> None:
            claim = data.draw(st.sampled_from(self.claims))
            self.call(claim, lambda: play.beat(claim, fraction), ends=False)

        @precondition(lambda self: self.claims)
        @rule(data=st.data(), how=st.sampled_from(["good", "good", "good", "transient", "permanent", "version"]))
        def report(self, data: st.DataObject, how: str) -> None:
            claim = data.draw(st.sampled_from(self.claims))
            acts = {
                "good": lambda: play.succeed(claim, token=claim.token),
                "transient": lambda: play.fail(claim, "storage.away", permanent=False),
                "permanent": lambda: play.fail(claim, "media.broken"),
                "version": lambda: play.fail(claim, "contract.unknown_version"),
            }
            self.call(claim, acts[how], ends=True)
            self.forget_the_stopped()

        @precondition(lambda self: self.owners)
        @rule(data=st.data())
        def lose_a_worker(self, data: st.DataObject) -> None:
            held = [claim for claim in self.claims if self.owners.get(claim.step_id) == claim.token]
            claim = data.draw(st.sampled_from(held))
            step_id = claim.step_id
            play.let_lease_pass(claim)
            assert play.reconcile() == {"lease_over": 1, "forgotten": 0, "unfinished": 0}
            del self.owners[step_id]
            self.forget_the_stopped()

        @rule()
        def reconcile(self) -> None:
            assert play.reconcile() == {"lease_over": 0, "forgotten": 0, "unfinished": 0}

        @rule(data=st.data())
        def wait(self, data: st.DataObject) -> None:
            play.let_pauses_pass(data.draw(st.sampled_from(self.jobs)))

        @rule(data=st.data())
        def cancel(self, data: st.DataObject) -> None:
            job_id = data.draw(st.sampled_from(self.jobs))
            before = play.job(job_id).state
            try:
                play.cancel(job_id)
            except ConflictError:
                assert before in ("succeeded", "failed")
            else:
                assert play.job(job_id).state == "cancelled"
            self.forget_the_stopped()

        @rule(data=st.data())
        def retry(self, data: st.DataObject) -> None:
            job_id = data.draw(st.sampled_from(self.jobs))
            job = play.job(job_id)
            before, run = job.state, job.run
            done = {step.id for step in job.steps if step.state == "succeeded"}
            try:
                play.retry(job_id)
            except ConflictError:
                assert before == "succeeded"
                return
            job = play.job(job_id)
            assert job.run == run + (before in ENDED)
            assert {step.id for step in job.steps if step.state == "succeeded"} == done

        def forget_the_stopped(self) -> None:
            """Drop owners whose job ended under them: the database says whose."""
            running = db.session.execute(db.text("SELECT id::text FROM step WHERE state = 'running'")).scalars()
            self.owners = {step_id: self.owners[step_id] for step_id in running if step_id in self.owners}
            db.session.rollback()

        @invariant()
        def promises_are_kept(self) -> None:
            broken = [name for name, query in BROKEN_PROMISES.items() if db.session.execute(db.text(query)).first()]
            held = db.session.execute(db.text("SELECT id::text, token FROM step WHERE state = 'running'")).all()
            db.session.rollback()
            assert broken == []
            assert {step_id: token for step_id, token in held} == self.owners

        @invariant()
        def what_ended_stays_ended_unless_retried(self) -> None:
            for row in db.session.execute(db.text("SELECT id, run, state FROM job")).all():
                known = self.ends.get(row.id)
                if known is not None and known[0] == row.run:
                    assert row.state == known[1]
                if row.state in ENDED:
                    self.ends[row.id] = (row.run, row.state)
            db.session.rollback()

    return Farm


@pytest.fixture
def slow_clock(app: Any) -> Iterator[None]:
    """Leases and pauses that only end when a rule says so, so that a run is the same each time."""
    before = app.extensions["settings"]
    app.extensions["settings"] = replace(before, lease_s=3600.0, retry_backoff_s=300.0)
    yield
    app.extensions["settings"] = before


def test_no_order_of_events_breaks_a_promise(play: Play, slow_clock: None) -> None:
    run_state_machine_as_test(
        make_machine(play),
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
