"""What a database that was restored from a backup needs before anything works on it again.

The backup is older than the rest of the world: workers may still hold tokens that it has not given out, and objects may
have gone since. Redis holds nothing that counts; leases and bells of the backup are over by their own clocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetState
from api.jobs.engine import requeue_step, settle
from api.jobs.holding import hold_step
from api.jobs.models import Step
from api.jobs.states import Outcome, StepState
from tasks.contracts import StepFailure
from tasks.storage.base import Storage

TOKEN_JUMP = 1_000_000_000
"""More claims than were made between any backup and its restoring: 10,000 a second for a day are fewer."""

LOST = "storage.missing"
_BATCH = 1000


@dataclass(frozen=True)
class Restored:
    """What was found: assets whose file is there, and those whose file is not."""

    assets: int
    missing: int


def make_safe(session: Session, storage: Storage) -> Restored:
    """Fence off attempts of before, take their steps anew, ring all bells, refuse assets without a file; commit."""
    jump = text("SELECT setval('step_token', (SELECT last_value FROM step_token) + :jump)")
    session.execute(jump, {"jump": TOKEN_JUMP})
    session.execute(text("UPDATE outbox SET due_at = now(), sent_at = NULL"))
    session.commit()
    take_back_running(session)
    there = {found.key for found in storage.list("")}
    assets = missing = 0
    for batch in read_batches(session):
        assets += len(batch)
        lost = [asset for asset in batch if asset.object_key not in there]
        for asset in lost:
            asset.refuse(LOST, "The file was not in the storage when the database was restored")
        missing += len(lost)
        session.commit()
    return Restored(assets, missing)


def take_back_running(session: Session) -> int:
    """Put every running step back, charged to nobody: its worker, if it lives, worked for another present."""
    running = select(Step.job_id, Step.id).where(Step.state == StepState.RUNNING.value)
    found = list(session.execute(running))
    session.rollback()
    for job_id, step_id in found:
        held = hold_step(session, str(job_id), str(step_id))
        if held is not None and held.step.state == StepState.RUNNING:
            told = StepFailure("step.worker_lost", "The database was restored from a backup", permanent=False)
            held.change.close_attempt(held.step, Outcome.HANDED_BACK, told)
            requeue_step(held.change, held.step, held.others, delay_s=0.0, failure=told)
            settle(held.change)
        session.commit()
    return len(found)


def read_batches(session: Session) -> Iterator[list[Asset]]:
    """Yield the assets that are ready, in the order of their ids."""
    ready = select(Asset).where(Asset.state == AssetState.READY.value).order_by(Asset.id).limit(_BATCH)
    batch = list(session.scalars(ready))
    while batch:
        last = batch[-1].id
        yield batch
        batch = list(session.scalars(ready.where(Asset.id > last)))
