"""A render on this machine without a server: in a room of its own, as on a node, and the file brought out of it."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from render_node.ordered_images import offer_images
from render_node.workroom import open_room
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput, RenderReceipt
from tasks.contracts.shorts import Reframing

VIDEO, POSTER = "video", "poster.png"


class Tick(Protocol):
    """Report frames done, frames in all, and what is being done."""

    def __call__(self, done: int, total: int, stage: str = "") -> None:
        """Report."""


def say_nothing(done: int, total: int, stage: str = "") -> None:
    """Do without reports."""


@dataclass(frozen=True)
class DirectExtras:
    """What else a render is given; each as in :class:`render_node.render.Extras`."""

    poster: Path | None = None
    encode: bool = True
    progress: Tick = say_nothing
    images: dict[str, bytes] | None = None
    music: Path | None = None
    reframing: Reframing | None = None


def render_apart(
    source: Path,
    scenario: dict[str, Any],
    out: Path,
    *,
    output: RenderOutput,
    settings: WorkerSettings,
    **extras: Any,
) -> RenderReceipt:
    """Render as :func:`render_node.render.render_file` does, with the footage opened behind walls alone.

    :param extras: the fields of :class:`DirectExtras`.
    Errors as there, and those of :class:`tasks.media.room.Room`.
    """
    wanted = DirectExtras(**extras)
    folder = out.resolve().parent if wanted.encode else None
    name = f"{VIDEO}{out.suffix}"
    with ExitStack() as stack:
        # Beside the output, so that finished files are moved there and not copied.
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix=".reelyard-", dir=folder)))
        stack.enter_context(offer_images(wanted.images or {}))
        room = stack.enter_context(open_room(settings, scratch, source, music=wanted.music))
        (told,) = room.call(
            "render",
            partial(wanted.progress, stage="frames"),
            scenario=scenario,
            outputs=[output.to_json()],
            names=[name],
            posters={"0": POSTER} if wanted.poster else {},
            encode=wanted.encode,
            reframing=wanted.reframing.to_json() if wanted.reframing else None,
        )
        if wanted.encode:
            deliver(room.take(name), out)
        if wanted.poster and room.has(POSTER):
            deliver(room.take(POSTER), wanted.poster)
        receipt = RenderReceipt.from_json(told)
        wanted.progress(receipt.frame_count, receipt.frame_count, stage="frames")
        return replace(receipt, checks={**receipt.checks, "walls": room.walls})


def deliver(made: Path, target: Path) -> None:
    """Put a finished file where it is wanted; what is no plain file, such as a device, is written into."""
    if target.exists() and not target.is_file():
        shutil.copyfile(made, target)
    else:
        shutil.move(made, target.resolve())
