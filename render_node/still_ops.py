"""The body of step ``still``: draw one picture, or several on a sheet, and hand it in."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from render_node.stills import build_sheet, draw_pictures, encode_png
from tasks.attempt import StepContext
from tasks.contracts.still import StillOrder, StillResult
from tasks.media.checksum import sha256_of

PICTURE = "still.png"


def draw(context: StepContext) -> dict[str, Any]:
    """Draw what was ordered and return key, size and times."""
    order = StillOrder.from_json(context.input)
    context.plan_stages(download=0.4, frames=0.5, upload=0.1)
    lent = context.source_copy(order.source_key) if order.source_key else nullcontext(None)
    with lent as source:
        drawn = _draw(context, order, source)
    context.progress(1, 1, stage="frames", unit="pictures")
    picture = drawn.pictures[0]
    if len(drawn.pictures) > 1:
        picture = build_sheet(drawn.pictures, columns=order.columns, tile_width=order.tile_width)
    path = context.scratch / PICTURE
    path.write_bytes(encode_png(picture))
    return StillResult(
        object_key=context.put_output(PICTURE, path, content_type="image/png"),
        width=picture.shape[1],
        height=picture.shape[0],
        size_bytes=path.stat().st_size,
        sha256=sha256_of(path),
        times=tuple(round(t, 6) for t in drawn.times),
        browser=drawn.browser,
    ).to_json()


def _draw(context: StepContext, order: StillOrder, source: Path | None) -> Any:
    return draw_pictures(
        order.scenario,
        order.times,
        settings=context.settings,
        output=order.output,
        source=source,
        background=order.background,
        video=order.media.video if order.media else None,
    )
