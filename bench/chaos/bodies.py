"""Short bodies in the place of the real ones: the same claims, leases, children, uploads, results and reports.

They read an order (:mod:`bench.chaos.orders`) out of the real input, take as long as it says and store small objects.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from typing import Any

from bench.chaos import poisons
from bench.chaos.orders import (
    BROKEN,
    BROKEN_CODE,
    PIECES,
    POISON,
    ROUGH,
    SECONDS,
    SHORT_S,
    Order,
    find_text,
    read_order,
)
from tasks.attempt import StepContext
from tasks.contracts import AudioInfo, MediaInfo, RenderOrder, RenderReceipt, Segment, Transcript, VideoInfo, Word
from tasks.contracts.chunk import ChunkOrder, ChunkResult
from tasks.errors import PermanentError
from tasks.media.checksum import sha256_of

ROUGH_ONE_IN = 20
NODE_CLASS = "chaos"
TICK_S = 0.05


def probe(context: StepContext) -> dict[str, Any]:
    """Read the upload and tell what a real probe would."""
    with context.source_copy() as path:
        order, size, digest = read_order(path.read_bytes().decode("latin-1")), path.stat().st_size, sha256_of(path)
    meet(context, order)
    if order.fate == BROKEN:
        raise PermanentError(BROKEN_CODE, "Ordered to be broken")
    seconds = SECONDS.get(order.kind, SHORT_S)
    picture = VideoInfo("h264", 1080, 1920, 30, 1, frame_count=round(seconds * 30))
    return MediaInfo("mp4", seconds, size, digest, picture, AudioInfo("aac", 48000, 2)).to_json()


def transcribe(context: StepContext) -> dict[str, Any]:
    """Read the upload and hear one word."""
    with context.source_copy() as path:
        meet(context, read_order(path.read_bytes().decode("latin-1")))
    segment = Segment("s1", "Chaos", 0.5, 0.9, (Word("w1", "Chaos", 0.5, 0.9, 0.9),))
    return Transcript("en", 0.97, SHORT_S, "faster", "1", "tiny.en", "dtw", (segment,)).to_json()


def poster(context: StepContext) -> dict[str, Any]:
    """Read the upload and store a small object as its poster."""
    with context.source_copy() as path:
        meet(context, read_order(path.read_bytes().decode("latin-1")))
    return {"object_key": put(context, "poster.png", b"poster")[0], "width": 1080, "height": 1920}


def render(context: StepContext) -> dict[str, Any]:
    """Store a small object as the video."""
    order = RenderOrder.from_json(context.input)
    meet(context, read_order(find_text(order.scenario)))
    return hand_in(context, b"video")


def chunk(context: StepContext) -> dict[str, Any]:
    """Store a small object as a piece, unless it is there."""
    order = ChunkOrder.from_json(context.input)
    wanted = read_order(find_text(order.scenario))
    name = hashlib.sha256(repr((order.scenario, order.start_ms)).encode()).hexdigest()
    if wanted.fate == ROUGH and context.claim.attempt == 1 and int(name, 16) % ROUGH_ONE_IN == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    meet(context, wanted)
    key = f"chunks/{order.owner}/{name}.zip"
    context.check()
    made = context.storage.put_bytes(key, name.encode(), content_type="application/zip", if_absent=True)
    return ChunkResult(key, NODE_CLASS, reused=not made, frames=450).to_json()


def join(context: StepContext) -> dict[str, Any]:
    """Fetch all pieces and store a small object made of them; refuse any other number than was ordered."""
    order = RenderOrder.from_json(context.input)
    wanted = read_order(find_text(order.scenario))
    meet(context, wanted)
    pieces = [ChunkResult.from_json(result) for result in context.results["chunk"]]
    if len({piece.key for piece in pieces}) != PIECES[wanted.kind]:
        raise PermanentError("chaos.pieces", f"{len(pieces)} pieces, or some of them twice")
    return hand_in(context, b"".join(context.storage.get_bytes(piece.key) for piece in pieces))


def meet(context: StepContext, order: Order) -> None:
    """Work for as long as the order says, half of it in a child process; a poisonous order does what its kind does."""
    context.plan_stages(work=1.0)
    if order.fate == POISON:
        poisons.take(context, order.poison)
    if order.work_s:
        context.run_child(["sleep", f"{order.work_s / 2:.3f}"], timeout_s=60)
    started = time.monotonic()
    while (spent := time.monotonic() - started) < order.work_s / 2:
        context.progress(spent, order.work_s, stage="work", unit="s")
        time.sleep(TICK_S)
    context.progress(1, 1, stage="work", unit="s")


def put(context: StepContext, name: str, content: bytes) -> tuple[str, int, str]:
    """Store what only this attempt can have made; return key, size and hash."""
    path = context.scratch / name
    path.write_bytes(content + f" by {context.claim.token}".encode())
    return context.put_output(name, path, content_type="video/mp4"), path.stat().st_size, sha256_of(path)


def hand_in(context: StepContext, content: bytes) -> dict[str, Any]:
    """Store a video and return what the API is told of it."""
    key, size, digest = put(context, "video.mp4", content)
    receipt = RenderReceipt(
        recipe="chaos", encoder="none", encoder_options={}, browser="none", renderer="chaos", fonts=(), versions={},
        frame_count=300, captured_states=1, width=1080, height=1920, fps_num=30, fps_den=1, duration_s=SHORT_S,
        audio="copy",
    )  # fmt: skip
    return {
        "object_key": key,
        "poster_key": None,
        "size_bytes": size,
        "sha256": digest,
        "receipt": receipt.to_json(),
    }
