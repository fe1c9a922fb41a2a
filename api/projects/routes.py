"""Project endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

import api.projects.effects  # noqa: F401  registers what the end of a search changes
from api.assets.docs import problems
from api.auth import current_user, login_required
from api.extensions import db
from api.idempotency import KEY_PARAMETER, after_commit, idempotent
from api.jobs.service import publish_soon
from api.pagination import filters_of, paginate
from api.projects import service
from api.projects.models import Project
from api.projects.schemas import (
    ProjectEditRequest,
    ProjectJobRequest,
    ProjectPageResponse,
    ProjectQuery,
    ProjectRequest,
    ProjectResponse,
    ShortEditRequest,
    ShortResponse,
    ShortsResponse,
)

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
    @problems(blueprint, {404: "project.not_found", 409: "project.busy"})
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
    @blueprint.response(202, ProjectResponse, headers=LOCATION)
    @problems(
        blueprint,
        {
            402: "credits.insufficient",
            404: "project.not_found",
            409: f"project.busy, project.not_transcribed, asset.not_ready, asset.refused, {KEY_PROBLEMS}",
            422: "shorts.invalid_wish",
        },
    )
    def post(self, body: dict[str, Any], project_id: UUID) -> Any:
        """Find the highlights of a project's video

        Each becomes a short with a score and the evidence for it. What an earlier search found makes way; shorts that
        were cut stay.
        """
        project = service.lock_project(db.session(), project_id)
        wish = {name: value for name, value in body.items() if name != "type"}
        wish["keywords"] = tuple(wish["keywords"])
        job_id = service.analyze(db.session(), current_user(), project, wish).id
        after_commit(lambda: publish_soon(job_id))
        told = describe(project)
        return told, 202, {"Location": told["links"]["self"]}


@blueprint.route("/projects/<uuid:project_id>/shorts")
class ShortList(MethodView):
    """The shorts of a project."""

    decorators = [login_required]

    @blueprint.response(200, ShortsResponse)
    @problems(blueprint, {404: "project.not_found"})
    def get(self, project_id: UUID) -> Any:
        """List the shorts of a project, in order of time"""
        return {"items": service.get_project(project_id).shorts}


@blueprint.route("/projects/<uuid:project_id>/shorts/<uuid:short_id>")
class ShortItem(MethodView):
    """One short."""

    decorators = [login_required]

    @blueprint.response(200, ShortResponse)
    @problems(blueprint, {404: "project.not_found, short.not_found"})
    def get(self, project_id: UUID, short_id: UUID) -> Any:
        """Look at a short"""
        return service.get_short(db.session(), service.get_project(project_id), short_id)

    @blueprint.arguments(ShortEditRequest)
    @blueprint.response(200, ShortResponse)
    @problems(
        blueprint,
        {404: "project.not_found, short.not_found", 409: "project.not_transcribed", 422: "short.invalid_times"},
    )
    def patch(self, body: dict[str, Any], project_id: UUID, short_id: UUID) -> Any:
        """Move the ends of a short, or name it

        An end that would cut a word snaps into the nearest pause within three seconds.
        """
        project = service.lock_project(db.session(), project_id)
        short = service.get_short(db.session(), project, short_id)
        service.adjust(db.session(), project, short, body)
        db.session.commit()
        return short
