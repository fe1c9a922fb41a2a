"""Project endpoints."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.auth import current_user, login_required
from api.extensions import db
from api.idempotency import KEY_PARAMETER, after_commit, idempotent
from api.jobs.models import Job
from api.jobs.service import publish_soon
from api.pagination import filters_of, paginate
from api.projects import cutting, delivering, service
from api.projects.models import Project
from api.projects.schemas import (
    HEARING,
    ProjectEditRequest,
    ProjectJobRequest,
    ProjectOrderedResponse,
    ProjectPageResponse,
    ProjectQuery,
    ProjectRequest,
    ProjectResponse,
)
from api.quotas.line import is_waiting
from api.transcripts import hearing

blueprint = Blueprint("projects", __name__, url_prefix="/api/v1", description="Projects: long videos and their shorts")

LOCATION = {"Location": {"description": "Path of the project", "schema": {"type": "string"}}}
KEY_PROBLEMS = "idempotency.key_reused, idempotency.in_progress"
COLUMNS = (
    "id", "organisation_id", "asset_id", "job_id", "name", "shorts_count", "has_transcription", "is_busy",
    "created_at", "updated_at",
)  # fmt: skip


def describe(project: Project) -> dict[str, Any]:
    """Return what a project looks like from outside."""
    own = f"/api/v1/projects/{project.id}"
    job = f"/api/v1/jobs/{project.job_id}" if project.job_id else None
    return {
        **{name: getattr(project, name) for name in COLUMNS},
        "links": {"self": own, "shorts": f"{own}/shorts", "job": job},
    }


@blueprint.route("/projects")
class ProjectList(MethodView):
    """All projects."""

    decorators = [login_required]

    @blueprint.arguments(ProjectQuery, location="query")
    @blueprint.response(200, ProjectPageResponse)
    @problems(blueprint, {})
    def get(self, query: dict[str, Any]) -> Any:
        """List projects, newest first"""
        page = paginate(db.session(), service.select_projects(**filters_of(query)), Project, query)
        return {**page, "items": [describe(project) for project in page["items"]]}

    @idempotent("projects")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(ProjectRequest)
    @blueprint.response(201, ProjectResponse, headers=LOCATION)
    @problems(
        blueprint,
        {404: "asset.not_found", 409: f"asset.not_ready, asset.refused, {KEY_PROBLEMS}", 422: "project.not_video"},
    )
    def post(self, body: dict[str, Any]) -> Any:
        """Make a project of an uploaded video

        It belongs where its video does.
        """
        told = describe(service.create_project(db.session(), current_user(), body))
        return told, 201, {"Location": told["links"]["self"]}


@blueprint.route("/projects/<uuid:project_id>")
class ProjectItem(MethodView):
    """One project."""

    decorators = [login_required]

    @blueprint.response(200, ProjectResponse)
    @problems(blueprint, {404: "project.not_found"})
    def get(self, project_id: UUID) -> Any:
        """Look at a project"""
        return describe(service.get_project(project_id))

    @blueprint.arguments(ProjectEditRequest)
    @blueprint.response(200, ProjectResponse)
    @problems(blueprint, {404: "project.not_found"})
    def patch(self, body: dict[str, Any], project_id: UUID) -> Any:
        """Rename a project"""
        project = service.lock_project(db.session(), project_id)
        project.name = body["name"]
        db.session.commit()
        return describe(project)

    @blueprint.response(204)
    @problems(blueprint, {404: "project.not_found", 409: "project.busy, short.busy"})
    def delete(self, project_id: UUID) -> None:
        """Delete a project

        Its shorts go with it; the video, its transcript and clips stay.
        """
        service.delete_project(db.session(), service.lock_project(db.session(), project_id))
        db.session.commit()


@blueprint.route("/projects/<uuid:project_id>/jobs")
class ProjectJobs(MethodView):
    """Work on a project's video."""

    decorators = [login_required]

    @idempotent("projects.{project_id}.jobs")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(ProjectJobRequest)
    @blueprint.response(202, ProjectOrderedResponse, headers=LOCATION)
    @problems(
        blueprint,
        {
            402: "credits.insufficient",
            404: "project.not_found, short.not_found, publish_target.not_found",
            409: "project.busy, transcript.busy, project.not_transcribed, short.busy, short.none, short.not_cut, "
            f"asset.not_ready, asset.refused, {KEY_PROBLEMS}",
            422: "shorts.invalid_wish, publication.too_far, transcript.no_sound",
            429: "quota.daily_renders, quota.monthly_renders, quota.concurrent_renders",
        },
    )
    def post(self, body: dict[str, Any], project_id: UUID) -> Any:
        """Work on a project's video: hear it again, find its highlights, cut shorts, deliver them

        ``transcription`` makes a new transcript, on which the edits of the one before are done again.

        ``analysis`` makes each highlight a short with a score and the evidence for it. What an earlier search found
        makes way; shorts that were cut stay.

        ``cutting`` frames and cuts shorts as their ``wish`` says and draws their captions: a job for each, all or none.
        What is over the plan's renders at a time stays queued until others have ended.

        ``delivery`` sends finished shorts to a publish target, at once or at a set time; each is a publication.
        """
        project = service.lock_project(db.session(), project_id)
        jobs = self.order(project, body)
        for job in jobs if body["at"] is None else ():
            if not is_waiting(db.session(), job.id):
                after_commit(partial(publish_soon, job.id))
        told = {**describe(project), "job_ids": [job.id for job in jobs]}
        return told, 202, {"Location": told["links"]["self"]}

    def order(self, project: Project, body: dict[str, Any]) -> list[Job]:
        """Order what the type says."""
        session, user = db.session(), current_user()
        if body["type"] == "transcription":
            return [hearing.order_hearing(session, user, project.asset, {name: body[name] for name in HEARING})]
        if body["type"] == "cutting":
            return cutting.order_cuts(session, user, project, body["shorts"])
        if body["type"] == "delivery":
            return delivering.order_deliveries(session, user, project, body)
        wish = {name: body[name] for name in ("count", "shortest_s", "longest_s")}
        return [service.analyze(session, user, project, {**wish, "keywords": tuple(body["keywords"])})]
