"""The bodies of steps ``chunk`` and ``join``: pieces by what they are made of, each made once, then put together."""

from __future__ import annotations

import json
import logging
import zipfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from render_node.chunks import Chunk
from render_node.firstlook import announce
from render_node.join import Part
from render_node.node_class import describe_node, hash_of
from render_node.ops import POSTER, bring, hand_in, prove
from render_node.workroom import Workroom, open_workroom
from tasks.attempt import StepContext
from tasks.contracts import RenderOrder, RenderReceipt
from tasks.contracts.chunk import ChunkOrder, ChunkResult
from tasks.contracts.outputs import SUFFIXES
from tasks.errors import PermanentError, TransientError
from tasks.fonts import describe_fonts, faces_of
from tasks.scenario import parse

VIDEO, INDEX = "video.mp4", "chunk.json"
ARCHIVE = "application/zip"
LARGEST_INDEX = 1 << 22

logger = logging.getLogger(__name__)


def chunk(context: StepContext) -> dict[str, Any]:
    """Make one piece, unless the very same one is there; return where it lies."""
    order = ChunkOrder.from_json(context.input)
    context.plan_stages(download=0.05, first_look=0.03, frames=0.87, upload=0.05)
    node = describe_node(context.settings, order.output)
    node_class = pin(context, node)
    key = key_of(order, node_class)
    is_there = is_fresh(context, key, order.reuse_s)
    if is_there and order.first_look is None:
        return ChunkResult(key, node_class, reused=True).to_json()
    with context.source_copy(order.source_key) as source, open_workroom(context, source) as room:
        if order.first_look is not None:
            announce(context, room, order.first_look, order.output)
        if is_there:
            return ChunkResult(key, node_class, reused=True).to_json()
        made = make(context, room, order)
    archive = pack(context.scratch, made)
    put(context, key, archive)
    checks = made.receipt.checks if made.receipt else {}
    return ChunkResult(key, node_class, reused=False, frames=made.frames, checks=checks).to_json()


def pin(context: StepContext, node: dict[str, Any]) -> str:
    """Name this kind of node as the one that makes the job's video, if it is the first; return the name.

    Raises TransientError ``node.other_class`` when another kind has begun: the step is left to one of those.
    """
    name, key = hash_of(node), f"jobs/{context.claim.job_id}/pin.json"
    mine = json.dumps({"node_class": name, **node}).encode()
    if context.storage.put_bytes(key, mine, content_type="application/json", if_absent=True):
        return name
    pinned = json.loads(context.storage.get_bytes(key))
    if pinned["node_class"] != name:
        differing = sorted(part for part in node if node[part] != pinned.get(part))
        raise TransientError("node.other_class", f"Nodes that began this video differ in {', '.join(differing)}")
    return name


def key_of(order: ChunkOrder, node_class: str) -> str:
    """Name a piece by everything that decides its bytes: source, what is seen and when, fonts, output, kind of node."""
    scenario = parse(order.scenario)
    shown = set(scenario.images)
    named = {
        "source": order.source_sha256 or order.source_key,
        "scenario": scenario.to_stage(),
        "fonts": describe_fonts(scenario, faces_of(scenario)),
        "images": [[image.name, image.sha256] for image in order.images if image.name in shown],
        "span": [order.start_ms, order.end_ms],
        "output": {name: value for name, value in order.output.to_json().items() if name not in ("sound", "container")},
        "node_class": node_class,
    }
    return f"chunks/{order.owner}/{hash_of(named)}.zip"


def is_fresh(context: StepContext, key: str, reuse_s: float) -> bool:
    """Tell whether a piece is there and will stay long enough to be joined; one that is too old is removed."""
    found = context.storage.head(key)
    if found is None:
        return False
    if found.modified_at > datetime.now(UTC) - timedelta(seconds=reuse_s):
        return True
    context.storage.delete([key])
    return False


def make(context: StepContext, room: Workroom, order: ChunkOrder) -> Chunk:
    """Render the piece and bring it into the scratch directory."""
    told = room.call(
        "chunk",
        lambda done, total: context.progress(done, total, stage="frames", unit="frames"),
        scenario=order.scenario,
        name=VIDEO,
        start_ms=order.start_ms,
        end_ms=order.end_ms,
        output=order.output.to_json(),
        source_sha256=order.source_sha256,
    )
    made = Chunk.from_json(told)
    if made.receipt:
        made.receipt.checks["walls"] = room.walls
    if made.frames:
        room.take(VIDEO)
    return made


def pack(folder: Path, made: Chunk) -> Path:
    """Put a piece and what was said about it into one file, so that both are stored at once or not at all."""
    archive = folder / "chunk.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as writer:
        writer.writestr(INDEX, json.dumps(made.to_json()))
        if made.frames:
            writer.write(folder / VIDEO, VIDEO)
    return archive


def put(context: StepContext, key: str, archive: Path) -> None:
    """Store a piece unless another attempt or another render did meanwhile, whose piece is as good."""
    context.check()
    if not context.storage.put_if_absent(key, archive, content_type=ARCHIVE):
        logger.info("chunk was there already", extra={"key": key})


def unpack(archive: Path, folder: Path) -> Part:
    """Take a piece out of its file."""
    folder.mkdir()
    try:
        with zipfile.ZipFile(archive) as reader:
            if reader.getinfo(INDEX).file_size > LARGEST_INDEX:
                raise PermanentError("render.chunks_incomplete", "A stored piece is not what was put there")
            made = Chunk.from_json(json.loads(reader.read(INDEX)))
            if made.frames:
                reader.extract(VIDEO, folder)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise PermanentError("render.chunks_incomplete", f"A stored piece cannot be read: {error!r}"[:300]) from error
    return Part(folder / VIDEO, made)


def join(context: StepContext) -> dict[str, Any]:
    """Put the pieces of a video together and return keys, size, hash and receipt."""
    order = RenderOrder.from_json(context.input)
    context.plan_stages(download=0.3, join=0.5, upload=0.2)
    found = context.results["chunk"]
    results = [ChunkResult.from_json(result) for result in (found if isinstance(found, list) else [found])]
    if len({result.node_class for result in results}) > 1:
        raise PermanentError("render.chunks_differ", "The pieces were made by different kinds of nodes")
    container = order.output.container
    name = f"video{SUFFIXES[container]}"
    parts = fetch(context, results)
    with ExitStack() as stack:
        source = stack.enter_context(context.source_copy(order.source_key))
        music = stack.enter_context(context.source_copy(order.music_key)) if order.music_key else None
        pieces = [part.path for part in parts]
        room = stack.enter_context(open_workroom(context, source, music=music, reads=pieces))
        told = room.call(
            "join",
            lambda done, total: context.progress(done, total, stage="join", unit="frames"),
            scenario=order.scenario,
            parts=[[str(part.path.absolute()), part.chunk.to_json()] for part in parts],
            name=name,
            poster=POSTER,
            output=order.output.to_json(),
            source_sha256=order.source_sha256,
        )
        receipt = RenderReceipt.from_json(told)
        prove(context, room, name, order=order, output=order.output, receipt=receipt)
        files = bring(room, name, POSTER)
    receipt.checks["reused_chunks"] = sum(result.reused for result in results)
    return hand_in(context, *files, receipt)


def fetch(context: StepContext, results: list[ChunkResult]) -> list[Part]:
    """Bring the pieces here, those without frames left out."""
    parts = []
    for number, result in enumerate(results):
        with context.source_copy(result.key, shared=False) as archive:
            part = unpack(archive, context.scratch / f"chunk-{number}")
        if part.chunk.frames:
            parts.append(part)
    return parts
