"""The caller's pictures as scenarios see them."""

from __future__ import annotations

import difflib
from typing import Any
from uuid import UUID

from sqlalchemy import select

from api.assets.models import Asset, AssetKind, AssetState
from api.extensions import db
from api.ownership import visible_to
from tasks.contracts.images import OrderedImage
from tasks.errors import InvalidInputError
from tasks.scenario import parse

PREFIX = "asset:"


def named_images(scenario: dict[str, Any]) -> tuple[OrderedImage, ...]:
    """Return the pictures that a checked scenario shows, as an order carries them.

    Raises ``scenario.image_unknown`` with findings for a source that is no ready picture the caller may see.
    """
    sources = parse(scenario).images
    found = {name: find_picture(source) for name, source in sorted(sources.items())}
    findings = [describe(name, sources[name]) for name, asset in found.items() if asset is None]
    if findings:
        raise InvalidInputError(
            "scenario.image_unknown", findings[0]["message"], {"findings": findings, "count": len(findings)}
        )
    return tuple(order_picture(name, asset) for name, asset in found.items() if asset is not None)


def order_picture(name: str, asset: Asset) -> OrderedImage:
    """Return what an order says of a picture: its clean copy, never the bytes that came."""
    media = asset.media_info
    assert media is not None and media.image is not None and asset.poster_key is not None
    return OrderedImage(name, asset.poster_key, media.image.clean_sha256)


def find_picture(source: str) -> Asset | None:
    """Return the ready picture that a source names, None when there is none that the caller may see.

    Until the transaction ends nobody deletes it.
    """
    try:
        asset_id = UUID(source.removeprefix(PREFIX))
    except ValueError:
        return None
    if not source.startswith(PREFIX):
        return None
    wanted = (Asset.id == asset_id, Asset.kind == AssetKind.IMAGE.value, Asset.state == AssetState.READY.value)
    query = select(Asset).where(visible_to(Asset), *wanted).with_for_update(read=True)
    return db.session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def describe(name: str, source: str) -> dict[str, Any]:
    """Return the finding of a source that leads nowhere."""
    is_near = bool(difflib.get_close_matches(source[: len(PREFIX)], [PREFIX], cutoff=0.5))
    hint = "it must be the id of an uploaded PNG, JPEG or WebP that is ready" if is_near else "write asset:<id>"
    pointer = f"/images/{name}/source"
    return {
        "pointer": pointer,
        "message": f"{source} is no picture of yours",
        "code": "scenario.image_unknown",
        "suggestion": hint,
    }
