"""Genre and mood estimated from the signal, and the kind of video that would fit.

These are rules over tempo, loudness, colour and key, not a trained model: each answer says so in its ``method`` and
keeps its scores. They are for a first suggestion; users override them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.contracts.music import UNKNOWN, Curve, Genre, Key, Loudness, Mood, Tempo, VideoType
from tasks.music.compiled import librosa
from tasks.music.onsets import RATE, Floats, Onsets

METHOD = "signal-rules/1"
HOP = 2048
REASON = "Estimated from tempo, loudness and spectrum, not by a trained model"


@dataclass(frozen=True)
class Traits:
    """Numbers from 0 to 1 that everything here is derived from."""

    fast: float
    loud: float
    dense: float
    bright: float
    percussive: float
    bass: float
    major: float
    wide: float
    noisy: float


def find_traits(
    samples: Floats, onsets: Onsets, *, tempo: Tempo, key: Key, loudness: Loudness, energy: Curve
) -> Traits:
    """Measure the traits of a song."""
    spectrum = np.abs(librosa.stft(samples, n_fft=2048, hop_length=HOP))
    weight = spectrum.sum(axis=1)
    hertz = librosa.fft_frequencies(sr=RATE, n_fft=2048)
    total = max(float(weight.sum()), 1e-9)
    centre = float((weight * hertz).sum()) / total
    flat = float(np.median(librosa.feature.spectral_flatness(S=spectrum + 1e-7)))
    high = float(onsets.high.mean() + onsets.low.mean()) / 2
    busy = float((onsets.total > 1.0).mean())
    values = np.array(energy.values)
    major = key.confidence if key.name.endswith("major") else -key.confidence
    return Traits(
        fast=_share(tempo.bpm or 0.0, 60, 160),
        loud=_share(loudness.integrated_lufs if loudness.integrated_lufs is not None else -70.0, -30, -8),
        dense=_share(busy, 0.02, 0.2),
        bright=_share(centre, 500, 3500),
        percussive=_share(high, 0.1, 0.6),
        bass=_share(float(weight[hertz < 150].sum()) / total, 0.02, 0.3),
        major=0.5 + 0.5 * float(np.clip(major, -1, 1)),
        wide=_share(float(np.percentile(values, 90) - np.percentile(values, 10)), 0.05, 0.6),
        noisy=_share(float(np.log10(flat + 1e-9)), -4.5, -1.0),
    )


def _share(value: float, low: float, high: float) -> float:
    return round(float(np.clip((value - low) / (high - low), 0, 1)), 4)


def guess_genre(traits: Traits, *, has_pulse: bool) -> Genre:
    """Return the nearest of some wide genres."""
    t = traits
    if not has_pulse:
        return Genre(UNKNOWN, 0.0, METHOD, reason="There is no pulse to tell a genre by")
    scores = {
        "electronic": t.percussive + t.bass + t.fast + (1 - t.wide),
        "rock": t.loud + t.noisy + t.bright + t.dense,
        "hip-hop": t.bass * 1.4 + t.percussive + (1 - t.fast) + (1 - t.major) * 0.6,
        "pop": t.major + t.loud + (1 - abs(t.fast - 0.55)) + (1 - abs(t.bright - 0.5)),
        "classical": t.wide + (1 - t.percussive) + (1 - t.bass) + (1 - t.noisy),
        "ambient": (1 - t.dense) + (1 - t.percussive) + (1 - t.fast) + (1 - t.loud),
        "folk": (1 - t.bass) + t.major + (1 - t.loud) + (1 - t.noisy) * 0.8,
    }
    shares = _soften(scores, 3.0)
    name = max(shares, key=lambda genre: shares[genre])
    return Genre(name, shares[name], METHOD, shares, REASON)


def guess_mood(traits: Traits, *, is_silent: bool) -> Mood:
    """Return a mood by valence and arousal (J. Russell, "A circumplex model of affect", 1980)."""
    if is_silent:
        return Mood(UNKNOWN, METHOD, reason="Nothing is loud enough to be heard")
    t = traits
    arousal = float(np.clip(0.35 * t.fast + 0.25 * t.loud + 0.2 * t.dense + 0.2 * t.percussive, 0, 1))
    valence = float(np.clip(0.5 * t.major + 0.25 * t.fast + 0.15 * t.bright + 0.1 * (1 - t.noisy), 0, 1))
    places = {
        "energetic": (0.6, 0.85), "happy": (0.8, 0.65), "peaceful": (0.7, 0.25), "calm": (0.5, 0.15),
        "sad": (0.2, 0.25), "dark": (0.15, 0.5), "tense": (0.25, 0.75), "aggressive": (0.3, 0.95),
    }  # fmt: skip
    near = {name: -(((valence - v) ** 2 + (arousal - a) ** 2) ** 0.5) for name, (v, a) in places.items()}
    ordered = sorted(near, key=lambda name: -near[name])
    vector = {
        "valence": valence,
        "arousal": arousal,
        "danceability": float(np.clip(0.4 * t.percussive + 0.3 * (1 - abs(t.fast - 0.6)) + 0.3 * t.bass, 0, 1)),
        "acousticness": float(np.clip(1 - 0.4 * t.percussive - 0.3 * t.bass - 0.3 * t.noisy, 0, 1)),
        "tension": float(np.clip((1 - t.major) * 0.6 + t.noisy * 0.4, 0, 1)),
    }
    rounded = {name: round(value, 4) for name, value in vector.items()}
    return Mood(ordered[0], METHOD, tuple(ordered[:3]), rounded, REASON)


def _soften(scores: dict[str, float], sharpness: float) -> dict[str, float]:
    weights = {name: float(np.exp(sharpness * score)) for name, score in scores.items()}
    total = sum(weights.values())
    return {name: round(weight / total, 4) for name, weight in weights.items()}


def suggest_video(mood: Mood, traits: Traits, *, has_pulse: bool) -> VideoType:
    """Return the kind of video that the song itself suggests; whether it has words is not known here."""
    if not has_pulse:
        return VideoType("abstract", "Without a pulse there are no beats to cut on; slow pictures follow the energy")
    dance, arousal = mood.vector.get("danceability", 0.0), mood.vector.get("arousal", 0.0)
    if dance > 0.6 and arousal > 0.5:
        return VideoType("dance", f"A strong beat (danceability {dance:.2f}) carries movement cut on beats")
    if traits.wide > 0.5:
        return VideoType("narrative", "The energy rises and falls widely, as a story does")
    if arousal > 0.55:
        return VideoType("performance", f"High energy throughout (arousal {arousal:.2f}) suits people playing")
    return VideoType("abstract", f"An even, {mood.primary} song leaves room for pictures that follow the sound")
