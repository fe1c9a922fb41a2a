"""Whether letters stand out from the real footage behind them, by WCAG 2.2's contrast ratio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render_node.checks.boxes import Box, shown, style_patch
from render_node.frames.stage_page import CueLayout
from render_node.stills import Picture
from tasks.scenario import Scenario, SceneCue, SceneWord
from tasks.scenario.quality import WARNING, Finding, make_finding

Floats = NDArray[np.float64]

LARGE_RATIO, SMALL_RATIO = 3.0, 4.5
LARGE_SHARE = 0.02
"""Letters at least so high, as a part of the picture's longer side, count as large text."""
WORST_SHARE = 0.25
"""A word is told when more than this part of the pixels behind it is too near to its colour."""
OUTLINE_SHARE = 0.04
"""An outline at least so thick, as a part of the font size, is what a letter stands out from."""
FIX_OUTLINE = 0.08


def check_contrast(
    scenario: Scenario, layouts: list[CueLayout], samples: Iterable[tuple[int, float, Picture]]
) -> Iterator[Finding]:
    """Yield words that the footage swallows.

    :param samples: (index of a cue, time in seconds, the footage without captions as RGB in output size).
    """
    for index, t, picture in samples:
        cue, layout = scenario.cues[index], layouts[index]
        scale = picture.shape[1] / scenario.width
        poor: list[tuple[SceneWord, Box, float, float]] = []
        for word, box in zip(cue.words, layout.inner, strict=True):
            behind = crop(picture, box)
            if behind.size == 0:
                continue
            least = least_ratio(word.style, scale, max(picture.shape[:2]))
            ratio = ratio_over(word.style, behind)
            if ratio < least:
                poor.append((word, box, ratio, least))
        if poor:
            yield tell(scenario.document, cue, poor, t=t)


def tell(
    document: dict[str, Any], cue: SceneCue, poor: list[tuple[SceneWord, Box, float, float]], *, t: float
) -> Finding:
    """Return one finding for a caption: its worst word, and an outline that would help."""
    word, box, ratio, least = min(poor, key=lambda entry: entry[2] / entry[3])
    outline = {
        "color": best_outline(word.style["color"]),
        "width": round(max(1.0, FIX_OUTLINE * float(word.style["fontSize"])), 1),
    }
    others = f" (and {len(poor) - 1} more)" if len(poor) > 1 else ""
    return make_finding(
        "caption.low_contrast",
        WARNING,
        cue,
        f"“{word.text}”{others} stands out {ratio:.1f}:1 from what is behind it; {least:g}:1 can be read",
        pointer=word.pointer,
        word_id=word.id,
        t=round(t, 3),
        box=shown(box),
        suggestion=f"give it an outline of {outline['color']}, or a background",
        fix=style_patch(document, cue, {"stroke": outline}),
    )


def least_ratio(style: dict[str, Any], scale: float, longer_side: int) -> float:
    """Return the ratio that letters of this size need (WCAG 2.2, 1.4.3)."""
    return LARGE_RATIO if float(style["fontSize"]) * scale >= LARGE_SHARE * longer_side else SMALL_RATIO


def ratio_over(style: dict[str, Any], behind: Picture) -> float:
    """Return the ratio that all but the worst quarter of the pixels behind a word reach."""
    letter = luminance(np.array([rgb_of(style["color"])[:3]], np.float64))[0]
    outline = style.get("stroke")
    if outline and float(outline["width"]) >= OUTLINE_SHARE * float(style["fontSize"]):
        ground = over(rgb_of(outline["color"]), behind)
    elif style.get("background"):
        ground = over(rgb_of(style["background"]["color"]), behind)
    else:
        ground = behind.reshape(-1, behind.shape[-1])[:, :3].astype(np.float64)
    ratios = contrast(letter, luminance(ground))
    return float(np.quantile(ratios, WORST_SHARE))


def over(colour: tuple[float, float, float, float], behind: Picture) -> Floats:
    """Return the pixels behind with a colour laid over them."""
    pixels = behind.reshape(-1, behind.shape[-1])[:, :3].astype(np.float64)
    mixed: Floats = np.array(colour[:3]) * colour[3] + pixels * (1 - colour[3])
    return mixed


def rgb_of(colour: str) -> tuple[float, float, float, float]:
    """Return ``#RRGGBB`` or ``#RRGGBBAA`` as 0..255, alpha as 0..1."""
    red, green, blue = (float(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return red, green, blue, int(colour[7:9], 16) / 255 if len(colour) == 9 else 1.0


def luminance(rgb: Floats) -> Floats:
    """Return the relative luminance (0..1) of sRGB pixels (0..255); shape (n, 3) to (n,)."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    result: Floats = linear @ np.array([0.2126, 0.7152, 0.0722])
    return result


def contrast(one: float, others: Floats) -> Floats:
    """Return WCAG's ratio, 1 to 21, of a luminance and each of others."""
    ratios: Floats = (np.maximum(one, others) + 0.05) / (np.minimum(one, others) + 0.05)
    return ratios


def best_outline(colour: str) -> str:
    """Return black or white, whichever stands out more from a colour."""
    letter = luminance(np.array([rgb_of(colour)[:3]], np.float64))[0]
    black, white = contrast(letter, np.array([0.0, 1.0]))
    return "#000000" if black >= white else "#FFFFFF"


def crop(picture: Picture, box: Box) -> Picture:
    """Return the part of a picture under a box."""
    left, top = max(0, int(box[0])), max(0, int(box[1]))
    part: Picture = picture[top : max(top, int(box[1] + box[3])), left : max(left, int(box[0] + box[2]))]
    return part
