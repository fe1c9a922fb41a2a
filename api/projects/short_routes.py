"""Endpoints of shorts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView

from api.assets.docs import problems
from api.assets.routes import hand_out
from api.assets.schemas import DownloadQuery, DownloadResponse
from api.auth import login_required
from api.extensions import db
from api.projects import service, shorts, wishes
from api.projects.models import Short
from api.projects.routes import blueprint
from api.projects.short_schemas import (
    ShortEditRequest,
    ShortEditsResponse,
    ShortLookQuery,
    ShortRequest,
    ShortResponse,
    ShortsResponse,
    ShortSwitchRequest,
)

FOUND = "project.not_found, short.not_found"
COLUMNS = (
    "id", "start_s", "end_s", "score", "title", "state", "evidence", "job_id", "clip_asset_id", "render_id", "cut",
)  # fmt: skip


def describe_short(short: Short) -> dict[str, Any]:
    """Return what a short looks like from outside."""
    own = f"/api/v1/projects/{short.project_id}/shorts/{short.id}"
    links = {
        "self": own,
        "edits": f"{own}/edits",
        "thumbnail": f"{own}/thumbnail" if short.thumbnail_key else None,
        "scenario": f"{own}/scenario" if short.clip_asset_id else None,
        "job": f"/api/v1/jobs/{short.job_id}" if short.job_id else None,
        "clip": f"/api/v1/assets/{short.clip_asset_id}" if short.clip_asset_id else None,
        "render": f"/api/v1/renders/{short.render_id}" if short.render_id else None,
    }
    told = {name: getattr(short, name) for name in COLUMNS}
    return {**told, "wish": wishes.wish_of(short).to_json(), "links": links}


@blueprint.route("/projects/<uuid:project_id>/shorts")
class ShortList(MethodView):
    """The shorts of a project."""

    decorators = [login_required]

    @blueprint.response(200, ShortsResponse)
    @problems(blueprint, {404: "project.not_found"})
    def get(self, project_id: UUID) -> Any:
        """List the shorts of a project, in order of time"""
        return {"items": [describe_short(short) for short in service.get_project(project_id).shorts]}

    @blueprint.arguments(ShortRequest)
    @blueprint.response(201, ShortResponse)
    @problems(
        blueprint,
        {404: "project.not_found", 409: "project.not_transcribed, short.too_many", 422: "short.invalid_times"},
    )
    def post(self, body: dict[str, Any], project_id: UUID) -> Any:
        """Choose a stretch yourself

        A search leaves it alone.
        """
        project = service.lock_project(db.session(), project_id)
        short = shorts.add_short(db.session(), project, body)
        db.session.commit()
        return describe_short(short), 201


@blueprint.route("/projects/<uuid:project_id>/shorts/<uuid:short_id>")
class ShortItem(MethodView):
    """One short."""

    decorators = [login_required]

    @blueprint.response(200, ShortResponse)
    @problems(blueprint, {404: FOUND})
    def get(self, project_id: UUID, short_id: UUID) -> Any:
        """Look at a short"""
        return describe_short(service.get_short(db.session(), service.get_project(project_id), short_id))

    @blueprint.arguments(ShortEditRequest)
    @blueprint.response(200, ShortResponse)
    @problems(
        blueprint,
        {
            404: FOUND,
            409: "project.not_transcribed",
            422: "short.invalid_times, shorts.invalid_framing, scenario.unknown_preset",
        },
    )
    def patch(self, body: dict[str, Any], project_id: UUID, short_id: UUID) -> Any:
        """Move the ends of a short, name it, or say how it is to be made

        An end that would cut a word snaps into the nearest pause within three seconds. The next cut goes by it.
        """
        project = service.lock_project(db.session(), project_id)
        short = service.get_short(db.session(), project, short_id)
        shorts.change_short(db.session(), project, short, body)
        db.session.commit()
        return describe_short(short)

    @blueprint.response(204)
    @problems(blueprint, {404: FOUND, 409: "short.busy"})
    def delete(self, project_id: UUID, short_id: UUID) -> None:
        """Forget a short

        Its clip and render stay.
        """
        project = service.lock_project(db.session(), project_id)
        shorts.delete_short(db.session(), service.get_short(db.session(), project, short_id))
        db.session.commit()


@blueprint.route("/projects/<uuid:project_id>/shorts/<uuid:short_id>/undo")
class ShortUndo(MethodView):
    """One step back."""

    decorators = [login_required]

    @blueprint.response(200, ShortResponse)
    @problems(blueprint, {404: FOUND, 409: "short.nothing_to_undo"})
    def post(self, project_id: UUID, short_id: UUID) -> Any:
        """Undo the last change of a short: of its ends, its wish or its edit list"""
        short = service.get_short(db.session(), service.lock_project(db.session(), project_id), short_id)
        wishes.step_back(short)
        db.session.commit()
        return describe_short(short)


@blueprint.route("/projects/<uuid:project_id>/shorts/<uuid:short_id>/edits")
class ShortEdits(MethodView):
    """What goes of a short."""

    decorators = [login_required]

    @blueprint.response(200, ShortEditsResponse)
    @problems(blueprint, {404: FOUND, 409: "project.not_transcribed"})
    def get(self, project_id: UUID, short_id: UUID) -> Any:
        """Preview what silences and fillers go of a short, and its words then"""
        project = service.get_project(project_id)
        short = service.get_short(db.session(), project, short_id)
        return wishes.preview_edits(short, *wishes.list_edits(db.session(), project, short))

    @blueprint.arguments(ShortSwitchRequest)
    @blueprint.response(200, ShortEditsResponse)
    @problems(blueprint, {404: FOUND, 409: "project.not_transcribed", 422: "shorts.unknown_removal"})
    def post(self, body: dict[str, Any], project_id: UUID, short_id: UUID) -> Any:
        """Switch entries of the edit list off and on again"""
        project = service.lock_project(db.session(), project_id)
        short = service.get_short(db.session(), project, short_id)
        edits = wishes.switch_edits(db.session(), project, short, **body)
        db.session.commit()
        return wishes.preview_edits(short, *edits)


@blueprint.route("/projects/<uuid:project_id>/shorts/<uuid:short_id>/scenario")
class ShortScenario(MethodView):
    """Captions of a short's clip."""

    decorators = [login_required]

    @blueprint.arguments(ShortLookQuery, location="query")
    @blueprint.response(200, description="A scenario for `POST /renders` over the clip")
    @problems(
        blueprint,
        {404: FOUND, 409: "short.not_cut, project.not_transcribed", 422: "scenario.unknown_preset"},
    )
    def get(self, query: dict[str, Any], project_id: UUID, short_id: UUID) -> Any:
        """Get the captions of a short's clip in any look"""
        project = service.get_project(project_id)
        short = service.get_short(db.session(), project, short_id)
        return shorts.caption_clip(db.session(), project, short, query["preset"])


@blueprint.route("/projects/<uuid:project_id>/shorts/<uuid:short_id>/thumbnail")
class ShortThumbnail(MethodView):
    """A picture of a short."""

    decorators = [login_required]

    @blueprint.arguments(DownloadQuery, location="query")
    @blueprint.response(200, DownloadResponse)
    @blueprint.alt_response(302, description="With redirect=1: the presigned URL in Location")
    @problems(blueprint, {404: f"{FOUND}, short.no_thumbnail"})
    def get(self, query: dict[str, Any], project_id: UUID, short_id: UUID) -> Any:
        """Get a URL that shows a picture of the stretch"""
        short = service.get_short(db.session(), service.get_project(project_id), short_id)
        return hand_out(shorts.sign_thumbnail(short), query)
