"""Playing worker, user and clock against the real engine and the real database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.control.reconciler import reconcile
from api.extensions import db
from api.jobs import attempts, service
from api.jobs.effects import on_job_ended, on_job_retried, on_step_succeeded
from api.jobs.models import Attempt, Event, Job, OutboxBell, Step
from tasks.contracts import Claim, ClaimRequest, Heartbeat, Progress, StepFailure, StepReport
from tasks.names import Priority, TaskName
from tasks.workflows.plan import StepSpec

KIND = "traced"
EFFECT_TABLE = "CREATE TABLE IF NOT EXISTS effect_log (id serial, job_id uuid, what text)"
PROBE, POSTER, SPEECH, RENDER = (
    TaskName.INGEST_PROBE,
    TaskName.INGEST_POSTER,
    TaskName.SPEECH_TRANSCRIBE,
    TaskName.RENDER_VIDEO,
)


def leave_trace(session: Session, job: Job, what: str) -> None:
    session.execute(
        db.text("INSERT INTO effect_log (job_id, what) VALUES (:job, :what)"), {"job": job.id, "what": what}
    )


@on_job_ended(KIND)
def trace_end(session: Session, job: Job) -> None:
    leave_trace(session, job, job.state)


@on_job_retried(KIND)
def trace_retry(session: Session, job: Job) -> None:
    leave_trace(session, job, "retried")


@on_step_succeeded(PROBE)
def trace_step(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    if job.kind == KIND:
        leave_trace(session, job, f"step {step.name}")
        if "explode" in result:
            raise result_error(result["explode"])


def result_error(how: str) -> Exception:
    from tasks.errors import PermanentError

    return PermanentError("media.truncated", "The effect refuses it.") if how == "permanent" else KeyError(how)


def one_step() -> list[StepSpec]:
    return [StepSpec("only", PROBE, {"object_key": "uploads/x"})]


def ingest() -> list[StepSpec]:
    """Probe, then transcript and poster side by side."""
    return [
        StepSpec("probe", PROBE, {"n": 1}),
        StepSpec("transcribe", SPEECH, {"n": 2}, after=("probe",)),
        StepSpec("poster", POSTER, {"n": 3}, after=("probe",)),
    ]


def fan_out(parts: int) -> list[StepSpec]:
    """Many parts and a join."""
    cut = [StepSpec("part", PROBE, {"part": number}, part=number) for number in range(parts)]
    return [*cut, StepSpec("join", RENDER, {}, after=("part",))]


@dataclass
class Play:
    """The engine's callers, each call in a transaction of its own."""

    app: Any
    owner_id: UUID

    def create(self, steps: list[StepSpec], *, priority: Priority = Priority.NORMAL) -> UUID:
        subject = {name: str(uuid4()) for name in ("asset_id", "upload_id", "render_id")}
        job = service.create_job(
            db.session(), owner_id=self.owner_id, kind=KIND, steps=steps, priority=priority, subject=subject
        )
        db.session.commit()
        return job.id

    def job(self, job_id: UUID) -> Job:
        db.session.rollback()
        return db.session.get_one(Job, job_id, populate_existing=True)

    def step(self, job_id: UUID, name: str, part: int = 0) -> Step:
        self.job(job_id)
        chosen = select(Step).filter_by(job_id=job_id, name=name, part=part)
        return db.session.scalars(chosen.execution_options(populate_existing=True)).one()

    def states(self, job_id: UUID) -> dict[str, str]:
        found = {step.name: step.state for step in self.job(job_id).steps}
        return {"job": self.job(job_id).state, **found}

    def ask(self, job_id: UUID, name: str, *, part: int = 0, node: str = "node", nonce: str = "") -> Claim:
        step = self.step(job_id, name, part)
        request = ClaimRequest(str(job_id), str(step.id), node, step.task, nonce)
        claim = attempts.claim_step(db.session(), request)
        db.session.commit()
        return claim

    def ask_by_id(self, job_id: str, step_id: str, task: str) -> Claim:
        """Claim what a bell rings for."""
        claim = attempts.claim_step(db.session(), ClaimRequest(job_id, step_id, "node", task))
        db.session.commit()
        return claim

    def claim(self, job_id: UUID, name: str, *, part: int = 0) -> Claim:
        claim = self.ask(job_id, name, part=part)
        assert claim.claimed, claim.reason
        return claim

    def beat(self, claim: Claim, fraction: float | None = None, **told: Any) -> float:
        progress = None if fraction is None else Progress(fraction, **told)
        try:
            return attempts.keep_alive(db.session(), Heartbeat(claim.job_id, claim.step_id, claim.token, progress))
        finally:
            self._end()

    def report(self, claim: Claim, **outcome: Any) -> None:
        try:
            attempts.take_report(db.session(), StepReport(claim.job_id, claim.step_id, claim.token, **outcome))
        finally:
            self._end()

    def succeed(self, claim: Claim, **result: Any) -> None:
        self.report(claim, result=result)

    def fail(self, claim: Claim, code: str = "media.unsupported", *, permanent: bool = True) -> None:
        self.report(claim, failure=StepFailure(code, "It does not work.", permanent))

    def cancel(self, job_id: UUID) -> None:
        try:
            service.request_cancel(db.session(), self.job(job_id))
        finally:
            self._end()

    def retry(self, job_id: UUID) -> None:
        try:
            service.retry(db.session(), self.job(job_id))
        finally:
            self._end()

    def let_lease_pass(self, claim: Claim) -> None:
        """Move a lease into the past, as waiting would."""
        db.session.execute(
            db.text("UPDATE step SET lease_until = now() - interval '1 s' WHERE id = :id AND state = 'running'"),
            {"id": claim.step_id},
        )
        db.session.commit()

    def let_pauses_pass(self, job_id: UUID) -> None:
        """Move pauses before a next try into the past."""
        db.session.execute(db.text("UPDATE step SET run_after = NULL WHERE job_id = :id"), {"id": job_id})
        db.session.commit()

    def reconcile(self, *, rering_s: float = 2.0) -> dict[str, int]:
        return reconcile(db.session(), rering_s=rering_s)

    def bells(self, job_id: UUID) -> dict[str, OutboxBell]:
        """Bells in the outbox, by step name."""
        db.session.rollback()
        chosen = select(Step.name, OutboxBell).join(OutboxBell, OutboxBell.step_id == Step.id)
        rows = db.session.execute(chosen.where(Step.job_id == job_id).execution_options(populate_existing=True))
        return {name: bell for name, bell in rows}

    def effects(self, job_id: UUID) -> list[str]:
        rows = db.session.execute(db.text("SELECT what FROM effect_log WHERE job_id = :id ORDER BY id"), {"id": job_id})
        return list(rows.scalars())

    def events(self, job_id: UUID) -> list[str]:
        db.session.rollback()
        return list(db.session.scalars(select(Event.kind).where(Event.job_id == job_id).order_by(Event.seq)))

    def history(self, job_id: UUID, name: str) -> list[tuple[int, str | None, str | None]]:
        step = self.step(job_id, name)
        chosen = select(Attempt.number, Attempt.outcome, Attempt.code).where(Attempt.step_id == step.id)
        return [tuple(row) for row in db.session.execute(chosen.order_by(Attempt.number))]

    def _end(self) -> None:
        """Commit what succeeded; what raised left nothing that could be committed."""
        import sys

        if sys.exc_info()[0] is None:
            db.session.commit()
        else:
            db.session.rollback()
