"""Playing with webhooks: an installation that may send to loopback, jobs that end, couriers with a clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from api.extensions import db
from api.jobs import attempts, service
from api.jobs.engine import database_now
from api.jobs.models import Step
from api.webhooks.courier import Courier
from api.webhooks.models import Webhook, WebhookDelivery
from tasks.contracts import Claim, ClaimRequest, Heartbeat, Progress, StepFailure, StepReport
from tasks.names import Priority, TaskName
from tasks.workflows.plan import StepSpec
from tests.api.farm import Caller

SUBJECT = "6a1fb3b8-55f0-4f0e-9f57-8c1d4a0f6f11"
INSIDE = {"REELYARD_WEBHOOK_INSIDE": "true", "REELYARD_WEBHOOK_TIMEOUT_S": "1", "REELYARD_MAIL": "console"}


@dataclass
class Clock:
    """The database's clock, put forward as a test says."""

    ahead: timedelta = timedelta()

    def __call__(self, session: Any) -> datetime:
        return database_now(session) + self.ahead

    def pass_s(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@dataclass
class Hooks:
    """An account with endpoints, and the courier that sends to them."""

    app: Any
    caller: Caller
    clock: Clock

    def __post_init__(self) -> None:
        self.courier = Courier(self.app.extensions["settings"], clock=self.clock)

    def make(self, url: str, *events: str, **more: Any) -> dict[str, Any]:
        """Make an endpoint over HTTP."""
        body = {"url": url, **({"events": list(events)} if events else {}), **more}
        made: dict[str, Any] = self.caller.post("/webhooks", body, expect=201)
        return made

    def deliver(self, rounds: int = 50) -> int:
        """Send all that is due; return how often an endpoint was served."""
        served = 0
        for _ in range(rounds):
            worked = [self.courier.serve_one(db.session(), sick=sick) for sick in (False, True)]
            served += sum(worked)
            if not any(worked):
                return served
        raise AssertionError("the couriers find no end")

    def log(self, made: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
        """Return an endpoint's log, oldest first."""
        items: list[dict[str, Any]] = self.caller.get(f"/webhooks/{made['id']}/deliveries?limit=200{query}")["items"]
        return items[::-1]

    def row(self, made: dict[str, Any]) -> Webhook:
        db.session.rollback()
        return db.session.get_one(Webhook, UUID(made["id"]), populate_existing=True)

    def start_job(self, kind: str = "hooked", *, organisation_id: UUID | None = None) -> UUID:
        steps = [StepSpec("only", TaskName.RENDER_VIDEO, {})]
        job = service.create_job(
            db.session(),
            owner_id=UUID(self.caller.id),
            organisation_id=organisation_id,
            kind=kind,
            steps=steps,
            priority=Priority.NORMAL,
            subject={"render_id": SUBJECT},
        )
        db.session.commit()
        return job.id

    def claim(self, job_id: UUID) -> Claim:
        step = db.session.scalars(select(Step).where(Step.job_id == job_id)).one()
        claim = attempts.claim_step(db.session(), ClaimRequest(str(job_id), str(step.id), "node", step.task, ""))
        db.session.commit()
        return claim

    def beat(self, claim: Claim, fraction: float, stage: str) -> None:
        progress = Progress(fraction, stage=stage)
        attempts.keep_alive(db.session(), Heartbeat(claim.job_id, claim.step_id, claim.token, progress))
        db.session.commit()

    def end(self, claim: Claim, *, good: bool = True) -> None:
        told: dict[str, Any] = {"result": {}}
        if not good:
            told = {"failure": StepFailure("media.truncated", "It is cut off.", permanent=True)}
        attempts.take_report(db.session(), StepReport(claim.job_id, claim.step_id, claim.token, **told))
        db.session.commit()

    def whole_job(self, kind: str = "hooked", *, good: bool = True, organisation_id: UUID | None = None) -> UUID:
        """Order a job and have it done, or fail."""
        job_id = self.start_job(kind, organisation_id=organisation_id)
        self.end(self.claim(job_id), good=good)
        return job_id

    def put_off(self, **columns: Any) -> None:
        """Change columns of every message."""
        db.session.query(WebhookDelivery).update(columns)
        db.session.commit()
