"""The door for nodes: signed, never open to users."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.callbacks.guard import check_signature, read_message
from api.extensions import db
from api.farm.beats import take_beat
from api.farm.schemas import NodeOrderResponse
from tasks.contracts import NodeBeat
from tasks.names import CallbackPath

blueprint = Blueprint("nodes", __name__, description="For workers alone: every call is signed")
blueprint.url_value_preprocessor(check_signature)


@blueprint.route(CallbackPath.NODE_BEAT.value)
class NodeBeats(MethodView):
    """What a worker process tells of itself."""

    @blueprint.doc(security=[])
    @blueprint.response(200, NodeOrderResponse)
    @problems(
        blueprint,
        {
            401: "callback.unsigned, callback.expired, callback.bad_signature",
            422: "contract.invalid, contract.unknown_version",
        },
    )
    def post(self) -> dict[str, Any]:
        """Tell how a node is

        The first call registers it. Answered with what the node shall consume, whatever it consumes now.
        """
        order = take_beat(db.session(), NodeBeat.from_json(read_message()))
        db.session.commit()
        return order.to_json()
