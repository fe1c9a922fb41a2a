"""What a node does with footage behind its walls; each is called with the room's folder and plain JSON.

:mod:`render_node.workroom` is the other side. An errand loads what it alone needs: loading all of it takes a room a
fifth longer, and nothing else goes on meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from render_node.framed import read_reframing
from render_node.ordered_images import offer_images
from render_node.render import Extras, render_files
from tasks.config import StorageSettings, WorkerSettings
from tasks.contracts import RenderOutput
from tasks.contracts.check import CheckOrder
from tasks.contracts.outputs import complete_output
from tasks.contracts.still import StillOrder
from tasks.fonts import FontFace, uploaded_fonts
from tasks.scenario import parse
from tasks.workflows.chunks import Span

if TYPE_CHECKING:
    from tasks.media.walled import Teller

_BLANK: dict[str, Any] = {"str": "", "int": 0, "float": 0.0, "bool": False}


def first_look(folder: Path, order: dict[str, Any], teller: Teller) -> None:
    """Write poster and animatic."""
    from render_node.firstlook import draw_first_look

    with offered(order) as settings:
        output = RenderOutput.from_json(order["output"])
        draw_first_look(
            Path(order["source"]),
            parse(order["scenario"]),
            output=output,
            settings=settings,
            folder=folder,
            reframing=read_reframing(order),
        )


def render(folder: Path, order: dict[str, Any], teller: Teller) -> list[dict[str, Any]]:
    """Render into the files named, hold each against stills, and return the receipts."""
    source, scenario = Path(order["source"]), order["scenario"]
    outputs = [RenderOutput.from_json(output) for output in order["outputs"]]
    wanted = [(folder / name, output) for name, output in zip(order["names"], outputs, strict=True)]
    posters = {int(number): folder / name for number, name in order["posters"].items()}
    shape = read_reframing(order)
    with offered(order) as settings:
        extras = extras_of(order, teller, posters=posters, encode=order.get("encode", True), reframing=shape)
        receipts = render_files(source, scenario, wanted, settings=settings, extras=extras)
    return [receipt.to_json() for receipt in receipts]


def prove(folder: Path, order: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """Hold a file that was rendered in here against stills drawn anew."""
    from render_node.parity import check_parity

    output = complete_output(RenderOutput.from_json(order["output"]))
    with offered(order) as settings:
        return check_parity(
            Path(order["source"]),
            folder / order["name"],
            order["scenario"],
            output=output,
            settings=settings,
            reframing=read_reframing(order),
        )


def chunk(folder: Path, order: dict[str, Any], teller: Teller) -> list[dict[str, Any] | None]:
    """Render a piece of a video for each output that has a name."""
    from render_node.chunks import render_chunks

    outputs = [RenderOutput.from_json(output) for output in order["outputs"]]
    names = [folder / name if name else None for name in order["names"]]
    with offered(order) as settings:
        made = render_chunks(
            Path(order["source"]),
            order["scenario"],
            list(zip(names, outputs, strict=True)),
            span=Span(order["start_ms"], order["end_ms"]),
            settings=settings,
            extras=extras_of(order, teller),
        )
    return [piece.to_json() if piece else None for piece in made]


def join(folder: Path, order: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """Put pieces together and return the receipt of the whole."""
    from render_node.chunks import Chunk
    from render_node.join import join_chunks
    from render_node.parts import Part

    parts = [Part(Path(path), Chunk.from_json(made)) for path, made in order["parts"]]
    with offered(order) as settings:
        receipt = join_chunks(
            Path(order["source"]),
            order["scenario"],
            parts,
            folder / order["name"],
            output=RenderOutput.from_json(order["output"]),
            settings=settings,
            extras=extras_of(order, teller, poster=folder / order["poster"]),
        )
    return receipt.to_json()


def still(folder: Path, order: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """Draw one picture, or several on a sheet, into a PNG."""
    from render_node.stills import Known, build_sheet, draw_pictures, encode_png

    wanted = StillOrder.from_json(order["order"])
    with offered(order) as settings:
        drawn = draw_pictures(
            wanted.scenario,
            wanted.times,
            settings=settings,
            output=wanted.output,
            source=Path(order["source"]) if order["source"] else None,
            background=wanted.background,
            known=Known(wanted.media.video if wanted.media else None, wanted.reframing),
        )
    picture = drawn.pictures[0]
    if len(drawn.pictures) > 1:
        picture = build_sheet(drawn.pictures, columns=wanted.columns, tile_width=wanted.tile_width)
    (folder / order["name"]).write_bytes(encode_png(picture))
    size = {"width": picture.shape[1], "height": picture.shape[0]}
    return {**size, "times": [round(t, 6) for t in drawn.times], "browser": drawn.browser}


def check(folder: Path, order: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """Look at a scenario where it would be drawn."""
    from render_node.checks.run import find_all

    source = Path(order["source"]) if order["source"] else None
    with offered(order) as settings:
        return find_all(CheckOrder.from_json(order["order"]), source, settings=settings).to_json()


def see_gpu(folder: Path, order: dict[str, Any], teller: Teller) -> dict[str, str]:
    """Tell what a GPU does in here."""
    from render_node.capability import look_at_gpu

    return look_at_gpu(settings_of(order["settings"]))


@contextmanager
def offered(order: dict[str, Any]) -> Iterator[WorkerSettings]:
    """Have pictures and fonts of an order at hand, and return the settings to work with."""
    faces = tuple(FontFace(**{**face, "path": Path(face["path"])}) for face in order["fonts"])
    images = {name: Path(path).read_bytes() for name, path in order["images"].items()}
    with offer_images(images), uploaded_fonts(lambda: faces):
        yield settings_of(order["settings"])


def settings_of(kept: dict[str, Any]) -> WorkerSettings:
    """Return settings that hold what was handed in and nothing else."""
    blank = {field.name: _BLANK.get(str(field.type)) for field in fields(WorkerSettings)}
    storage = StorageSettings(**{field.name: _BLANK[str(field.type)] for field in fields(StorageSettings)})
    return WorkerSettings(**{**blank, **kept, "storage": storage})


def extras_of(order: dict[str, Any], teller: Teller, **more: Any) -> Extras:
    """Return what else a render is given."""
    music = Path(order["music"]) if order.get("music") else None
    report = partial(_report, teller)
    return Extras(progress=report, source_sha256=order["source_sha256"], music=music, **more)


def _report(teller: Teller, done: int, total: int, stage: str) -> None:
    teller.progress(done, total)
