"""What one piece of a long render is ordered with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tasks.contracts.base import Message
from tasks.contracts.fonts import OrderedFont
from tasks.contracts.images import OrderedImage
from tasks.contracts.render import RenderOutput


@dataclass(frozen=True)
class ChunkOrder(Message):
    """Input of step ``render.chunk``; fields as in RenderOrder.

    :param scenario: what of it is seen in this piece, :param end_ms: None is the video's end.
    :param owner: user or organisation within which equal pieces are shared.
    :param reuse_s: a stored piece older than this is made again, since it may be swept before it is joined.
    :param first_look: the whole scenario, for the piece that shows it before the render is done.
    """

    source_key: str
    source_sha256: str
    scenario: dict[str, Any]
    output: RenderOutput
    start_ms: int
    end_ms: int | None
    owner: str
    reuse_s: float
    fonts: tuple[OrderedFont, ...] = ()
    images: tuple[OrderedImage, ...] = ()
    first_look: dict[str, Any] | None = None


@dataclass(frozen=True)
class ChunkResult(Message):
    """Result of step ``render.chunk``: where the piece lies, and what kind of node made it.

    :param node_class: name of the kind (``render_node.node_class``), :param reused: it was there already.
    :param checks: see RenderReceipt, empty for a reused piece.
    """

    key: str
    node_class: str
    reused: bool
    frames: int = 0
    checks: dict[str, Any] = field(default_factory=dict)
