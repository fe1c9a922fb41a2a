"""The forms in which transcripts leave and come: a table of writers and one of readers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tasks.contracts import Segment, Transcript
from tasks.transcripts.formats.ass import read_ass, write_ass
from tasks.transcripts.formats.cues import Notices, bad_line, check_size
from tasks.transcripts.formats.plain import read_plain, write_plain
from tasks.transcripts.formats.srt import read_srt, write_srt
from tasks.transcripts.formats.ttml import read_ttml, write_ttml
from tasks.transcripts.formats.vtt import read_vtt, write_vtt


def export_json(transcript: Transcript) -> str:
    """Return the whole document."""
    return json.dumps(transcript.to_json(), ensure_ascii=False, indent=2) + "\n"


FORMATS: dict[str, tuple[str, Callable[[Transcript], str]]] = {
    "srt": ("application/x-subrip", write_srt),
    "vtt": ("text/vtt", write_vtt),
    "ass": ("text/x-ssa", write_ass),
    "ttml": ("application/ttml+xml", write_ttml),
    "txt": ("text/plain", write_plain),
    "json": ("application/json", export_json),
}
"""Content type and writer of each format."""


def read_json(text: str, language: str | None, notices: Notices) -> tuple[Segment, ...]:
    """Read the segments of a document as ``GET …/export?format=json`` gives it; raise ``contract.invalid`` too."""
    check_size(text)
    try:
        document: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise bad_line(error.lineno, f"the JSON is broken: {error.msg}") from error
    except RecursionError as error:
        raise bad_line(1, "the JSON lies too deep") from error
    return Transcript.from_json(document).segments


READERS: dict[str, Callable[[str, str | None, Notices], tuple[Segment, ...]]] = {
    "srt": read_srt,
    "vtt": read_vtt,
    "ass": read_ass,
    "ttml": read_ttml,
    "json": read_json,
}
"""Reader of each format with times."""


def read_file(
    kind: str, text: str, language: str | None, *, duration_s: float
) -> tuple[tuple[Segment, ...], list[dict[str, object]]]:
    """Return what a caption file says and what had to be changed; raise ``transcript.file_invalid``.

    :param duration_s: of the media; plain text is spread over it.
    """
    notices = Notices()
    if kind == "txt":
        return read_plain(text, language, notices, duration_s=duration_s), notices.items
    return READERS[kind](text, language, notices), notices.items
