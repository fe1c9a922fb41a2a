"""Ordering the cut of shorts: one job each, that frames and cuts, and then draws the captions as any render does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from api.assets.models import Asset
from api.assets.service import require_ready
from api.credits.prices import Action, render_action
from api.credits.work import hold, price
from api.errors import ConflictError
from api.ids import new_id
from api.jobs.models import Job
from api.jobs.service import create_job
from api.projects.models import Project, Short
from api.projects.service import get_short
from api.projects.wishes import list_edits, wish_of
from api.quotas import line
from api.renders.service import require_room
from api.users.models import User
from tasks.contracts.outputs import ASPECTS
from tasks.contracts.shorts import CutOrder, ShortWish, Stretch
from tasks.edits.removal import enabled_cuts
from tasks.edits.speaking import turns_of
from tasks.names import Priority
from tasks.workflows.shorts import build_cut_steps

SHORT_KIND = "short"


def order_cuts(session: Session, user: User, project: Project, short_ids: Sequence[UUID]) -> list[Job]:
    """Order the cut of some shorts of a locked project, or of all that are not cut yet.

    What is over the plan's renders at a time is queued, and begins as slots come free.
    Raises ``asset.*``, ``short.not_found``, ``short.busy``, ``short.none``, ``project.not_transcribed``, ``quota.*``,
    ``credits.insufficient``; nothing is ordered then.
    """
    require_ready(project.asset)
    shorts = [get_short(session, project, short_id) for short_id in dict.fromkeys(short_ids)]
    shorts = shorts or [short for short in project.shorts if short.state in ("found", "failed")]
    if not shorts:
        raise ConflictError("short.none", "The project has no short that is not cut; search it, or name those to cut")
    if any(short.is_cutting for short in shorts):
        raise ConflictError("short.busy", "A job is cutting one of the shorts")
    require_room(session, user)
    return [order_cut(session, user, project, short) for short in shorts]


def order_cut(session: Session, user: User, project: Project, short: Short) -> Job:
    """Order the cut of one short."""
    wish, asset = wish_of(short), project.asset
    edits, transcript = list_edits(session, project, short)
    order = CutOrder(
        asset.object_key,
        short.start_s,
        short.end_s,
        asset.size_bytes,
        tuple(Stretch(cut.start, cut.end) for cut in enabled_cuts(edits)),
        wish.aspect,
        wish.layout,
        wish.overrides,
        tuple(project.scene_cuts or ()),
        wish.width,
        turns_of(transcript, short.start_s, short.end_s),
        later=bool(wish.look),
    )
    job = create_job(
        session,
        owner_id=user.id,
        organisation_id=project.organisation_id,
        kind=SHORT_KIND,
        steps=build_cut_steps(order, is_captioned=bool(wish.look)),
        priority=Priority.NORMAL,
        subject={"short_id": str(short.id), "project_id": str(project.id), "render_id": str(new_id())},
    )
    reserve(session, user, job, short, asset)
    short.job_id = job.id
    session.flush()
    session.refresh(short)
    return job


def reserve(
    session: Session,
    user: User,
    job: Job,
    short: Short,
    asset: Asset,
    *,
    again: bool = False,
) -> datetime | None:
    """Reserve quota and credits of a short's job; raise ``quota.*``, ``credits.insufficient``.

    Returns when it may begin: it waits for a slot of the plan's renders at a time where there is none.
    """
    length_s, wish = short.end_s - short.start_s, wish_of(short)
    hold(session, job, Action.CUTTING, price(Action.CUTTING, length_s), again=again)
    if not wish.look:
        return None
    begins_at = line.reserve_in_line(session, user, job)
    action = render_action(*largest_size(wish, asset))
    hold(session, job, action, price(action, length_s), again=again)
    return begins_at


def largest_size(wish: ShortWish, asset: Asset) -> tuple[int, int]:
    """Return width and height that a short's picture has at most, in pixels."""
    video = asset.media_info.video if asset.media_info else None
    if wish.aspect:
        return wish.width, int(wish.width / ASPECTS[wish.aspect])
    return (video.display_width, video.display_height) if video else (wish.width, wish.width)
