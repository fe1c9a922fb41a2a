"""Who speaks when: voices compared window by window, and words given to them.

The windows of a whole file are kept as vectors (5 kB a second of speech), so that memory stays small in long files.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from tasks.media.audio import SPEECH_RATE, Samples
from tasks.speech.clusters import group_voices
from tasks.speech.engine import HeardSegment, HeardWord
from tasks.speech.voices import WINDOW, Floats, VoiceEncoder, mel_frames

METHOD = "resemblyzer"

_HOP = 20
_FRAME_S = 0.01
_EDGE_S = 0.1


@dataclass(frozen=True)
class Turn:
    """A stretch in which one voice speaks; seconds from the media's start."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True)
class VoiceWindows:
    """Voices of some audio: the second in the middle of each window, and its vector."""

    middles: tuple[float, ...]
    vectors: Floats


def listen(encoder: VoiceEncoder, audio: Samples, *, start_s: float) -> VoiceWindows:
    """Return the voices in the speech of 16 kHz audio that begins ``start_s`` into its media."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    middles: list[float] = []
    windows: list[Floats] = []
    for spoken in get_speech_timestamps(audio, VadOptions(min_silence_duration_ms=200, speech_pad_ms=50)):
        frames = mel_frames(audio[spoken["start"] : spoken["end"]])
        for first in _window_starts(len(frames)):
            window = frames[first : first + WINDOW]
            middles.append(start_s + spoken["start"] / SPEECH_RATE + (first + len(window) / 2) * _FRAME_S)
            repeats = -(-WINDOW // len(window))
            windows.append(np.tile(window, (repeats, 1))[:WINDOW])
    return VoiceWindows(tuple(middles), encoder.encode(_stack(windows)))


def _stack(windows: list[Floats]) -> Floats:
    return np.stack(windows) if windows else np.zeros((0, WINDOW, 40), np.float32)


def _window_starts(frames: int) -> list[int]:
    if frames <= WINDOW:
        return [0]
    return [*range(0, frames - WINDOW, _HOP), frames - WINDOW]


def find_turns(heard: list[VoiceWindows], *, speakers: int | None) -> list[Turn]:
    """Return who speaks around each window; speakers are named in order of appearance, ``S1`` first."""
    middles = [middle for part in heard for middle in part.middles]
    if not middles:
        return []
    labels = group_voices(np.concatenate([part.vectors for part in heard]), count=speakers)
    half_s = WINDOW * _FRAME_S / 2
    edges = [(before + after) / 2 for before, after in itertools.pairwise(middles)]
    starts = [middles[0] - half_s, *edges]
    ends = [*edges, middles[-1] + half_s]
    return [Turn(start, end, f"S{label + 1}") for start, end, label in zip(starts, ends, labels.tolist(), strict=True)]


def name_speakers(segments: list[HeardSegment], turns: list[Turn]) -> list[HeardSegment]:
    """Return the segments with a speaker per word, cut where the speaker changes."""
    if not turns:
        return segments
    starts = np.asarray([turn.start for turn in turns])
    named: list[HeardSegment] = []
    for segment in segments:
        words = [replace(word, speaker=_speaker_of(word, turns, starts)) for word in segment.words]
        named += _cut_by_speaker(segment, _without_blips(words))
    return named


def _speaker_of(word: HeardWord, turns: list[Turn], starts: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    """Return who speaks for most of a word and its edges."""
    begin_s, end_s = word.start - _EDGE_S, word.end + _EDGE_S
    first = max(0, int(np.searchsorted(starts, begin_s, side="right")) - 1)
    last = max(first + 1, int(np.searchsorted(starts, end_s)))
    shares: dict[str, float] = {}
    for turn in turns[first:last]:
        shares[turn.speaker] = shares.get(turn.speaker, 0.0) + min(end_s, turn.end) - max(begin_s, turn.start)
    return max(shares, key=lambda speaker: shares[speaker])


def _without_blips(words: list[HeardWord]) -> list[HeardWord]:
    """Give a single word between two of another voice, in one segment, to that voice: windows are longer than words."""
    smooth = list(words)
    for number in range(1, len(words) - 1):
        before, after = smooth[number - 1].speaker, words[number + 1].speaker
        if before == after != words[number].speaker:
            smooth[number] = replace(words[number], speaker=before)
    return smooth


def _cut_by_speaker(segment: HeardSegment, words: list[HeardWord]) -> list[HeardSegment]:
    groups: list[list[HeardWord]] = []
    for word in words:
        if groups and groups[-1][-1].speaker == word.speaker:
            groups[-1].append(word)
        else:
            groups.append([word])
    return [HeardSegment(group[0].start, group[-1].end, tuple(group)) for group in groups] or [segment]
