"""Body of the transcription step."""

from __future__ import annotations

from typing import Any

from tasks.attempt import StepContext
from tasks.speech.options import SpeechOptions, SpeechRequest
from tasks.speech.pipeline import transcribe_file


def transcribe(context: StepContext) -> dict[str, Any]:
    """Fetch the upload and return its Transcript."""
    context.plan_stages(download=5, transcribe=95)
    with context.source_copy() as path:
        transcript = transcribe_file(
            path,
            options=SpeechOptions.from_settings(context.settings),
            request=SpeechRequest.from_input(context.input),
            progress=lambda done_s, total_s: context.progress(done_s, total_s, stage="transcribe", unit="s"),
        )
    return transcript.to_json()
