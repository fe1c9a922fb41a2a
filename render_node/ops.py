"""The body of step ``render``: fetch the source, render, hand in videos and posters."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from render_node.firstlook import announce
from render_node.parity import check_parity
from render_node.render import Extras, render_files
from tasks.attempt import StepContext
from tasks.contracts import RenderOrder, RenderOutput, RenderReceipt
from tasks.contracts.outputs import MIME_TYPES, SUFFIXES, complete_output
from tasks.media.checksum import sha256_of

POSTER = "poster.png"


def render(context: StepContext) -> dict[str, Any]:
    """Render one order; return keys, size, hash and receipt, for an order of several outputs those of each."""
    order = RenderOrder.from_json(context.input)
    context.plan_stages(download=0.05, first_look=0.03, frames=0.87, upload=0.05)
    videos = [context.scratch / name_video(order, number) for number in range(len(order.outputs))]
    posters = {number: video.with_name(f"{video.stem}-{POSTER}") for number, video in enumerate(videos)}
    posters[0] = context.scratch / POSTER

    def report(done: int, total: int, stage: str) -> None:
        context.progress(done, total, stage=stage, unit="frames")

    with ExitStack() as stack:
        source = stack.enter_context(context.source_copy(order.source_key))
        music = stack.enter_context(context.source_copy(order.music_key)) if order.music_key else None
        announce(context, source, order)
        extras = Extras(posters=posters, progress=report, source_sha256=order.source_sha256, music=music)
        wanted = list(zip(videos, order.outputs, strict=True))
        receipts = render_files(source, order.scenario, wanted, settings=context.settings, extras=extras)
        for (video, output), receipt in zip(wanted, receipts, strict=True):
            prove(context, source, video, scenario=order.scenario, output=output, receipt=receipt)
    results = [
        hand_in(context, video, posters[number], receipt)
        for number, (video, receipt) in enumerate(zip(videos, receipts, strict=True))
    ]
    return {"outputs": results} if order.further else results[0]


def name_video(order: RenderOrder, number: int) -> str:
    """Return the file name of one output of an order."""
    suffix = SUFFIXES.get(order.outputs[number].container, "")
    return f"video-{number}{suffix}" if number else f"video{suffix}"


def hand_in(context: StepContext, video: Path, poster: Path, receipt: RenderReceipt) -> dict[str, Any]:
    """Upload one output with its poster and return what the API is told of it."""
    key = context.put_output(video.name, video, content_type=MIME_TYPES[receipt.container])
    poster_key = context.put_output(poster.name, poster, content_type="image/png") if poster.exists() else None
    return {
        "object_key": key,
        "poster_key": poster_key,
        "size_bytes": video.stat().st_size,
        "sha256": sha256_of(video),
        "receipt": receipt.to_json(),
    }


def prove(
    context: StepContext,
    source: Path,
    result: Path,
    *,
    scenario: dict[str, Any],
    output: RenderOutput,
    receipt: RenderReceipt,
) -> None:
    """Hold a finished file against the stage's stills and note what was measured; raise ``render.parity_failed``."""
    context.check()
    started = time.monotonic()
    complete = complete_output(output)
    receipt.checks["parity"] = check_parity(source, result, scenario, output=complete, settings=context.settings)
    receipt.timings_s["parity"] = round(time.monotonic() - started, 3)
