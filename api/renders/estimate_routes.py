"""The estimate endpoint."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.assets.models import Asset
from api.assets.service import require_ready
from api.auth import current_user, login_required
from api.extensions import db
from api.ids import get_visible
from api.renders import service
from api.renders.cache import find_finished
from api.renders.estimate import describe_queue, predict_render, read_accuracy, work_of
from api.renders.estimator import Prediction
from api.renders.ordering import read_outputs, shape_of
from api.renders.pricing import price_of
from api.renders.schemas import EstimateRequest, EstimateResponse
from tasks.errors import InvalidInputError
from tasks.fonts.accept import accept

blueprint = Blueprint("estimates", __name__, url_prefix="/api/v1", description="What a render would take and cost")

PROBLEMS = {
    404: "asset.not_found",
    409: "asset.not_ready, asset.refused",
    422: "scenario.* with findings, render.no_video, render.sound_unsupported",
}
EXAMPLE = {
    "source_asset_id": "7f6c2c1e-8a54-4f0e-9b1e-0d6f6c9f2f11",
    "scenario": {"version": "1", "canvas": {"width": 1080, "height": 1920}, "tracks": []},
}
AT_ONCE = Prediction(0.0, 0.0, "history", 0)


@blueprint.route("/renders/estimate")
class RenderEstimate(MethodView):
    """Asking before ordering."""

    decorators = [login_required]

    @blueprint.arguments(EstimateRequest, example=EXAMPLE)
    @blueprint.response(200, EstimateResponse)
    @problems(blueprint, PROBLEMS)
    def post(self, body: dict[str, Any]) -> Any:
        """Estimate a render

        Seconds of work (p50, p90), the wait for a worker, credits; from what renders took here, with how good such
        estimates were lately. Nothing is reserved.
        """
        source = require_ready(get_visible(Asset, body["source_asset_id"]))
        scenario = accept(body["scenario"], aspect=shape_of(source)).scenario
        service.check_order(scenario)
        outputs = read_outputs(body["outputs"])
        service.check_music(outputs)
        media = source.media_info
        if media is None or media.video is None:
            raise InvalidInputError("render.no_video", "The source has no picture to draw captions over")
        session = db.session()
        order_hash = service.hash_order(source.sha256, scenario, outputs)
        cached = find_finished(session, current_user(), source, order_hash) is not None
        works = [work_of(media, scenario, output) for output in outputs]
        prediction = predict_render(session, works)
        queue = describe_queue(session, prediction.p50_s)
        session.rollback()  # lets go of the lock that finding a result takes
        return {
            "cached": cached,
            "seconds": AT_ONCE if cached else prediction,
            "queue": {**queue, "wait_s": 0.0} if cached else queue,
            "credits": 0 if cached else price_of(media, outputs),
            "frames": works[0].frames,
            "width": works[0].width,
            "height": works[0].height,
            "outputs": works,
            "recent_error": read_accuracy(session),
        }
