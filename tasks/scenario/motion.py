"""Motions as data: from an animation's named axes to the few primitives that the stage computes with (ring 0).

Every named effect is a list of keyframes in ``data/effects.json``; the stage knows no effect by name.
"""

from __future__ import annotations

from typing import Any

from tasks.scenario.data import load

DIRECTIONS = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}
Json = dict[str, Any]


def compile_animation(animation: Json, *, reads: str = "ltr") -> Json:
    """Resolve an animation: ``reveal``, ``active``, ``spoken``, ``unspoken``, ``enter``, ``exit``, ``loop``.

    :param reads: which way the caption is read, ``ltr`` or ``rtl``.
    """
    return {
        "reveal": animation["reveal"]["type"],
        "active": compile_active(animation["activeWord"]),
        "spoken": animation["spoken"],
        "unspoken": animation["unspoken"],
        "enter": compile_transition(animation["enter"], reads=reads),
        "exit": compile_transition(animation["exit"], reads=reads),
        "loop": compile_loop(animation["loop"]),
    }


def compile_transition(given: Json, *, reads: str = "ltr") -> Json:
    """Resolve an entrance or exit: keyframes from hidden (0) to rest (1), times in seconds.

    One that goes to the right unless told otherwise follows the reading: from right to left it goes to the left.
    """
    base = load("effects")["transitions"][given["type"]]
    usual = base.get("direction", "up")
    direction = given.get("direction", "left" if (usual, reads) == ("right", "rtl") else usual)
    return {
        "keyframes": _ease(given.get("keyframes") or base["keyframes"], given.get("easing")),
        "duration": given.get("durationMs", base["durationMs"]) / 1000,
        "unit": given.get("unit", base.get("unit", "cue")),
        "stagger": given.get("staggerMs", base.get("staggerMs", 0)) / 1000,
        "direction": DIRECTIONS[direction],
        "distance": given.get("distance", base.get("distance", 1)),
    }


def compile_active(given: Json) -> Json:
    """Resolve what the spoken word does; a key that is None or empty does nothing."""
    merged = {**load("effects")["activeWords"][given["type"]], **given}
    hold = merged.get("hold", {})
    shape = {"color": merged.get("boxColor"), "thickness": merged.get("thickness", 0)}
    has_box = given["type"] in ("box", "pill", "pill-move")
    glow = {"color": merged.get("boxColor") or merged.get("color"), "radius": merged.get("radius", 0)}
    pulse = given.get("keyframes") or merged.get("pulse", [])
    return {
        "type": given["type"],
        "color": merged.get("color"),
        "gradient": merged.get("gradient"),
        "sweep": merged.get("sweep", False),
        "duration": merged.get("durationMs", 0) / 1000,
        "lasts": merged.get("lasts", False),
        "pulse": pulse,
        "scale": merged.get("scale", 1),
        "holds": sorted(hold),
        "fontWeight": merged.get("fontWeight") if hold.get("weight") else None,
        "glow": glow if hold.get("glow") else None,
        "box": _box(merged) if has_box else None,
        "underline": shape if merged.get("underline") else None,
        "outline": shape if merged.get("outline") else None,
    }


def _box(merged: Json) -> Json:
    keys = ("paddingX", "paddingY", "borderRadius")
    return {"color": merged["boxColor"], "moves": merged.get("moves", False), **{key: merged[key] for key in keys}}


def compile_loop(given: Json) -> Json:
    """Resolve what moves as long as the caption is shown."""
    base = load("effects")["loops"][given["type"]]
    return {
        "keyframes": _ease(given.get("keyframes") or base["keyframes"], given.get("easing")),
        "period": given.get("periodMs", base.get("periodMs", 1000)) / 1000,
        "unit": given.get("unit", base.get("unit", "cue")),
        "stagger": given.get("staggerMs", base.get("staggerMs", 0)) / 1000,
        "amplitude": given.get("amplitude", 1),
        "colors": given.get("colors") or base.get("colors"),
    }


def _ease(keyframes: list[Json], easing: str | None) -> list[Json]:
    return [{**frame, "easing": easing} for frame in keyframes] if easing else keyframes
