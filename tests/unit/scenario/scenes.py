"""Small scenarios for tests."""

from __future__ import annotations

from typing import Any


def word(number: int = 1, text: str = "hello", start: float = 0.0, end: float = 0.5, **more: Any) -> dict[str, Any]:
    """Return one word."""
    return {"id": f"w{number}", "text": text, "start": start, "end": end, **more}


def cue(*words: dict[str, Any], number: int = 1, start: float = 0.0, end: float = 2.0, **more: Any) -> dict[str, Any]:
    """Return one cue; two words unless some are given."""
    said = list(words) or [word(1), word(2, "world", 0.5, 1.0)]
    return {"id": f"c{number}", "start": start, "end": end, "words": said, **more}


def scene(*cues: dict[str, Any], width: int = 1080, height: int = 1920, **track: Any) -> dict[str, Any]:
    """Return a scenario of one track."""
    shown = list(cues) or [cue()]
    return {
        "version": "1",
        "canvas": {"width": width, "height": height},
        "tracks": [{"id": "t", "type": "captions", "cues": shown, **track}],
    }
