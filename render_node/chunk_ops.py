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
from render_node.encode.sessions import choose_encoders
from render_node.firstlook import announce
from render_node.node_class import describe_node, hash_of
from render_node.ops import bring, hand_in, name_poster, name_video, prove
from render_node.parts import Part
from render_node.workroom import Workroom, open_workroom
from tasks.attempt import StepContext
from tasks.contracts import RenderOrder, RenderReceipt
from tasks.contracts.chunk import ChunkOrder, ChunkResult, StoredPiece
from tasks.contracts.outputs import SUFFIXES
from tasks.errors import PermanentError, TransientError
from tasks.fonts import describe_fonts, faces_of
from tasks.scenario import parse

INDEX = "chunk.json"
ARCHIVE = "application/zip"
LARGEST_INDEX = 1 << 22

logger = logging.getLogger(__name__)


def chunk(context: StepContext) -> dict[str, Any]:
    """Make a piece for each output, unless the very same one is there; return where they lie."""
    order = ChunkOrder.from_json(context.input)
    context.plan_stages(download=0.05, first_look=0.03, frames=0.87, upload=0.05)
    classes = describe_outputs(context, order)
    node_class = pin(context, merge_classes(classes))
    keys = [key_of(order, hash_of(node), number) for number, node in enumerate(classes)]
    missing = [number for number, key in enumerate(keys) if not is_fresh(context, key, order.reuse_s)]
    made: dict[int, Chunk] = {}
    if missing or order.first_look is not None:
        with context.source_copy(order.source_key) as source, open_workroom(context, source) as room:
            if order.first_look is not None:
                announce(context, room, order.first_look, order.output)
            if missing:
                made = make(context, room, order, missing)
    for number in missing:
        video = context.scratch / name_piece(order, number)
        put(context, keys[number], pack(video, made[number]))
    pieces = [StoredPiece(key, order.form_of(number), number not in made) for number, key in enumerate(keys)]
    receipt = next((chunk.receipt for chunk in made.values() if chunk.receipt), None)
    frames = max((chunk.frames for chunk in made.values()), default=0)
    return ChunkResult.of(pieces, node_class, frames=frames, checks=receipt.checks if receipt else {}).to_json()


def describe_outputs(context: StepContext, order: ChunkOrder) -> list[dict[str, Any]]:
    """Return what decides the pictures of each output here; together they share a card's encoders."""
    choices = choose_encoders(order.outputs, context.settings)
    return [
        describe_node(context.settings, output, choice) for output, choice in zip(order.outputs, choices, strict=True)
    ]


