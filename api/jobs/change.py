"""What one transaction makes of a locked job: gathered in memory, then written by one statement.

A claim touches five tables and so does a report. Sent table by table, the statements cost more than everything else
that happens to a step; as the parts of one they cost little more than the first. Every part is about rows of one job,
whose lock is held, so that nobody else changes them meanwhile.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import instance_state, set_committed_value

from api.jobs.models import Job, OutboxBell, Step
from api.jobs.states import IllegalMoveError, Outcome
from api.prepared import PREPARED
from tasks.contracts import StepFailure

JOB_COLUMNS = (
    *("state", "run", "cancel_requested", "percent", "stage", "done", "total", "unit", "eta_s", "losses", "lost_at"),
    *("error_code", "error_message", "error_details", "event_seq", "progress_event_at", "started_at", "finished_at"),
)
STEP_COLUMNS = (
    *("state", "attempt", "charged", "faults", "handbacks", "token", "nonce", "node", "lease_until", "run_after"),
    *("fraction", "stage", "done", "total", "unit", "seen_at", "error_code", "error_message", "error_details"),
    *("queued_at", "started_at", "finished_at"),
)
"""What the engine alone changes. Results travel apart: they may be many megabytes."""
BELL_COLUMNS = ("step_id", "job_id", "owner_id", "queue", "priority", "due_at", "paid")


def typed(table: Table, names: tuple[str, ...]) -> str:
    """Return columns with their types, as the SQL functions that read JSON want them."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return ", ".join(f"{name} {table.columns[name].type.compile(dialect)}" for name in names)


def assigned(names: tuple[str, ...], source: str) -> str:
    """Return assignments of columns from columns of the same name."""
    return ", ".join(f"{name} = {source}.{name}" for name in names)


# No value stands in the texts: all of them are the names and types of our own columns.
PARTS = {
    "opened": """
    INSERT INTO attempt (step_id, number, token, node, started_at)
    SELECT id, attempt, token, node, started_at FROM moved WHERE claimed""",
    "closed": """
    UPDATE attempt SET outcome = ended.outcome, ended_at = CAST(:now AS timestamptz), code = ended.code,
        message = ended.message
    FROM jsonb_to_recordset(CAST(:closed AS jsonb))
        AS ended (step_id uuid, number integer, outcome text, code text, message text)
    WHERE attempt.step_id = ANY(CAST(:ending AS uuid[])) AND attempt.step_id = ended.step_id
        AND attempt.number = ended.number AND attempt.outcome IS NULL""",
    "taken_down": """
    DELETE FROM outbox WHERE job_id = CAST(:job AS uuid) AND step_id IN (SELECT id FROM moved WHERE claimed)""",
    "cleared": """
    DELETE FROM outbox WHERE job_id = CAST(:job AS uuid)""",
    "rung": f"""
    INSERT INTO outbox ({", ".join(BELL_COLUMNS)}, tries)
    SELECT {", ".join(BELL_COLUMNS)}, 0 FROM jsonb_to_recordset(CAST(:rung AS jsonb))
        AS bell ({typed(OutboxBell.__table__, BELL_COLUMNS)})
    ON CONFLICT (step_id) DO UPDATE SET due_at = excluded.due_at, priority = excluded.priority, paid = excluded.paid,
        sent_at = NULL, tries = 0, turn = NULL, arrived_at = NULL, parked_on = NULL""",  # noqa: S608  # nosec B608
    "told": """
    INSERT INTO event (job_id, seq, kind, data, at)
    SELECT CAST(:job AS uuid), seq, kind, data, at FROM jsonb_to_recordset(CAST(:events AS jsonb))
        AS event (seq bigint, kind text, data jsonb, at timestamptz)""",
    "advanced": """
    UPDATE turn_clock SET clock = CAST(:tag AS double precision) WHERE ctid = (
        SELECT ctid FROM turn_clock WHERE queue = :queue AND priority = CAST(:priority AS integer)
            AND clock < CAST(:tag AS double precision) FOR UPDATE SKIP LOCKED)""",
}
"""What may happen beside the moves of steps and of the job: each is a part of the statement where it does happen."""

