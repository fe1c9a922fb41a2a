"""Use cases of projects: make, list, rename, delete, and the jobs that work on their video."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetKind
from api.assets.service import require_ready
from api.assets.standing import get_standing, lock_standing, select_standing
from api.credits.prices import Action
from api.credits.work import hold, price
from api.errors import ConflictError, NotFoundError
from api.ids import get_visible, new_id
from api.jobs.models import Job
from api.jobs.service import create_job
from api.ownership import placed_in
from api.projects.models import NAME_LENGTH, Project, Short
from api.transcripts.hearing import newest
from api.transcripts.models import TranscriptRecord
from api.transcripts.service import current_document
from api.users.models import User
from tasks.contracts import Transcript
from tasks.contracts.shorts import AnalyzeOrder
from tasks.errors import InvalidInputError
from tasks.names import Priority
from tasks.workflows.shorts import build_highlight_steps

JOB_KIND = "highlights"


def select_projects(*, organisation_id: UUID | None = None) -> Select[tuple[Project]]:
    """Select the projects that the caller may see, of videos that are not deleted."""
    return select_standing(Project, organisation_id)


def get_project(project_id: UUID) -> Project:
    """Return the caller's project as the request's method may treat it; one whose file was deleted is not found."""
    return get_standing(Project, project_id)


def lock_project(session: Session, project_id: UUID) -> Project:
    """Return the caller's project, locked and as it is now."""
    return lock_standing(session, Project, project_id)


def create_project(session: Session, user: User, body: dict[str, Any]) -> Project:
    """Make a project of an uploaded video; raise ``asset.*``, ``project.not_video``, ``organisation.forbidden``."""
    asset = require_ready(get_visible(Asset, body["asset_id"]))
    placed_in(asset.organisation_id)
    if asset.kind not in (AssetKind.VIDEO, AssetKind.RENDER) or asset.media_info is None or not asset.media_info.video:
        raise InvalidInputError("project.not_video", "A project is made of a video")
    name = body["name"].strip() or asset.filename.rpartition(".")[0] or asset.filename
    project = Project(
        id=new_id(),
        owner_id=user.id,
        organisation_id=asset.organisation_id,
        asset_id=asset.id,
        name=name[:NAME_LENGTH],
    )
    session.add(project)
    session.flush()
    session.refresh(project)
    return project


def delete_project(session: Session, project: Project) -> None:
    """Delete a locked project with its shorts; videos and clips stay. Raises ``project.busy``, ``short.busy``."""
    require_idle(project)
    if any(short.is_cutting for short in project.shorts):
        raise ConflictError("short.busy", "A job is cutting one of the shorts")
    session.delete(project)


def find_transcript(session: Session, project: Project) -> tuple[TranscriptRecord, Transcript]:
    """Return the newest transcript of a project's video; raise ``project.not_transcribed``."""
    found = newest(session, project.asset_id)
    if found is None:
        raise ConflictError("project.not_transcribed", "Nobody has heard the video's words yet")
    return found, current_document(session, found)


def analyze(session: Session, user: User, project: Project, wish: dict[str, Any]) -> Job:
    """Order the search for highlights in a locked project.

    Raises ``asset.*``, ``project.busy``, ``project.not_transcribed``, ``shorts.invalid_wish``,
    ``credits.insufficient``.
    """
    require_idle(project)
    asset = require_ready(project.asset)
    if wish["longest_s"] < wish["shortest_s"]:
        raise InvalidInputError("shorts.invalid_wish", "The shortest must not be longer than the longest")
    _, transcript = find_transcript(session, project)
    duration_s = asset.media_info.duration_s if asset.media_info else 0.0
    order = AnalyzeOrder(asset.object_key, transcript, duration_s, asset.size_bytes, **wish)
    job = create_job(
        session,
        owner_id=user.id,
        organisation_id=project.organisation_id,
        kind=JOB_KIND,
        steps=build_highlight_steps(order),
        priority=Priority.NORMAL,
        subject={"project_id": str(project.id), "asset_id": str(asset.id)},
    )
    hold(session, job, Action.ANALYSIS, price(Action.ANALYSIS, duration_s))
    project.job_id = job.id
    session.flush()
    session.refresh(project)
    return job


def require_idle(project: Project) -> None:
    """Raise ``project.busy`` while a job works on the project's video."""
    if project.is_busy:
        raise ConflictError("project.busy", "A job is at work on the project", {"job_id": str(project.job_id)})


def get_short(session: Session, project: Project, short_id: UUID) -> Short:
    """Return a short of a project; raise ``short.not_found``."""
    short = session.get(Short, short_id)
    if short is None or short.project_id != project.id:
        raise NotFoundError("short.not_found", "The project has no such short")
    return short
