"""Audit log endpoints, for administrators."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.audit import record
from api.audit.export import CONTENT_TYPES, export_entries
from api.audit.models import AuditEntry
from api.audit.schemas import AuditPageResponse, AuditQuery, ExportQuery
from api.audit.service import plain, select_entries
from api.auth import admin_required
from api.extensions import db
from api.pagination import filters_of, paginate

blueprint = Blueprint("audit", __name__, url_prefix="/api/v1/admin/audit", description="Who did what, for ever")


@blueprint.route("")
class AuditList(MethodView):
    """All entries."""

    decorators = [admin_required]

    @blueprint.arguments(AuditQuery, location="query")
    @blueprint.response(200, AuditPageResponse)
    @problems(blueprint, {403: "auth.forbidden"})
    def get(self, query: dict[str, Any]) -> Any:
        """Read the audit log, newest first"""
        return paginate(db.session(), select_entries(filters_of(query)), AuditEntry, query)


@blueprint.route("/export")
class AuditExport(MethodView):
    """Entries as a file."""

    decorators = [admin_required]

    @blueprint.arguments(ExportQuery, location="query")
    @blueprint.doc(
        responses={"200": {"description": "A file", "content": {kind: {} for kind in CONTENT_TYPES.values()}}}
    )
    @problems(blueprint, {403: "auth.forbidden"})
    def get(self, query: dict[str, Any]) -> Response:
        """Export the audit log, oldest first

        Sent as it is read, so that any length fits. The export is itself recorded.
        """
        form = query.pop("format")
        asked = {name: plain(value) for name, value in query.items()}
        record(db.session(), "audit.exported", after={**asked, "format": form})
        db.session.commit()
        lines = export_entries(db.engine, select_entries(query), form)
        disposition = {"Content-Disposition": f'attachment; filename="audit.{form}"'}
        return Response(lines, content_type=f"{CONTENT_TYPES[form]}; charset=utf-8", headers=disposition)
