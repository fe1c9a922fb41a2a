"""A file heard in parts by several workers is the file heard in one go."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tasks.contracts import Transcript
from tasks.contracts.hearing import HeardPart
from tasks.errors import TransientError
from tasks.speech import SpeechOptions, SpeechRequest, transcribe_file
from tasks.speech.blocks import BlockRange
from tasks.speech.diarize import VoiceWindows
from tasks.speech.engine import load_engine
from tasks.speech.models import find_model
from tasks.speech.parts import join_parts, read_voices, to_part, write_voices
from tasks.speech.pipeline import finish_transcript, hear_file
from tests import media_samples as samples
from tests.conftest import require

SMALL = SpeechOptions(model="tiny.en", device="cpu", block_s=12.0, search_s=5.0)


@pytest.fixture(scope="module", autouse=True)
def _model() -> None:
    try:
        find_model(SMALL)
    except TransientError as error:
        require(False, f"a Whisper model ({error.detail})")


@pytest.fixture(scope="module")
def in_one_go() -> Transcript:
    return transcribe_file(samples.speech_wav(), options=SMALL)


def plain(transcript: Transcript) -> list[str]:
    return re.findall(r"[a-z]+", " ".join(segment.text for segment in transcript.segments).lower())


def test_parts_joined_are_one_pass_to_the_millisecond(in_one_go: Transcript) -> None:
    engine, request = load_engine(SMALL), SpeechRequest()
    ranges = [BlockRange(0, 1), BlockRange(1, 3), BlockRange(3, None), BlockRange(40, None)]

    parts = [
        HeardPart.from_json(
            to_part(hear_file(samples.speech_wav(), engine, options=SMALL, request=request, wanted=wanted)).to_json()
        )
        for wanted in ranges
    ]
    joined = finish_transcript(join_parts(parts), engine, request=request, diarizer=None)

    assert [bool(part.segments) for part in parts] == [True, True, True, False]
    assert joined == in_one_go


def test_no_word_is_lost_or_said_twice_at_the_seams(in_one_go: Transcript) -> None:
    """Three seams of blocks cost no more words than hearing the file as a whole."""
    from tests.media.test_transcription import edit_distance

    said = re.findall(r"[a-z]+", samples.TWO_CITIES_TEXT.lower())

    assert edit_distance(said, plain(in_one_go)) / len(said) < 0.10


def test_a_silent_file_in_parts_is_an_empty_transcript(tmp_path: Path) -> None:
    path = samples.make_tone(tmp_path / "silence.wav", duration_s=30, hertz=0.0)
    engine, request = load_engine(SMALL), SpeechRequest()

    parts = [
        to_part(hear_file(path, engine, options=SMALL, request=request, wanted=wanted))
        for wanted in (BlockRange(0, 1), BlockRange(1, None))
    ]
    joined = finish_transcript(join_parts(parts), engine, request=request, diarizer=None)

    assert joined == transcribe_file(path, options=SMALL)
    assert (joined.segments, joined.duration_s) == ((), 30.0)


def test_voices_of_a_part_read_back_the_same(tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).random((3, 256), np.float32)

    write_voices(tmp_path / "voices.npz", [VoiceWindows((0.5, 1.0), vectors[:2]), VoiceWindows((7.25,), vectors[2:])])
    read = read_voices(tmp_path / "voices.npz")

    assert read.middles == (0.5, 1.0, 7.25)
    assert np.array_equal(read.vectors, vectors)


def test_a_language_told_by_one_part_holds_for_all() -> None:
    silent = HeardPart(None, 1.0, "none", 0, 600.0)
    spoken = HeardPart("de", 0.9, "dtw", 0, 1200.0)

    joined = join_parts([silent, spoken, replace(silent, heard_s=1500.0)])

    assert (joined.language, joined.probability, joined.method, joined.heard_s) == ("de", 0.9, "dtw", 1500.0)
