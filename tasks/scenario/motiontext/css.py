"""The few CSS values that MotionText documents carry: colours, lengths, shadows, font lists."""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass
from typing import Any

ROOT_PX = 16.0
NAMED = {
    "black": "#000000", "white": "#FFFFFF", "red": "#FF0000", "green": "#008000", "blue": "#0000FF",
    "yellow": "#FFFF00", "cyan": "#00FFFF", "aqua": "#00FFFF", "magenta": "#FF00FF", "fuchsia": "#FF00FF",
    "gray": "#808080", "grey": "#808080", "silver": "#C0C0C0", "maroon": "#800000", "olive": "#808000",
    "lime": "#00FF00", "teal": "#008080", "navy": "#000080", "purple": "#800080", "orange": "#FFA500",
    "pink": "#FFC0CB", "gold": "#FFD700", "tomato": "#FF6347", "coral": "#FF7F50", "crimson": "#DC143C",
    "hotpink": "#FF69B4", "violet": "#EE82EE", "indigo": "#4B0082", "brown": "#A52A2A", "turquoise": "#40E0D0",
    "skyblue": "#87CEEB", "transparent": "#00000000",
}  # fmt: skip
HEX = re.compile(r"#([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
CALL = re.compile(r"(rgba?|hsla?)\(([^()]*)\)", re.IGNORECASE)
LENGTH = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(px|rem|em|pt|vh|vw|%)?", re.IGNORECASE)
COLOUR_IN_SHADOW = re.compile(r"#[0-9a-fA-F]{3,8}|(?:rgba?|hsla?)\([^()]*\)|[a-zA-Z]{3,}")


@dataclass(frozen=True)
class Shadow:
    """One text shadow; lengths are pixels."""

    x: float
    y: float
    blur: float
    color: str

    def to_json(self) -> dict[str, Any]:
        """Return the shadow as our scenarios write it, within their limits."""
        within = [round(max(-200.0, min(200.0, value)), 2) for value in (self.x, self.y)]
        return {
            "offsetX": within[0],
            "offsetY": within[1],
            "blur": round(min(200.0, self.blur), 2),
            "color": self.color,
        }


def read_color(text: Any) -> str | None:
    """Return a CSS colour as ``#RRGGBB`` or ``#RRGGBBAA``, None when it is not understood."""
    value = str(text).strip()
    if HEX.fullmatch(value):
        digits = value[1:]
        return "#" + ("".join(each * 2 for each in digits) if len(digits) < 6 else digits).upper()
    call = CALL.fullmatch(value)
    return _call_color(call) if call else NAMED.get(value.lower())


def _call_color(call: re.Match[str]) -> str | None:
    parts = [part for part in re.split(r"[,\s/]+", call.group(2).strip()) if part]
    numbers = [_number(part) for part in parts]
    if len(parts) not in (3, 4) or None in numbers:
        return None
    first, second, third = (value or 0.0 for value in numbers[:3])
    if call.group(1).lower().startswith("rgb"):
        channels = [
            v * 255 / 100 if part.endswith("%") else v for v, part in zip((first, second, third), parts, strict=False)
        ]
    else:
        channels = [each * 255 for each in colorsys.hls_to_rgb(first % 360 / 360, third / 100, second / 100)]
    alpha = 1.0 if len(parts) == 3 else (numbers[3] or 0.0) / (100 if parts[3].endswith("%") else 1)
    digits = "".join(f"{_byte(value):02X}" for value in channels)
    return f"#{digits}" if alpha >= 1 else f"#{digits}{_byte(alpha * 255):02X}"


def _number(text: str) -> float | None:
    try:
        return float(text.removesuffix("%").removesuffix("deg"))
    except ValueError:
        return None


def _byte(value: float) -> int:
    return max(0, min(255, int(value + 0.5)))


def fade(color: str, opacity: float) -> str:
    """Return a colour with its opacity multiplied."""
    alpha = int(color[7:9] or "FF", 16) * opacity
    return color if opacity >= 1 else f"{color[:7]}{_byte(alpha):02X}"


def read_length(text: Any, *, em: float) -> float | None:
    """Return a CSS length in pixels; None for what depends on a surrounding size, and for nonsense."""
    match = LENGTH.fullmatch(str(text).strip())
    if not match:
        return None
    value, unit = float(match.group(1)), (match.group(2) or "px").lower()
    factor = {"px": 1.0, "rem": ROOT_PX, "em": em, "pt": 4 / 3}.get(unit)
    return None if factor is None else value * factor


def read_shadows(text: str, *, em: float) -> list[Shadow] | None:
    """Return the shadows of a CSS ``text-shadow``; None when one is not understood."""
    if text.strip().lower() in ("", "none"):
        return []
    shadows = [_shadow(piece, em) for piece in re.split(r",(?![^(]*\))", text)]
    return None if None in shadows else [shadow for shadow in shadows if shadow]


def _shadow(text: str, em: float) -> Shadow | None:
    found = COLOUR_IN_SHADOW.search(text)
    color = read_color(found.group()) if found else "#000000"
    rest = text.replace(found.group(), " ", 1) if found else text
    lengths = [read_length(piece, em=em) for piece in rest.split()]
    if color is None or len(lengths) not in (2, 3) or None in lengths:
        return None
    x, y, blur = [*(value or 0.0 for value in lengths), 0.0][:3]
    return Shadow(x, y, max(0.0, blur), color)


def read_families(value: Any) -> list[str]:
    """Return the names of a CSS ``font-family`` in order, or those of a font asset."""
    if isinstance(value, dict):
        fallback = value.get("fallback")
        return [str(value.get("family", "")), *(map(str, fallback) if isinstance(fallback, list) else ())]
    names = (name.strip().strip("'\"").strip() for name in str(value or "").split(","))
    return [name for name in names if name]


def read_weight(value: Any) -> int:
    """Return a CSS ``font-weight`` as a number of 100..900."""
    words = {"normal": 400, "bold": 700, "lighter": 300, "bolder": 700}
    text = str(value if value is not None else 400).strip().lower()
    try:
        number = int(float(text))
    except ValueError:
        number = words.get(text, 400)
    return max(100, min(900, number))


def read_padding(text: str, *, em: float) -> tuple[float, float, float, float] | None:
    """Return CSS ``padding`` as top, right, bottom, left in pixels."""
    lengths = [read_length(piece, em=em) for piece in text.split()]
    if None in lengths or not 1 <= len(lengths) <= 4:
        return None
    values = [value or 0.0 for value in lengths]
    top = values[0]
    right = values[1] if len(values) > 1 else top
    bottom = values[2] if len(values) > 2 else top
    return top, right, bottom, values[3] if len(values) > 3 else right
