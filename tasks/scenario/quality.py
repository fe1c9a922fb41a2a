"""What can be wrong with captions that are correct, told from the document alone: pace, gaps, overlaps (ring 0).

A finding is ``{code, severity, pointer, cue_id, word_id, t, box, message, suggestion, fix}``: ``t`` in seconds, ``box``
x, y, width, height in output pixels or None, ``fix`` a JSON Patch (RFC 6902) of the document or None.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tasks.scenario.model import Scenario, SceneCue

ERROR, WARNING = "error", "warning"
MOST_CPS = 20.0
"""Characters a second that adults read without effort; subtitling guides say 17 to 20."""
LEAST_S, MOST_S = 0.3, 7.0
LEAST_GAP_S = 0.08
"""A shorter gap flickers: two frames at 25 a second."""
SLACK_S = 0.0005
ASPECT_SLACK = 0.02
Finding = dict[str, Any]
CODES = frozenset(
    {
        "canvas.other_shape",
        "caption.after_end",
        "caption.collision",
        "caption.gap_too_short",
        "caption.line_too_long",
        "caption.low_contrast",
        "caption.outside_safe_area",
        "caption.overlap",
        "caption.shrunk",
        "caption.too_fast",
        "caption.too_long",
        "caption.too_short",
        "font.substituted",
    }
)
"""All that can be found of captions that can be drawn; ``docs/guides/stills.rst`` tells when each is."""


def make_finding(code: str, severity: str, cue: SceneCue | None, message: str, **more: Any) -> Finding:
    """Build one finding about a cue, or about the whole scenario; ``code`` is one of :data:`CODES`."""
    assert code in CODES, code
    place: dict[str, Any] = {"pointer": "", "cue_id": None, "t": None}
    if cue is not None:
        place = {"pointer": cue.pointer, "cue_id": cue.id, "t": cue.start}
    usual = {"word_id": None, "box": None, "suggestion": None, "fix": None}
    return {"code": code, "severity": severity, "message": message, **place, **usual, **more}


def find_flaws(
    scenario: Scenario, *, duration_s: float | None = None, size: tuple[int, int] | None = None
) -> list[Finding]:
    """Return all flaws that need no browser, in the order of the document.

    :param duration_s: of the footage, :param size: width and height of the output, when they are known.
    """
    found: list[Finding] = []
    if size is not None:
        found += _check_shape(scenario, size)
    for cues in _tracks(scenario):
        for cue, following in zip(cues, [*cues[1:], None], strict=True):
            found += _check_pace(cue, following)
            found += _check_length(cue)
            if duration_s is not None:
                found += _check_end(cue, duration_s)
        for cue, following in pairwise(cues):
            found += _check_gap(cue, following)
    return found


def _tracks(scenario: Scenario) -> list[list[SceneCue]]:
    """Return the cues of each track by their start."""
    tracks: dict[str, list[SceneCue]] = {}
    for cue in scenario.cues:
        tracks.setdefault(cue.pointer.rpartition("/cues/")[0], []).append(cue)
    return [sorted(cues, key=lambda cue: cue.start) for cues in tracks.values()]


def _check_shape(scenario: Scenario, size: tuple[int, int]) -> Iterator[Finding]:
    canvas, output = scenario.width / scenario.height, size[0] / size[1]
    if abs(canvas / output - 1) > ASPECT_SLACK:
        height = round(scenario.width / output / 2) * 2
        yield make_finding(
            "canvas.other_shape",
            WARNING,
            None,
            f"The canvas is {scenario.width}x{scenario.height}, the output {size[0]}x{size[1]}: another shape",
            pointer="/canvas",
            suggestion=f"give the canvas the output's shape: {scenario.width}x{height}",
            fix=[replace("/canvas/height", height)],
        )


def _check_pace(cue: SceneCue, following: SceneCue | None) -> Iterator[Finding]:
    length_s, count = cue.end - cue.start, characters(cue)
    pace = count / length_s
    if pace <= MOST_CPS:
        return
    end = round(cue.start + count / MOST_CPS, 3)
    has_room = following is None or following.start >= end
    yield make_finding(
        "caption.too_fast",
        WARNING,
        cue,
        f"{count} characters in {length_s:.2f} s are {pace:.0f} a second; {MOST_CPS:.0f} can be read",
        suggestion=f"keep it until {end:g} s" if has_room else "say it in fewer words, or in two captions",
        fix=[replace(f"{cue.pointer}/end", end)] if has_room else None,
    )


def _check_length(cue: SceneCue) -> Iterator[Finding]:
    length_s = cue.end - cue.start
    if length_s < LEAST_S - SLACK_S:
        yield make_finding(
            "caption.too_short",
            WARNING,
            cue,
            f"The caption is there for {length_s:.2f} s; less than {LEAST_S} s is a flash",
            suggestion="join it with the one before or after",
        )
    elif length_s > MOST_S + SLACK_S:
        yield make_finding(
            "caption.too_long",
            WARNING,
            cue,
            f"The caption stays for {length_s:.1f} s; after {MOST_S:.0f} s people read it again",
            suggestion="divide it",
        )


def _check_end(cue: SceneCue, duration_s: float) -> Iterator[Finding]:
    if cue.start >= duration_s:
        yield make_finding(
            "caption.after_end", ERROR, cue, f"The caption begins after the video's end at {duration_s:.2f} s"
        )


def _check_gap(cue: SceneCue, following: SceneCue) -> Iterator[Finding]:
    gap_s = following.start - cue.end
    last_word = max((word.end for word in cue.words), default=cue.start)
    if gap_s < -SLACK_S:
        can_end = last_word <= following.start + SLACK_S and following.start > cue.start
        yield make_finding(
            "caption.overlap",
            ERROR,
            cue,
            f"The caption is still there when {following.id} begins, {-gap_s:.2f} s before it ends",
            suggestion=f"end it at {following.start:g} s" if can_end else "put them on tracks of their own",
            t=following.start,
            fix=[replace(f"{cue.pointer}/end", following.start)] if can_end else None,
        )
    elif SLACK_S < gap_s < LEAST_GAP_S - SLACK_S:
        yield make_finding(
            "caption.gap_too_short",
            WARNING,
            cue,
            f"Between the caption and {following.id} are {gap_s * 1000:.0f} ms: that flickers",
            suggestion=f"keep it until {following.start:g} s",
            t=cue.end,
            fix=[replace(f"{cue.pointer}/end", following.start)],
        )


def characters(cue: SceneCue) -> int:
    """Count what there is to read, spaces between words included."""
    spaces = sum(word.join == "space" for word in cue.words[1:])
    return sum(len(word.text) for word in cue.words) + spaces


def replace(path: str, value: Any) -> dict[str, Any]:
    """Return one operation of a JSON Patch."""
    return {"op": "replace", "path": path, "value": value}
