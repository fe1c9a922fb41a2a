"""Body of the analysis step."""

from __future__ import annotations

from typing import Any

from tasks.attempt import StepContext
from tasks.contracts.music import SongHeard


def analyze(context: StepContext) -> dict[str, Any]:
    """Fetch the song, listen to it and store its waveform."""
    # Here and not above: librosa and what it brings load in the process that listens, not in every worker.
    from tasks.media.waveform import write_waveform
    from tasks.music.analysis import analyze_song
    from tasks.music.onsets import RATE
    from tasks.music.options import MusicOptions

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
