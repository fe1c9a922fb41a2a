"""Renders that are there already: found by what decides their pictures, answered without a worker."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetState
from api.ids import new_id
from api.jobs.models import Job
from api.jobs.reuse import create_done_job, end_done_job
from api.jobs.states import TERMINAL
from api.renders.models import Render
from api.renders.service import JOB_KIND
from api.users.models import User
from tasks.names import TaskName
from tasks.workflows.captions import RENDER
from tasks.workflows.plan import StepSpec


def find_finished(session: Session, user: User, source: Asset, order_hash: str) -> Render | None:
    """Return the newest render of the same owner for the same order whose result is still there, locked against delete.

    Renders of an organisation are found for all its members, personal ones for their owner alone; the source may have
    been brought twice, its bytes count.
    """
    query = (
        select(Render)
        .join(Asset, Asset.id == Render.asset_id)
        .where(Render.scenario_hash == order_hash, Render.receipt.is_not(None), same_place(user.id, source))
        .where(Asset.state == AssetState.READY.value, Asset.deleted_at.is_(None))
        .order_by(Render.created_at.desc())
        .limit(1)
    )
    return session.scalar(query.with_for_update(of=Asset, read=True))


def same_place(owner_id: UUID, source: Asset) -> ColumnElement[bool]:
    """Return the condition that a render belongs where one over this source would."""
    if source.organisation_id is not None:
        return Render.organisation_id == source.organisation_id
    return and_(Render.owner_id == owner_id, Render.organisation_id.is_(None))


def find_twin(session: Session, render: Render, source: Asset) -> UUID | None:
    """Return an unfinished render of the very same order, when there is another one."""
    twins = (
        select(Render.id)
        .join(Render.job)
        .where(
            Render.scenario_hash == render.scenario_hash,
            same_place(render.owner_id, source),
            Render.id != render.id,
            Job.state.not_in([state.value for state in TERMINAL]),
        )
    )
    return session.scalar(twins.order_by(Render.created_at).limit(1))


def reuse_render(session: Session, user: User, source: Asset, done: Render) -> Render:
    """Make a render that has ended already, with the result of an earlier one: no quota, no credits, no worker."""
    render_id = new_id()
    subject = {"render_id": str(render_id), "source_asset_id": str(source.id)}
    step = StepSpec(RENDER, TaskName.RENDER_VIDEO, {"result_of": str(done.id)})
    job = create_done_job(
        session,
        owner_id=user.id,
        organisation_id=done.organisation_id,
        kind=JOB_KIND,
        steps=[step],
        subject=subject,
    )
    copied = ("organisation_id", "asset_id", "scenario", "scenario_hash", "output", "receipt")
    values = {name: getattr(done, name) for name in copied}
    render = Render(id=render_id, owner_id=user.id, job_id=job.id, source_asset_id=source.id, cached=True, **values)
    session.add(render)
    session.flush()
    end_done_job(session, job)
    return render
