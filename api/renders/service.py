"""Use cases of renders: order, list, cancel, hand out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager, defer, selectinload

from api.assets.models import Asset
from api.assets.service import require_ready
from api.config import ApiSettings
from api.credits.work import hold
from api.errors import ConflictError, NotFoundError
from api.extensions import get_settings
from api.fonts.library import named_fonts
from api.ids import get_owned, get_visible, new_id
from api.images.library import named_images
from api.jobs.models import Job
from api.jobs.service import create_job
from api.ownership import visible_to
from api.quotas.service import QuotaKind, list_overrides, refuse, reserve_order, state_of
from api.renders.models import OutputOfRender, Render
from api.renders.pricing import largest_action, price_of
from api.users.models import User
from tasks.contracts import RenderOrder, RenderOutput
from tasks.contracts.check import CheckOrder
from tasks.contracts.shorts import Reframing
from tasks.errors import InvalidInputError
from tasks.fonts import check_scenario, faces_of
from tasks.names import PRIORITY_NAMES
from tasks.scenario import parse
from tasks.scenario.versions import data_versions
from tasks.workflows.captions import build_checked_steps, build_chunked_steps, build_render_steps
from tasks.workflows.chunks import plan_spans
from tasks.workflows.plan import StepSpec

JOB_KIND = "render"


def check_order(scenario: dict[str, Any]) -> None:
    """Raise ``scenario.*`` with findings unless the scenario can be drawn here: schema, times, fonts, glyphs."""
    check_scenario(parse(scenario))


def order_of(session: Session, source: Asset, scenario: dict[str, Any], outputs: Sequence[RenderOutput]) -> RenderOrder:
    """Return all that a worker needs to know to draw the scenario over the source."""
    return RenderOrder(
        source.object_key,
        scenario,
        outputs[0],
        source_sha256=source.sha256,
        music_key=music_key_of(session, outputs),
        fonts=named_fonts(scenario),
        images=named_images(scenario),
        further=tuple(outputs[1:]),
    )


def create_render(
    session: Session,
    user: User,
    source: Asset,
    *,
    scenario: dict[str, Any],
    outputs: Sequence[RenderOutput],
    priority: str,
    checks: Sequence[CheckOrder] = (),
) -> Render:
    """Reserve quota and credits and make the job and the render, all or nothing.

    The scenario must have passed :func:`check_order`; the caller flushes, once all is said of the render.

    :param checks: what must be looked at, and found without a flaw, before anything is drawn.

    Raises ``asset.*``, ``render.no_video``, ``quota.*`` and ``credits.insufficient``.
    """
    session.refresh(source, with_for_update={"read": True})  # a delete waits, and then sees the job
    media = require_ready(source).media_info
    if media is None or media.video is None:
        raise InvalidInputError("render.no_video", "The source has no picture to draw captions over")
    overrides = require_room(session, user)
    order = order_of(session, source, scenario, outputs)
    steps = plan_steps(order, media.duration_s, owner_id=source.organisation_id or user.id)
    render_id = new_id()
    job = create_job(
        session,
        owner_id=user.id,
        organisation_id=source.organisation_id,
        kind=JOB_KIND,
        steps=build_checked_steps(checks, steps) if checks else steps,
        priority=PRIORITY_NAMES[priority],
        subject={"render_id": str(render_id), "source_asset_id": str(source.id)},
    )
    reserve_order(session, user, overrides, ref=str(job.id))
    hold(session, job, largest_action(media, outputs), price_of(media, outputs))
    render = Render(
        id=render_id,
        owner_id=user.id,
        organisation_id=source.organisation_id,
        job=job,
        source_asset_id=source.id,
        scenario=scenario,
        scenario_hash=hash_order(source.sha256, scenario, outputs),
        outputs=[OutputOfRender(number=number, output=output.to_json()) for number, output in enumerate(outputs)],
    )
    session.add(render)
    return render


def plan_steps(order: RenderOrder, duration_s: float, *, owner_id: UUID) -> list[StepSpec]:
    """Plan a render: in pieces where the video is long, else whole."""
    settings = get_settings()
    spans = plan_spans(duration_s, target_s=settings.chunk_s, from_s=settings.chunk_from_s)
    if len(spans) == 1:
        return build_render_steps(order)
    return build_chunked_steps(order, spans, owner=str(owner_id), reuse_s=reuse_seconds(settings))


def reuse_seconds(settings: ApiSettings) -> float:
    """Return how old a piece may be that is used again: it must outlive the job, and a day is more than any takes."""
    return (settings.chunk_days - 1) * 86400.0


def music_key_of(session: Session, outputs: Sequence[RenderOutput]) -> str:
    """Return the object of the music that outputs ask for, empty for none.

    Raises ``asset.*`` and ``render.sound_unsupported``, also for more than one piece of music.
    """
    asset_id = music_id_of(outputs)
    if asset_id is None:
        return ""
    asset = get_owned(Asset, asset_id)
    session.refresh(asset, with_for_update={"read": True})  # a delete waits, and then sees the job
    return require_sound(asset).object_key


def check_music(outputs: Sequence[RenderOutput]) -> None:
    """Raise what :func:`music_key_of` would, before anything is ordered: to have seen the music is enough."""
    asset_id = music_id_of(outputs)
    if asset_id is not None:
        require_sound(get_visible(Asset, asset_id))


def music_id_of(outputs: Sequence[RenderOutput]) -> UUID | None:
    """Return the one piece of music that outputs ask for; raise ``render.sound_unsupported`` for more."""
    wanted = {output.sound.music.asset_id for output in outputs if output.sound.music}
    if len(wanted) > 1:
        raise InvalidInputError("render.sound_unsupported", "All outputs of an order share one piece of music")
    return UUID(wanted.pop()) if wanted else None


def require_sound(asset: Asset) -> Asset:
    """Return music that can be mixed; raise ``asset.*``, ``render.sound_unsupported``."""
    media = require_ready(asset).media_info
    if media is None or media.audio is None:
        raise InvalidInputError("render.sound_unsupported", "The asset that is to be the music holds no sound")
    return asset


def require_room(session: Session, user: User) -> dict[str, int]:
    """Raise ``quota.storage_bytes`` while a user's storage is full, since the result would have no place.

    Return the limits of the user that an administrator set, by kind, for whoever reserves more.
    """
    overrides = list_overrides(session, user.id)
    state = state_of(session, user, QuotaKind.STORAGE_BYTES, overrides)
    if state.remaining <= 0:
        refuse(QuotaKind.STORAGE_BYTES, state, 1)
    return overrides


def hash_order(
    source_sha256: str,
    scenario: dict[str, Any],
    outputs: Sequence[RenderOutput],
    reframing: Reframing | None = None,
) -> str:
    """Name an order by everything that decides its pictures; the scenario's fonts by their files' hashes.

    Looks, motions and defaults count by their versions: with other ones an earlier result answers nothing.

    Several outputs are a set: asked for in another order they have the same name.
    """
    fonts = [face.sha256 for face in faces_of(parse(scenario))]
    document: dict[str, Any] = {
        "source": source_sha256,
        "scenario": scenario,
        **name_outputs(outputs),
        "fonts": fonts,
        "images": [[image.name, image.sha256] for image in named_images(scenario)],
        "data": data_versions(),
        **({"reframing": reframing.to_json()} if reframing else {}),
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def name_outputs(outputs: Sequence[RenderOutput]) -> dict[str, Any]:
    """Return what a hash says of outputs."""
    told = [output.to_json() for output in outputs]
    return {"output": told[0]} if len(told) == 1 else {"outputs": sorted(told, key=repr)}


def select_renders(*, organisation_id: UUID | None = None, state: str | None = None) -> Select[tuple[Render]]:
    """Select the renders that the caller may see, with their jobs, without their scenarios and receipts."""
    light = (defer(Render.scenario), selectinload(Render.outputs).defer(OutputOfRender.receipt))
    query = select(Render).join(Render.job).options(contains_eager(Render.job), *light)
    query = query.where(visible_to(Render, organisation_id))
    return query.where(Job.state == state) if state else query


def require_output(render: Render, number: int) -> RenderOutput:
    """Return an output as it was ordered, complete; raise ``render.output_not_found``."""
    if number >= len(render.outputs):
        raise NotFoundError("render.output_not_found", f"The render has {len(render.outputs)} outputs, counted from 0")
    return RenderOutput.from_json(render.outputs[number].output)


def require_result(session: Session, render: Render, number: int = 0) -> Asset:
    """Return the asset of a finished output.

    Raises ``render.output_not_found``, ``render.not_finished``, ``render.result_deleted``.
    """
    require_output(render, number)
    asset_id = render.outputs[number].asset_id
    if asset_id is None:
        state = render.job.state
        raise ConflictError("render.not_finished", f"The render is {state}; it has no result", {"state": state})
    asset = session.get(Asset, asset_id)
    if asset is None or asset.deleted_at is not None:
        raise ConflictError("render.result_deleted", "The result of the render was deleted")
    return asset
