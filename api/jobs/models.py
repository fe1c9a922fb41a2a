"""Tables of the job engine: job, step, attempt, outbox, event."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    Sequence,
    SmallInteger,
    String,
    UniqueConstraint,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column, object_session, relationship

from api.extensions import db
from api.ids import new_id
from api.jobs.states import JobState, Outcome, StepState
from api.organisations.models import Organisation
from tasks.names import PRIORITY_NAMES, Priority

MOMENT = DateTime(timezone=True)
STEP_TOKEN = Sequence("step_token", metadata=db.metadata)
"""Fencing tokens: every claim takes the next number, so that a later owner always holds a greater one."""

_STEPS_ADDED = "reelyard.steps_added"
_PRIORITY_WORDS = {int(number): word for word, number in PRIORITY_NAMES.items()}


def one_of(column: str, values: type[JobState] | type[StepState] | type[Outcome]) -> str:
    """Return the SQL condition that a column holds a member's value."""
    return f"{column} IN ({', '.join(repr(member.value) for member in values)})"


class Job(db.Model):
    """One order of work. Its row is the lock of all its steps: always taken first.

    ``run`` counts how often it was started: 1, and one more for each retry. ``event_seq`` numbers its events.
    ``losses`` counts the workers that it took down since a step of it succeeded, the last one at ``lost_at``.
    Its history is gone up to and with ``trimmed_run``. ``traceparent`` is the trace of the request that ordered it.
    """

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint(one_of("state", JobState), name="state"),
        CheckConstraint("percent >= 0 AND (percent <= 99 OR (percent = 100 AND state = 'succeeded'))", name="percent"),
        CheckConstraint("(finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled'))", name="finished"),
        Index("ix_job_owner_created", "owner_id", "created_at", "id"),
        Index("ix_job_owner_state", "owner_id", "state", "created_at", "id"),
        Index("ix_job_owner_kind", "owner_id", "kind", "created_at", "id"),
        Index(
            "ix_job_organisation_created",
            "organisation_id",
            "created_at",
            "id",
            postgresql_where=text("organisation_id IS NOT NULL"),
        ),
        Index("ix_job_given_up", "created_at", "id", postgresql_where=text("state IN ('failed', 'cancelled')")),
        Index("ix_job_finished", "finished_at"),
        Index("ix_job_untrimmed", "finished_at", postgresql_where=text("trimmed_run < run")),
        Index("ix_job_active", "state", postgresql_where=text("state IN ('queued', 'running')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"))
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16), default=JobState.QUEUED.value)
    priority: Mapped[int] = mapped_column(SmallInteger, default=int(Priority.NORMAL))
    subject: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    run: Mapped[int] = mapped_column(Integer, default=1)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    percent: Mapped[float] = mapped_column(Float, default=0.0)
    stage: Mapped[str] = mapped_column(String(64), default="")
    done: Mapped[float] = mapped_column(Float, default=0.0)
    total: Mapped[float] = mapped_column(Float, default=0.0)
    unit: Mapped[str] = mapped_column(String(32), default="")
    eta_s: Mapped[float | None] = mapped_column(Float)
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(String(2000))
    error_details: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    event_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    losses: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    lost_at: Mapped[datetime | None] = mapped_column(MOMENT)
    trimmed_run: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    traceparent: Mapped[str] = mapped_column(String(55), default="", server_default="")
    progress_event_at: Mapped[datetime | None] = mapped_column(MOMENT)
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())
    started_at: Mapped[datetime | None] = mapped_column(MOMENT)
    finished_at: Mapped[datetime | None] = mapped_column(MOMENT)

    steps: Mapped[list[Step]] = relationship(
        back_populates="job", order_by="Step.position", passive_deletes=True, cascade="all, delete-orphan"
    )

    @property
    def progress(self) -> dict[str, Any]:
        """How far the job is, as it is shown."""
        return {
            "percent": self.percent,
            "stage": self.stage,
            "done": self.done,
            "total": self.total,
            "unit": self.unit,
        }

    @property
    def error(self) -> dict[str, Any] | None:
        """Why the job failed, or None."""
        return _error_of(self.error_code, self.error_message, self.error_details)

    @property
    def gpu_s(self) -> float:
        """Seconds that attempts of its steps, which have ended, held a GPU."""
        tried = (attempt for step in self.steps for attempt in step.attempts if attempt.gpu)
        took = (attempt.ended_at - attempt.started_at for attempt in tried if attempt.ended_at is not None)
        return sum(took, timedelta()).total_seconds()

    @property
    def links(self) -> dict[str, str]:
        """Paths on the API that belong to this job."""
        own = f"/api/v1/jobs/{self.id}"
        return {"self": own, "events": f"{own}/events", "cancel": f"{own}/cancel", "retry": f"{own}/retry"}

    @property
    def priority_name(self) -> str:
        """``high``, ``normal`` or ``low``."""
        return _PRIORITY_WORDS.get(self.priority, str(self.priority))


