"""What failed for good, grouped by how: code, task, and the message with everything accidental taken out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.jobs.engine import database_now
from api.jobs.models import Job, Step
from api.jobs.states import JobState, StepState

MOST_ROWS = 10_000
SAMPLES = 5
ACCIDENTAL = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I), "<id>"),
    (re.compile(r"https?://\S+"), "<url>"),
    (re.compile(r"(?<![\w<])(?:/[\w.@+-]+){2,}/?"), "<path>"),
    (re.compile(r"\b[\w.-]+@[\w.-]+\b"), "<node>"),
    (re.compile(r"'[^']*'|\"[^\"]*\""), "<text>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.I), "<id>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
)


@dataclass
class Letters:
    """Jobs that failed in the same way."""

    signature: str
    code: str
    task: str
    message: str
    count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    owners: set[UUID] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)
    samples: list[UUID] = field(default_factory=list)

    @property
    def owner_count(self) -> int:
        """How many people it happened to."""
        return len(self.owners)


def normalise(message: str) -> str:
    """Take out of a message what differs from one time to the next: ids, numbers, names, paths; pure."""
    for pattern, word in ACCIDENTAL:
        message = pattern.sub(word, message)
    return " ".join(message.split())[:300]


def sign(code: str, task: str, message: str) -> str:
    """Return the short name of a way to fail; pure."""
    text = "\n".join((code, task, normalise(message)))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def list_letters(session: Session, *, days: int) -> list[Letters]:
    """Group the jobs that failed within some days and still are failed; the most frequent first."""
    return group(read_failures(session, days=days))


def group(rows: Iterable[Any]) -> list[Letters]:
    """Group failures, newest first, by signature; pure."""
    found: dict[str, Letters] = {}
    for row in rows:
        code, message = row.error_code or "", row.error_message or ""
        name = sign(code, row.task, message)
        letters = found.setdefault(name, Letters(name, code, row.task, normalise(message)))
        letters.count += 1
        letters.owners.add(row.owner_id)
        if row.node:
            letters.nodes.add(row.node)
        letters.last_at = letters.last_at or row.finished_at
        letters.first_at = row.finished_at
        if len(letters.samples) < SAMPLES:
            letters.samples.append(row.job_id)
    return sorted(found.values(), key=lambda letters: (-letters.count, letters.signature))


def read_failures(session: Session, *, days: int) -> list[Any]:
    """Return the failed steps of jobs that are failed, newest first, the latest thousands of them."""
    since = database_now(session) - timedelta(days=days)
    columns = (Step.job_id, Step.task, Step.node, Step.error_code, Step.error_message, Step.finished_at, Job.owner_id)
    query = (
        select(*columns)
        .join(Job, Job.id == Step.job_id)
        .where(Job.state == JobState.FAILED.value, Step.state == StepState.FAILED.value, Step.finished_at >= since)
        .order_by(Step.finished_at.desc())
        .limit(MOST_ROWS)
    )
    return list(session.execute(query))


def jobs_of(session: Session, signature: str, *, days: int) -> list[UUID]:
    """Return the jobs that failed in one way."""
    rows = read_failures(session, days=days)
    same = [row.job_id for row in rows if sign(row.error_code or "", row.task, row.error_message or "") == signature]
    return list(dict.fromkeys(same))
