"""Renders that are there already: found by what decides their pictures, answered without a worker."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Select, Uuid, bindparam, exists, not_, or_, select
from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetState
from api.ids import new_id
from api.jobs.models import Job, Step
from api.jobs.reuse import create_done_job, end_done_job
from api.jobs.states import TERMINAL
from api.ownership import in_place
from api.renders.models import OutputOfRender, Render
from api.renders.service import JOB_KIND
from api.users.models import User
from tasks.contracts import RenderOutput
from tasks.names import TaskName
from tasks.workflows.captions import CHECK, RENDER
from tasks.workflows.plan import StepSpec


def find_finished(
    session: Session, user: User, source: Asset, order_hash: str, *, is_checked: bool = False
) -> Render | None:
    """Return the newest render of the same owner for the same order, its results still there and locked against delete.

    Renders of an organisation are found for all its members, personal ones for their owner alone; the source may have
    been brought twice, its bytes count.

    :param is_checked: only one whose captions were looked at deeply and found without a flaw.
    """
    query = select_finished(shared=source.organisation_id is not None, is_checked=is_checked)
    found = session.scalar(query, {"order_hash": order_hash, **place_of(user.id, source)})
    return found if found is not None and lock_results(session, found) else None


def lock_results(session: Session, render: Render) -> bool:
    """Keep the results of a render from being deleted until the transaction ends; tell whether all are still there."""
    ids = {output.asset_id for output in render.outputs}
    query = select(Asset.id).where(Asset.id.in_(ids), Asset.state == AssetState.READY.value).order_by(Asset.id)
    return len(session.scalars(query.with_for_update(read=True)).all()) == len(ids)


@lru_cache(maxsize=4)
def select_finished(*, shared: bool, is_checked: bool) -> Select[Render]:
    """Select the newest render of an ``order_hash`` in a place whose results are all there.

    :param shared: whether the place is an organisation.
    """
    result = OutputOfRender.asset_id.in_(select(Asset.id).where(Asset.state == AssetState.READY.value))
    lacking = Render.outputs.any(or_(OutputOfRender.asset_id.is_(None), not_(result)))
    query = select(Render).where(Render.scenario_hash == bindparam("order_hash"), same_place(shared), not_(lacking))
    if is_checked:
        query = query.where(exists().where(Step.job_id == Render.job_id, Step.name == CHECK))
    return query.order_by(Render.created_at.desc()).limit(1)


@lru_cache(maxsize=2)
def select_twin(*, shared: bool) -> Select[UUID]:
    """Select the oldest unfinished render of an ``order_hash`` in a place, apart from ``render``."""
    twins = select(Render.id).join(Render.job).where(
        Render.scenario_hash == bindparam("order_hash"),
        same_place(shared),
        Render.id != bindparam("render"),
        Job.state.not_in([state.value for state in TERMINAL]),
    )  # fmt: skip
    return twins.order_by(Render.created_at).limit(1)


def same_place(shared: bool) -> Any:
    """Return the condition that a render belongs to the ``owner``, or to the ``organisation`` where it is shared."""
    owner, organisation = bindparam("owner", type_=Uuid), bindparam("organisation", type_=Uuid)
    return in_place(Render, cast(Any, owner), cast(Any, organisation) if shared else None)


def place_of(owner_id: UUID, source: Asset) -> dict[str, Any]:
    """Return where a render over this source would belong, as :func:`same_place` asks."""
    return {"organisation": source.organisation_id} if source.organisation_id is not None else {"owner": owner_id}


def find_twin(session: Session, render: Render, source: Asset) -> UUID | None:
    """Return an unfinished render of the very same order, when there is another one."""
    given = {"order_hash": render.scenario_hash, "render": render.id, **place_of(render.owner_id, source)}
    return session.scalar(select_twin(shared=source.organisation_id is not None), given)


def reuse_render(
    session: Session, user: User, source: Asset, done: Render, *, outputs: Sequence[RenderOutput]
) -> Render:
    """Make a render that has ended already, with the results of an earlier one: no quota, no credits, no worker."""
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
    render = Render(
        id=render_id,
        owner_id=user.id,
        organisation_id=done.organisation_id,
        job_id=job.id,
        source_asset_id=source.id,
        scenario=done.scenario,
        scenario_hash=done.scenario_hash,
        cached=True,
        outputs=[copy_output(done, number, output.to_json()) for number, output in enumerate(outputs)],
    )
    session.add(render)
    session.flush()
    end_done_job(session, job)
    return render


def copy_output(done: Render, number: int, output: dict[str, Any]) -> OutputOfRender:
    """Return an output with the result that an earlier render has for the same one, wherever it stands there."""
    same = next(other for other in done.outputs if other.output == output)
    return OutputOfRender(number=number, output=output, asset_id=same.asset_id, receipt=same.receipt)