class Step(db.Model):
    """One piece of a job that one worker does; unique by (job, name, part).

    ``attempt`` counts every claim ever; ``charged`` those that failed by the input's own fault or a transient error,
    ``faults`` those whose worker was lost, ``handbacks`` those given back by a worker of another version. The last
    three start again with a retry of the job. ``token`` belongs to the latest claim. ``limits`` are the named limits of
    which a running step holds a slot each.
    """

    __tablename__ = "step"
    __table_args__ = (
        UniqueConstraint("job_id", "name", "part", name="uq_step_job_id_name_part"),
        CheckConstraint(one_of("state", StepState), name="state"),
        CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name="lease"),
        CheckConstraint("fraction BETWEEN 0 AND 1", name="fraction"),
        Index("ix_step_lease", "lease_until", postgresql_where=text("state = 'running'")),
        Index("ix_step_queued", "queued_at", postgresql_where=text("state = 'queued'")),
        Index("ix_step_failed", "finished_at", postgresql_where=text("state = 'failed'")),
        Index(
            "ix_step_limits",
            "limits",
            postgresql_using="gin",
            postgresql_where=text("state = 'running' AND limits <> '{}'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(64))
    part: Mapped[int] = mapped_column(Integer, default=0)
    task: Mapped[str] = mapped_column(String(64))
    after: Mapped[list[str]] = mapped_column(ARRAY(String(64)), default=list)
    limits: Mapped[list[str]] = mapped_column(ARRAY(String(120)), default=list, server_default="{}")
    state: Mapped[str] = mapped_column(String(16), default=StepState.QUEUED.value)
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    charged: Mapped[int] = mapped_column(Integer, default=0)
    faults: Mapped[int] = mapped_column(Integer, default=0)
    handbacks: Mapped[int] = mapped_column(Integer, default=0)
    token: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    nonce: Mapped[str] = mapped_column(String(64), default="")
    node: Mapped[str] = mapped_column(String(255), default="")
    lease_until: Mapped[datetime | None] = mapped_column(MOMENT)
    run_after: Mapped[datetime | None] = mapped_column(MOMENT)
    fraction: Mapped[float] = mapped_column(Float, default=0.0)
    stage: Mapped[str] = mapped_column(String(64), default="")
    done: Mapped[float] = mapped_column(Float, default=0.0)
    total: Mapped[float] = mapped_column(Float, default=0.0)
    unit: Mapped[str] = mapped_column(String(32), default="")
    seen_at: Mapped[datetime | None] = mapped_column(MOMENT)
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(String(2000))
    error_details: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    queued_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())
    started_at: Mapped[datetime | None] = mapped_column(MOMENT)
    finished_at: Mapped[datetime | None] = mapped_column(MOMENT)

    # A scenario or a transcript of hours: loaded only where it is handed on
    input: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, deferred=True)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB, deferred=True)

    job: Mapped[Job] = relationship(back_populates="steps")
    attempts: Mapped[list[Attempt]] = relationship(order_by="Attempt.number", viewonly=True)

    @property
    def progress(self) -> dict[str, Any]:
        """How far the step is, as it is shown."""
        percent = 100.0 if self.state == StepState.SUCCEEDED else min(99.0, round(100.0 * self.fraction, 1))
        return {"percent": percent, "stage": self.stage, "done": self.done, "total": self.total, "unit": self.unit}

    @property
    def error(self) -> dict[str, Any] | None:
        """Why the latest attempt failed, or None."""
        return _error_of(self.error_code, self.error_message, self.error_details)


