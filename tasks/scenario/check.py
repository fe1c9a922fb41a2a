"""What a schema cannot say: references that lead somewhere, times in order, ids used once (ring 0)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

MAX_WORDS = 100_000
TIME_SLACK_S = 0.001
Finding = dict[str, Any]


def finding(pointer: str, message: str, code: str, suggestion: str | None = None) -> Finding:
    """Build one finding."""
    return {"pointer": pointer, "message": message, "code": f"scenario.{code}", "suggestion": suggestion}


def pointer_of(path: Any) -> str:
    """Return the JSON Pointer (RFC 6901) of a path of keys and indexes."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def suggest(value: str, known: Iterable[str]) -> str | None:
    """Return a did-you-mean for a value, None when nothing is near."""
    near = difflib.get_close_matches(value, [*known], n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else None


def find_meaning_problems(document: dict[str, Any]) -> Iterator[Finding]:
    """Yield everything that is wrong in a document that fits the schema."""
    styles = document.get("styles", {})
    seen: dict[str, str] = {}
    for name, speaker in document.get("speakers", {}).items():
        yield from _check_look(speaker, "/speakers" + pointer_of([name]), styles)
    for t, track in enumerate(document["tracks"]):
        place = f"/tracks/{t}"
        yield from _check_id(track["id"], "track", place, seen)
        if track["type"] == "captions":
            yield from _check_captions(track, place, styles, seen)
        elif track["type"] == "image":
            yield from _check_images(track, place, document.get("images", {}), seen)
        else:
            yield from _check_span(track, place, "progress bar")
    count = sum(len(cue["words"]) for track in document["tracks"] for cue in track.get("cues", ()))
    if count > MAX_WORDS:
        yield finding("/tracks", f"{count} words are more than the {MAX_WORDS} allowed", "too_many_words")


def _check_captions(
    track: dict[str, Any], place: str, styles: dict[str, Any], seen: dict[str, str]
) -> Iterator[Finding]:
    yield from _check_look(track, place, styles)
    for c, cue in enumerate(track["cues"]):
        yield from _check_cue(cue, f"{place}/cues/{c}", styles, seen)


def _check_images(track: dict[str, Any], place: str, images: dict[str, Any], seen: dict[str, str]) -> Iterator[Finding]:
    for i, item in enumerate(track["items"]):
        spot = f"{place}/items/{i}"
        yield from _check_id(item["id"], "item", spot, seen)
        yield from _check_span(item, spot, "picture")
        yield from _check_moves(item, spot)
        if item["image"] not in images:
            advice = suggest(item["image"], images)
            yield finding(f"{spot}/image", f"there is no image {item['image']}", "unknown_image", advice)


def _check_span(owner: dict[str, Any], place: str, noun: str) -> Iterator[Finding]:
    if owner["end"] <= owner["start"]:
        yield finding(f"{place}/end", f"the {noun} ends before it starts", "ends_before_start")


def _check_look(owner: dict[str, Any], place: str, styles: dict[str, Any]) -> Iterator[Finding]:
    name = owner.get("style")
    if isinstance(name, str) and name not in styles:
        yield finding(f"{place}/style", f"there is no style {name}", "unknown_style", suggest(name, styles))
    yield from _check_moves(owner.get("animation", {}), f"{place}/animation")


def _check_moves(owner: dict[str, Any], place: str) -> Iterator[Finding]:
    for axis in ("activeWord", "enter", "exit", "loop"):
        effect = owner.get(axis, {})
        spot = f"{place}/{axis}"
        if effect.get("type") == "custom" and "keyframes" not in effect:
            yield finding(spot, "a custom motion needs its keyframes", "missing_key")
        times = [frame["at"] for frame in effect.get("keyframes", ())]
        if times != sorted(times):
            yield finding(f"{spot}/keyframes", "the keyframes are not in the order of their times", "out_of_order")


def _check_cue(cue: dict[str, Any], place: str, styles: dict[str, Any], seen: dict[str, str]) -> Iterator[Finding]:
    yield from _check_id(cue["id"], "cue", place, seen)
    yield from _check_look(cue, place, styles)
    if cue["end"] <= cue["start"]:
        yield finding(f"{place}/end", "the cue ends before it starts", "ends_before_start")
        return
    before = cue["start"]
    for w, word in enumerate(cue["words"]):
        spot = f"{place}/words/{w}"
        yield from _check_id(word["id"], "word", spot, seen)
        yield from _check_moves(word.get("animation", {}), f"{spot}/animation")
        for key in ("text", "emoji"):
            if key in word and (not word[key].strip() or any(map(_is_unprintable, word[key]))):
                yield finding(f"{spot}/{key}", "the text is blank or has control characters", "bad_text")
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
