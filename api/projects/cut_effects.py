"""What the end of a short's cut changes; called by the engine inside its finishing transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetKind, AssetState
from api.assets.service import require_ready
from api.credits.prices import Action
from api.credits.work import charge, give_back, price
from api.errors import NotFoundError
from api.ids import new_id
from api.jobs.effects import on_job_ended, on_job_retried, on_step_succeeded
from api.jobs.models import Job, Step
from api.jobs.states import JobState
from api.projects.cutting import SHORT_KIND, reserve
from api.projects.models import Project, Short
from api.projects.shorts import caption_clip
from api.projects.wishes import wish_of
from api.quotas.service import release, settle
from api.renders.effects import charge_render, count_storage
from api.renders.ordering import order_within
from api.uploads.effects import own_key
from api.users.models import User
from tasks.contracts.render import RenderOutput
from tasks.contracts.shorts import CutResult, Reframing
from tasks.names import TaskName
from tasks.workflows.captions import RENDER

TOLD = ("kept", "framing", "frame_count", "copied_frames", "encoded_because")


@on_step_succeeded(TaskName.SHORTS_CUT)
def store_clip(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Make the clip an asset, and write the order of its captions; a second call changes nothing."""
    short, project = find_short(session, job)
    if short is None or project is None or short.job_id != job.id:
        return
    told = CutResult.from_json(result)
    clip = build_clip(job, project, short, told)
    session.add(clip)
    session.flush()
    count_storage(session, clip)
    short.clip_asset_id, short.render_id = clip.id, None
    short.cut = {**{name: told.to_json()[name] for name in TOLD}, "framed": not told.is_unframed}
    charge(session, job, Action.CUTTING, price(Action.CUTTING, told.media.duration_s))
    captions = next((other for other in job.steps if other.name == RENDER), None)
    if captions is not None:
        order_captions(session, job, captions, (project, short, clip), told)


def build_clip(job: Job, project: Project, short: Short, told: CutResult) -> Asset:
    """Describe a clip as an asset."""
    stem = project.asset.filename.rpartition(".")[0] or project.asset.filename
    return Asset(
        id=new_id(),
        owner_id=project.owner_id,
        organisation_id=project.organisation_id,
        kind=AssetKind.VIDEO.value,
        state=AssetState.READY.value,
        filename=f"{stem[:200]}-{int(short.start_s)}s.mp4",
        content_type="video/mp4",
        object_key=own_key(job, told.object_key),
        size_bytes=told.media.size_bytes,
        sha256=told.media.sha256,
        media=told.media.to_json(),
        poster_key=own_key(job, told.poster_key) if told.poster_key else None,
        source_asset_id=project.asset_id,
    )


def order_captions(
    session: Session, job: Job, step: Step, subject: tuple[Project, Short, Asset], told: CutResult
) -> None:
    """Order the captions of a clip as a render of its own, done by the job's next step; raise ``scenario.*``.

    A clip that was copied is framed by that render: its picture is encoded once.
    """
    project, short, clip = subject
    reframing = None
    if told.framing is not None and told.is_unframed:
        reframing = Reframing(told.framing, told.kept, wish_of(short).width)
    scenario = caption_clip(session, project, short, "", reframing=reframing)
    render = order_within(session, job, step, clip, scenario=scenario, output=RenderOutput(), reframing=reframing)
    short.render_id = render.id
    session.flush()


@on_job_ended(SHORT_KIND)
def settle_short(session: Session, job: Job) -> None:
    """Charge for the captions that were drawn; give back what came to nothing."""
    if job.state == JobState.SUCCEEDED:
        settle(session, job.id)
        charge_render(session, job)
        return
    release(session, job.id)
    give_back(session, job, Action.CUTTING)
    give_back(session, job, Action.RENDER_1080)


@on_job_retried(SHORT_KIND)
def reopen_short(session: Session, job: Job) -> datetime | None:
    """Reserve again what the end gave back, and return when it may begin.

    Raises ``short.not_found``, ``asset.*``, ``quota.*``, ``credits.*``.
    """
    short, project = find_short(session, job)
    if short is None or project is None or short.job_id != job.id:
        raise NotFoundError("short.not_found", "The short was deleted, or cut anew since")
    return reserve(session, session.get_one(User, job.owner_id), job, short, require_ready(project.asset), again=True)


def find_short(session: Session, job: Job) -> tuple[Short | None, Project | None]:
    """Return the short of a job, locked, and its project; None for what is gone."""
    short = session.get(Short, UUID(job.subject["short_id"]), with_for_update={"of": Short})
    return short, session.get(Project, UUID(job.subject["project_id"])) if short else None
