"""From a scene to our cues: style, place, words, motion."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tasks.scenario.motiontext.css import fade, read_color, read_length, read_shadows
from tasks.scenario.motiontext.metrics import Measure
from tasks.scenario.motiontext.places import Panel, Piece
from tasks.scenario.motiontext.plugins import Effect, Subject, find_plugin
from tasks.scenario.motiontext.reader import Node, Span
from tasks.scenario.motiontext.rows import Put, Rows
from tasks.scenario.motiontext.timing import Motion, motion_of

Json = dict[str, Any]
OUTLINE = [{"blur": 2, "color": "#000000"}, {"blur": 4, "color": "#000000"}, {"blur": 8, "color": "#000000"}]
"""What makes text readable that has neither shadow nor stroke."""
GLOW_PX = 12.0
MOST_WORDS = 200
LONGEST_WORD = 200


class Names:
    """Makes ids of the other format fit ours, each used once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def make(self, wanted: str) -> str:
        """Return an id like the wanted one."""
        stem = re.sub(r"[^A-Za-z0-9_.:-]", "_", wanted)[:56] or "_"
        name, number = stem, 1
        while name in self._taken:
            number += 1
            name = f"{stem}.{number}"
        self._taken.add(name)
        return name


class Captions:
    """Writes cues; what cannot be kept goes to ``notes`` as (pointer, message)."""

    def __init__(self, measure: Measure, stage: tuple[int, int]) -> None:
        self._measure = measure
        self._stage = stage
        self._cues, self._words = Names(), Names()
        self.notes: list[tuple[str, str]] = []

    def write(self, cue_id: str, pieces: list[Piece], rows: Rows, panel: Panel | None, span: Span) -> Json:
        """Return one cue of ours, on screen during ``span``."""
        if panel:
            rows = rows.within(panel.rect[0], panel.rect[0] + panel.rect[2])
        is_alone = len({piece.node.id for piece in pieces}) == 1
        motions = {piece.node.id: self._motion(piece, span, is_alone) for piece in pieces}
        style = self._style(pieces[0], rows)
        self._add_panel(style, pieces[0], rows, panel)
        self._place(style, pieces[0], rows)
        for piece in pieces:
            for text in motions[piece.node.id].notes:
                self.notes.append((f"{piece.node.pointer}/pluginChain", text))
        if is_alone and motions[pieces[0].node.id].glow:
            style["glow"] = self._glow(motions[pieces[0].node.id])
        made: Json = {"id": self._cues.make(cue_id), "start": span[0], "end": span[1], "style": style}
        animation = motions[pieces[0].node.id].animation if is_alone else {}
        if animation:
            made["animation"] = animation
        made["words"] = list(self._write_words(rows, span, motions, style))
        return made

    def _motion(self, piece: Piece, span: Span, is_alone: bool) -> Motion:
        subject = Subject(piece.node.text, piece.font.size)
        chain: list[tuple[Json, Effect]] = []
        for plugin in piece.node.chain:
            maker = find_plugin(plugin["name"])
            if maker:
                chain.append((plugin, maker(plugin.get("params") or {}, subject)))
        return motion_of(chain, piece.node, span, is_alone=is_alone)

    def _style(self, piece: Piece, rows: Rows) -> Json:
        font, scale, style = piece.font, piece.matrix.scale, piece.node.style
        made: Json = {
            "fontFamily": font.family,
            "fontSize": round(max(4.0, min(1000.0, font.size * scale)), 3),
            "fontWeight": font.weight,
            "color": fade(read_color(style.get("color")) or "#FFFFFF", 1),
            "lineHeight": round(max(0.5, min(4.0, rows.pitch / font.size)), 4),
            "textAlign": rows.align,
            "maxWidth": 1,
        }
        stroke = style.get("stroke") or {}
        width = max(1, round(self._stage[1] * stroke["widthRel"])) if "widthRel" in stroke else 0
        if width:  # half of the line lies outside the letters
            made["stroke"] = {
                "color": read_color(stroke.get("color")) or "#000000",
                "width": round(width * scale / 2, 3),
            }
        shadows = read_shadows(style["textShadow"], em=font.size) if style.get("textShadow") else None
        if shadows is not None:
            made["shadow"] = [shadow.to_json() for shadow in shadows[:8]]
        elif not width:
            made["shadow"] = [dict(each) for each in OUTLINE]
        if piece.opacity < 1:
            made["opacity"] = round(piece.opacity, 4)
        turn = piece.matrix.degrees
        return {**made, "rotate": round(turn, 3)} if abs(turn) > 0.01 else made

    def _glow(self, motion: Motion) -> Json:
        return {"color": motion.glow, "radius": GLOW_PX}

    def _add_panel(self, style: Json, piece: Piece, rows: Rows, panel: Panel | None) -> None:
        color = panel_color(panel.node) if panel else None
        if panel is None or color is None:
            return
        scale, (width, height) = piece.matrix.scale, rows.size
        across, down = (panel.rect[2] - width) / 2, (panel.rect[3] - height) / 2
        style["background"] = {
            "color": color,
            "paddingX": round(max(0.0, min(500.0, across * scale)), 2),
            "paddingY": round(max(0.0, min(500.0, down * scale)), 2),
            "borderRadius": round(min(500.0, _radius(panel.node, self._stage[1], piece.font.size) * scale), 2),
        }

    def _place(self, style: Json, piece: Piece, rows: Rows) -> None:
        """The block is anchored where its text is, so that a font measured a little differently stays in place."""
        middle = rows.middle
        anchor, at = "center", middle[0]
        if "rotate" not in style and rows.align != "center":
            padding = style.get("background", {}).get("paddingX", 0) / piece.matrix.scale
            anchor = rows.align
            at = rows.left - padding if anchor == "left" else rows.right + padding
        x, y = piece.matrix.at(at, middle[1])
        x, y = x / self._stage[0], y / self._stage[1]
        if not (0 <= x <= 1 and 0 <= y <= 1):
            self.notes.append((piece.node.pointer, "the text lies outside the picture; it is drawn at its edge"))
        style["position"] = {
            "x": round(max(0.0, min(1.0, x)), 6),
            "y": round(max(0.0, min(1.0, y)), 6),
            "anchor": "center",
            "anchorX": anchor,
        }

    def _write_words(self, rows: Rows, span: Span, motions: dict[str, Motion], style: Json) -> Iterator[Json]:
        words = [(row, index, put) for row, line in enumerate(rows.rows) for index, put in enumerate(line)]
        if len(words) > MOST_WORDS:
            place = words[0][2].piece.node.pointer
            self.notes.append((place, f"a caption has at most {MOST_WORDS} words; {len(words)} were there"))
            words = words[:MOST_WORDS]
        times = spoken_times([put for _, _, put in words], span, motions)
        for (row, index, put), (start, end) in zip(words, times, strict=True):
            scale = put.piece.matrix.scale
            space = self._measure.width(" ", put.piece.font)
            room = rows.room_before(row, index, space) * scale
            made: Json = {"id": self._words.make(put.piece.node.id), "text": put.text[:LONGEST_WORD]}
            made |= {"start": start, "end": end}
            if row and not index:
                made["lineBreak"] = True
            if abs(room) > 0.05:
                made["spaceBefore"] = round(max(-2000.0, min(2000.0, room)), 2)
            own = self._word_style(put.piece, motions[put.piece.node.id], style)
            if own:
                made["style"] = own
            if motions[put.piece.node.id].active:
                made["animation"] = {"activeWord": motions[put.piece.node.id].active}
            yield made

    def _word_style(self, piece: Piece, motion: Motion, style: Json) -> Json:
        own: Json = {}
        color = read_color(piece.node.style.get("color")) or "#FFFFFF"
        for key, value in (("color", color), ("fontFamily", piece.font.family), ("fontWeight", piece.font.weight)):
            if value != style[key]:
                own[key] = value
        if motion.glow and "glow" not in style:
            own["glow"] = self._glow(motion)
        return own


