"""When plugins run, and which of our axes does what they do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tasks.scenario.motiontext.plugins import Effect
from tasks.scenario.motiontext.reader import Node, Span

Json = dict[str, Any]
SLACK_S = 0.021
LONGEST_MS = 5000
LONGEST_STAGGER_MS = 2000
MOST_KEYFRAMES = 32
LONGEST_PERIOD_MS = 60_000


@dataclass
class Motion:
    """What a node's plugins become: keys of its cue's animation, of its words' own one, and what only comes near."""

    animation: Json = field(default_factory=dict)
    active: Json = field(default_factory=dict)
    spoken: Span | None = None
    glow: str = ""
    notes: list[str] = field(default_factory=list)


def window_of(plugin: Json, node: Node) -> Span | None:
    """Return when a plugin runs, seconds; None without any time.

    Each end of the offset counts from the same end of the base, so the format's default of 0 % and 100 % ends one whole
    length after the base does.
    """
    base = plugin.get("baseTime") or node.base or node.display
    if base is None:
        return None
    start, end = float(base[0]), float(base[1])
    first, last = plugin.get("timeOffset") or ["0%", "100%"]
    return start + _offset(first, end - start), end + _offset(last, end - start)


def _offset(value: Any, length: float) -> float:
    text = str(value).strip()
    try:
        return float(text.removesuffix("%")) * (length / 100 if text.endswith("%") else 1)
    except ValueError:
        return 0.0


def add_to_cue(motion: Motion, effect: Effect, window: Span, cue: Span) -> bool:
    """Do an effect with the axes of a whole cue; return False when none of them can."""
    length = window[1] - window[0]
    if abs(window[0] - cue[0]) > SLACK_S or length <= 0:
        return False
    if effect.kind == "enter":
        return _add_enter(motion, effect, length)
    if effect.kind != "pulse":
        return False
    if window[1] < cue[1] - SLACK_S and effect.unit == "cue":
        return _add_enter(motion, _repeated(effect), length)
    period = length / effect.cycles
    if "loop" in motion.animation or not 0.1 <= period <= LONGEST_PERIOD_MS / 1000:
        return False
    frames = [{**frame, "at": round(frame["at"] * effect.length, 4)} for frame in effect.keyframes]
    motion.animation["loop"] = {
        "type": "custom",
        "unit": effect.unit,
        "periodMs": round(period * 1000),
        "staggerMs": min(LONGEST_STAGGER_MS, round(effect.stagger * length * 1000)),
        "keyframes": frames if effect.length == 1 else [*frames, {"at": 1}],
    }
    motion.notes += [effect.near] * bool(effect.near)
    return True


def _add_enter(motion: Motion, effect: Effect, length: float) -> bool:
    duration, stagger = round(effect.length * length * 1000), round(effect.stagger * length * 1000)
    if "enter" in motion.animation or duration > LONGEST_MS or stagger > LONGEST_STAGGER_MS:
        return False
    motion.animation["enter"] = {
        "type": "custom",
        "unit": effect.unit,
        "durationMs": duration,
        "staggerMs": stagger,
        "keyframes": list(effect.keyframes),
    }
    if effect.near:
        motion.notes.append(effect.near)
    return True


def _repeated(effect: Effect) -> Effect:
    """Return a pulse with its cycles written out, as many as keyframes allow."""
    own = effect.keyframes
    cycles = max(1, min(effect.cycles, (MOST_KEYFRAMES - 1) // (len(own) - 1)))
    frames = [own[0]]
    for cycle in range(cycles):
        frames[-1] = {**own[0], "at": frames[-1]["at"]}
        frames += [{**frame, "at": round((cycle + frame["at"]) / cycles, 4)} for frame in own[1:]]
    near = effect.near or ("" if cycles == effect.cycles else f"{cycles} of its {effect.cycles} cycles")
    return Effect(effect.kind, tuple(frames), color=effect.color, near=near)


def add_to_words(motion: Motion, effect: Effect, window: Span) -> bool:
    """Do an effect with the motion of the spoken word; return False when another effect has that already."""
    length = window[1] - window[0]
    if effect.kind == "glow" or length < 0:
        return False
    if effect.kind == "color":
        if "color" in motion.active and motion.active["type"] == "karaoke":
            return False
        motion.active |= {"type": "karaoke", "color": effect.color, "lasts": True}
        motion.spoken = (window[0], window[0] + length * effect.length)
        return True
    if "keyframes" in motion.active or length <= 0:
        return False
    whole = _repeated(effect) if effect.kind == "pulse" else effect
    duration = round(length * 1000 * (1.0 if effect.kind == "pulse" else min(1.0, effect.length + 4 * effect.stagger)))
    motion.active.setdefault("type", "custom")
    motion.active |= {"keyframes": list(whole.keyframes), "durationMs": min(LONGEST_MS, duration), "lasts": True}
    if effect.color:
        motion.active.setdefault("color", effect.color)
    motion.spoken = motion.spoken or window
    _say_how_near(motion, whole, effect, duration)
    return True


def _say_how_near(motion: Motion, whole: Effect, effect: Effect, duration: float) -> None:
    if whole.near:
        motion.notes.append(whole.near)
    elif effect.unit == "letter":
        motion.notes.append("the word moves as a whole, not letter by letter")
    if duration > LONGEST_MS:
        motion.notes.append(f"it takes {LONGEST_MS / 1000:g} s, not {duration / 1000:g} s")


def motion_of(chain: list[tuple[Json, Effect]], node: Node, cue: Span, *, is_alone: bool) -> Motion:
    """Return what a node's plugins become.

    :param cue: when the caption is on screen, :param is_alone: whether the node is all of it.
    """
    motion = Motion()
    for plugin, effect in chain:
        window = window_of(plugin, node)
        if window is None or window[1] <= cue[0] or window[0] >= cue[1]:
            continue
        if effect.kind == "glow":
            motion.glow = effect.color
            motion.notes += [effect.near] * bool(effect.near)
            continue
        is_done = is_alone and add_to_cue(motion, effect, window, cue)
        if is_done:
            continue
        if add_to_words(motion, effect, window):
            motion.notes += ["each word swells or turns on its own, not the text as one"] * _is_apart(effect, node)
        else:
            motion.notes.append(f"{plugin['name']} and another effect want the same axis; the first one has it")
    return motion


def _is_apart(effect: Effect, node: Node) -> bool:
    """Tell whether words that each do an effect look otherwise than a text that does it as one."""
    turns = any(key in frame for frame in effect.keyframes for key in ("scale", "rotate", "rotateX", "rotateY"))
    return turns and effect.unit == "cue" and len(node.text.split()) > 1
