"""A song becomes known: listening, and the words where nobody has heard them yet."""

from __future__ import annotations

from tasks.contracts.music import SongOrder
from tasks.names import TaskName
from tasks.workflows.captions import TRANSCRIBE
from tasks.workflows.plan import StepSpec

ANALYZE = "analyze"


def build_song_steps(order: SongOrder, *, lyrics: bool, language: str | None = None) -> list[StepSpec]:
    """Plan the analysis of a song, and beside it, with ``lyrics``, the transcription of its words.

    :param language: ISO 639-1 code to force, or None to detect.
    """
    steps = [StepSpec(ANALYZE, TaskName.MUSIC_ANALYZE, order.to_json())]
    if lyrics:
        media = {"object_key": order.object_key, "size_bytes": order.size_bytes}
        steps.append(StepSpec(TRANSCRIBE, TaskName.SPEECH_TRANSCRIBE, {**media, "language": language}))
    return steps
