"""Bodies of the analysis steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tasks.attempt import StepContext
from tasks.contracts.music import UNKNOWN, Key, Loudness, SongHeard, Tempo
from tasks.contracts.samples import SampleExtracted, SampleHeard
from tasks.errors import PermanentError
from tasks.music.options import MusicOptions

_NOT_HEARD = ("music.too_short", "media.too_long")
"""A sample that is too short to have a tempo, or longer than songs that are analysed, is one all the same."""


def analyze(context: StepContext) -> dict[str, Any]:
    """Fetch the song, listen to it and store its waveform."""
    # Here and not above: librosa and what it brings load in the process that listens, not in every worker.
    from tasks.media.waveform import write_waveform
    from tasks.music.analysis import analyze_song
    from tasks.music.onsets import RATE

    context.plan_stages(download=5, analyze=94, upload=1)
    with context.source_copy() as path:
        listened = analyze_song(
            path,
            options=MusicOptions.from_settings(context.settings),
            progress=lambda done, total: context.progress(done, total, stage="analyze", unit="stages"),
        )
    outline = write_waveform(context.scratch / "waveform.json", listened.samples, RATE)
    key = context.put_output("waveform.json", outline, content_type="application/json")
    return SongHeard(listened.analysis, key).to_json()


def analyze_sample(context: StepContext) -> dict[str, Any]:
    """Fetch a sample's sound and listen for tempo, beats, key and loudness."""
    made = SampleExtracted.from_json(context.results["extract"])
    context.plan_stages(download=10, analyze=90)
    with context.source_copy(made.wav_key) as path:
        heard = hear_sample(
            path,
            made.duration_s,
            options=MusicOptions.from_settings(context.settings),
            progress=lambda done, total: context.progress(done, total, stage="analyze", unit="stages"),
        )
    return heard.to_json()


def hear_sample(
    path: Path, duration_s: float, *, options: MusicOptions, progress: Callable[[float, float], None] | None = None
) -> SampleHeard:
    """Return what is heard in a sample; of one too short or too long to tell it is unknown, with the reason."""
    from tasks.music.analysis import analyze_song

    try:
        told = analyze_song(path, options=options, progress=progress).analysis
    except PermanentError as error:
        if error.code not in _NOT_HEARD:
            raise
        nothing = Loudness(None, None, None, error.detail)
        return SampleHeard(
            duration_s, "none", Tempo(None, 0.0, "none", reason=error.detail), Key(UNKNOWN, 0.0, "none"), nothing
        )
    return SampleHeard(told.duration_s, told.engine, told.tempo, told.key, told.loudness, told.beats, told.downbeats)