def panel_color(node: Node) -> str | None:
    """Return the colour behind a group; None when nothing is to be seen."""
    color = read_color(node.box.get("backgroundColor") or node.box.get("boxBg") or "transparent")
    return None if color is None or color[7:9] == "00" else color


def _radius(node: Node, stage_height: int, em: float) -> float:
    given = node.box.get("borderRadius")
    if isinstance(given, str):
        return read_length(given, em=em) or 0.0
    share = given or (node.box.get("border") or {}).get("radiusRel") or 0
    return float(max(0, round(stage_height * share)))


def spoken_times(words: Sequence[Put], span: Span, motions: dict[str, Motion]) -> list[Span]:
    """Return when each word is spoken: its node's time, shared out among the node's words by their letters.

    Nodes without a time of their own share what their neighbours leave them.
    """
    windows = [motions[put.piece.node.id].spoken or put.piece.node.base for put in words]
    times: list[Span] = []
    index = 0
    while index < len(words):
        last = index + 1
        while last < len(words) and _belongs(words, windows, index, last):
            last += 1
        window = windows[index]
        if window is None:
            after = next((later[0] for later in windows[last:] if later), span[1])
            window = (times[-1][1] if times else span[0], after)
        shared = motions[words[index].piece.node.id].active.get("keyframes")
        times += [window] * (last - index) if shared else _share(words[index:last], window)
        index = last
    return _in_order(times, span)


def _belongs(words: Sequence[Put], windows: Sequence[Span | None], first: int, index: int) -> bool:
    same_node = words[first].piece.node.id == words[index].piece.node.id
    return same_node or (windows[first] is None and windows[index] is None)


def _share(words: Sequence[Put], window: Span) -> Iterator[Span]:
    total = sum(len(put.text) for put in words)
    length, passed = window[1] - window[0], 0
    for put in words:
        start = window[0] + length * passed / total
        passed += len(put.text)
        yield start, window[0] + length * passed / total


def _in_order(times: Sequence[Span], span: Span) -> list[Span]:
    """Words begin one after another, within their cue."""
    made: list[Span] = []
    before = span[0]
    for start, end in times:
        start = round(min(max(start, before), span[1]), 4)
        made.append((start, round(min(max(end, start), span[1]), 4)))
        before = start
    return made
