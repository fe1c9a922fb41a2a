"""From a transcript to a scenario: words grouped into cues of a readable size (ring 0)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tasks.contracts import Transcript, Word
from tasks.errors import InvalidInputError
from tasks.scenario.parse import presets

LONGEST_PAUSE_S = 0.7
"""A pause this long begins a new cue: keeping words up longer reads as lag."""
LINGER_S = 0.35
"""How long a cue stays after its last word, when nothing follows at once."""
MAX_CHARACTERS = 26
LENGTHS = (
    "fontSize", "letterSpacing", "wordSpacing", "width", "offsetX", "offsetY", "blur", "radius", "paddingX", "paddingY",
    "borderRadius",
)  # fmt: skip
SENTENCE_ENDS = (".", "!", "?", "…", "。", "\uff1f", "\uff01")


def scenario_from_transcript(
    transcript: Transcript, *, width: int, height: int, preset: str = "pop", max_words: int = 4
) -> dict[str, Any]:
    """Build a scenario document of one caption track in a preset's look.

    Word ids and times are kept exactly; no cue overlaps the next. Raises ``scenario.unknown_preset``.

    :param width: canvas in pixels, :param height: likewise; lengths are scaled to the shorter side.
    """
    chosen = find_preset(preset)
    words = [word for segment in transcript.segments for word in segment.words]
    groups = list(group_words(words, max_words=max_words))
    style = scale_lengths(chosen["style"], min(width, height))
    cues = [build_cue(index, group, groups) for index, group in enumerate(groups)]
    return {
        "version": "1",
        "canvas": {"width": width, "height": height},
        "seed": 0,
        "styles": {"caption": style},
        "tracks": [
            {
                "id": "captions",
                "type": "captions",
                "style": "caption",
                "animation": chosen["animation"],
                "cues": cues,
            }
        ],
    }


def find_preset(name: str) -> dict[str, Any]:
    """Return a preset by name; raise ``scenario.unknown_preset``."""
    known = {preset["name"]: preset for preset in presets()}
    if name not in known:
        raise InvalidInputError("scenario.unknown_preset", f"There is no preset {name}", {"known": sorted(known)})
    return known[name]


def scale_lengths(value: Any, side: int) -> Any:
    """Turn lengths given as fractions of the shorter side into pixels."""
    if isinstance(value, dict):
        return {
            key: round(inner * side, 1)
            if key in LENGTHS and not isinstance(inner, dict)
            else scale_lengths(inner, side)
            for key, inner in value.items()
        }
    return [scale_lengths(item, side) for item in value] if isinstance(value, list) else value


def group_words(words: list[Word], *, max_words: int) -> Iterator[list[Word]]:
    """Cut words into groups at pauses, sentence ends, and where a group gets too long to read at a glance."""
    group: list[Word] = []
    for word in words:
        if group and must_break(group, word, max_words):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def must_break(group: list[Word], word: Word, max_words: int) -> bool:
    """Tell whether a word begins a new group."""
    length = sum(len(w.text) + 1 for w in group) + len(word.text)
    return (
        len(group) >= max_words
        or length > MAX_CHARACTERS
        or word.start - group[-1].end > LONGEST_PAUSE_S
        or group[-1].text.endswith(SENTENCE_ENDS)
        or group[-1].speaker != word.speaker
    )


def build_cue(index: int, group: list[Word], groups: list[list[Word]]) -> dict[str, Any]:
    """Describe one group; it lingers after its last word until the next begins."""
    following = groups[index + 1][0].start if index + 1 < len(groups) else float("inf")
    end = max(group[-1].end, min(group[-1].end + LINGER_S, following))
    cue: dict[str, Any] = {
        "id": f"c{index + 1:05d}",
        "start": group[0].start,
        "end": round(end, 3),
        "words": [{"id": word.id, "text": word.text, "start": word.start, "end": word.end} for word in group],
    }
    if group[0].speaker:
        cue["speaker"] = group[0].speaker
    return cue
