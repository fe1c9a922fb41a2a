"""Any order of claims, beats, reports, losses, cancels and retries keeps the promises: seeded random walks."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from api.errors import ConflictError
from api.extensions import db
from tasks.contracts import Claim
from tasks.errors import FencedError
from tests.engine.play import Play, fan_out, ingest, one_step

PLANS = (one_step, ingest, lambda: fan_out(3))
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


ACTIONS = 150
MOST_JOBS = 4


class Walk:
    """One random walk over the engine, beside a model of who owns which step."""

    def __init__(self, play: Play, seed: int) -> None:
        self.play = play
        self.random = random.Random(seed)
        self.jobs: list[UUID] = []
        self.claims: list[Claim] = []
        self.owners: dict[str, int] = {}
        self.ends: dict[UUID, tuple[int, str]] = {}
        self.seen: Counter[str] = Counter()
        self.weights: dict[Callable[[], None], int] = {
            self.create: 4,
            self.claim: 30,
            self.beat: 10,
            self.succeed: 24,
            self.fail: 6,
            self.lose_a_worker: 4,
            self.reconcile: 3,
            self.wait: 8,
            self.cancel: 2,
            self.retry: 4,
        }

    def run(self) -> None:
        self.create()
        for _ in range(ACTIONS):
            (action,) = self.random.choices(list(self.weights), list(self.weights.values()))
            action()
            self.forget_the_stopped()
            self.check_promises()
            self.check_that_what_ended_stays_ended()

    def create(self) -> None:
        if len(self.jobs) < MOST_JOBS or self.random.random() < 0.2:
            self.jobs.append(self.play.create(self.random.choice(PLANS)()))

    def claim(self) -> None:
        job_id = self.random.choice(self.jobs[-MOST_JOBS:])
        steps = self.play.job(job_id).steps
        queued = [step for step in steps if step.state == "queued"]
        step = self.random.choice(queued * 4 + steps)
        before = step.state
        claim = self.play.ask(job_id, step.name, part=step.part)
        if claim.claimed:
            assert before == "queued"
            assert claim.step_id not in self.owners, "two owners at once"
            assert all(claim.token > old.token for old in self.claims)
            self.owners[claim.step_id] = claim.token
            self.claims.append(claim)
        else:
            self.seen[f"refused: {claim.reason}"] += 1

    def some_claim(self) -> Claim | None:
        """Pick a claim, mostly one that owns its step, sometimes one whose time is over."""
        owning = [claim for claim in self.claims if self.owners.get(claim.step_id) == claim.token]
        rivals = [claim for claim in self.claims if self.owners.get(claim.step_id, claim.token) != claim.token]
        choices = owning * 8 + rivals * 4 + self.claims[-10:]
        return self.random.choice(choices) if choices else None

    def call(self, claim: Claim, act: Callable[[], object]) -> bool:
        """Call as the holder of a claim; tell whether the call was accepted. An owner is never fenced."""
        try:
            act()
        except FencedError as error:
            assert self.owners.get(claim.step_id) != claim.token, "the owner was fenced"
            self.seen[error.code] += 1
            return False
        return True

    def beat(self) -> None:
        claim = self.some_claim()
        if claim is None:
            return
        owner = self.owners.get(claim.step_id) == claim.token
        assert self.call(claim, lambda: self.play.beat(claim, self.random.random())) == owner

    def succeed(self) -> None:
        claim = self.some_claim()
        if claim is not None and self.call(claim, lambda: self.play.succeed(claim, token=claim.token)):
            self.let_go(claim)

    def fail(self) -> None:
        claim = self.some_claim()
        code, permanent = self.random.choice(
            [
                ("storage.away", False),
                ("storage.away", False),
                ("media.broken", True),
                ("contract.unknown_version", True),
            ]
        )
        if claim is not None and self.call(claim, lambda: self.play.fail(claim, code, permanent=permanent)):
            self.let_go(claim)

    def let_go(self, claim: Claim) -> None:
        if self.owners.get(claim.step_id) == claim.token:
            del self.owners[claim.step_id]

    def lose_a_worker(self) -> None:
        owning = [claim for claim in self.claims if self.owners.get(claim.step_id) == claim.token]
        if owning:
            claim = self.random.choice(owning)
            self.play.let_lease_pass(claim)
            assert self.play.reconcile() == {"lease_over": 1, "forgotten": 0, "unfinished": 0, "slot_free": 0}
            self.let_go(claim)

    def reconcile(self) -> None:
        assert self.play.reconcile() == {"lease_over": 0, "forgotten": 0, "unfinished": 0, "slot_free": 0}

    def wait(self) -> None:
        for job_id in self.jobs:
            self.play.let_pauses_pass(job_id)

    def cancel(self) -> None:
        job_id = self.random.choice(self.jobs)
        before = self.play.job(job_id).state
        try:
            self.play.cancel(job_id)
        except ConflictError:
            assert before in ("succeeded", "failed")
        else:
            assert self.play.job(job_id).state == "cancelled"

    def retry(self) -> None:
        job_id = self.random.choice(self.jobs)
        job = self.play.job(job_id)
        before, run = job.state, job.run
        done = {step.id for step in job.steps if step.state == "succeeded"}
        try:
            self.play.retry(job_id)
        except ConflictError:
            assert before == "succeeded"
            return
        job = self.play.job(job_id)
        assert job.run == run + (before in ENDED)
        assert {step.id for step in job.steps if step.state == "succeeded"} == done
        self.seen["retried"] += before in ENDED

    def forget_the_stopped(self) -> None:
        """Drop owners whose job ended under them: the database says whose."""
        running = db.session.execute(db.text("SELECT id::text FROM step WHERE state = 'running'")).scalars()
        self.owners = {step_id: self.owners[step_id] for step_id in running if step_id in self.owners}

    def check_promises(self) -> None:
        broken = [name for name, query in BROKEN_PROMISES.items() if db.session.execute(db.text(query)).first()]
        held = db.session.execute(db.text("SELECT id::text, token FROM step WHERE state = 'running'")).all()
        assert broken == []
        assert {step_id: token for step_id, token in held} == self.owners

    def check_that_what_ended_stays_ended(self) -> None:
        for row in db.session.execute(db.text("SELECT id, run, state FROM job")).all():
            known = self.ends.get(row.id)
            if known is not None and known[0] == row.run:
                assert row.state == known[1]
            if row.state in ENDED:
                self.ends[row.id] = (row.run, row.state)
                self.seen[row.state] += known is None or known[0] != row.run
        db.session.rollback()


@pytest.fixture
def slow_clock(app: Any) -> Iterator[None]:
    """Leases and pauses that only end when the walk says so, so that a seed is the same walk each time."""
    before = app.extensions["settings"]
    app.extensions["settings"] = replace(before, lease_s=3600.0, retry_backoff_s=300.0)
    yield
    app.extensions["settings"] = before


EVERYTHING = {
    "succeeded", "failed", "cancelled", "retried", "step.fenced", "job.cancelled",
    "refused: waiting", "refused: done", "refused: running", "refused: failed", "refused: cancelled",
}  # fmt: skip


def test_no_order_of_events_breaks_a_promise(play: Play, slow_clock: None) -> None:
    seen: Counter[str] = Counter()
    for seed in range(1, 8):
        db.session.execute(db.text("TRUNCATE job, effect_log CASCADE"))
        db.session.commit()
        walk = Walk(play, seed)
        walk.run()
        seen += walk.seen

    assert set(seen) == EVERYTHING, "the walks did not get everywhere"
    assert seen["succeeded"] >= 10, seen
