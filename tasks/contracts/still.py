"""What single pictures are ordered with and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tasks.contracts.base import Message
from tasks.contracts.fonts import OrderedFont
from tasks.contracts.images import OrderedImage
from tasks.contracts.media import MediaInfo
from tasks.contracts.render import RenderOutput
from tasks.contracts.shorts import Reframing

MOST_TIMES = 64


@dataclass(frozen=True)
class StillOrder(Message):
    """Input of step ``render.still``.

    :param times: seconds; one makes a still, several a contact sheet in this order.
    :param source_key: object key of the footage; empty draws the captions alone; ``media`` is what its probe told.
    :param output: its size, aspect and fit count, as for a render.
    :param background: ``#RRGGBB`` behind captions alone; empty is transparent.
    :param columns: pictures in a row of a sheet, 0 as many as make it about square.
    :param fonts: uploaded faces that the scenario names, :param images: uploaded pictures that it shows.
    :param tile_width: width of each picture of a sheet in pixels, 0 is 320 or less.
    :param reframing: how the footage is framed before anything is drawn on it.
    """

    SINCE: ClassVar[Mapping[str, int]] = {"reframing": 2}

    scenario: dict[str, Any]
    times: tuple[float, ...]
    source_key: str = ""
    source_sha256: str = ""
    media: MediaInfo | None = None
    output: RenderOutput = field(default_factory=RenderOutput)
    background: str = ""
    columns: int = 0
    tile_width: int = 0
    fonts: tuple[OrderedFont, ...] = ()
    images: tuple[OrderedImage, ...] = ()
    reframing: Reframing | None = None


@dataclass(frozen=True)
class StillResult(Message):
    """A picture that was drawn. ``times`` are those of the frames really shown; ``recipe`` names what decided it."""

    object_key: str
    width: int
    height: int
    size_bytes: int
    sha256: str
    times: tuple[float, ...]
    browser: str
    recipe: str = "still/1"
