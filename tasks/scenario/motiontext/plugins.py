"""What each known plugin does, as keyframes.

The format's plugins are programs that get the share of their window that has passed. Most run a timeline of their own,
stretched to the window: each unit (letter or word) begins a stagger later and lasts a while, both in the timeline's
seconds. What is written here are those timelines.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tasks.scenario.motiontext.css import read_color

Json = dict[str, Any]
EASES = {
    "none": "linear", "linear": "linear", "power1": "ease-out", "power2": "ease-out", "power3": "ease-out",
    "power4": "ease-out", "sine": "ease-in-out", "back": "back-out", "bounce": "bounce-out", "elastic": "elastic-out",
}  # fmt: skip
SPEAKER_COLOR = "#FFD400"


@dataclass(frozen=True)
class Effect:
    """What a plugin does within its window; ``length`` and ``stagger`` are shares of the window.

    :param kind: ``enter`` begins hidden, ``pulse`` begins and ends at rest, ``color`` and ``glow`` change paint.
    :param cycles: how often a pulse runs in the window, :param near: why it only comes near, empty when it is the same.
    """

    kind: str
    keyframes: tuple[Json, ...] = ()
    unit: str = "cue"
    length: float = 1.0
    stagger: float = 0.0
    cycles: int = 1
    color: str = ""
    near: str = ""


@dataclass(frozen=True)
class Subject:
    """What a plugin works on: its text and its font size in pixels."""

    text: str
    size: float

    @property
    def letters(self) -> int:
        """How many letters there are, spaces too."""
        return max(1, len(self.text))

    @property
    def words(self) -> int:
        """How many words there are."""
        return max(1, len(self.text.split()))


Maker = Callable[[Json, Subject], Effect]


def _number(params: Json, key: str, default: float, low: float = -1e4, high: float = 1e4) -> float:
    value = params.get(key, default)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return default
    return max(low, min(high, number)) if math.isfinite(number) else default


def _ease(value: Any, default: str = "ease-out") -> str:
    return EASES.get(str(value).partition(".")[0].lower(), default)


def _frame(at: float, **values: Any) -> Json:
    limits = {"opacity": (0, 1), "scale": (0, 8), "blur": (0, 2), "rotate": (-1080, 1080), "translateX": (-20, 20)}
    limits |= {"translateY": (-20, 20), "rotateX": (-360, 360), "rotateY": (-360, 360)}
    made: Json = {"at": round(at, 4)}
    for key, value in values.items():
        made[key] = value if isinstance(value, str) else round(max(limits[key][0], min(limits[key][1], value)), 4)
    return made


def _enter(frames: tuple[Json, ...], unit: str, timeline: tuple[float, float, float], near: str = "") -> Effect:
    """``timeline``: length of a unit, stagger, length of all, in the plugin's own seconds."""
    length, stagger, whole = timeline
    whole = max(whole, 1e-3)
    return Effect("enter", frames, unit, length / whole, stagger / whole, near=near)


def fade_in(params: Json, subject: Subject) -> Effect:
    """Letters fade in one after another, growing a little."""
    length, stagger = _number(params, "animationDuration", 0.8, 0.01), _number(params, "staggerDelay", 0.1, 0)
    start = _frame(
        0,
        opacity=_number(params, "startOpacity", 0),
        scale=_number(params, "scaleStart", 0.9),
        easing=_ease(params.get("ease", "power2.out")),
    )
    return _enter((start, _frame(1)), "letter", (length, stagger, (subject.letters - 1) * stagger + length + 0.4))


def elastic(params: Json, subject: Subject) -> Effect:
    """Words spring up beyond their size and settle."""
    length, stagger = _number(params, "animationDuration", 1.5, 0.01), _number(params, "staggerDelay", 0.1, 0)
    frames = (
        _frame(0, scale=_number(params, "startScale", 0), opacity=0, easing="elastic-out"),
        _frame(4 / 7, scale=_number(params, "overshoot", 1.3), easing="elastic-out"),
        _frame(1),
    )
    whole = (subject.words - 1) * stagger + 0.8 * length + 0.5
    return _enter(frames, "word", (0.7 * length, stagger, whole))


def scale_pop(params: Json, subject: Subject) -> Effect:
    """Letters pop beyond their size and swing back."""
    length, stagger = _number(params, "animationDuration", 1.2, 0.01), _number(params, "staggerDelay", 0.08, 0)
    frames = (
        _frame(0, scale=0, opacity=0, easing="back-out"),
        _frame(0.4, scale=_number(params, "popScale", 1.5), easing="elastic-out"),
        _frame(1),
    )
    whole = (subject.letters - 1) * stagger + max(length, 0.8 * length + 0.2)
    return _enter(frames, "letter", (length, stagger, whole))


