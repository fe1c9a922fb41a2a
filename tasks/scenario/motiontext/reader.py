"""Reading a MotionText document: its version, its references, its shape, what its nodes inherit."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tasks.errors import InvalidInputError
from tasks.scenario.check import Finding, finding, pointer_of, suggest
from tasks.scenario.motiontext.older import modernize, rename
from tasks.scenario.motiontext.references import References, TooLargeError

VERSIONS = ("1.3", "2.0")
MAX_FINDINGS = 100
LAST_S = 86_400.0
BOX_KEYS = ("backgroundColor", "boxBg", "border", "padding", "borderRadius", "opacity")
OLDER_KEYS = {"eType": ("e_type", "type"), "displayTime": ("absStart", "absEnd"), "pluginChain": ("plugin",)}
Json = dict[str, Any]
Span = tuple[float, float]


@dataclass(frozen=True)
class Node:
    """A node with all that it inherits. Times are seconds; ``display`` None: never on screen by itself."""

    kind: str
    id: str
    pointer: str
    display: Span | None
    base: Span | None
    layout: Json
    style: Json
    box: Json
    chain: list[Json]
    text: str = ""
    source: Any = None
    children: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class Track:
    """A layer of cues; ``free`` ones lay nothing out by themselves."""

    id: str
    kind: str
    layer: float
    constraints: Json
    safe_area: Json


@dataclass(frozen=True)
class Cue:
    """A tree of nodes that is in the page during ``lifetime``."""

    id: str
    track: Track
    lifetime: Span
    root: Node
    pointer: str


@dataclass(frozen=True)
class Document:
    """A document that was read; cues are in drawing order. ``raw`` has its references replaced, older keys renamed."""

    aspect: str
    safe_area: Json
    cues: list[Cue]
    raw: Json
    sent: Json

    def point(self, note: Finding) -> Finding:
        """Return a note whose pointer leads into the document as it was sent."""
        return {**note, "pointer": _original(note["pointer"], self.sent)}


def is_motiontext(document: Any) -> bool:
    """Tell whether a JSON document is a MotionText scenario and not one of ours."""
    if not isinstance(document, dict) or "canvas" in document:
        return False
    return document.get("version") in VERSIONS and isinstance(document.get("cues"), list)


def read(document: Json) -> Document:
    """Read a document; raise InvalidInputError ``scenario.invalid`` with findings that point into it."""
    references = References(document)
    try:
        plain = {key: value for key, value in document.items() if key not in ("define", "definitions")}
        resolved = references.resolve(plain, "")
    except (TooLargeError, RecursionError):
        _refuse([finding("", "the document is nested too deeply, or its references grow too large", "too_large")])
    _refuse([{**each, "pointer": _original(each["pointer"], document)} for each in references.findings])
    resolved = rename(resolved)
    if document.get("version") == "1.3":
        resolved = modernize(resolved)
    problems = [*_find_unreal(resolved)] or [*_find_shape_problems(resolved)] or [*_find_meaning_problems(resolved)]
    _refuse([{**problem, "pointer": _original(problem["pointer"], document)} for problem in problems])
    return _build(resolved, document)


def _refuse(findings: list[Finding]) -> None:
    if not findings:
        return
    raise InvalidInputError(
        "scenario.invalid",
        f"The MotionText document has {len(findings)} problem{'s' * (len(findings) > 1)}; "
        f"the first: {findings[0]['message']}",
        {"findings": findings[:MAX_FINDINGS], "count": len(findings)},
    )


def _original(pointer: str, document: Json) -> str:
    """Return the place in the document as it was sent: a reference hides what it names, older keys had other names."""
    found = ""
    current: Any = document
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(current, list) and key.isdigit() and int(key) < len(current):
            found, current = f"{found}/{step}", current[int(key)]
            continue
        if not isinstance(current, dict):
            break
        name = next((name for name in (key, *OLDER_KEYS.get(key, ())) if name in current), None)
        if name is None:
            break
        found, current = f"{found}/{name.replace('~', '~0').replace('/', '~1')}", current[name]
    return found


def _find_unreal(value: Any, pointer: str = "") -> Iterator[Finding]:
    if isinstance(value, float) and not math.isfinite(value):
        yield finding(pointer, "must be a finite number", "not_a_number")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _find_unreal(inner, pointer + pointer_of([key]))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _find_unreal(inner, f"{pointer}/{index}")


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8")))


def _find_shape_problems(document: Json) -> Iterator[Finding]:
    for error in _validator().iter_errors(document):
        code = "missing_key" if error.validator == "required" else "wrong_value"
        advice = None
        if error.validator == "enum" and isinstance(error.instance, str):
            advice = suggest(error.instance, [str(choice) for choice in error.schema["enum"]])
        message = error.message if len(error.message) <= 200 else f"{error.message[:80]} … {error.message[-100:]}"
        yield finding(pointer_of(error.absolute_path), message, code, advice)


def _find_meaning_problems(document: Json) -> Iterator[Finding]:
    tracks: dict[str, str] = {}
    for t, track in enumerate(document["tracks"]):
        yield from _claim(track["id"], f"/tracks/{t}", "track", tracks)
    ids: dict[str, str] = {}
    for c, cue in enumerate(document["cues"]):
        place = f"/cues/{c}"
        yield from _claim(cue["id"], place, "cue", ids)
        if cue["track"] not in tracks:
            message = f"there is no track {cue['track']}"
            yield finding(f"{place}/track", message, "unknown_track", suggest(cue["track"], tracks))
        for key in ("domLifetime", "displayTime"):
            yield from _check_span(cue, key, place)
        yield from _check_node(cue["root"], f"{place}/root", {}, document["version"] == "2.0")


def _check_node(node: Json, place: str, ids: dict[str, str], is_strict: bool) -> Iterator[Finding]:
    if is_strict:
        yield from _claim(node["id"], place, "node", ids)
    for key in ("displayTime", "baseTime"):
        yield from _check_span(node, key, place)
    for p, plugin in enumerate(node.get("pluginChain", ())):
        yield from _check_span(plugin, "baseTime", f"{place}/pluginChain/{p}")
    for i, child in enumerate(node.get("children", ())):
        yield from _check_node(child, f"{place}/children/{i}", ids, is_strict)


def _claim(value: str, place: str, noun: str, seen: dict[str, str]) -> Iterator[Finding]:
    first = seen.setdefault(value, place)
    if first != place:
        yield finding(f"{place}/id", f"the {noun} id {value} is used at {first} already", "duplicate_id")


def _check_span(owner: Json, key: str, place: str) -> Iterator[Finding]:
    if key in owner and owner[key][1] < owner[key][0]:
        yield finding(f"{place}/{key}", "the time ends before it starts", "ends_before_start")
    elif key in owner and max(abs(time) for time in owner[key]) > LAST_S:
        yield finding(f"{place}/{key}", "times are seconds within a day", "wrong_value")


def _build(document: Json, sent: Json) -> Document:
    tracks = {track["id"]: (track, _track(track)) for track in document["tracks"]}
    cues = []
    for index, entry in enumerate(document["cues"]):
        raw, track = tracks[entry["track"]]
        place = f"/cues/{index}"
        lifetime = entry.get("domLifetime") or [-LAST_S, LAST_S]
        inherited = _Inherited(raw, entry.get("displayTime"), max(0.0, lifetime[0]))
        root = inherited.node(entry["root"], f"{place}/root", None)
        cues.append(Cue(entry["id"], track, (lifetime[0], lifetime[1]), root, place))
    stage = document.get("stage") or {}
    ordered = sorted(cues, key=lambda cue: cue.track.layer)
    return Document(stage.get("baseAspect", "auto"), stage.get("safeArea") or {}, ordered, document, sent)


def _track(track: Json) -> Track:
    return Track(
        track["id"],
        track["type"],
        track.get("layer", 0),
        track.get("defaultConstraints") or {},
        track.get("safeArea") or {},
    )


class _Inherited:
    """Hands down what nodes inherit: time from the parent, style merged over the parent's and the track's.

    Children stand in the order in which they come, from second ``first`` on, as they do in the package's page.
    """

    def __init__(self, track: Json, display: list[float] | None, first: float) -> None:
        self._style = track.get("defaultStyle") or {}
        self._box = track.get("defaultBoxStyle") or {}
        self._display = display
        self._first = first

    def node(self, raw: Json, pointer: str, parent: Node | None) -> Node:
        span = raw.get("displayTime") or (parent.display if parent else self._display)
        style = {**self._style, **(parent.style if parent else {}), **(raw.get("style") or {})}
        box: Json = {}
        if raw["eType"] == "group":
            box = {**self._box, **(raw.get("boxStyle") or {})}
            if not box:  # documents written before box styles had a place of their own
                box = {key: style[key] for key in BOX_KEYS if key in style}
                style = {key: value for key, value in style.items() if key not in BOX_KEYS}
        made = Node(
            raw["eType"],
            raw["id"],
            pointer,
            _span(span),
            _span(raw.get("baseTime")),
            raw.get("layout") or {},
            style,
            box,
            raw.get("pluginChain") or [],
            "".join(" " if ord(char) < 32 else char for char in raw.get("text", "") if not _is_lone(char)),
            raw.get("src"),
        )
        children = raw.get("children") or () if raw["eType"] == "group" else ()
        found = [self.node(child, f"{pointer}/children/{i}", made) for i, child in enumerate(children)]
        made.children.extend(sorted(found, key=lambda child: max(self._first, (child.display or (0.0, 0.0))[0])))
        return made


def _is_lone(char: str) -> bool:
    """Tell whether a character is half of a surrogate pair, which nothing can draw or write."""
    return 0xD800 <= ord(char) <= 0xDFFF


def _span(value: Sequence[float] | None) -> Span | None:
    return (value[0], value[1]) if value else None
