"""Pictures that a scenario shows, on the node: fetched, held against their hashes, offered to one piece of work."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from tasks.contracts.images import OrderedImage
from tasks.errors import PermanentError

if TYPE_CHECKING:  # the drawing path imports this module, and must not load the whole worker with it
    from tasks.attempt import Body, StepContext

MAX_BYTES = 64 * 1024 * 1024
_offered: ContextVar[Mapping[str, bytes]] = ContextVar("offered_images", default={})  # noqa: B039 -- never changed


def offered_images() -> dict[str, bytes]:
    """Return the pictures at hand in this thread, name -> bytes of a PNG, JPEG or WebP."""
    return dict(_offered.get())


@contextmanager
def offer_images(images: Mapping[str, bytes]) -> Iterator[None]:
    """Let what is drawn in this block show these pictures."""
    token = _offered.set(images)
    try:
        yield
    finally:
        _offered.reset(token)


def with_ordered_images(body: Body) -> Body:
    """Return a body that has the pictures of its order at hand."""

    def run(context: StepContext) -> dict[str, Any]:
        ordered = [OrderedImage.from_json(image) for image in context.input.get("images", [])]
        with offer_images({image.name: fetch_image(context, image) for image in ordered}):
            return body(context)

    return run


def fetch_image(context: StepContext, image: OrderedImage) -> bytes:
    """Return a picture's bytes; raise ``image.source_changed``."""
    data = context.storage.get_bytes(image.object_key, limit=MAX_BYTES)
    if hashlib.sha256(data).hexdigest() != image.sha256:
        raise PermanentError("image.source_changed", f"The picture {image.name} is not the file that was ordered")
    return data