def slide_up(params: Json, subject: Subject) -> Effect:
    """Words rise into place out of a blur."""
    length, stagger = _number(params, "animationDuration", 1, 0.01), _number(params, "staggerDelay", 0.12, 0)
    ease = str(params.get("easeType", "power2.out"))
    blur = 3 / subject.size if params.get("blurEffect", True) else 0
    shift = _number(params, "slideDistance", 30) / subject.size
    start = _frame(0, translateY=shift, opacity=0, blur=blur, easing=_ease(ease))
    tail = 1.0 if ease.startswith("back") else 1.2
    return _enter((start, _frame(1)), "word", (length, stagger, (subject.words - 1) * stagger + tail * length))


def rotation(params: Json, subject: Subject) -> Effect:
    """Letters turn into place in space."""
    length, stagger = _number(params, "animationDuration", 1.5, 0.01), _number(params, "staggerDelay", 0.1, 0)
    turn = _number(params, "rotationDegrees", 360, -1080, 1080)
    axes = [("axisX", False, "rotateX"), ("axisY", True, "rotateY"), ("axisZ", False, "rotate")]
    used = [name for key, default, name in axes if params.get(key, default)]
    frames = (
        _frame(0, opacity=0, scale=0.5, easing="ease-out", **dict.fromkeys(used, -turn / 4)),
        _frame(0.7, scale=1.1, easing="back-out", **dict.fromkeys(used, turn)),
        _frame(1),
    )
    return _enter(
        frames, "letter", (length, stagger, (subject.letters - 1) * stagger + max(length, 0.8 * length + 0.3))
    )


def typewriter(params: Json, subject: Subject) -> Effect:
    """Letters appear one by one; each takes ``typingSpeed`` of the window, as the plugin has it."""
    speed = _number(params, "typingSpeed", 0.05, 0.001, 1)
    frames = (_frame(0, opacity=0, easing="step-end"), _frame(1))
    near = "letters appear at their final places and without a cursor"
    return Effect("enter", frames, "letter", speed, speed, near=near)


def flip_type(params: Json, subject: Subject) -> Effect:
    """Letters appear one by one after a wait; what the plugin says of flipping, its renderer does not draw."""
    wait, speed = _number(params, "typingDelay", 0.3, 0, 0.95), _number(params, "typingSpeed", 15, 0.1)
    step = min(1 - wait, subject.letters / speed) / subject.letters
    frames = (_frame(0, opacity=0), _frame(wait / (wait + 0.1), opacity=0, scale=0.8, easing="back-out"), _frame(1))
    return Effect("enter", frames, "letter", wait + 0.1, step)


def magnetic(params: Json, subject: Subject) -> Effect:
    """Letters fade in and are pulled about at random."""
    length, stagger = _number(params, "animationDuration", 1.2, 0.01), _number(params, "attractionDelay", 0.1, 0)
    whole = (subject.letters - 1) * stagger + 1.1 * length
    pull = _number(params, "magnetStrength", 15) / subject.size
    frames = (
        _frame(0, opacity=0, easing="ease-out"),
        _frame(0.4, translateX=pull / 2, translateY=-pull / 4, rotate=6, easing="elastic-out"),
        _frame(1),
    )
    return _enter(frames, "letter", (length, stagger, whole), "every letter is pulled the same way, not at random")


def loud(params: Json, subject: Subject) -> Effect:
    """The word jumps to more than its size, trembles there and falls back."""
    pulse, tremble = _part(params, "pulse"), _part(params, "tremble")
    scale, lift = _number(pulse, "scale", 2.15, 1.1), _number(pulse, "lift", 12, 0) / subject.size
    shake = _number(tremble, "ampPx", 1.5, 0) / subject.size
    held = [
        _frame(
            0.12 + 0.76 * k / 12, scale=scale * (1 + (-1) ** k * 0.02), translateX=(-1) ** k * shake, translateY=-lift
        )
        for k in range(13)
    ]
    held[-1]["easing"] = "ease-in"
    return Effect("pulse", (_frame(0, easing="ease-out"), *held, _frame(1)))


