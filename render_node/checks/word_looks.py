"""Which colours a word has in its time on screen, as ``stage/motion.js`` and ``stage/paint.js`` give them to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.scenario import SceneCue, SceneWord

Inks = tuple[str, ...]
BEFORE, WHILE, AFTER = "before it is spoken", "while it is spoken", "once it was spoken"


@dataclass(frozen=True)
class WordLook:
    """How a word is painted for a part of its time.

    :param when: which part, in words; empty where it always looks so.
    :param inks: its colour, or each stop of its gradient, or both sides of a sweep.
    :param box: colour of the shape behind the spoken word; it takes the word's outline away.
    :param dim: opacity of the word within its caption.
    """

    when: str
    inks: Inks
    box: str = ""
    dim: float = 1.0


def looks_of(cue: SceneCue, index: int) -> list[WordLook]:
    """Return every look that a word has while it is on screen, in time's order."""
    word, reveal = cue.words[index], cue.animation["reveal"]
    looks = [look_while(cue, word)]
    if reveal == "all" and word.start > cue.start:
        looks.insert(0, look_before(cue, word))
    if reveal != "one-word" and index + 1 < len(cue.words):
        looks.append(look_after(cue, word))
    if len({(look.inks, look.box, look.dim) for look in looks}) == 1:
        return [WordLook("", looks[0].inks, looks[0].box, looks[0].dim)]
    return looks


def look_before(cue: SceneCue, word: SceneWord) -> WordLook:
    """Return how it looks as long as it has not been spoken."""
    unspoken = cue.animation["unspoken"]
    return WordLook(BEFORE, cycle_of(cue) or one(unspoken.get("color")) or usual(word), dim=unspoken.get("opacity", 1))


def look_while(cue: SceneCue, word: SceneWord) -> WordLook:
    """Return how it looks while it is the spoken word."""
    motion = motion_of(cue, word)
    box = motion["box"]["color"] if motion["box"] else ""
    if motion["sweep"]:
        unsung = one(cue.animation["unspoken"].get("color")) or usual(word)
        return WordLook(WHILE, (*unsung, *one(motion["color"])), box)
    return WordLook(WHILE, stops_of(motion["gradient"]) or one(motion["color"]) or usual(word), box)


def look_after(cue: SceneCue, word: SceneWord) -> WordLook:
    """Return how it looks when a later word is spoken."""
    motion, spoken = motion_of(cue, word), cue.animation["spoken"]
    own = one(spoken.get("color"))
    if motion["sweep"]:
        sung = own or one(motion["color"])
        inks = sung or cycle_of(cue) or one(cue.animation["unspoken"].get("color")) or usual(word)
    else:
        inks = cycle_of(cue) or own or usual(word)
    return WordLook(AFTER, inks, dim=spoken.get("opacity", 1))


def motion_of(cue: SceneCue, word: SceneWord) -> dict[str, Any]:
    """Return what being spoken does to a word."""
    motion: dict[str, Any] = word.active or cue.animation["active"]
    return motion


def usual(word: SceneWord) -> Inks:
    """Return the inks of a word's style, emphasis included."""
    return stops_of(word.style["gradient"]) or one(word.style["color"])


def cycle_of(cue: SceneCue) -> Inks:
    """Return the colours that words run through when they are not the spoken one."""
    return tuple(cue.animation["loop"]["colors"] or ())


def stops_of(gradient: dict[str, Any] | None) -> Inks:
    """Return the colours of a gradient, none for none."""
    return tuple(stop["color"] for stop in gradient["stops"]) if gradient else ()


def one(colour: str | None) -> Inks:
    """Return a colour as inks, none for none."""
    return (colour,) if colour else ()
