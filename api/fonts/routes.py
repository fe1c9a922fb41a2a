"""Endpoints of uploaded fonts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

import api.fonts.effects  # noqa: F401  registers what the end of a check changes
from api.assets.docs import problems
from api.auth import current_user, login_required
from api.extensions import db, get_settings, get_storage
from api.fonts import service
from api.fonts.library import faces_of_caller
from api.fonts.models import Font
from api.fonts.schemas import FontRequest, UploadedFontCreatedResponse, UploadedFontPageResponse, UploadedFontResponse
from api.ids import get_owned
from api.jobs.service import publish_soon
from api.pagination import PageQuery, paginate
from tasks.fonts import offer_fonts

blueprint = Blueprint("fonts", __name__, url_prefix="/api/v1", description="Fonts of your own")


@blueprint.before_app_request
def offer_own_fonts() -> None:
    """Let the scenarios of every request name the caller's fonts."""
    offer_fonts(faces_of_caller)


@blueprint.route("/fonts/uploaded")
class UploadedFontList(MethodView):
    """All fonts of the caller."""

    decorators = [login_required]

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, UploadedFontPageResponse)
    @problems(blueprint, {})
    def get(self, query: dict[str, Any]) -> Any:
        """List your fonts, newest first"""
        page = paginate(db.session(), service.select_fonts(current_user().id), Font, query)
        return {**page, "items": [service.describe(font) for font in page["items"]]}

    @blueprint.arguments(FontRequest)
    @blueprint.response(201, UploadedFontCreatedResponse)
    @problems(blueprint, {409: "font.too_many", 413: "quota.storage_bytes", 422: "font.too_large, request.invalid"})
    def post(self, declared: dict[str, Any]) -> Any:
        """Announce a font

        TTF, OTF, WOFF or WOFF2 of at most 8 MiB. PUT its bytes to the URL with the given headers, then complete it.
        """
        font, transfer = service.create_font(
            db.session(), current_user(), declared, storage=get_storage(), settings=get_settings()
        )
        db.session.commit()
        return {**service.describe(font), "upload": transfer}


@blueprint.route("/fonts/uploaded/<uuid:font_id>")
class UploadedFontItem(MethodView):
    """One font."""

    decorators = [login_required]

    @blueprint.response(200, UploadedFontResponse)
    @problems(blueprint, {404: "font.not_found"})
    def get(self, font_id: UUID) -> Any:
        """Look at a font"""
        return service.describe(get_owned(Font, font_id))

    @blueprint.response(204)
    @problems(blueprint, {404: "font.not_found", 409: "font.in_use: cancel the jobs first"})
    def delete(self, font_id: UUID) -> None:
        """Delete a font

        Frees its storage.
        """
        service.delete_font(db.session(), get_owned(Font, font_id), storage=get_storage())
        db.session.commit()


@blueprint.route("/fonts/uploaded/<uuid:font_id>/complete")
class UploadedFontComplete(MethodView):
    """The end of a transfer."""

    decorators = [login_required]

    @blueprint.response(202, UploadedFontResponse)
    @problems(
        blueprint, {404: "font.not_found", 409: "font.not_sent, font.closed", 422: "font.size_mismatch: send it anew"}
    )
    def post(self, font_id: UUID) -> Any:
        """Have a font checked

        A worker parses it, drops hinting programs, pictures and unknown tables, and writes it anew. A font that is
        broken, or whose maker forbids embedding, is refused with the reason in `error`.
        """
        font = get_owned(Font, font_id)
        job = service.complete_font(db.session(), font, storage=get_storage())
        db.session.commit()
        publish_soon(job.id)
        return service.describe(font)
