"""What the end of a search for highlights changes; called by the engine inside its finishing transaction."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.credits.prices import Action
from api.credits.work import charge, give_back, hold, price
from api.errors import NotFoundError
from api.jobs.effects import on_job_ended, on_job_retried, on_step_succeeded
from api.jobs.models import Job, Step
from api.projects.models import TITLE_LENGTH, Project, Short
from api.projects.service import JOB_KIND
from api.uploads.effects import own_key
from tasks.contracts.shorts import AnalyzeResult
from tasks.names import TaskName


@on_step_succeeded(TaskName.SHORTS_ANALYZE)
def store_highlights(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Put what was found in the place of what an earlier search found; shorts that were cut or chosen by hand stay."""
    project = find_project(session, job)
    if project is None or project.job_id != job.id:
        return
    told = AnalyzeResult.from_json(result)
    project.scene_cuts = list(told.features.scene_cuts)
    project.shorts = [short for short in project.shorts if short.evidence is None or short.state != "found"]
    for one, picture in zip_longest(told.highlights, told.thumbnails[: len(told.highlights)]):
        short = Short(start_s=one.start, end_s=one.end, score=one.score, title=one.title[:TITLE_LENGTH], wish={})
        short.evidence = {**one.evidence.to_json(), "scorer": one.scorer}
        short.thumbnail_key = own_key(job, picture) if picture else None
        project.shorts.append(short)
    charge(session, job, Action.ANALYSIS, cost_of(project))


@on_job_ended(JOB_KIND)
def settle_search(session: Session, job: Job) -> None:
    """Give back the credits of a search that came to nothing."""
    give_back(session, job, Action.ANALYSIS)


@on_job_retried(JOB_KIND)
def reopen_search(session: Session, job: Job) -> None:
    """Reserve again what the end gave back; raise ``project.not_found``, ``credits.insufficient``."""
    project = find_project(session, job)
    if project is None:
        raise NotFoundError("project.not_found", "The project was deleted")
    hold(session, job, Action.ANALYSIS, cost_of(project), again=True)


def cost_of(project: Project) -> int:
    """Return the credits for analysing a project's video."""
    media = project.asset.media_info
    return price(Action.ANALYSIS, media.duration_s if media else 0.0)


def find_project(session: Session, job: Job) -> Project | None:
    """Return the project of a job, locked, or None when it is gone."""
    project_id = UUID(job.subject["project_id"])
    return session.get(Project, project_id, with_for_update={"of": Project})
