"""All that one listens for in a song, in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.contracts.music import (
    UNKNOWN,
    Curve,
    Genre,
    Key,
    Loudness,
    Meter,
    Mood,
    SongAnalysis,
    SongSection,
    Tempo,
    VideoType,
)
from tasks.media.loudness import measure_loudness
from tasks.music import harmony
from tasks.music.character import METHOD, find_traits, guess_genre, guess_mood, suggest_video
from tasks.music.energy import STEP_S, energy_curve
from tasks.music.engine import Engine, Heard, Rhythm, load_engine
from tasks.music.form import find_sections
from tasks.music.onsets import Floats, find_onsets
from tasks.music.options import MusicOptions
from tasks.music.sound import Sound, load_sound
from tasks.music.tagging import Tagger, find_tagger, name_genre, name_mood
from tasks.music.tempo import describe_tempo

Progress = Callable[[float, float], None]
SILENT = "Nothing is loud enough to be heard"
_STAGES = 6


@dataclass(frozen=True)
class Listened:
    """An analysis, and the samples that its waveform is drawn from."""

    analysis: SongAnalysis
    samples: Floats


def analyze_song(path: Path, *, options: MusicOptions | None = None, progress: Progress | None = None) -> Listened:
    """Analyse a song; what cannot be told is ``unknown`` or None, with the reason.

    :param progress: called with stages done and in all; what it raises stops the work.
    Errors: those of opening media; ``media.too_long``, ``music.no_sound``, ``music.too_short``,
    ``music.engine_unavailable``, ``music.model_unusable``.
    """
    options = options or MusicOptions.from_environment()
    report: Progress = progress or (lambda done, total: None)
    engine, tagger = load_engine(options), find_tagger(options.genre_model)
    sound = load_sound(
        path,
        limits=options.limits,
        longest_s=options.longest_s,
        tick=lambda done_s, total_s: report(done_s / total_s, _STAGES),
    )
    report(1, _STAGES)
    loudness = measure_loudness(path, options.limits)
    report(2, _STAGES)
    if sound.is_silent:
        return Listened(describe_silence(sound, engine, loudness), sound.samples)
    heard = Heard(sound, find_onsets(sound.samples), harmony.find_chroma(sound.samples))
    report(3, _STAGES)
    rhythm = engine.find_rhythm(heard)
    report(5, _STAGES)
    analysis = describe(heard, engine, rhythm, loudness)
    if tagger is not None and analysis.tempo.bpm is not None:
        analysis = name_by_model(analysis, tagger, tagger.judge(path, options.limits))
    report(_STAGES, _STAGES)
    return Listened(analysis, sound.samples)


def describe(heard: Heard, engine: Engine, rhythm: Rhythm, loudness: Loudness) -> SongAnalysis:
    """Put together what was heard."""
    sound = heard.sound
    tempo = describe_tempo(rhythm)
    key = engine.find_key(heard)
    if tempo.bpm is None and key.name != UNKNOWN:
        key = replace(key, confidence=round(key.confidence / 2, 3), reason="Without a pulse this may be no music")
    energy = energy_curve(sound.samples, heard.onsets)
    traits = find_traits(sound.samples, heard.onsets, tempo=tempo, key=key, loudness=loudness, energy=energy)
    mood = guess_mood(traits, is_silent=False)
    has_pulse = tempo.bpm is not None
    return SongAnalysis(
        duration_s=round(sound.duration_s, 4),
        engine=engine.name,
        engine_version=engine.version,
        tempo=tempo,
        meter=rhythm.meter,
        key=key,
        loudness=loudness,
        energy=energy,
        genre=guess_genre(traits, has_pulse=has_pulse),
        mood=mood,
        video_type=suggest_video(mood, traits, has_pulse=has_pulse),
        beats=_times(rhythm.beats, sound.duration_s),
        downbeats=_times(rhythm.downbeats, sound.duration_s),
        key_spans=harmony.find_key_spans(heard.chroma, sound.duration_s, key),
        sections=find_sections(
            sound.samples,
            heard.chroma,
            downbeats=rhythm.downbeats,
            duration_s=sound.duration_s,
            energy=np.array(energy.values, np.float32),
        ),
    )


def name_by_model(analysis: SongAnalysis, tagger: Tagger, scores: dict[str, float]) -> SongAnalysis:
    """Put what a model says in the place of what was estimated."""
    genre, mood = name_genre(tagger, scores, analysis.genre), name_mood(tagger, scores, analysis.mood)
    return replace(analysis, genre=genre, mood=mood)


def _times(times: NDArray[np.float64], duration_s: float) -> tuple[float, ...]:
    return tuple(round(float(time), 4) for time in times if 0 <= time < duration_s)


def describe_silence(sound: Sound, engine: Engine, loudness: Loudness) -> SongAnalysis:
    """Return the analysis of a sound in which there is nothing to hear."""
    count = max(1, int(sound.duration_s / STEP_S))
    return SongAnalysis(
        duration_s=round(sound.duration_s, 4),
        engine=engine.name,
        engine_version=engine.version,
        tempo=Tempo(None, 0.0, "none", reason=SILENT),
        meter=Meter(0, 0.0, "none", reason=SILENT),
        key=Key(UNKNOWN, 0.0, "none", SILENT),
        loudness=loudness,
        energy=Curve(STEP_S, (0.0,) * count),
        genre=Genre(UNKNOWN, 0.0, METHOD, reason=SILENT),
        mood=Mood(UNKNOWN, METHOD, reason=SILENT),
        video_type=VideoType("abstract", SILENT),
        sections=(SongSection(0.0, round(sound.duration_s, 4), "verse", 0, 0.0),),
    )
