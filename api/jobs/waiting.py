"""Waiting, within a request, for a job that ends within seconds."""

from __future__ import annotations

import time
from uuid import UUID

from sqlalchemy import select

from api.crowd import outside
from api.events.stream import Doorbell
from api.extensions import db, get_redis
from api.jobs.models import Job
from api.jobs.states import TERMINAL

LOOK_S = 1.0
"""Pause between looks at a job that somebody waits for."""


def wait_for_end(job_id: UUID, wait_s: float) -> bool:
    """Return whether the job has ended, waiting for about ``wait_s`` seconds with no database connection held."""
    deadline = time.monotonic() + wait_s
    if has_ended(job_id) or wait_s <= 0:
        return has_ended(job_id)
    doorbell = Doorbell(get_redis(), job_id, longest_s=min(LOOK_S, wait_s))
    try:
        while time.monotonic() < deadline:
            with outside():
                doorbell.wait(0)
            if has_ended(job_id):
                return True
    finally:
        doorbell.close()
    return False


def has_ended(job_id: UUID) -> bool:
    """Look at the job as it is now, and give the connection back."""
    state = db.session.scalar(select(Job.state).where(Job.id == job_id))
    db.session.rollback()
    return state is None or state in TERMINAL
