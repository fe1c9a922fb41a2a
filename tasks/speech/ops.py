"""Bodies of the transcription steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tasks.attempt import StepContext
from tasks.contracts.hearing import HeardPart
from tasks.media.audio import iter_speech_audio
from tasks.speech.blocks import BlockRange, iter_blocks
from tasks.speech.engine import load_engine
from tasks.speech.options import SpeechOptions, SpeechRequest
from tasks.speech.parts import join_parts, read_voices, to_part, write_voices
from tasks.speech.pipeline import finish_transcript, hear_file, transcribe_file
from tasks.speech.speakers import Diarizer, VoiceDiarizer, choose_diarizer


def transcribe(context: StepContext) -> dict[str, Any]:
    """Fetch the upload and return its Transcript; of a long one, join what others heard."""
    parts = context.results.get("hear")
    if parts:
        return _join(context, [HeardPart.from_json(part) for part in parts])
    context.plan_stages(download=5, transcribe=95)
    with context.source_copy() as path:
        transcript = transcribe_file(
            path,
            options=SpeechOptions.from_settings(context.settings),
            request=SpeechRequest.from_input(context.input),
            progress=_progress(context),
        )
    return transcript.to_json()


def hear(context: StepContext) -> dict[str, Any]:
    """Fetch the upload, hear some blocks of it, and return a HeardPart."""
    context.plan_stages(download=5, transcribe=95)
    options, request = SpeechOptions.from_settings(context.settings), SpeechRequest.from_input(context.input)
    diarizer = choose_diarizer(options, request) if request.diarize else None
    voices = diarizer if isinstance(diarizer, VoiceDiarizer) else None
    wanted = BlockRange(context.input["first_block"], context.input["stop_block"])
    with context.source_copy() as path:
        hearing = hear_file(
            path,
            load_engine(options),
            options=options,
            request=request,
            wanted=wanted,
            diarizer=voices,
            progress=_progress(context, wanted.first * options.block_s),
        )
    return to_part(hearing, voices_key=_put_voices(context, voices)).to_json()


def _put_voices(context: StepContext, voices: VoiceDiarizer | None) -> str:
    if voices is None:
        return ""
    path = context.scratch / "voices.npz"
    write_voices(path, voices.heard)
    return context.put_output("voices.npz", path, content_type="application/octet-stream")


def _join(context: StepContext, parts: list[HeardPart]) -> dict[str, Any]:
    options, request = SpeechOptions.from_settings(context.settings), SpeechRequest.from_input(context.input)
    engine = load_engine(options)
    diarizer = choose_diarizer(options, request) if request.diarize else None
    if diarizer is not None:
        _listen_again(context, diarizer, parts, options=options)
    return finish_transcript(join_parts(parts), engine, request=request, diarizer=diarizer).to_json()


def _listen_again(context: StepContext, diarizer: Diarizer, parts: list[HeardPart], *, options: SpeechOptions) -> None:
    """Give the diarizer the voices that the parts found; where some found none, all of the sound."""
    if isinstance(diarizer, VoiceDiarizer) and all(part.voices_key for part in parts):
        for part in parts:
            with context.source_copy(part.voices_key) as path:
                diarizer.heard.append(read_voices(path))
        return
    with context.source_copy() as path:
        for start_s, audio in iter_blocks(
            iter_speech_audio(Path(path), options.limits), block_s=options.block_s, search_s=options.search_s
        ):
            diarizer.add(audio, start_s=start_s)


def _progress(context: StepContext, start_s: float = 0.0) -> Callable[[float, float], None]:
    """Report seconds heard, of those that follow ``start_s``."""

    def report(done_s: float, total_s: float) -> None:
        context.progress(max(0.0, done_s - start_s), max(0.001, total_s - start_s), stage="transcribe", unit="s")

    return report
