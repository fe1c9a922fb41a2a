"""Draws who imports whom, as the code has it today: packages as boxes in rows, the rows as the rings are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROWS = (
    ("cli",),
    ("api", "tasks.worker", "render_node"),
    ("tasks.ingest", "tasks.speech", "tasks.music", "tasks.clips", "tasks.shorts", "tasks.sounds", "tasks.samples"),
    ("tasks.delivery", "tasks.fetchers", "tasks.media"),
    ("tasks (ring 1)", "tasks.storage", "tasks.workflows", "tasks.fonts", "tasks.fetching"),
    ("tasks (ring 0)", "tasks.contracts", "tasks.scenario", "tasks.edits", "tasks.transcripts"),
)
RING_0 = {"names", "errors", "environment", "values", "version"}
TIP = (
    '<defs><marker id="tip" markerWidth="7" markerHeight="7" refX="6" refY="3" orient="auto" '
    'markerUnits="userSpaceOnUse"><path d="M0,0 L7,3 L0,6 z" fill="#778"/></marker></defs>'
)
WIDE, HIGH, ACROSS, DOWN = 132, 30, 146, 84


def write_graph(target: Path) -> None:
    """Write the picture, unless it is the same."""
    drawn = draw(count_imports())
    if not target.exists() or target.read_text() != drawn:
        target.write_text(drawn)


def count_imports() -> Counter[tuple[str, str]]:
    """Return how many imports lead from each box to each other."""
    import grimp

    graph = grimp.build_graph("api", "tasks", "render_node", "cli", cache_dir=None)
    known = {name for row in ROWS for name in row}
    found: Counter[tuple[str, str]] = Counter()
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            pair = (box_of(module), box_of(other))
            if pair[0] != pair[1] and set(pair) <= known:
                found[pair] += 1
    return found


def box_of(module: str) -> str:
    """Return the box that a module belongs to."""
    top, _, rest = module.partition(".")
    second = rest.partition(".")[0]
    if top != "tasks" or not rest:
        return top if top != "tasks" else "tasks (ring 1)"
    if second in RING_0:
        return "tasks (ring 0)"
    alone = second == "worker" or (Path(__file__).parents[2] / "tasks" / second).is_dir()
    return f"tasks.{second}" if alone else "tasks (ring 1)"


def draw(imports: Counter[tuple[str, str]]) -> str:
    """Return the picture as SVG."""
    width, height = max(len(row) for row in ROWS) * ACROSS + 20, len(ROWS) * DOWN
    places = dict(place_boxes(width))
    arrows = [arrow(places[pair[0]], places[pair[1]], pair, count) for pair, count in sorted(imports.items())]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">'
    return "\n".join([head, TIP, *arrows, *(box(name, place) for name, place in places.items()), "</svg>", ""])


def place_boxes(width: float) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield the middle of each box."""
    for down, row in enumerate(ROWS):
        left = (width - len(row) * ACROSS) / 2 + ACROSS / 2
        for across, name in enumerate(row):
            yield name, (left + across * ACROSS, down * DOWN + 30.0)


def arrow(start: tuple[float, float], end: tuple[float, float], pair: tuple[str, str], count: int) -> str:
    """Return a line; its width tells how many imports there are."""
    (x1, y1), (x2, y2) = start, end
    down = (y2 > y1) - (y2 < y1) or 1
    y1, y2 = y1 + down * HIGH / 2, y2 - (down if y2 != start[1] else -1) * HIGH / 2
    path = f"M {x1:.0f},{y1:.0f} C {x1:.0f},{y1 + down * 26:.0f} {x2:.0f},{y2 - down * 26:.0f} {x2:.0f},{y2:.0f}"
    style = f'fill="none" stroke="#778" stroke-opacity="0.6" stroke-width="{min(4.0, 0.6 + count / 40):.1f}"'
    return f'<path d="{path}" {style} marker-end="url(#tip)"><title>{pair[0]} imports {pair[1]}: {count}</title></path>'


def box(name: str, place: tuple[float, float]) -> str:
    """Return a box with its name."""
    x, y = place
    frame = f'x="{x - WIDE / 2:.0f}" y="{y - HIGH / 2:.0f}" width="{WIDE}" height="{HIGH}" rx="6"'
    text = f'<text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle" font-size="13" fill="#222">{name}</text>'
    return f'<rect {frame} fill="#eef1f6" stroke="#556"/>{text}'
