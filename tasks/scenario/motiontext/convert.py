"""From a MotionText document to a scenario of ours, with a list of what could not be kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tasks.errors import InvalidInputError
from tasks.scenario.check import Finding
from tasks.scenario.motiontext.boxes import Layout
from tasks.scenario.motiontext.captions import Captions, Names, panel_color
from tasks.scenario.motiontext.css import read_families
from tasks.scenario.motiontext.metrics import Measure, RuleOfThumb, Ruler
from tasks.scenario.motiontext.places import Panel, Piece, Placing, Scene
from tasks.scenario.motiontext.reader import Cue, Document, Node, Span, read
from tasks.scenario.motiontext.rows import group
from tasks.scenario.motiontext.survey import Survey, note

Json = dict[str, Any]
SIDE = 720
"""Pixels of the stage's shorter side. What a document gives in pixels was meant for a preview of about that size."""
MOST_TRACKS = 16
MOST_UNMAPPED = 200


@dataclass(frozen=True)
class Conversion:
    """A scenario of version 1, and notes ``{pointer, message, code, suggestion}`` on what it leaves out or nears."""

    scenario: Json
    unmapped: list[Finding]


def convert(
    document: Json, *, strict: bool = False, ruler: Ruler | None = None, aspect: tuple[int, int] | None = None
) -> Conversion:
    """Turn a MotionText document (versions 1.3 and 2.0) into a scenario of ours.

    Raises InvalidInputError: ``scenario.invalid`` with findings that point into the document, or, when ``strict`` and
    something cannot be mapped, ``scenario.motiontext_unmapped`` with the notes as findings.

    :param ruler: measures text in the installed fonts; without one, by rule of thumb.
    :param aspect: width and height of the picture; decides where the document says ``auto``.
    """
    read_document = read(document)
    stage = _stage(read_document.aspect, aspect)
    measure = Measure(ruler or RuleOfThumb(list(_families(read_document.raw))), stage[1])
    writer = _Writer(read_document, measure, stage)
    scenario = writer.write()
    notes = [*Survey(measure).notes(read_document.raw), *writer.notes]
    unmapped = [read_document.point(each) for each in _once(notes)]
    if strict and unmapped:
        message = (
            f"{len(unmapped)} thing{'s' * (len(unmapped) > 1)} cannot be mapped; the first: {unmapped[0]['message']}"
        )
        extra = {"findings": unmapped[:MOST_UNMAPPED], "count": len(unmapped)}
        raise InvalidInputError("scenario.motiontext_unmapped", message, extra)
    return Conversion(scenario, unmapped)


