"""What one piece of a long render is ordered with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tasks.contracts.base import Message
from tasks.contracts.fonts import OrderedFont
from tasks.contracts.images import OrderedImage
from tasks.contracts.render import RenderOutput

MP4 = "mp4"


@dataclass(frozen=True)
class ChunkOrder(Message):
    """Input of step ``render.chunk``; fields as in RenderOrder.

    :param scenario: what of it is seen in this piece, :param end_ms: None is the video's end.
    :param owner: user or organisation within which equal pieces are shared.
    :param reuse_s: a stored piece older than this is made again, since it may be swept before it is joined.
    :param first_look: the whole scenario, for the piece that shows it before the render is done.
    :param further: outputs after the first one, each of which gets a piece of its own.
    :param forms: what kind of file each output's piece is (``tasks.workflows.chunks.piece_form``); empty is MP4.
    """

    SINCE: ClassVar[Mapping[str, int]] = {"further": 2, "forms": 2}

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
    further: tuple[RenderOutput, ...] = ()
    forms: tuple[str, ...] = ()

    @property
    def outputs(self) -> tuple[RenderOutput, ...]:
        """All that a piece is made for."""
        return (self.output, *self.further)

    def form_of(self, number: int) -> str:
        """Return what kind of file the piece of an output is."""
        return self.forms[number] if self.forms else MP4


@dataclass(frozen=True)
class StoredPiece:
    """Where an output's piece lies. :param form: what kind of file is in it, :param reused: it was there already."""

    key: str
    form: str
    reused: bool


@dataclass(frozen=True)
class ChunkResult(Message):
    """Result of step ``render.chunk``: where the pieces lie, and what kind of node made them.

    :param key: the first output's piece, :param reused: it was there already.
    :param node_class: name of the kind (``render_node.node_class``).
    :param checks: see RenderReceipt, empty for a reused piece.
    :param form: what kind of file the first output's piece is, empty for MP4; :param further: pieces of other outputs.
    """

    SINCE: ClassVar[Mapping[str, int]] = {"form": 2, "further": 2}

    key: str
    node_class: str
    reused: bool
    frames: int = 0
    checks: dict[str, Any] = field(default_factory=dict)
    form: str = ""
    further: tuple[StoredPiece, ...] = ()

    @property
    def pieces(self) -> tuple[StoredPiece, ...]:
        """The piece of each output, in their order."""
        return (StoredPiece(self.key, self.form or MP4, self.reused), *self.further)

    @classmethod
    def of(cls, pieces: Sequence[StoredPiece], node_class: str, **told: Any) -> ChunkResult:
        """Return the result that tells of pieces; :param told: ``frames`` and ``checks``."""
        first, form = pieces[0], "" if pieces[0].form == MP4 else pieces[0].form
        return cls(first.key, node_class, first.reused, **told, form=form, further=tuple(pieces[1:]))
