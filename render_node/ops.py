"""The body of step ``render``: fetch the source, render behind walls, hand in videos and posters."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from render_node.firstlook import announce
from render_node.workroom import Workroom, open_workroom
from tasks.attempt import StepContext
from tasks.contracts import RenderOrder, RenderOutput, RenderReceipt
from tasks.contracts.outputs import MIME_TYPES, SUFFIXES
from tasks.media.checksum import sha256_of

POSTER = "poster.png"


def render(context: StepContext) -> dict[str, Any]:
    """Render one order; return keys, size, hash and receipt, for an order of several outputs those of each."""
    order = RenderOrder.from_json(context.input)
    context.plan_stages(download=0.05, first_look=0.03, frames=0.87, upload=0.05)
    names = [name_video(order, number) for number in range(len(order.outputs))]
    posters = {number: name_poster(order, number) for number in range(len(names))}

    with ExitStack() as stack:
        source = stack.enter_context(context.source_copy(order.source_key))
        music = stack.enter_context(context.source_copy(order.music_key)) if order.music_key else None
        room = stack.enter_context(open_workroom(context, source, music=music))
        announce(context, room, order.scenario, order.output, reframing=order.reframing)
        told = room.call(
            "render",
            lambda done, total: context.progress(done, total, stage="frames", unit="frames"),
            scenario=order.scenario,
            outputs=[output.to_json() for output in order.outputs],
            names=names,
            posters=posters,
            source_sha256=order.source_sha256,
            reframing=order.reframing.to_json() if order.reframing else None,
        )
        receipts = [RenderReceipt.from_json(receipt) for receipt in told]
        for name, output, receipt in zip(names, order.outputs, receipts, strict=True):
            prove(context, room, name, order=order, output=output, receipt=receipt)
        files = [bring(room, name, posters[number]) for number, name in enumerate(names)]
    results = [hand_in(context, *files[number], receipt) for number, receipt in enumerate(receipts)]
    return {"outputs": results} if order.further else results[0]


def bring(room: Workroom, video: str, poster: str) -> tuple[Path, Path | None]:
    """Take a video out of the room, and its poster where one was drawn."""
    return room.take(video), room.take(poster) if room.has(poster) else None


def name_video(order: RenderOrder, number: int) -> str:
    """Return the file name of one output of an order."""
    suffix = SUFFIXES.get(order.outputs[number].container, "")
    return f"video-{number}{suffix}" if number else f"video{suffix}"


def name_poster(order: RenderOrder, number: int) -> str:
    """Return the file name of the poster of one output."""
    return f"{Path(name_video(order, number)).stem}-{POSTER}" if number else POSTER


def hand_in(context: StepContext, video: Path, poster: Path | None, receipt: RenderReceipt) -> dict[str, Any]:
    """Upload one output with its poster and return what the API is told of it."""
    key = context.put_output(video.name, video, content_type=MIME_TYPES[receipt.container])
    poster_key = context.put_output(poster.name, poster, content_type="image/png") if poster else None
    return {
        "object_key": key,
        "poster_key": poster_key,
        "size_bytes": video.stat().st_size,
        "sha256": sha256_of(video),
        "receipt": receipt.to_json(),
    }


def prove(
    context: StepContext,
    room: Workroom,
    name: str,
    *,
    order: RenderOrder,
    output: RenderOutput,
    receipt: RenderReceipt,
) -> None:
    """Hold a finished file against the stage's stills and note what was measured; raise ``render.parity_failed``."""
    context.check()
    started = time.monotonic()
    receipt.checks["walls"] = room.walls
    reframing = order.reframing.to_json() if order.reframing else None
    receipt.checks["parity"] = room.prove(name, order.scenario, output, reframing=reframing)
    receipt.timings_s["parity"] = round(time.monotonic() - started, 3)
