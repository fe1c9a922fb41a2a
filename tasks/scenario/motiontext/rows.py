"""Pieces of text that are one caption: in rows, with the room between their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tasks.scenario.motiontext.metrics import Measure
from tasks.scenario.motiontext.places import Line, Piece

MOST_UNEVEN = 0.006
"""How much the steps from row to row may differ, as a share of the stage's height."""


@dataclass(frozen=True)
class Put:
    """One word at its place in its owner's border box, before the transform."""

    text: str
    piece: Piece
    x: float
    width: float
    middle: float
    """Where the middle of its line lies."""

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.x + self.width


@dataclass(frozen=True)
class Rows:
    """Words in rows; ``pitch`` is the step from row to row, or one line's height.

    :param about: what the block is centred about where that is not the middle of its text: the middle of its box.
    """

    rows: tuple[tuple[Put, ...], ...]
    pitch: float
    about: float | None = None

    @property
    def left(self) -> float:
        """Where the leftmost row begins."""
        return min(row[0].x for row in self.rows)

    @property
    def right(self) -> float:
        """Where the rightmost row ends."""
        return max(row[-1].right for row in self.rows)

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of the block."""
        across = (self.left + self.right) / 2 if self.about is None else self.about
        return across, (self.rows[0][0].middle + self.rows[-1][0].middle) / 2

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the block."""
        height = self.pitch * len(self.rows)
        if self.about is None:
            return self.right - self.left, height
        return max(0.0, *(row[-1].right - row[0].x + self._lead(row) for row in self.rows)), height

    def within(self, left: float, right: float) -> Rows:
        """Return the rows as they lie in a box, which need not be in its middle."""
        about = (left + right) / 2
        return self if abs(about - self.middle[0]) < 1 else replace(self, about=about)

    def _lead(self, row: tuple[Put, ...]) -> float:
        """Room at a row's beginning moves it off the middle by half as much."""
        return 2 * ((row[0].x + row[-1].right) / 2 - self.middle[0])

    @property
    def align(self) -> str:
        """What the rows have in common."""
        if len(self.rows) > 1 and self.about is None:
            if all(abs(row[0].x - self.left) < 1 for row in self.rows):
                return "left"
            if all(abs(row[-1].right - self.right) < 1 for row in self.rows):
                return "right"
        return "center"

    def room_before(self, row: int, index: int, space: float) -> float:
        """Return the room before a word beyond a space."""
        words = self.rows[row]
        if index:
            return words[index].x - words[index - 1].right - space
        if self.align != "center":
            return 0.0
        return self._lead(words)


def words_of(piece: Piece, measure: Measure) -> list[Put]:
    """Return the words of a node at their places."""
    return [word for line in piece.lines for word in _words_of_line(line, piece, measure)]


def _words_of_line(line: Line, piece: Piece, measure: Measure) -> list[Put]:
    made: list[Put] = []
    x, space = line.x, measure.width(" ", piece.font)
    for text in " ".join(line.words).split():
        width = measure.width(text, piece.font)
        made.append(Put(text, piece, x, width, line.y + line.height / 2))
        x += width + space
    return made


def in_rows(words: Sequence[Put], stage_height: int) -> Rows | None:
    """Return words in rows; None when they do not lie in rows of even steps, in their order."""
    rows: list[list[Put]] = []
    for word in words:
        if rows and abs(word.middle - rows[-1][-1].middle) < 0.25 * word.piece.font.line:
            if word.x < rows[-1][-1].right - 1:
                return None
            rows[-1].append(word)
        elif rows and word.middle < rows[-1][-1].middle:
            return None
        else:
            rows.append([word])
    steps = [later[0].middle - row[0].middle for row, later in pairwise(rows)]
    line = words[0].piece.font.line
    pitch = sum(steps) / len(steps) if steps else line
    if any(abs(step - pitch) > MOST_UNEVEN * stage_height for step in steps):
        return None
    return Rows(tuple(tuple(row) for row in rows), pitch)


def group(pieces: Sequence[Piece], measure: Measure) -> list[tuple[list[Piece], Rows]]:
    """Return captions: all pieces of an owner together where they lie in rows, else each alone, or each row of it."""
    words = [word for piece in pieces for word in words_of(piece, measure)]
    if not words:
        return []
    same = len({piece.font.size for piece in pieces}) == 1 and len({piece.opacity for piece in pieces}) == 1
    rows = in_rows(words, measure.stage_height) if same else None
    if rows:
        return [(list(pieces), rows)]
    if len(pieces) > 1:
        return [caption for piece in pieces for caption in group([piece], measure)]
    return []
