"""Scenario endpoints."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Response, jsonify, request
from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.auth import login_required
from api.extensions import db, get_storage
from api.scenarios import service
from api.scenarios.schemas import (
    FontsResponse,
    MotionsResponse,
    PresetsResponse,
    SafeAreasResponse,
    ScenarioValidateRequest,
    ScenarioValidateResponse,
    StageRequest,
    StageResponse,
)
from api.scenarios.staging import stage_scenario
from tasks.fonts import catalogue
from tasks.scenario import motions, presets, schema
from tasks.scenario.safe_areas import safe_areas

blueprint = Blueprint(
    "scenarios", __name__, url_prefix="/api/v1", description="The language that captions are ordered in"
)

CACHE_S = 300


def cacheable(document: Any) -> Response:
    """Answer with JSON that browsers and proxies may keep, and 304 while theirs is right."""
    answer = jsonify(document)
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:32])
    answer.cache_control.public = True
    answer.cache_control.max_age = CACHE_S
    answer.make_conditional(request)
    return answer


@blueprint.route("/scenario/schema")
class ScenarioSchema(MethodView):
    """The schema."""

    @blueprint.doc(security=[])
    @blueprint.response(200, {"type": "object"}, description="JSON Schema, draft 2020-12")
    def get(self) -> Response:
        """Read the JSON Schema of scenarios"""
        return cacheable(schema())


@blueprint.route("/scenario/presets")
class ScenarioPresets(MethodView):
    """The presets."""

    @blueprint.doc(security=[])
    @blueprint.response(200, PresetsResponse)
    def get(self) -> Response:
        """List the presets, as data"""
        return cacheable({"items": presets()})


@blueprint.route("/scenario/motions")
class ScenarioMotions(MethodView):
    """The motions."""

    @blueprint.doc(security=[])
    @blueprint.response(200, MotionsResponse)
    def get(self) -> Response:
        """List the named motions, as data"""
        return cacheable({"items": motions()})


@blueprint.route("/scenario/safe-areas")
class ScenarioSafeAreas(MethodView):
    """Where platforms leave room."""

    @blueprint.doc(security=[])
    @blueprint.response(200, SafeAreasResponse)
    def get(self) -> Response:
        """List the safe areas of platforms, dated"""
        return cacheable({"items": safe_areas()})


@blueprint.route("/fonts")
class Fonts(MethodView):
    """The fonts."""

    @blueprint.doc(security=[])
    @blueprint.response(200, FontsResponse)
    def get(self) -> Response:
        """List the fonts that scenarios may name"""
        return cacheable({"items": catalogue()})


@blueprint.route("/scenario/validate")
class ScenarioValidation(MethodView):
    """Looking without rendering."""

    decorators = [login_required]

    @blueprint.arguments(ScenarioValidateRequest)
    @blueprint.response(200, ScenarioValidateResponse)
    @problems(blueprint, {})
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Check a scenario

        Says whether a render of it would be accepted: schema, times, fonts and glyphs. Nothing is reserved. Of a
        MotionText document (1.3, 2.0), `unmapped` lists what would not be drawn, or only nearly so.
        """
        findings, unmapped = service.look_at(body["scenario"], strict=body["strict"])
        return {"valid": not findings, "findings": findings, "unmapped": unmapped}


@blueprint.route("/scenario/stage")
class ScenarioStage(MethodView):
    """Previews."""

    decorators = [login_required]

    @blueprint.arguments(StageRequest)
    @blueprint.response(200, StageResponse)
    @problems(blueprint, {404: "font.not_found", 422: "scenario.* with findings"})
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Resolve a scenario for a preview

        What the stage module (`/studio/stage/stage.js`) draws at any time: the very file that renders load, so that a
        page shows what a render will have.
        """
        told = stage_scenario(body["scenario"], have=frozenset(body["have"]), storage=get_storage())
        db.session.rollback()  # lets go of the locks that looking up fonts and pictures takes
        return told