class Attempt(db.Model):
    """One claim of a step, kept as its history."""

    __tablename__ = "attempt"
    __table_args__ = (
        CheckConstraint(f"outcome IS NULL OR {one_of('outcome', Outcome)}", name="outcome"),
        Index("ix_attempt_node_ended", "node", "ended_at"),
        Index("ix_attempt_ended", "ended_at"),
    )

    step_id: Mapped[UUID] = mapped_column(ForeignKey("step.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    token: Mapped[int] = mapped_column(BigInteger, unique=True)
    node: Mapped[str] = mapped_column(String(255), default="")
    gpu: Mapped[str | None] = mapped_column(String(64))
    started_at: Mapped[datetime] = mapped_column(MOMENT)
    ended_at: Mapped[datetime | None] = mapped_column(MOMENT)
    outcome: Mapped[str | None] = mapped_column(String(16))
    code: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(String(2000))


class OutboxBell(db.Model):
    """The bell of a step that waits to be claimed: when it is rung next, and how often it was.

    At most one row for each step. The dispatcher rings it when its turn comes and puts ``due_at`` off (doubling);
    whatever the broker loses is rung again that way. A claim takes it down. A bell is *out* from ringing until then.

    ``turn`` is its start tag on the virtual clock of its line (queue and priority), given when it is due first, at
    ``arrived_at``. ``paid`` bells came back after they had had their turn. Those ``parked_on`` a named limit wait for
    one of its slots.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_job", "job_id"),
        Index("ix_outbox_arrived", "due_at", postgresql_where=text("turn IS NULL AND parked_on IS NULL")),
        Index(
            "ix_outbox_turn",
            "queue",
            "priority",
            "turn",
            postgresql_where=text("turn IS NOT NULL AND parked_on IS NULL"),
        ),
        Index("ix_outbox_out", "queue", "due_at", postgresql_where=text("sent_at IS NOT NULL")),
        Index("ix_outbox_parked", "parked_on", "turn", postgresql_where=text("parked_on IS NOT NULL")),
    )

    step_id: Mapped[UUID] = mapped_column(ForeignKey("step.id", ondelete="CASCADE"), primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"))
    priority: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[datetime] = mapped_column(MOMENT)
    sent_at: Mapped[datetime | None] = mapped_column(MOMENT)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    queue: Mapped[str] = mapped_column(String(32))
    owner_id: Mapped[UUID]
    turn: Mapped[float | None] = mapped_column(Float)
    arrived_at: Mapped[datetime | None] = mapped_column(MOMENT)
    paid: Mapped[bool] = mapped_column(Boolean, default=False)
    parked_on: Mapped[str | None] = mapped_column(String(120))


class Event(db.Model):
    """One thing that happened to a job; numbered without gaps within the job."""

    __tablename__ = "event"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.clock_timestamp())


def _error_of(code: str | None, message: str | None, details: dict[str, Any] | None) -> dict[str, Any] | None:
    return {"code": code, "message": message or "", "details": details or {}} if code else None


def note_steps_added(session: Session) -> None:
    """Remember until the end of the transaction that jobs were given steps."""
    session.info[_STEPS_ADDED] = session.get_transaction()


def were_steps_added(session: Session) -> bool:
    """Tell whether jobs were given steps in the present transaction."""
    return session.info.get(_STEPS_ADDED) is session.get_transaction() is not None


@event.listens_for(Step, "after_insert")
def _note_step(mapper: Any, connection: Any, step: Step) -> None:
    session = object_session(step)
    if session is not None:
        note_steps_added(session)
