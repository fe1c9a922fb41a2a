"""What jobs tell their owner's endpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from api.jobs.effects import on_job_event
from api.jobs.models import Job
from api.webhooks.names import names_of
from api.webhooks.outbox import listening, put_in_line


@on_job_event
def announce(session: Session, job: Job, kind: str, at: datetime, data: dict[str, Any]) -> None:
    """Put a job's event in line, with the ids of what the job is about and the event's number in the job."""
    listeners = listening(job.owner_id, job.organisation_id)
    told = {**data, "seq": job.event_seq, "kind": job.kind, "subject": job.subject}
    for event in names_of(kind, job.kind):
        put_in_line(session, event, listeners=listeners, stream=job.id, seq=job.event_seq, at=at, data=told)