def merge_classes(classes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one description of a node for all outputs of an order."""
    if len(classes) == 1:
        return classes[0]
    return {**classes[0], **{part: [node[part] for node in classes] for part in ("encoder", "pixel_format")}}


def name_piece(order: ChunkOrder, number: int) -> str:
    """Return the name of the file of an output's piece, here."""
    return f"video-{number}{SUFFIXES[order.form_of(number)]}"


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


def key_of(order: ChunkOrder, node_class: str, number: int = 0) -> str:
    """Name an output's piece by all that decides its bytes: source, what is seen and when, fonts, output, kind of node.

    What other outputs there are does not matter: each has pieces that another order of it alone would use, too.
    """
    scenario = parse(order.scenario)
    shown, output = set(scenario.images), order.outputs[number].to_json()
    named = {
        "source": order.source_sha256 or order.source_key,
        "scenario": scenario.to_stage(),
        "fonts": describe_fonts(scenario, faces_of(scenario)),
        "images": [[image.name, image.sha256] for image in order.images if image.name in shown],
        "span": [order.start_ms, order.end_ms],
        "output": {name: value for name, value in output.items() if name not in ("sound", "container")},
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


def make(context: StepContext, room: Workroom, order: ChunkOrder, missing: list[int]) -> dict[int, Chunk]:
    """Render the pieces of some outputs and bring them into the scratch directory."""
    names = [name_piece(order, number) for number in range(len(order.outputs))]
    told = room.call(
        "chunk",
        lambda done, total: context.progress(done, total, stage="frames", unit="frames"),
        scenario=order.scenario,
        names=[name if number in missing else None for number, name in enumerate(names)],
        start_ms=order.start_ms,
        end_ms=order.end_ms,
        outputs=[output.to_json() for output in order.outputs],
        source_sha256=order.source_sha256,
    )
    made = {number: Chunk.from_json(told[number]) for number in missing}
    for number, piece in made.items():
        if piece.receipt:
            piece.receipt.checks["walls"] = room.walls
        if piece.frames:
            room.take(names[number])
    return made


def pack(video: Path, made: Chunk) -> Path:
    """Put a piece and what was said about it into one file, so that both are stored at once or not at all."""
    archive = video.with_suffix(".chunk.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED, allowZip64=True) as writer:
        writer.writestr(INDEX, json.dumps(made.to_json()))
        if made.frames:
            writer.write(video, f"video{video.suffix}")
    return archive


def put(context: StepContext, key: str, archive: Path) -> None:
    """Store a piece unless another attempt or another render did meanwhile, whose piece is as good."""
    context.check()
    if not context.storage.put_if_absent(key, archive, content_type=ARCHIVE):
        logger.info("chunk was there already", extra={"key": key})


def unpack(archive: Path, folder: Path, form: str) -> Part:
    """Take a piece out of its file."""
    name = f"video{SUFFIXES[form]}"
    folder.mkdir()
    try:
        with zipfile.ZipFile(archive) as reader:
            if reader.getinfo(INDEX).file_size > LARGEST_INDEX:
                raise PermanentError("render.chunks_incomplete", "A stored piece is not what was put there")
            made = Chunk.from_json(json.loads(reader.read(INDEX)))
            if made.frames:
                reader.extract(name, folder)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise PermanentError("render.chunks_incomplete", f"A stored piece cannot be read: {error!r}"[:300]) from error
    return Part(folder / name, made)


def join(context: StepContext) -> dict[str, Any]:
    """Put the pieces of a video together; return keys, size, hash and receipt, for several outputs those of each."""
    order = RenderOrder.from_json(context.input)
    context.plan_stages(download=0.3, join=0.5, upload=0.2)
    results = read_results(context.results["chunk"], len(order.outputs))
    parts = [fetch(context, results, number) for number in range(len(order.outputs))]
    with ExitStack() as stack:
        source = stack.enter_context(context.source_copy(order.source_key))
        music = stack.enter_context(context.source_copy(order.music_key)) if order.music_key else None
        pieces = [part.path for each in parts for part in each]
        room = stack.enter_context(open_workroom(context, source, music=music, reads=pieces))
        receipts = [join_output(context, room, order, number, parts[number]) for number in range(len(parts))]
        files = [bring(room, name_video(order, number), name_poster(order, number)) for number in range(len(parts))]
    for number, receipt in enumerate(receipts):
        receipt.checks["reused_chunks"] = sum(result.pieces[number].reused for result in results)
    handed = [hand_in(context, *files[number], receipt) for number, receipt in enumerate(receipts)]
    return {"outputs": handed} if order.further else handed[0]


def read_results(found: Any, outputs: int) -> list[ChunkResult]:
    """Return what the pieces' steps said; raise ``render.chunks_differ``, ``render.chunks_incomplete``."""
    results = [ChunkResult.from_json(result) for result in (found if isinstance(found, list) else [found])]
    if len({result.node_class for result in results}) > 1:
        raise PermanentError("render.chunks_differ", "The pieces were made by different kinds of nodes")
    if any(len(result.pieces) != outputs for result in results):
        raise PermanentError("render.chunks_incomplete", f"There are not pieces of all {outputs} outputs")
    return results


def join_output(
    context: StepContext, room: Workroom, order: RenderOrder, number: int, parts: list[Part]
) -> RenderReceipt:
    """Join one output in the room and hold it against stills; return its receipt."""
    name, output, count = name_video(order, number), order.outputs[number], len(order.outputs)
    told = room.call(
        "join",
        lambda done, total: context.progress(number * total + done, count * total, stage="join", unit="frames"),
        scenario=order.scenario,
        parts=[[str(part.path.absolute()), part.chunk.to_json()] for part in parts],
        name=name,
        poster=name_poster(order, number),
        output=output.to_json(),
        source_sha256=order.source_sha256,
    )
    receipt = RenderReceipt.from_json(told)
    prove(context, room, name, order=order, output=output, receipt=receipt)
    return receipt


def fetch(context: StepContext, results: list[ChunkResult], number: int) -> list[Part]:
    """Bring the pieces of an output here, those without frames left out."""
    parts = []
    for place, result in enumerate(results):
        piece = result.pieces[number]
        with context.source_copy(piece.key, shared=False) as archive:
            part = unpack(archive, context.scratch / f"chunk-{number}-{place}", piece.form)
        if part.chunk.frames:
            parts.append(part)
    return parts
