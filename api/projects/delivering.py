"""Sending finished shorts to where they are shown."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.errors import ConflictError
from api.jobs.models import Job
from api.projects.models import Project, Short
from api.projects.schemas import WORDS
from api.projects.service import get_short
from api.publishing.service import get_usable_target, publish
from api.renders.models import Render
from api.users.models import User


def order_deliveries(session: Session, user: User, project: Project, body: dict[str, Any]) -> list[Job]:
    """Order that some shorts of a locked project are sent, or all that are cut: all or none.

    Raises ``short.not_found``, ``short.not_cut``, ``short.none`` and what :func:`api.publishing.service.publish` does.
    """
    get_usable_target(body["target_id"])  # a strange one is not found, whatever there is to send
    shorts = [get_short(session, project, short_id) for short_id in dict.fromkeys(body["shorts"])]
    shorts = shorts or [short for short in project.shorts if short.state == "cut"]
    if not shorts:
        raise ConflictError("short.none", "The project has no short that is cut")
    return [deliver(session, user, short, body) for short in shorts]


def deliver(session: Session, user: User, short: Short, body: dict[str, Any]) -> Job:
    """Order that one short is sent: with its captions where it has them."""
    render = session.get(Render, short.render_id) if short.render_id else None
    asset_id = render.asset_id if render is not None else short.clip_asset_id
    if asset_id is None or short.state != "cut":
        raise ConflictError("short.not_cut", "The short has no finished clip", {"short_id": str(short.id)})
    told = {name: body[name] for name in WORDS}
    order = {**told, "title": short.title, "asset_id": asset_id, "target_id": body["target_id"]}
    job = publish(session, user, order).job
    assert job is not None
    return job
