"""Use cases of renders: order, list, cancel, hand out."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager, defer

from api.assets.models import Asset
from api.assets.service import require_ready
from api.credits.prices import render_action
from api.credits.work import hold
from api.errors import ConflictError
from api.extensions import get_settings
from api.fonts.library import named_fonts
from api.ids import get_owned, new_id
from api.images.library import named_images
from api.jobs.models import Job
from api.jobs.service import create_job
from api.ownership import visible_to
from api.quotas.service import QuotaKind, get_usage, refuse, reserve_render
from api.renders.models import Render
from api.renders.pricing import output_size, price_of
from api.users.models import User
from tasks.contracts import RenderOrder, RenderOutput
from tasks.contracts.outputs import complete_output
from tasks.errors import InvalidInputError
from tasks.fonts import check_scenario, faces_of
from tasks.names import PRIORITY_NAMES
from tasks.scenario import parse
from tasks.workflows.captions import build_chunked_steps, build_render_steps
from tasks.workflows.chunks import can_join, plan_spans
from tasks.workflows.plan import StepSpec

JOB_KIND = "render"


def check_order(scenario: dict[str, Any]) -> None:
    """Raise ``scenario.*`` with findings unless the scenario can be drawn here: schema, times, fonts, glyphs."""
    check_scenario(parse(scenario))


def create_render(
    session: Session, user: User, source: Asset, *, scenario: dict[str, Any], output: RenderOutput, priority: str
) -> Render:
    """Reserve quota and credits and make the job and the render, all or nothing.

    The scenario must have passed :func:`check_order`. Raises ``asset.*``, ``render.no_video``,
    ``quota.*`` and ``credits.insufficient``.
    """
    session.refresh(source, with_for_update={"read": True})  # a delete waits, and then sees the job
    media = require_ready(source).media_info
    if media is None or media.video is None:
        raise InvalidInputError("render.no_video", "The source has no picture to draw captions over")
    require_room(session, user)
    order = RenderOrder(
        source.object_key,
        scenario,
        output,
        source_sha256=source.sha256,
        music_key=music_key_of(output),
        fonts=named_fonts(scenario),
        images=named_images(scenario),
    )
    render_id = new_id()
    job = create_job(
        session,
        owner_id=user.id,
        organisation_id=source.organisation_id,
        kind=JOB_KIND,
        steps=plan_steps(order, media.duration_s, owner_id=source.organisation_id or user.id),
        priority=PRIORITY_NAMES[priority],
        subject={"render_id": str(render_id), "source_asset_id": str(source.id)},
    )
    reserve_render(session, user, job.id)
    hold(session, job, render_action(*output_size(media, output)), price_of(media, output))
    render = Render(
        id=render_id,
        owner_id=user.id,
        organisation_id=source.organisation_id,
        job_id=job.id,
        source_asset_id=source.id,
        scenario=scenario,
        scenario_hash=hash_order(source.sha256, scenario, output),
        output=output.to_json(),
    )
    session.add(render)
    session.flush()
    return render


def plan_steps(order: RenderOrder, duration_s: float, *, owner_id: UUID) -> list[StepSpec]:
    """Plan a render: in pieces where the video is long and its output can be joined, else in one."""
    settings = get_settings()
    spans = plan_spans(duration_s, target_s=settings.chunk_s, from_s=settings.chunk_from_s)
    if len(spans) == 1 or not can_join(complete_output(order.output)):
        return build_render_steps(order)
    # A piece that is used again must outlive the job that uses it: a day is far more than any render takes
    reuse_s = (settings.chunk_days - 1) * 86400.0
    return build_chunked_steps(order, spans, owner=str(owner_id), reuse_s=reuse_s)


def music_key_of(output: RenderOutput) -> str:
    """Return the object of the music that an output asks for, empty for none.

    Raises ``asset.*`` and ``render.sound_unsupported``.
    """
    music = output.sound.music
    if music is None:
        return ""
    media = require_ready(asset := get_owned(Asset, UUID(music.asset_id))).media_info
    if media is None or media.audio is None:
        raise InvalidInputError("render.sound_unsupported", "The asset that is to be the music holds no sound")
    return asset.object_key


def require_room(session: Session, user: User) -> None:
    """Raise ``quota.storage_bytes`` while a user's storage is full: the result would have no place."""
    state = get_usage(session, user)[QuotaKind.STORAGE_BYTES.value]
    if state.remaining <= 0:
        refuse(QuotaKind.STORAGE_BYTES, state, 1)


def hash_order(source_sha256: str, scenario: dict[str, Any], output: RenderOutput) -> str:
    """Name an order by everything that decides its pictures; the scenario's fonts by their files' hashes."""
    fonts = [face.sha256 for face in faces_of(parse(scenario))]
    document: dict[str, Any] = {
        "source": source_sha256,
        "scenario": scenario,
        "output": output.to_json(),
        "fonts": fonts,
        "images": [[image.name, image.sha256] for image in named_images(scenario)],
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def select_renders(*, organisation_id: UUID | None = None, state: str | None = None) -> Select[tuple[Render]]:
    """Select the renders that the caller may see, with their jobs, without their scenarios and receipts."""
    heavy = (defer(Render.scenario), defer(Render.receipt))
    query = select(Render).join(Render.job).options(contains_eager(Render.job), *heavy)
    query = query.where(visible_to(Render, organisation_id))
    return query.where(Job.state == state) if state else query


def require_result(session: Session, render: Render) -> Asset:
    """Return the finished video's asset or raise ``render.not_finished``, ``render.result_deleted``."""
    if render.asset_id is None:
        state = render.job.state
        raise ConflictError("render.not_finished", f"The render is {state}; it has no result", {"state": state})
    asset = session.get(Asset, render.asset_id)
    if asset is None or asset.deleted_at is not None:
        raise ConflictError("render.result_deleted", "The result of the render was deleted")
    return asset
