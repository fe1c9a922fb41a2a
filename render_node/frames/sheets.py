"""Tiles side by side on sheets, each drawn with one screenshot, whose fixed cost dozens of tiles then share."""

from __future__ import annotations

from collections.abc import Iterator

from render_node.frames.plan import Rect, Tile

Places = list[tuple[int, int]]

WIDTH, HEIGHT = 2048, 1024
"""A full sheet in pixels: always the same, so that the browser uses its memory again."""
STEP = 256
"""Sheets that are not full are as high as a multiple of it."""
CLOSE = 0.75
"""Share of a sheet's pixels from which on it may be full."""


def cut(tiles: list[Tile]) -> Iterator[list[Tile]]:
    """Cut tiles, in order, into lists that fit one sheet; a tile larger than a sheet is alone on its own."""
    sheet: list[Tile] = []
    pixels = 0
    for tile in tiles:
        pixels += tile.drawn.width * tile.drawn.height
        if sheet and pixels > CLOSE * WIDTH * HEIGHT and not _fits([*sheet, tile]):
            yield sheet
            sheet, pixels = [], tile.drawn.width * tile.drawn.height
        sheet.append(tile)
    if sheet:
        yield sheet


def _fits(tiles: list[Tile]) -> bool:
    _, width, height = pack([tile.drawn for tile in tiles])
    return width <= WIDTH and height <= HEIGHT


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