MOVED = """
    SELECT * FROM jsonb_to_recordset(CAST(:steps AS jsonb))
        AS asked (id uuid, was_state text, was_attempt integer, {types})
), moved AS (
    UPDATE step SET {changes}
    FROM asked WHERE step.job_id = CAST(:job AS uuid) AND step.id = asked.id AND step.state = asked.was_state
        AND step.attempt = asked.was_attempt
    RETURNING step.id, step.attempt, step.token, step.node, step.started_at, step.attempt > asked.was_attempt AS claimed
"""
KEPT = ", result = CASE WHEN step.id = CAST(:finished AS uuid) THEN CAST(:result AS jsonb) ELSE step.result END"
LED = """
    UPDATE job SET {changes} FROM jsonb_to_record(CAST(:values AS jsonb)) AS led ({types})
    WHERE job.id = CAST(:job AS uuid)
"""


@lru_cache(maxsize=512)
def writing(steps: tuple[str, ...], job: tuple[str, ...], parts: tuple[str, ...], *, keeps: bool) -> TextClause:
    """Return the statement that writes columns of steps and of the job, with those of the other parts that are needed.

    :param keeps: whether the result of a step is written.
    """
    chosen: dict[str, str] = {}
    if steps:
        changes = assigned(steps, "asked") + (KEPT if keeps else "")
        chosen["asked"] = MOVED.format(types=typed(Step.__table__, steps), changes=changes)
    chosen |= {name: PARTS[name] for name in parts}
    if job:
        chosen["led"] = LED.format(types=typed(Job.__table__, job), changes=assigned(job, "led"))
    written = ", ".join(f"{name} AS ({part})" for name, part in chosen.items())
    whole = text(f"WITH {written} SELECT {'count(*) FROM moved' if steps else '0'}")  # noqa: S608
    return whole.execution_options(**PREPARED)


@dataclass(frozen=True)
class JobEvent:
    """One thing that happened to a job, as it is stored."""

    seq: int
    kind: str
    data: dict[str, Any]
    at: datetime


