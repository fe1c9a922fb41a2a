"""Validation endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

import api.validations.effects  # noqa: F401  registers what the end of a validation changes
from api.assets.docs import problems
from api.auth import current_user, login_required
from api.extensions import db, get_settings
from api.idempotency import KEY_PARAMETER, idempotent
from api.jobs.service import publish_soon
from api.jobs.waiting import wait_for_end
from api.limits import still_limit
from api.renders.ordering import shape_of
from api.renders.service import check_music
from api.stills.answers import read_source, require_success
from api.validations import service
from api.validations.schemas import ValidationRequest, ValidationResponse
from tasks.contracts import RenderOutput
from tasks.contracts.outputs import complete_output
from tasks.fonts.accept import accept

blueprint = Blueprint("validations", __name__, url_prefix="/api/v1", description="What is wrong before it is rendered")

PROBLEMS = {
    404: "asset.not_found",
    409: "asset.not_ready, asset.refused, validation.failed, idempotency.key_reused, idempotency.in_progress",
    422: "scenario.unknown_safe_area, render.no_video, render.sound_unsupported",
    429: "rate.limited",
}
EXAMPLE = {"scenario": {"version": "1", "canvas": {"width": 1080, "height": 1920}, "tracks": []}, "safe_area": "tiktok"}


@blueprint.route("/renders/validate")
class RenderValidation(MethodView):
    """Looking before rendering."""

    decorators = [login_required]

    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(ValidationRequest, example=EXAMPLE)
    @blueprint.response(200, ValidationResponse)
    @blueprint.alt_response(202, schema=ValidationResponse, description="It is being looked at; look again")
    @problems(blueprint, PROBLEMS)
    @still_limit
    @idempotent("validations")
    def post(self, body: dict[str, Any]) -> Any:
        """Validate a scenario deeply

        Schema, fonts and glyphs; reading speed, gaps, overlaps; then, on a render node, measured boxes against the safe
        area, line lengths, collisions, and contrast over the real footage. Nothing is changed or charged. Waits some
        seconds; the same question again is answered at once.
        """
        findings = service.find_errors(body["scenario"])
        if findings:
            return service.refuse_at_once(findings)
        source = read_source(body["source_asset_id"])
        output = complete_output(RenderOutput.from_json(body["output"]))
        check_music([output])
        scenario = accept(body["scenario"], aspect=shape_of(source) if source else None).scenario
        order = service.build_order(
            scenario, source, output=output, safe_area=body["safe_area"], samples=body["samples"]
        )
        validation, is_new = service.ask_validation(db.session(), current_user(), order, source)
        db.session.commit()
        validation_id, job_id = validation.id, validation.job_id
        if is_new:
            publish_soon(job_id)
        longest = get_settings().still_wait_s
        wait_for_end(job_id, longest if body["wait_s"] is None else min(body["wait_s"], longest))
        validation = service.get_validation(validation_id)
        require_success(validation, "validation.failed")
        told = service.describe(validation, cached=not is_new)
        return told, 200 if validation.result is not None else 202


@blueprint.route("/validations/<uuid:validation_id>")
class ValidationItem(MethodView):
    """One validation."""

    decorators = [login_required]

    @blueprint.response(200, ValidationResponse)
    @problems(blueprint, {404: "validation.not_found"})
    def get(self, validation_id: UUID) -> Any:
        """Look at a validation"""
        return service.describe(service.get_validation(validation_id), cached=True)
