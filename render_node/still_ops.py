"""The body of step ``still``: draw one picture, or several on a sheet, and hand it in."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from render_node.workroom import open_workroom
from tasks.attempt import StepContext
from tasks.contracts.still import StillOrder, StillResult
from tasks.media.checksum import sha256_of

PICTURE = "still.png"


def draw(context: StepContext) -> dict[str, Any]:
    """Draw what was ordered and return key, size and times."""
    order = StillOrder.from_json(context.input)
    context.plan_stages(download=0.4, frames=0.5, upload=0.1)
    lent = context.source_copy(order.source_key) if order.source_key else nullcontext(None)
    with lent as source, open_workroom(context, source) as room:
        drawn = room.call("still", order=order.to_json(), name=PICTURE)
        path = room.take(PICTURE)
    context.progress(1, 1, stage="frames", unit="pictures")
    return StillResult(
        object_key=context.put_output(PICTURE, path, content_type="image/png"),
        width=drawn["width"],
        height=drawn["height"],
        size_bytes=path.stat().st_size,
        sha256=sha256_of(path),
        times=tuple(drawn["times"]),
        browser=drawn["browser"],
    ).to_json()
