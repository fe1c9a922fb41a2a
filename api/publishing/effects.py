"""What deliveries need and change; called by the engine inside its transactions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.errors import NotFoundError
from api.jobs.effects import on_job_retried, on_step_claimed, on_step_succeeded, on_step_told
from api.jobs.models import Job, Step
from api.publishing.models import Publication
from api.publishing.seal import seal, unseal
from api.publishing.service import JOB_KIND
from tasks.contracts.delivery import SendResult
from tasks.errors import InvalidInputError, PermanentError
from tasks.names import TaskName

MOST_REMEMBERED = 16_384
"""Characters of JSON; what targets give is a few ids and addresses."""


@on_step_claimed(TaskName.DELIVERY_SEND)
def hand_over(session: Session, job: Job, step: Step) -> dict[str, Any]:
    """Give the worker the target's secrets and settings as they are now, and what earlier attempts learnt."""
    publication = session.get(Publication, UUID(job.subject["publication_id"]))
    if publication is None:
        return {}
    target = publication.target
    try:
        secrets = unseal(target.sealed)
    except InvalidInputError:
        secrets = {}  # the worker finds that they are missing and says so; a claim cannot fail
    return {"secrets": secrets, "settings": target.settings, "memory": publication.memory}


@on_step_told(TaskName.DELIVERY_SEND, "memory")
def remember(session: Session, job: Job, step: Step, data: dict[str, Any]) -> None:
    """Keep what the target gave."""
    publication = lock_publication(session, job)
    if publication is not None:
        publication.memory = bounded(data)


@on_step_told(TaskName.DELIVERY_SEND, "secrets")
def renew(session: Session, job: Job, step: Step, data: dict[str, Any]) -> None:
    """Keep secrets that the target gave in the place of old ones."""
    publication = lock_publication(session, job)
    if publication is not None:
        target = publication.target
        target.sealed = seal({**unseal(target.sealed), **bounded(data)})


@on_step_succeeded(TaskName.DELIVERY_SEND)
def store_sent(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Remember where the clip is shown."""
    publication, told = lock_publication(session, job), SendResult.from_json(result)
    if publication is not None and publication.sent_at is None:
        publication.remote_id, publication.remote_url = told.remote_id[:1024], told.remote_url[:2048]
        publication.sent_at = datetime.now(UTC)


@on_job_retried(JOB_KIND)
def reopen_publication(session: Session, job: Job) -> None:
    """Let a delivery be tried again unless its target or clip is gone; raise ``publication.not_found``."""
    if lock_publication(session, job) is None:
        raise NotFoundError("publication.not_found", "The target or the clip was deleted")


def lock_publication(session: Session, job: Job) -> Publication | None:
    """Return the publication of a job, locked, or None when it is gone."""
    chosen = {"of": Publication}
    return session.get(Publication, UUID(job.subject["publication_id"]), with_for_update=chosen)


def bounded(data: dict[str, Any]) -> dict[str, Any]:
    """Return what a worker tells if it is small; raise ``contract.invalid``."""
    if len(json.dumps(data)) > MOST_REMEMBERED:
        raise PermanentError("contract.invalid", "A delivery remembers too much")
    return data
