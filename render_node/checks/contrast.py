"""Whether letters stand out from the real footage behind them, by WCAG 2.2's contrast ratio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render_node.checks.boxes import Box, shown, style_patch
from render_node.checks.word_looks import WordLook, looks_of
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
OTHER = {"#000000": "#FFFFFF", "#FFFFFF": "#000000"}


@dataclass(frozen=True)
class Poor:
    """A word that is hard to read: where, in which of its looks and inks, and by how much."""

    word: SceneWord
    box: Box
    look: WordLook
    ink: str
    ratio: float
    least: float


def check_contrast(
    scenario: Scenario, layouts: list[CueLayout], samples: Iterable[tuple[int, float, Picture]]
) -> Iterator[Finding]:
    """Yield words that what is behind them swallows, in any of the colours that they have.

    :param samples: (index of a cue, time in seconds, the footage without captions as RGB in output size).
    """
    for index, t, picture in samples:
        cue, layout = scenario.cues[index], layouts[index]
        scale = layout.fit * picture.shape[1] / scenario.width
        poor = find_poor(cue, layout, picture, scale=scale)
        if poor:
            outline = choose_outline(cue, layout, picture, poor, scale=scale)
            yield tell(scenario.document, cue, poor, t=t, outline=outline)


def find_poor(cue: SceneCue, layout: CueLayout, picture: Picture, *, scale: float) -> list[Poor]:
    """Return the words of a caption that cannot be read well over a picture, each by its worst colour."""
    poor: list[Poor] = []
    for index, (word, box) in enumerate(zip(cue.words, layout.inner, strict=True)):
        behind = crop(picture, box)
        if behind.size == 0:
            continue
        least = least_ratio(word.style, scale, max(picture.shape[:2]))
        ratio, look, ink = worst_ratio(cue, index, behind)
        if ratio < least:
            poor.append(Poor(word, box, look, ink, ratio, least))
    return poor


def choose_outline(
    cue: SceneCue, layout: CueLayout, picture: Picture, poor: list[Poor], *, scale: float
) -> dict[str, Any] | None:
    """Return an outline with which the whole caption can be read, None when none makes it so."""
    worst = worst_of(poor)
    colour = best_outline(worst.ink)
    width = round(max(1.0, FIX_OUTLINE * float(worst.word.style["fontSize"])), 1)
    for choice in (colour, OTHER[colour]):
        outline = {"color": choice, "width": width}
        if not find_poor(outlined(cue, outline), layout, picture, scale=scale):
            return outline
    return None


def outlined(cue: SceneCue, outline: dict[str, Any]) -> SceneCue:
    """Return a caption with another outline; words that have one of their own keep it."""
    words = (
        replace(word, style={**word.style, "stroke": outline}) if word.style["stroke"] == cue.style["stroke"] else word
        for word in cue.words
    )
    return replace(cue, words=tuple(words))


def worst_of(poor: list[Poor]) -> Poor:
    """Return the word that is farthest from what can be read."""
    return min(poor, key=lambda entry: entry.ratio / entry.least)


def tell(
    document: dict[str, Any], cue: SceneCue, poor: list[Poor], *, t: float, outline: dict[str, Any] | None
) -> Finding:
    """Return one finding for a caption: its worst word, and an outline that would help, if one does."""
    worst = worst_of(poor)
    word, look = worst.word, worst.look
    others = f" (and {len(poor) - 1} more)" if len(poor) > 1 else ""
    when = f" {look.when}" if look.when else ""
    return make_finding(
        "caption.low_contrast",
        WARNING,
        cue,
        f"“{word.text}”{others} in {worst.ink} stands out {worst.ratio:.1f}:1 from what is behind it{when}; "
        f"{worst.least:g}:1 can be read",
        pointer=word.pointer,
        word_id=word.id,
        t=round(t, 3),
        box=shown(worst.box),
        suggestion=f"give it an outline of {outline['color']}, or a background" if outline else advise(cue, look),
        fix=style_patch(document, cue, {"stroke": outline}) if outline else None,
    )


def advise(cue: SceneCue, look: WordLook) -> str:
    """Return what helps where an outline does not."""
    if look.box:
        return f"give the spoken word another colour than its box, which is {look.box}"
    if look.dim < 1 or float(cue.style["opacity"]) < 1:
        return "make it less transparent, or give it a background"
    return "give it a background, or colours that are nearer to each other"


def least_ratio(style: dict[str, Any], scale: float, longer_side: int) -> float:
    """Return the ratio that letters of this size need (WCAG 2.2, 1.4.3)."""
    return LARGE_RATIO if float(style["fontSize"]) * scale >= LARGE_SHARE * longer_side else SMALL_RATIO


def worst_ratio(cue: SceneCue, index: int, behind: Picture) -> tuple[float, WordLook, str]:
    """Return the least ratio that a word has in any of its looks and inks, and which these are."""
    found = (
        (ratio, look, ink)
        for look in looks_of(cue, index)
        for ink, ratio in zip(look.inks, ratios_over(cue, cue.words[index], look, behind), strict=True)
    )
    return min(found, key=lambda entry: entry[0])


def ratios_over(cue: SceneCue, word: SceneWord, look: WordLook, behind: Picture) -> list[float]:
    """Return the ratio that each ink has over all but the worst quarter of the pixels behind a word.

    What lies between is laid over the footage as the stage does it: the caption's background, the spoken word's box, an
    outline that is thick enough to stand out from, then the letters; a word is dimmed and a caption faded as one.
    """
    footage = behind.reshape(-1, behind.shape[-1])[:, :3].astype(np.float64)
    ground, outline = footage, word.style["stroke"]
    if cue.style["background"]:
        ground = over(cue.style["background"]["color"], ground)
    if look.box:
        ground = over(look.box, ground)
    is_edged = not look.box and float(outline["width"]) >= OUTLINE_SHARE * float(word.style["fontSize"])
    edge = over(outline["color"], ground) if is_edged else ground

    def seen(painted: Floats) -> Floats:
        return luminance(mix(footage, mix(ground, painted, look.dim), float(cue.style["opacity"])))

    around = seen(edge)
    return [float(np.quantile(contrast(seen(over(ink, ground)), around), WORST_SHARE)) for ink in look.inks]


def over(colour: str, below: Floats) -> Floats:
    """Return pixels with a colour laid over them; one pixel for all where it hides them."""
    red, green, blue, alpha = rgb_of(colour)
    return mix(below, np.array([[red, green, blue]]), alpha)


def mix(below: Floats, above: Floats, part: float) -> Floats:
    """Return pixels with others laid over them at an opacity."""
    return above if part >= 1 else above * part + below * (1 - part)


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


def contrast(one: float | Floats, others: Floats) -> Floats:
    """Return WCAG's ratio, 1 to 21, of a luminance and each of others, or of each of both."""
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
