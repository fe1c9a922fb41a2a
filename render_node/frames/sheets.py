"""Tiles side by side on sheets, each drawn with one screenshot, whose fixed cost dozens of tiles then share."""

from __future__ import annotations

from collections.abc import Iterator

from render_node.frames.plan import Rect, Tile

Places = list[tuple[int, int]]

WIDTH, LOWEST, HIGHEST = 2048, 512, 1024
"""A full sheet in pixels, as high as the canvas calls for: the same in a render, so that memory is used again."""
PICTURES = 4
"""Pictures of the canvas's size that a sheet has room for; more of a small canvas would only be held for longer."""
STEP = 256
"""Sheets are as high as a multiple of it."""
CLOSE = 0.75
"""Share of a sheet's pixels from which on it may be full."""


def full_height(canvas: tuple[int, int]) -> int:
    """Return how high full sheets are for a canvas of this width and height."""
    rows = PICTURES * canvas[0] * canvas[1] // WIDTH
    return min(HIGHEST, max(LOWEST, -(-rows // STEP) * STEP))


def cut(tiles: list[Tile], height: int = HIGHEST) -> Iterator[list[Tile]]:
    """Cut tiles, in order, into lists that fit one sheet; a tile larger than a sheet is alone on its own.

    :param height: of a full sheet in pixels.
    """
    sheet: list[Tile] = []
    pixels = 0
    for tile in tiles:
        pixels += tile.drawn.width * tile.drawn.height
        if sheet and pixels > CLOSE * WIDTH * height and not _fits([*sheet, tile], height):
            yield sheet
            sheet, pixels = [], tile.drawn.width * tile.drawn.height
        sheet.append(tile)
    if sheet:
        yield sheet


def _fits(tiles: list[Tile], height: int) -> bool:
    _, across, down = pack([tile.drawn for tile in tiles])
    return across <= WIDTH and down <= height


def pack(rects: list[Rect]) -> tuple[Places, int, int]:
    """Stand regions on shelves, the highest first, each on the first shelf with room.

    Returns their corners, in the given order, and the sheet's size in pixels.
    """
    width = max(WIDTH, *(rect.width for rect in rects))
    places = [(0, 0)] * len(rects)
    shelves: list[tuple[int, int]] = []  # where each begins, and how far it is filled
    bottom = 0
    for index in sorted(range(len(rects)), key=lambda index: -rects[index].height):
        rect = rects[index]
        room = (number for number, (_, filled) in enumerate(shelves) if filled + rect.width <= width)
        number = next(room, len(shelves))
        if number == len(shelves):
            shelves.append((bottom, 0))
            bottom += rect.height
        top, left = shelves[number]
        places[index] = (left, top)
        shelves[number] = (top, left + rect.width)
    return places, width, max(STEP, -(-bottom // STEP) * STEP)
