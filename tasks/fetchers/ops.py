"""Bodies of the steps that fetch: what a link leads to, who made it, the media itself."""

from __future__ import annotations

from typing import Any

from tasks.attempt import StepContext
from tasks.contracts.samples import CreatorFound, LinkInfo, LinkMedia, LinkOrder
from tasks.errors import PermanentError
from tasks.fetchers.base import settings_of
from tasks.fetchers.choose import choose_fetcher
from tasks.fetchers.media import TYPES, check_media, fetch_thumbnail
from tasks.media.limits import limits_of


def resolve(context: StepContext) -> dict[str, Any]:
    """Return what the service tells of a link."""
    order = LinkOrder.from_json(context.input)
    return choose_fetcher(order.url, settings_of(context.settings)).resolve(order).to_json()


def creator(context: StepContext) -> dict[str, Any]:
    """Return what the service tells of who made it, unless what is known is young enough (input ``look``)."""
    if not context.input.get("look"):
        return CreatorFound().to_json()
    info = LinkInfo.from_json(context.results["resolve"])
    try:
        found = choose_fetcher(info.url, settings_of(context.settings)).creator(info)
    except PermanentError:  # somebody without a page: what came with the media is all there is
        found = info.creator
    return CreatorFound(found).to_json()


def download(context: StepContext) -> dict[str, Any]:
    """Fetch the media and its still, look at both, store them."""
    order = LinkOrder.from_json(context.input)
    info = LinkInfo.from_json(context.results["resolve"])
    settings, limits = settings_of(context.settings), limits_of(context.settings)
    context.plan_stages(download=80, probe=5, upload=15)
    folder = context.scratch / "link"
    folder.mkdir()
    path = choose_fetcher(order.url, settings).download(
        order, folder, lambda done, total: context.progress(done, max(done, total), stage="download", unit="bytes")
    )
    media = check_media(path, order, limits)
    context.progress(1, 1, stage="probe", unit="files")
    still = fetch_thumbnail(info.thumbnail_url, path, context.scratch, settings, media=media, limits=limits)
    content_type, suffix = TYPES.get(media.container, ("application/octet-stream", ""))
    told = LinkMedia(
        object_key=context.put_output("media", path, content_type=content_type),
        filename=f"{info.title[:150]}{suffix}",
        content_type=content_type,
        media=media,
        thumbnail_key=context.put_output("thumbnail.png", still, content_type="image/png") if still else "",
        thumbnail_bytes=still.stat().st_size if still else 0,
    )
    return told.to_json()
