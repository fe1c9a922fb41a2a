"""From a file to a transcript: decode, hear, align, repair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import av

from tasks.config import WorkerSettings
from tasks.contracts import Transcript
from tasks.media.audio import SPEECH_RATE, Samples, iter_speech_audio
from tasks.media.container import open_media
from tasks.media.limits import MediaLimits
from tasks.speech.align import align_segment, can_align
from tasks.speech.blocks import iter_blocks
from tasks.speech.engine import UNKNOWN_LANGUAGE, Engine, Heard, HeardSegment, load_engine
from tasks.speech.onset import snap_to_sound
from tasks.speech.options import SpeechOptions
from tasks.speech.words import build_segments, glue_pieces, shift

Progress = Callable[[float, float], None]


@dataclass
class _Session:
    """What is known so far about one file."""

    language: str | None
    probability: float = 1.0
    method: str = "none"
    aligned: int = 0
    heard_s: float = 0.0
    segments: list[HeardSegment] = field(default_factory=list)


def transcribe_file(
    path: Path,
    *,
    settings: WorkerSettings | None = None,
    options: SpeechOptions | None = None,
    language: str | None = None,
    progress: Progress | None = None,
) -> Transcript:
    """Transcribe a media file; no sound or no speech gives an empty transcript.

    :param settings: a worker's settings, or :param options: those of speech; without both the environment is read.
    :param language: ISO 639-1 code to force; None detects.
    :param progress: called with seconds of audio done and in all; what it raises stops the work.
    Errors: those of probing; ``speech.model_missing`` (transient); ``speech.engine_unavailable`` and
    ``speech.language_unsupported`` (permanent).
    """
    if options is None:
        options = SpeechOptions.from_settings(settings) if settings else SpeechOptions.from_environment()
    report: Progress = progress or (lambda done_s, total_s: None)
    engine = load_engine(options)
    if language is not None:
        engine.check_language(language)
    total_s = _audio_length_s(path, options.limits)
    session = _Session(language)
    for start_s, audio in iter_blocks(iter_speech_audio(path, options.limits)):
        _hear_block(session, engine, start_s, audio, report=lambda done_s: report(min(done_s, total_s), total_s))
        session.heard_s = start_s + len(audio) / SPEECH_RATE
    return _finish(session, engine)


def _hear_block(
    session: _Session, engine: Engine, start_s: float, audio: Samples, *, report: Callable[[float], None]
) -> None:
    report(start_s)
    heard = engine.hear(audio, language=session.language)
    found, after_s = False, 0.0
    for segment in heard.segments:
        found = True
        glued = glue_pieces(segment, language=heard.language)
        session.segments.append(shift(_align(session, glued, audio, heard, after_s=after_s), start_s))
        after_s = session.segments[-1].end - start_s
        report(start_s + segment.end)
    if found:
        session.method = heard.method
        if session.language is None:  # the first block with speech decides
            session.language, session.probability = heard.language, heard.language_probability
    report(start_s + len(audio) / SPEECH_RATE)


def _align(session: _Session, segment: HeardSegment, audio: Samples, heard: Heard, *, after_s: float) -> HeardSegment:
    """Return the segment with the best word times there are; only those of DTW can be bettered."""
    if heard.method != "dtw":
        return segment
    aligned = align_segment(segment, audio, after_s=after_s) if can_align(heard.language) else None
    session.aligned += aligned is not None
    return aligned or snap_to_sound(segment, audio)


def _finish(session: _Session, engine: Engine) -> Transcript:
    language = session.language or UNKNOWN_LANGUAGE
    segments = build_segments(session.segments, language=language, duration_s=session.heard_s)
    method = session.method if segments else "none"
    if method == "dtw" and session.aligned * 2 > len(session.segments):
        method = "pocketsphinx"
    return Transcript(
        language=language,
        language_probability=round(session.probability, 4) if session.language else 0.0,
        duration_s=round(session.heard_s, 3),
        engine=engine.name,
        engine_version=engine.version,
        model=engine.model,
        alignment_method=method,
        segments=segments,
        model_sha256=engine.model_sha256,
    )


def _audio_length_s(path: Path, limits: MediaLimits) -> float:
    with open_media(path, limits) as container:
        return max(0.001, (container.duration or 0) / av.time_base)