def whisper(params: Json, subject: Subject) -> Effect:
    """The word sinks to less than its size, flutters there and comes back, in its speaker's colour."""
    shrink = _part(params, "shrink")
    scale, drop = _number(shrink, "scale", 0.6, 0.1, 1), _number(shrink, "drop", 6, 0) / subject.size
    held = [_frame(0.12 + 0.76 * k / 8, scale=scale * (1 + k % 2 * 0.03), translateY=drop) for k in range(9)]
    held[-1]["easing"] = "ease-in"
    return Effect("pulse", (_frame(0, easing="ease-out"), *held, _frame(1)), color=speaker_color(params))


def bouncing(params: Json, subject: Subject) -> Effect:
    """A wave lifts the letters one after another."""
    default = _number(params, "popScale", 1.5) * 8 if params.get("popScale") else 12
    lift = _number(params, "waveHeight", default, 0) / subject.size
    share = _number(params, "letterDuration", 0.6, 0.2, 0.9)
    frames = (_frame(0, easing="ease-in-out"), _frame(0.5, translateY=-lift, easing="ease-in-out"), _frame(1))
    step = (1 - share) / max(1, subject.letters - 1)
    return Effect("pulse", frames, "letter", share, step)


def color(params: Json, subject: Subject) -> Effect:
    """The speaker's colour runs through the letters."""
    return Effect("color", color=speaker_color(params), length=0.0 if params.get("bulk") else 1.0)


def pulse(params: Json, subject: Subject) -> Effect:
    """The node swells and falls back."""
    most, cycles = _number(params, "maxScale", 1.2), int(_number(params, "cycles", 1, 1, 100))
    frames = (_frame(0, easing="ease-in-out"), _frame(0.5, scale=most, easing="ease-in-out"), _frame(1))
    return Effect("pulse", frames, cycles=cycles)


def bob(params: Json, subject: Subject) -> Effect:
    """The node goes down and up like a cork: one sine a cycle."""
    way, cycles = _number(params, "amplitudePx", 8) / subject.size, int(_number(params, "cycles", 1, 1, 100))
    frames = tuple(_frame(k / 16, translateY=way * math.sin(2 * math.pi * k / 16)) for k in range(17))
    return Effect("pulse", frames, cycles=cycles)


def spin(params: Json, subject: Subject) -> Effect:
    """The node turns at an even speed."""
    turns = _number(params, "fullTurns", 1, -3, 3)
    return Effect("pulse", (_frame(0), _frame(1, rotate=360 * turns)))


def glitch(params: Json, subject: Subject) -> Effect:
    """The text jitters and flickers at random."""
    way = _number(params, "glitchIntensity", 5, 0) / subject.size
    jumps = [(0.1, 0.8, -0.3), (0.2, -0.6, 0.4), (0.3, 0.5, 0.2), (0.4, -0.9, -0.2), (0.6, 0.3, 0.3), (0.8, -0.4, 0.1)]
    frames = [_frame(at, translateX=x * way, translateY=y * way, opacity=0.6 if at == 0.4 else 1) for at, x, y in jumps]
    return Effect(
        "pulse", (_frame(0), *frames, _frame(1)), near="always the same jumps, and no colours that come apart"
    )


def glow(params: Json, subject: Subject) -> Effect:
    """Light around the letters."""
    base = read_color(params.get("color", "#00ffff")) or "#00FFFF"
    alpha = round(255 * _number(params, "intensity", 0.4, 0, 1))
    near = "the light does not pulse" if params.get("pulse") else ""
    return Effect("glow", color=f"{base[:7]}{alpha:02X}", near=near)


def _part(params: Json, key: str) -> Json:
    part = params.get(key)
    return part if isinstance(part, dict) else {}


def speaker_color(params: Json) -> str:
    """Return the colour that a speaker's words turn to."""
    palette = params.get("palette")
    named = palette.get(params.get("speaker")) if isinstance(palette, dict) else None
    return read_color(params.get("color") or named or SPEAKER_COLOR) or SPEAKER_COLOR


PLUGINS: dict[str, Maker] = {
    "bobY": bob, "cwi-bouncing": bouncing, "cwi-color": color, "cwi-loud": loud, "cwi-whisper": whisper,
    "elastic": elastic, "fadein": fade_in, "fliptype": flip_type, "glitch": glitch, "glow": glow,
    "magnetic": magnetic, "pulse": pulse, "rotation": rotation, "scalepop": scale_pop, "slideup": slide_up,
    "spin": spin, "typewriter": typewriter,
}  # fmt: skip
BY_LOWER_NAME = {name.lower(): maker for name, maker in PLUGINS.items()}


def find_plugin(name: str) -> Maker | None:
    """Return what a plugin does, by its name with or without ``@version``; None when it is not known."""
    return BY_LOWER_NAME.get(name.partition("@")[0].lower())