@dataclass
class Change:
    """A locked job at one moment, and what becomes of it and its steps.

    :param heard: whether anybody outside may be listening to the job's events; True when that is not known.
    :param ended: whether the job comes to its end by it.
    """

    session: Session
    job: Job
    now: datetime
    heard: bool = True
    ended: bool = False
    events: list[JobEvent] = field(default_factory=list)
    _steps: dict[UUID, Step] = field(default_factory=dict)
    _were: dict[UUID, tuple[str, int]] = field(default_factory=dict)
    _set: set[str] = field(default_factory=set)
    _closed: list[dict[str, Any]] = field(default_factory=list)
    _rung: list[dict[str, Any]] = field(default_factory=list)
    _line: tuple[str, float] | None = None
    _finished: tuple[UUID, dict[str, Any]] | None = None

    def set_step(self, step: Step, **values: Any) -> None:
        """Change columns of a step. The unit of work is passed by: it would write them as well, and apart."""
        self._steps[step.id] = step
        self._were.setdefault(step.id, (step.state, step.attempt))
        self._set.update(values)
        for name, value in values.items():
            set_committed_value(step, name, value)

    def keep_result(self, step: Step, result: dict[str, Any]) -> None:
        """Keep what the step that succeeds has found; at most one does in a transaction."""
        self._finished = (step.id, result)
        set_committed_value(step, "result", result)

    def close_attempt(self, step: Step, outcome: Outcome, failure: StepFailure | None) -> None:
        """Write into the history how the latest attempt of a step ended."""
        code, message = (failure.code[:64], failure.detail[:2000]) if failure else (None, None)
        ended = {"step_id": step.id, "number": step.attempt, "outcome": outcome.value, "code": code, "message": message}
        self._closed.append(ended)

    def ring(self, step_id: UUID, queue: str, due_at: datetime, *, paid: bool) -> None:
        """Have a step rung at a time, as if never rung before."""
        job = self.job
        bell = (step_id, job.id, job.owner_id, queue, job.priority, due_at, paid)
        self._rung.append(dict(zip(BELL_COLUMNS, bell, strict=True)))

    def advance_clock(self, queue: str, tag: float) -> None:
        """Move the clock of the line that a step has left on to its tag.

        Whoever holds the clock moves it to about the same tag: nobody waits for it while jobs are locked.
        """
        self._line = (queue, tag)

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        """Store the job's next event."""
        self.job.event_seq += 1
        self.events.append(JobEvent(self.job.event_seq, kind, data, self.now))

    def write(self) -> list[JobEvent]:
        """Write all of it and begin anew; return the events. Raise IllegalMoveError if a step was moved by others."""
        job, events = self.job, self.events
        changed = instance_state(job).committed_state
        values = {name: getattr(job, name) for name in JOB_COLUMNS if name in changed}
        steps, parts = tuple(name for name in STEP_COLUMNS if name in self._set), self._parts()
        if not (steps or values or parts):
            return []
        written = self.session.connection().execute(
            writing(steps, tuple(values), parts, keeps=self._finished is not None),
            {"job": job.id, "now": self.now, "values": to_json(values), **self._given(steps)},
        )
        if written.scalar_one() != len(self._steps):
            raise IllegalMoveError(f"a step of job {job.id} was moved without its job's lock")
        for name, value in values.items():
            set_committed_value(job, name, value)
        mark_written(self.session, job)
        self.events, self._steps, self._were, self._closed, self._rung, self._finished = [], {}, {}, [], [], None
        self._set, self.ended, self._line = set(), False, None
        return events

    def _parts(self) -> tuple[str, ...]:
        """Name the parts that have something to do."""
        claims = any(step.attempt > self._were[step.id][1] for step in self._steps.values())
        needed = {
            "opened": claims,
            "closed": self._closed,
            "taken_down": claims and not self.ended,
            "cleared": self.ended,
            "rung": self._rung,
            "told": self.events,
            "advanced": self._line,
        }
        return tuple(name for name, wanted in needed.items() if wanted)

    def _given(self, steps: tuple[str, ...]) -> dict[str, Any]:
        """Return the values of the parts that have something to do."""
        given: dict[str, Any] = {}
        if self._steps:
            given["steps"] = to_json([self._row_of(step, steps) for step in self._steps.values()])
        if self._finished:
            given |= {"finished": self._finished[0], "result": to_json(self._finished[1])}
        if self._closed:
            given["closed"] = to_json(self._closed)
            given["ending"] = f"{{{','.join(str(ended['step_id']) for ended in self._closed)}}}"
        if self._rung:
            given["rung"] = to_json(self._rung)
        if self.events:
            given["events"] = to_json([vars(event) for event in self.events])
        if self._line:
            given |= {"queue": self._line[0], "tag": self._line[1], "priority": self.job.priority}
        return given

    def _row_of(self, step: Step, names: tuple[str, ...]) -> dict[str, Any]:
        state, attempt = self._were[step.id]
        row = {name: getattr(step, name) for name in names}
        return {"id": step.id, "was_state": state, "was_attempt": attempt, **row}


def mark_written(session: Session, job: Job) -> None:
    """Have the unit of work pass a job by of which all changes are written.

    It looks at whatever was changed since it was read, and finding out that there is nothing left to do costs it a
    seventh of a report.
    """
    state = instance_state(job)
    if not state.committed_state:
        state._commit_all(state.dict, session.identity_map)  # SQLAlchemy has no public name for it


def to_json(value: Any) -> str:
    """Return JSON in which moments and ids are text."""
    return json.dumps(value, default=str)
