"""From a file to a transcript: decode, hear, align, tell speakers, repair.

A file is heard in one go, or in parts by several workers whose cuts are the same (:mod:`tasks.speech.blocks`).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tasks.config import WorkerSettings
from tasks.contracts import Transcript
from tasks.contracts.transcript import Diarization
from tasks.media.audio import SPEECH_RATE, Samples, iter_speech_audio, read_header
from tasks.media.limits import MediaLimits
from tasks.speech.align import align_segment, can_align
from tasks.speech.blocks import WHOLE, BlockRange, iter_blocks
from tasks.speech.diarize import name_speakers
from tasks.speech.engine import UNKNOWN_LANGUAGE, Engine, Heard, HeardSegment, load_engine
from tasks.speech.language import find_language
from tasks.speech.onset import snap_to_sound
from tasks.speech.options import SpeechOptions, SpeechRequest
from tasks.speech.speakers import Diarizer, choose_diarizer
from tasks.speech.words import build_segments, glue_pieces, shift

Progress = Callable[[float, float], None]


@dataclass
class Hearing:
    """What is known so far about a file, or about a part of it."""

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
    request: SpeechRequest | None = None,
    progress: Progress | None = None,
) -> Transcript:
    """Transcribe a media file; no sound or no speech gives an empty transcript.

    :param settings: a worker's settings, or :param options: those of speech; without both the environment is read.
    :param language: ISO 639-1 code to force; None detects. :param request: all wishes, instead of the language alone.
    :param progress: called with seconds of audio done and in all; what it raises stops the work.
    Errors: those of probing; ``speech.model_missing``, ``speech.diarization_unavailable`` (transient);
    ``speech.engine_unavailable`` and ``speech.language_unsupported`` (permanent).
    """
    if options is None:
        options = SpeechOptions.from_settings(settings) if settings else SpeechOptions.from_environment()
    request = request or SpeechRequest(language)
    engine = load_engine(options)
    diarizer = choose_diarizer(options, request) if request.diarize else None
    hearing = hear_file(path, engine, options=options, request=request, diarizer=diarizer, progress=progress)
    return finish_transcript(hearing, engine, request=request, diarizer=diarizer)


def hear_file(
    path: Path,
    engine: Engine,
    *,
    options: SpeechOptions,
    request: SpeechRequest,
    wanted: BlockRange = WHOLE,
    diarizer: Diarizer | None = None,
    progress: Progress | None = None,
) -> Hearing:
    """Hear a file, or only the wanted blocks of it."""
    report: Progress = progress or (lambda done_s, total_s: None)
    total_s = audio_length_s(path, options.limits)
    hearing = _start(path, engine, options, request, total_s)
    blocks = iter_blocks(
        iter_speech_audio(path, options.limits), block_s=options.block_s, search_s=options.search_s, wanted=wanted
    )
    for start_s, audio in blocks:
        _hear_block(
            hearing,
            engine,
            (start_s, audio),
            hotwords=", ".join(request.hotwords),
            report=lambda done_s: report(min(done_s, total_s), total_s),
        )
        if diarizer is not None:
            diarizer.add(audio, start_s=start_s)
        hearing.heard_s = start_s + len(audio) / SPEECH_RATE
    return hearing


def _start(path: Path, engine: Engine, options: SpeechOptions, request: SpeechRequest, total_s: float) -> Hearing:
    """Settle the language before anything is heard, so that every block is heard in the same one."""
    if request.language is not None:
        engine.check_language(request.language)
        return Hearing(request.language)
    if not engine.is_multilingual:
        return Hearing(None)
    found = find_language(engine, iter_speech_audio(path, options.limits), duration_s=total_s)
    return Hearing(*found) if found else Hearing(None)


def _hear_block(
    hearing: Hearing,
    engine: Engine,
    block: tuple[float, Samples],
    *,
    hotwords: str,
    report: Callable[[float], None],
) -> None:
    start_s, audio = block
    report(start_s)
    heard = engine.hear(audio, language=hearing.language, hotwords=hotwords)
    found = False
    # Words are aligned in a thread of their own while the engine, which lets it run, hears on.
    with ThreadPoolExecutor(max_workers=1) as pool:
        placed: list[Future[None]] = []
        for segment in heard.segments:
            found = True
            placed.append(pool.submit(_place, hearing, segment, block, heard))
            report(start_s + segment.end)
        for done in placed:
            done.result()
    if found:
        hearing.method = heard.method
        if hearing.language is None:  # the model knows one language, or so little is said that only this block tells
            hearing.language, hearing.probability = heard.language, heard.language_probability
    report(start_s + len(audio) / SPEECH_RATE)


def _place(hearing: Hearing, segment: HeardSegment, block: tuple[float, Samples], heard: Heard) -> None:
    """Add a segment with the best times for its words; segments come in order."""
    start_s, audio = block
    after_s = hearing.segments[-1].end - start_s if hearing.segments else 0.0
    glued = glue_pieces(segment, language=heard.language)
    hearing.segments.append(shift(_align(hearing, glued, audio, heard, after_s=max(0.0, after_s)), start_s))


def _align(hearing: Hearing, segment: HeardSegment, audio: Samples, heard: Heard, *, after_s: float) -> HeardSegment:
    """Return the segment with the best word times there are; only those of DTW can be bettered."""
    if heard.method != "dtw":
        return segment
    language = heard.language
    aligned = align_segment(segment, audio, language=language, after_s=after_s) if can_align(language) else None
    hearing.aligned += aligned is not None
    return aligned or snap_to_sound(segment, audio)


def finish_transcript(
    hearing: Hearing, engine: Engine, *, request: SpeechRequest, diarizer: Diarizer | None
) -> Transcript:
    """Name speakers, number words, and say how all of it was found."""
    turns = diarizer.turns(request.speakers) if diarizer is not None and hearing.segments else []
    language = hearing.language or UNKNOWN_LANGUAGE
    segments = build_segments(name_speakers(hearing.segments, turns), language=language, duration_s=hearing.heard_s)
    method = hearing.method if segments else "none"
    if method == "dtw" and hearing.aligned * 2 > len(hearing.segments):
        method = "pocketsphinx"
    speakers = len({word.speaker for segment in segments for word in segment.words if word.speaker})
    return Transcript(
        language=language,
        language_probability=round(hearing.probability, 4) if hearing.language else 0.0,
        duration_s=round(hearing.heard_s, 3),
        engine=engine.name,
        engine_version=engine.version,
        model=engine.model,
        alignment_method=method,
        segments=segments,
        model_sha256=engine.model_sha256,
        diarization=_describe(request, diarizer, speakers),
    )


def _describe(request: SpeechRequest, diarizer: Diarizer | None, speakers: int) -> Diarization | None:
    if not request.diarize:
        return None
    if diarizer is None:
        return Diarization("none", 0, is_certain=False)
    return Diarization(diarizer.method, speakers, is_certain=request.speakers == speakers)


def audio_length_s(path: Path, limits: MediaLimits) -> float:
    """Return how long the container says that it is, in seconds; above zero always."""
    return max(0.001, read_header(path, limits).duration_s)
