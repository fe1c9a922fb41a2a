"""Reading a scenario strictly: JSON Schema, then meaning, then styles resolved."""

from __future__ import annotations

import copy
import difflib
import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from tasks.errors import InvalidInputError
from tasks.scenario.model import Scenario, SceneCue, SceneWord

DATA = Path(__file__).parent / "data"
MAX_FINDINGS = 100
MAX_WORDS = 100_000
TIME_SLACK_S = 0.001
Finding = dict[str, Any]


@cache
def _load(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(_load("schema.json"))


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of scenarios."""
    return copy.deepcopy(_load("schema.json"))


def presets() -> list[dict[str, Any]]:
    """Return every preset; its lengths are fractions of the canvas's shorter side."""
    return copy.deepcopy(_load("presets.json"))


def parse(document: Any) -> Scenario:
    """Check a scenario and resolve its styles.

    Raises InvalidInputError ``scenario.invalid`` whose ``extra["findings"]`` lists ``{pointer, message, suggestion,
    code}`` for everything that is wrong.
    """
    findings = [*_find_unreal_numbers(document)] or [*_find_schema_problems(document)]
    if not findings:
        findings = [*_find_meaning_problems(document)]
    if findings:
        shown = findings[:MAX_FINDINGS]
        raise InvalidInputError(
            "scenario.invalid",
            f"The scenario has {len(findings)} problem{'s' * (len(findings) > 1)}; the first: {shown[0]['message']}",
            {"findings": shown, "count": len(findings)},
        )
    return _resolve(document)


def finding(pointer: str, message: str, code: str, suggestion: str | None = None) -> Finding:
    """Build one finding."""
    return {"pointer": pointer, "message": message, "code": f"scenario.{code}", "suggestion": suggestion}


def pointer_of(path: Any) -> str:
    """Return the JSON Pointer (RFC 6901) of a path of keys and indexes."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _find_unreal_numbers(document: Any) -> Iterator[Finding]:
    """JSON has no NaN, but Python's reader lets it pass; no later check may meet one."""
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, float) and not math.isfinite(value):
            yield finding(pointer, "must be a finite number", "not_a_number")
        elif isinstance(value, dict):
            waiting += [(pointer + pointer_of([key]), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{pointer}/{index}", inner) for index, inner in enumerate(value)]


def _find_schema_problems(document: Any) -> Iterator[Finding]:
    for error in _validator().iter_errors(document):
        yield from _explain(error)


def _explain(error: ValidationError) -> Iterator[Finding]:
    pointer = pointer_of(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.schema, dict):
        known = list(error.schema.get("properties", {}))
        given: Any = error.instance
        for key in sorted(set(given) - set(known), key=str):
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
            yield finding(pointer + pointer_of([key]), f"{key} is not a key of this object", "unknown_key", hint)
        return
    if error.validator == "oneOf" and error.context:
        branch = 1 if isinstance(error.instance, dict) else 0
        deeper = [inner for inner in error.context if inner.schema_path[0] == branch]
        if deeper and branch == 1:
            for inner in deeper:
                yield from _explain(inner)
            return
    if error.validator == "enum" and isinstance(error.instance, str):
        choices: Any = error.validator_value
        near = difflib.get_close_matches(error.instance, [str(choice) for choice in choices], n=1, cutoff=0.5)
        advice = f"did you mean {near[0]}?" if near else None
        yield finding(pointer, _shorten(error.message), "wrong_value", advice)
        return
    code = "missing_key" if error.validator == "required" else "wrong_value"
    yield finding(pointer, _shorten(error.message), code)


def _shorten(message: str) -> str:
    return message if len(message) <= 200 else f"{message[:80]} … {message[-100:]}"


def _find_meaning_problems(document: dict[str, Any]) -> Iterator[Finding]:
    styles = document.get("styles", {})
    seen: dict[str, str] = {}
    count = 0
    for t, track in enumerate(document["tracks"]):
        place = f"/tracks/{t}"
        yield from _check_id(track["id"], "track", place, seen)
        yield from _check_style_name(track, place, styles)
        for c, cue in enumerate(track["cues"]):
            count += len(cue["words"])
            yield from _check_cue(cue, f"{place}/cues/{c}", styles, seen)
    if count > MAX_WORDS:
        yield finding("/tracks", f"{count} words are more than the {MAX_WORDS} allowed", "too_many_words")


def _check_cue(cue: dict[str, Any], place: str, styles: dict[str, Any], seen: dict[str, str]) -> Iterator[Finding]:
    yield from _check_id(cue["id"], "cue", place, seen)
    yield from _check_style_name(cue, place, styles)
    if cue["end"] <= cue["start"]:
        yield finding(f"{place}/end", "the cue ends before it starts", "ends_before_start")
        return
    before = cue["start"]
    for w, word in enumerate(cue["words"]):
        spot = f"{place}/words/{w}"
        yield from _check_id(word["id"], "word", spot, seen)
        if not word["text"].strip() or any(map(_is_unprintable, word["text"])):
            yield finding(f"{spot}/text", "the text is blank or has control characters", "bad_text")
        if word["end"] < word["start"]:
            yield finding(f"{spot}/end", "the word ends before it starts", "ends_before_start")
        elif word["start"] < before - TIME_SLACK_S:
            yield finding(f"{spot}/start", "the word starts before the one before it, or its cue", "out_of_order")
        elif word["end"] > cue["end"] + TIME_SLACK_S:
            yield finding(f"{spot}/end", "the word ends after its cue", "outside_cue")
        before = max(before, word["start"])


def _is_unprintable(char: str) -> bool:
    """Control characters draw nothing; half a surrogate pair cannot even be written as UTF-8."""
    return ord(char) < 32 or 0xD800 <= ord(char) <= 0xDFFF


def _check_id(value: str, noun: str, place: str, seen: dict[str, str]) -> Iterator[Finding]:
    first = seen.setdefault(f"{noun} {value}", place)
    if first != place:
        yield finding(f"{place}/id", f"the {noun} id {value} is used at {first} already", "duplicate_id")


def _check_style_name(owner: dict[str, Any], place: str, styles: dict[str, Any]) -> Iterator[Finding]:
    name = owner.get("style")
    if isinstance(name, str) and name not in styles:
        near = difflib.get_close_matches(name, styles, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else None
        yield finding(f"{place}/style", f"there is no style {name}", "unknown_style", hint)


def _resolve(document: dict[str, Any]) -> Scenario:
    styles = document.get("styles", {})
    defaults = _load("defaults.json")
    cues = []
    for t, track in enumerate(document["tracks"]):
        track_style = merge(defaults["style"], _named(track.get("style"), styles))
        track_animation = merge(defaults["animation"], track.get("animation", {}))
        for c, cue in enumerate(track["cues"]):
            style = merge(track_style, _named(cue.get("style"), styles))
            animation = merge(track_animation, cue.get("animation", {}))
            words = tuple(
                SceneWord(
                    word["id"],
                    word["text"],
                    float(word["start"]),
                    float(word["end"]),
                    merge(style, word.get("style", {})),
                    f"/tracks/{t}/cues/{c}/words/{w}",
                )
                for w, word in enumerate(cue["words"])
            )
            cues.append(SceneCue(cue["id"], float(cue["start"]), float(cue["end"]), style, animation, words))
    canvas = document["canvas"]
    # JSON Schema takes 1080.0 for an integer, so they are made whole here
    width, height, seed = int(canvas["width"]), int(canvas["height"]), int(document.get("seed", 0))
    return Scenario(width, height, seed, tuple(cues), document)


def _named(style: Any, styles: dict[str, Any]) -> dict[str, Any]:
    if isinstance(style, str):
        return dict(styles[style])
    return style or {}


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with the keys of ``over`` laid over it; objects are merged, lists replaced."""
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        merged[key] = merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged
