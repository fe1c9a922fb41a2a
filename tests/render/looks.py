"""Scenarios in the presets' looks."""

from __future__ import annotations

from typing import Any

from tasks.contracts import Segment, Transcript, Word
from tasks.scenario import motions
from tasks.scenario.build import scenario_from_transcript

SAYING = ("It", "was", "the", "best", "of", "times", "my", "YMRWA")


def look(
    preset: str, *, width: int, height: int, texts: tuple[str, ...] = SAYING, word_s: float = 0.4
) -> dict[str, Any]:
    """Return a scenario that says words one after the other from 0 s on."""
    words = tuple(Word(f"w{n}", text, round(n * word_s, 3), round((n + 1) * word_s, 3)) for n, text in enumerate(texts))
    segment = Segment("s", " ".join(texts), 0.0, words[-1].end, words)
    transcript = Transcript("en", 1.0, words[-1].end, "e", "1", "m", "dtw", (segment,))
    return scenario_from_transcript(transcript, width=width, height=height, preset=preset)


def in_motion(motion: str, *, width: int, height: int, texts: tuple[str, ...] = SAYING[:4]) -> dict[str, Any]:
    """Return a scenario of one caption in a named motion; its second word has an emphasis."""
    document = look("highlight", width=width, height=height, texts=texts)
    (named,) = [entry for entry in motions() if entry["name"] == motion]
    document["tracks"][0]["animation"] = named["animation"]
    document["tracks"][0]["cues"][0]["words"][1]["emphasis"] = True
    return document
