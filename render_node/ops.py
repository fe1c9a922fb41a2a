"""The body of step ``render``: fetch the source, render, hand in video and poster."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from render_node.firstlook import announce
from render_node.render import render_file
from tasks.attempt import StepContext
from tasks.contracts import RenderOrder
from tasks.contracts.outputs import MIME_TYPES, SUFFIXES
from tasks.media.checksum import sha256_of

POSTER = "poster.png"


def render(context: StepContext) -> dict[str, Any]:
    """Render one order and return keys, size, hash and receipt."""
    order = RenderOrder.from_json(context.input)
    context.plan_stages(download=0.05, first_look=0.03, frames=0.87, upload=0.05)
    container = order.output.container
    name = f"video{SUFFIXES.get(container, '')}"
    video, poster = context.scratch / name, context.scratch / POSTER

    def report(done: int, total: int, stage: str) -> None:
        context.progress(done, total, stage=stage, unit="frames")

    with ExitStack() as stack:
        source = stack.enter_context(context.source_copy(order.source_key))
        music = stack.enter_context(context.source_copy(order.music_key)) if order.music_key else None
        announce(context, source, order)
        receipt = render_file(
            source,
            order.scenario,
            video,
            output=order.output,
            settings=context.settings,
            poster=poster,
            progress=report,
            source_sha256=order.source_sha256,
            music=music,
        )
    key = context.put_output(name, video, content_type=MIME_TYPES[container])
    poster_key = context.put_output(POSTER, poster, content_type="image/png") if poster.exists() else None
    return {
        "object_key": key,
        "poster_key": poster_key,
        "size_bytes": video.stat().st_size,
        "sha256": sha256_of(video),
        "receipt": receipt.to_json(),
    }
