"""Use cases of stills: ask, find again, hand out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.assets.models import Asset
from api.config import ApiSettings
from api.credits.prices import Action
from api.credits.work import hold, price
from api.errors import NotFoundError
from api.extensions import db
from api.fonts.library import named_fonts
from api.ids import get_visible, new_id
from api.images.library import named_images
from api.jobs.service import create_job
from api.jobs.states import JobState
from api.stills.answers import find_answer, hash_question
from api.stills.models import Still
from api.users.models import User
from tasks.contracts import RenderOutput
from tasks.contracts.still import StillOrder, StillResult
from tasks.errors import InvalidInputError
from tasks.fonts import check_scenario, faces_of
from tasks.names import Priority
from tasks.scenario import parse
from tasks.scenario.versions import data_versions
from tasks.storage.base import Storage
from tasks.workflows.captions import build_still_steps

JOB_KIND = "still"
RECIPE = "still/1"


def build_order(
    scenario: dict[str, Any], source: Asset | None, *, times: list[float], output: RenderOutput, **look: Any
) -> StillOrder:
    """Return the order for a picture; raise ``scenario.*`` or ``render.no_video``.

    :param look: ``background``, ``columns``, ``tile_width``, ``reframing`` as in the order.
    """
    check_scenario(parse(scenario))
    media = source.media_info if source else None
    if source is not None and (media is None or media.video is None):
        raise InvalidInputError("render.no_video", "The source has no picture to draw captions over")
    key, sha256 = (source.object_key, source.sha256) if source else ("", "")
    fonts = named_fonts(scenario)
    images = named_images(scenario)
    return StillOrder(scenario, tuple(times), key, sha256, media, output, fonts=fonts, images=images, **look)


def seen_of(output: RenderOutput, *, width: int = 0) -> RenderOutput:
    """Return of a render's output all that decides what a frame of it looks like, and nothing else.

    :param width: pixels, 0 is the output's own size.
    """
    wide, high = (width, 0) if width else (output.width, output.height)
    seen = RenderOutput(width=wide, height=high, aspect=output.aspect, fit=output.fit, background=output.background)
    if output.layer == "video" and output.bit_depth == 8:
        return seen
    return replace(
        seen,
        container=output.container,
        codec=output.codec,
        bit_depth=output.bit_depth,
        dynamic_range=output.dynamic_range,
        layer=output.layer,
        alpha=output.alpha,
    )


def ask_still(
    session: Session, user: User, order: StillOrder, source: Asset | None, *, storage: Storage
) -> tuple[Still, bool]:
    """Return the picture that was asked for before, or a new one with its job; and whether it is new.

    One whose object was swept is drawn again. Raises ``credits.insufficient``.
    """
    content_hash = hash_order(order)
    found = find_answer(session, Still, user.id, source, content_hash=content_hash)
    if found is not None and is_there(found, storage):
        return found, False
    still_id = new_id()
    subject = {"still_id": str(still_id)} | ({"source_asset_id": str(source.id)} if source else {})
    job = create_job(
        session,
        owner_id=user.id,
        organisation_id=source.organisation_id if source else None,
        kind=JOB_KIND,
        steps=build_still_steps(order),
        priority=Priority.HIGH,
        subject=subject,
    )
    hold(session, job, Action.STILL, price(Action.STILL, len(order.times)))
    still = Still(
        id=still_id,
        owner_id=user.id,
        organisation_id=job.organisation_id,
        job_id=job.id,
        source_asset_id=source.id if source else None,
        content_hash=content_hash,
    )
    session.add(still)
    session.flush()
    return still, True


def hash_order(order: StillOrder) -> str:
    """Name a picture by everything that decides it; the footage by its bytes, fonts by their files' hashes."""
    asked = order.to_json()
    for where in ("source_key", "media", "fonts"):
        del asked[where]
    fonts = [face.sha256 for face in faces_of(parse(order.scenario))]
    return hash_question(recipe=RECIPE, fonts=fonts, data=data_versions(), **asked)


def is_there(still: Still, storage: Storage) -> bool:
    """Tell whether a picture can still be handed out, or is on its way."""
    if still.job.state != JobState.SUCCEEDED:
        return True
    return still.result is not None and storage.head(still.result["object_key"]) is not None


def get_still(still_id: UUID) -> Still:
    """Return the caller's still; one over a deleted source is not found any more."""
    still = get_visible(Still, still_id)
    if still.source_asset_id is not None:
        source = db.session.get(Asset, still.source_asset_id)
        if source is None or source.deleted_at is not None:
            raise NotFoundError("still.not_found", "There is no such still")
    return still


def describe(still: Still, *, cached: bool, storage: Storage, settings: ApiSettings) -> dict[str, Any]:
    """Return what a still looks like from outside, with a URL once it is drawn."""
    own, job = f"/api/v1/stills/{still.id}", f"/api/v1/jobs/{still.job_id}"
    links = {"self": own, "job": job, "events": f"{job}/events"}
    told = {
        "id": still.id,
        "job_id": still.job_id,
        "state": still.job.state,
        "cached": cached,
        "error": still.job.error,
        "created_at": still.created_at,
        "links": links,
    }
    if still.result is None:
        return told
    result = StillResult.from_json(still.result)
    url = storage.presign_get(result.object_key, filename="still.png", content_type="image/png", inline=True)
    expires_at = datetime.now(UTC) + timedelta(seconds=settings.storage.presign_s)
    shown = {"width": result.width, "height": result.height, "size_bytes": result.size_bytes, "times": result.times}
    return {**told, **shown, "url": url, "expires_at": expires_at}
