"""Ordering a render: looked at, answered from an earlier one where possible, else made."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.assets.models import Asset
from api.assets.service import require_ready
from api.ids import get_owned
from api.renders import service
from api.renders.cache import find_finished, find_twin, reuse_render
from api.renders.models import Render
from api.users.models import User
from tasks.contracts import RenderOutput
from tasks.contracts.outputs import complete_output


def order_render(session: Session, user: User, body: dict[str, Any]) -> Render:
    """Return a render for the order: a new one, or one that has ended already where the result is there.

    :param body: a loaded ``RenderRequest``.
    """
    service.check_order(body["scenario"])
    source = get_owned(Asset, body["source_asset_id"])
    output = complete_output(RenderOutput.from_json(body["output"]))
    require_ready(source)
    if not body["force"]:
        order_hash = service.hash_order(source.sha256, body["scenario"], output)
        done = find_finished(session, user, source, order_hash)
        if done is not None:
            return reuse_render(session, user, source, done)
    render = service.create_render(
        session, user, source, scenario=body["scenario"], output=output, priority=body["priority"]
    )
    render.twin_id = find_twin(session, render, source)
    return render
