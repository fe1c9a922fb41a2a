"""Exact word times by forced alignment with pocketsphinx, whose English acoustic model is in its wheel.

Whisper's own word times (DTW) are off by about 100 ms; this aligner's by 20 ms. Figures are aligned as they are spoken,
words that its dictionary lacks by a guessed sound. Languages whose sounds English nearly has are sounded out by their
spelling. A segment whose result strays keeps its times.
"""

from __future__ import annotations

import importlib.util
import statistics
import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tasks.media.audio import SPEECH_RATE, Samples
from tasks.speech.engine import HeardSegment, HeardWord
from tasks.speech.phones import LANGUAGES, sound_out
from tasks.speech.spell import guess_phones, speak

_PAD_S = 0.25
_PAD_LONG_S = 1.0
_FRAME_S = 0.01
_STRAYED_S = 0.5
# The default beams (1e-48) lose the right path of voices unlike those of the training, and then nothing is found.
_BEAMS = dict.fromkeys(("beam", "wbeam", "pbeam"), 1e-150)
# English is heard well enough by every other frame, the two nearest Gaussians and narrower beams: less than half the
# work, word starts as close (21 ms both ways). Other languages, whose sounds fit less, lose segments by it.
_THRIFT = {"ds": 2, "topn": 2, **dict.fromkeys(("beam", "wbeam", "pbeam"), 1e-80)}
_ROOM_NOISE = np.float32(1e-4)
_lock = threading.Lock()
_decoders: dict[bool, Any] = {}


@dataclass(frozen=True)
class _Aligned:
    """One reading of a segment, when each of its spoken pieces was heard, and how well it fits the sound."""

    spoken: list[list[str]]
    times: list[tuple[float, float]]
    score: float


def can_align(language: str) -> bool:
    """Tell whether the aligner is installed and knows the language, or one whose sounds are near to it."""
    return (language == "en" or language in LANGUAGES) and importlib.util.find_spec("pocketsphinx") is not None


def align_segment(
    segment: HeardSegment, audio: Samples, *, language: str = "en", after_s: float = 0.0
) -> HeardSegment | None:
    """Return the segment with aligned word times, or None when that fails.

    :param audio: 16 kHz; the segment's times count from its start. :param after_s: where the words before it end; an
        engine may start a segment late, so it is looked for back to there, a second at most.
    """
    begin_s = max(0.0, segment.start - _PAD_LONG_S, min(after_s, segment.start - _PAD_S))
    piece = audio[int(begin_s * SPEECH_RATE) : int((segment.end + _PAD_S) * SPEECH_RATE)]
    readings = _readings(segment) if language == "en" else _foreign_readings(segment, language)
    found = [made for spoken in readings if (made := _align_reading(spoken, piece)) is not None]
    if not found:
        return None
    best = max(found, key=lambda made: made.score)
    words = _place(segment.words, best.spoken, [(begin_s + start, begin_s + end) for start, end in best.times])
    if _strayed(segment.words, words):
        return None
    return HeardSegment(words[0].start, words[-1].end, tuple(words))


def _place(words: tuple[HeardWord, ...], spoken: list[list[str]], times: list[tuple[float, float]]) -> list[HeardWord]:
    """Give each word the time of its pieces; what has none to speak, like a dash, stands where the last word ended."""
    placed: list[HeardWord] = []
    taken, now = 0, times[0][0]
    for word, pieces in zip(words, spoken, strict=True):
        start, end = (times[taken][0], times[taken + len(pieces) - 1][1]) if pieces else (now, now)
        placed.append(replace(word, start=start, end=end))
        taken += len(pieces)
        now = end
    return placed


def _readings(segment: HeardSegment) -> list[list[list[str]]]:
    """Return the ways to speak a segment, word by word; the sound tells which one it was."""
    as_years, as_numbers = ([speak(word.text, years=years) for word in segment.words] for years in (True, False))
    return [as_years] if as_years == as_numbers else [as_years, as_numbers]


def _foreign_readings(segment: HeardSegment, language: str) -> list[list[list[str]]]:
    """Return the one way to sound out a segment; none where it has figures, whose names only English has here."""
    if any(letter.isdigit() for word in segment.words for letter in word.text):
        return []
    return [[_foreign_pieces(word.text, language) for word in segment.words]]


def _foreign_pieces(text: str, language: str) -> list[str]:
    """Return a word as an entry of the dictionary that is none of English: its phones, marked by the language."""
    phones = sound_out(text, language)
    return [f"{language}_{phones.replace(' ', '_')}"] if phones else []


def _align_reading(spoken: list[list[str]], audio: Samples) -> _Aligned | None:
    pieces = [piece for of_word in spoken for piece in of_word]
    if not pieces or not len(audio):
        return None
    # Digital silence has no spectrum, and words would be put into it: a little noise makes it sound like a room.
    heard = audio + np.random.default_rng(0).standard_normal(len(audio), dtype=np.float32) * _ROOM_NOISE
    pcm = (np.clip(heard, -1.0, 1.0) * 32767).astype("<i2").tobytes()
    with _lock:
        return _force(spoken, pieces, pcm)


def _force(spoken: list[list[str]], pieces: list[str], pcm: bytes) -> _Aligned | None:
    decoder = _decoder(is_thrifty=not any("_" in piece for piece in pieces))
    decoder.reinit_feat()  # what it learnt of the sound before must not move the words of this segment
    for piece in pieces:
        if decoder.lookup_word(piece) is None:
            phones = piece.partition("_")[2].replace("_", " ") or guess_phones(piece)
            decoder.add_word(piece, phones, True)
    try:
        decoder.set_align_text(" ".join(pieces))
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
    except RuntimeError:
        return None
    found = list(decoder.seg()) if decoder.hyp() else []
    words = [entry for entry in found if entry.word[0] not in "<[("]
    if len(words) != len(pieces):
        return None
    times = [(entry.start_frame * _FRAME_S, (entry.end_frame + 1) * _FRAME_S) for entry in words]
    return _Aligned(spoken, times, sum(entry.ascore for entry in found))


def _strayed(before: tuple[HeardWord, ...], after: list[HeardWord]) -> bool:
    """Tell whether alignment disagrees with the engine by more than the engine can be wrong."""
    return statistics.median(abs(a.start - b.start) for a, b in zip(after, before, strict=True)) > _STRAYED_S


def warm_up() -> None:
    """Load the acoustic model and the dictionary, which the first alignment would otherwise do."""
    with _lock:
        _decoder(is_thrifty=True)


def _decoder(*, is_thrifty: bool) -> Any:
    if is_thrifty not in _decoders:
        from pocketsphinx import Decoder

        told = {**_BEAMS, **(_THRIFT if is_thrifty else {})}
        _decoders[is_thrifty] = Decoder(
            samprate=SPEECH_RATE, bestpath=False, lm=None, loglevel="FATAL", cmn="batch", **told
        )
    return _decoders[is_thrifty]
