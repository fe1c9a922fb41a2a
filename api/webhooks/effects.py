"""What jobs tell their owner's endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from api.jobs.change import JobEvent
from api.jobs.effects import on_job_events
from api.jobs.models import Job
from api.webhooks.models import Webhook
from api.webhooks.names import names_of
from api.webhooks.outbox import Message, put_in_line


def has_endpoints() -> ColumnElement[bool]:
    """Return the condition that a job's owner, or its organisation, has an endpoint."""
    own = and_(Job.organisation_id.is_(None), Webhook.owner_id == Job.owner_id, Webhook.organisation_id.is_(None))
    return select(Webhook.id).where(or_(own, Webhook.organisation_id == Job.organisation_id), Webhook.enabled).exists()


@on_job_events(has_endpoints)
def announce(session: Session, job: Job, events: Sequence[JobEvent]) -> None:
    """Put a job's events in line, with the ids of what the job is about and each event's number in the job."""
    messages = [
        Message(name, one.seq, one.at, {**one.data, "seq": one.seq, "kind": job.kind, "subject": job.subject})
        for one in events
        for name in names_of(one.kind, job.kind)
    ]
    put_in_line(session, messages, owner_id=job.owner_id, organisation_id=job.organisation_id, stream=job.id)