def _families(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from read_families(value.get("fontFamily"))
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _families(inner)


def _stage(named: str, aspect: tuple[int, int] | None) -> tuple[int, int]:
    """The preview takes the shape of its video; what the document says counts where there is none."""
    across, down = aspect or {"9:16": (9, 16)}.get(named, (16, 9))
    if across >= down:
        return min(16384, 2 * round(SIDE * across / down / 2)), SIDE
    return SIDE, min(16384, 2 * round(SIDE * down / across / 2))


def _once(notes: list[Finding]) -> list[Finding]:
    seen = {(each["pointer"], each["message"]): each for each in notes}
    return list(seen.values())


class _Writer:
    """Goes through the cues; tracks come out in the order in which they lie over each other."""

    def __init__(self, document: Document, measure: Measure, stage: tuple[int, int]) -> None:
        self._document, self._measure, self._stage = document, measure, stage
        self._captions = Captions(measure, stage)
        self._items, self._track_names = Names(), Names()
        self._images: dict[str, str] = {}
        self.notes: list[Finding] = []

    def write(self) -> Json:
        """Return the scenario."""
        texts: dict[str, list[Json]] = {}
        pictures: dict[str, list[Json]] = {}
        for cue in self._document.cues:
            for cues, items in self._cue(cue):
                texts.setdefault(cue.track.id, []).extend(cues)
                pictures.setdefault(cue.track.id, []).extend(items)
        self.notes += [note(pointer, message, near=True) for pointer, message in self._captions.notes]
        tracks = [track for name in texts for track in self._tracks(name, texts[name], pictures[name])]
        scenario: Json = {
            "version": "1",
            "canvas": {"width": self._stage[0], "height": self._stage[1]},
            "styles": {},
            "tracks": self._few(tracks),
        }
        if self._images:
            scenario["images"] = {name: {"source": source} for source, name in self._images.items()}
        _name_styles(scenario)
        return scenario

    def _tracks(self, name: str, cues: list[Json], items: list[Json]) -> Iterator[Json]:
        if items:
            yield {"id": self._track_names.make(f"{name}.images"), "type": "image", "items": items}
        if cues:
            yield {"id": self._track_names.make(name), "type": "captions", "cues": cues}

    def _few(self, tracks: list[Json]) -> list[Json]:
        """Tracks beyond the limit go into the last one of their kind."""
        kept = tracks[:MOST_TRACKS]
        for track in tracks[MOST_TRACKS:]:
            key = "items" if track["type"] == "image" else "cues"
            home = next((each for each in reversed(kept) if each["type"] == track["type"]), None)
            if home is None:
                self.notes.append(note("/tracks", f"the track {track['id']} is one too many"))
            else:
                home[key] += track[key]
        return kept

    def _cue(self, cue: Cue) -> Iterator[tuple[list[Json], list[Json]]]:
        spans = list(_spans(cue))
        if not spans:
            self.notes.append(note(cue.pointer, "nothing of this cue is ever on screen"))
        for span, active in spans:
            scene = self._scene(cue, active)
            yield list(self._texts(cue, scene, span)), list(self._pictures(scene, span))

    def _scene(self, cue: Cue, active: set[str]) -> Scene:
        layout = Layout(self._measure, cue.track, self._stage)
        placing = Placing(layout, self._document.safe_area)
        alone = set(_on_stage(cue.root, max(0.0, cue.lifetime[0])))
        for node in _all(cue.root):
            if node.id in alone & active:
                placing.place(node, active - alone)
        return placing.scene

    def _texts(self, cue: Cue, scene: Scene, span: Span) -> Iterator[Json]:
        owners: dict[str, list[Piece]] = {}
        for piece in scene.pieces:
            owners.setdefault(piece.owner, []).append(piece)
        for owner, pieces in owners.items():
            panels = [panel for panel in scene.panels if panel.owner == owner and panel_color(panel.node)]
            captions = group(pieces, self._measure)
            if not captions and any(piece.node.text.strip() for piece in pieces):
                self.notes.append(note(pieces[0].node.pointer, "the text does not lie in rows"))
            panel = self._panel(panels, len(captions))
            for caption in captions:
                yield self._captions.write(cue.id, *caption, panel if len(captions) == 1 else None, span)

    def _panel(self, panels: list[Panel], captions: int) -> Panel | None:
        """A box is drawn behind one caption, the innermost of several."""
        lost = panels if captions != 1 else panels[:-1]
        for panel in lost:
            message = "the box lies behind texts that are drawn apart, or behind another box"
            self.notes.append(note(f"{panel.node.pointer}/boxStyle", message))
        return panels[-1] if panels and captions == 1 else None

    def _pictures(self, scene: Scene, span: Span) -> Iterator[Json]:
        for picture in scene.pictures:
            node, (x, y, width, height) = picture.node, picture.rect
            source = node.source.get("src") if isinstance(node.source, dict) else node.source
            size, place = node.layout.get("size") or {}, node.layout.get("position") or {}
            if node.kind == "video":
                continue
            needed = (size.get("width"), place.get("x"), place.get("y"))
            if not str(source).startswith("asset:") or not all(map(_is_number, needed)):
                message = "a picture needs an uploaded asset (asset:<id>), a position and a width that is a share"
                self.notes.append(note(node.pointer, message))
                continue
            name = self._images.setdefault(str(source), f"i{len(self._images) + 1}")
            at = picture.matrix.at(x + width / 2, y + height / 2)
            position: Json = {
                "x": round(max(0.0, min(1.0, at[0] / self._stage[0])), 6),
                "y": round(max(0.0, min(1.0, at[1] / self._stage[1])), 6),
            }
            upright = (node.layout.get("anchor") or "cc")[0]
            if _is_number(size.get("height")):
                message = "the picture keeps its own proportions; in a box of other ones it is drawn in the middle"
                self.notes.append(note(f"{node.pointer}/layout/size/height", message, near=True))
            elif upright != "c":  # how high it is only its file says
                position["anchor"] = {"t": "top", "b": "bottom"}[upright]
            yield {
                "id": self._items.make(node.id),
                "image": name,
                "start": span[0],
                "end": span[1],
                "width": round(max(0.001, min(1.0, width * picture.matrix.scale / self._stage[0])), 6),
                "position": position,
                "rotate": round(picture.matrix.degrees, 3),
                "opacity": round(picture.opacity, 4),
            }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _spans(cue: Cue) -> Iterator[tuple[Span, set[str]]]:
    """Yield the times between which nothing comes or goes, with the nodes that are on screen; equal ones joined."""
    nodes = [node for node in _all(cue.root) if node.display]
    start, end = max(0.0, cue.lifetime[0]), max(0.0, cue.lifetime[1])
    edges = {min(max(time, start), end) for node in nodes for time in node.display or ()}
    found: list[tuple[Span, set[str]]] = []
    for low, high in pairwise(sorted(edges)):
        middle = (low + high) / 2
        active = {node.id for node in nodes if node.display and node.display[0] <= middle <= node.display[1]}
        if not any(node.id in active and node.kind != "group" for node in nodes):
            continue
        if found and found[-1][1] == active and found[-1][0][1] == low:
            found[-1] = ((found[-1][0][0], high), active)
        else:
            found.append(((low, high), active))
    yield from (((round(low, 4), round(high, 4)), active) for (low, high), active in found if round(high - low, 4) > 0)


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _all(child)


def _on_stage(node: Node, first: float, parent: Node | None = None) -> Iterator[str]:
    """Yield the nodes that lie on the stage itself: the root, and what comes while its parent is not on screen.

    Each stays where it came, also when its parent comes later; what came within its parent goes with it.

    :param first: the second from which on the cue is there.
    """
    start = max(first, node.display[0]) if node.display else first
    if parent is None or not (parent.display and parent.display[0] <= start <= parent.display[1]):
        yield node.id
    for child in node.children:
        yield from _on_stage(child, first, node)


def _name_styles(scenario: Json) -> None:
    """Give styles that many cues share a name, so that they are written once."""
    cues = [cue for track in scenario["tracks"] for cue in track.get("cues", ())]
    counted = Counter(repr(cue["style"]) for cue in cues)
    names = {text: f"s{n}" for n, (text, count) in enumerate(counted.most_common(64), start=1) if count > 1}
    for cue in cues:
        name = names.get(repr(cue["style"]))
        if name:
            scenario["styles"].setdefault(name, cue["style"])
            cue["style"] = name
