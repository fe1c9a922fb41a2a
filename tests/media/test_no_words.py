"""Where nobody speaks there are no words; where somebody does, names can be hinted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.errors import TransientError
from tasks.speech import SpeechOptions, SpeechRequest, transcribe_file
from tasks.speech.models import find_model
from tests import noises, spoken
from tests.conftest import require

TINY = SpeechOptions(model="tiny.en", device="cpu")
SOUNDS = {
    "hiss": noises.hiss(12),
    "quiet hiss": noises.hiss(12, level=0.002),
    "rumble": noises.rumble(12),
    "applause": noises.applause(12),
    "music": noises.music(12),
    "music and applause": noises.music(12) // 2 + noises.applause(12) // 2,
    "silence": np.zeros(12 * noises.RATE, np.int16),
}


@pytest.fixture(scope="module", autouse=True)
def _model() -> None:
    try:
        find_model(TINY)
    except TransientError as error:
        require(False, f"a Whisper model ({error.detail})")


@pytest.mark.parametrize("sound", SOUNDS)
def test_sound_without_a_voice_has_no_words(tmp_path: Path, sound: str) -> None:
    heard = transcribe_file(spoken.write_wav(tmp_path / "sound.wav", SOUNDS[sound], noises.RATE), options=TINY)

    assert (heard.segments, heard.alignment_method, heard.duration_s) == ((), "none", 12.0)


def test_music_after_speech_adds_no_words(tmp_path: Path) -> None:
    said = spoken.say("The boat left the harbor early in the morning.", voice="en-us")
    length_s = len(said.samples) / said.rate
    tune = np.interp(
        np.arange(int(15 * said.rate)) / said.rate, np.arange(15 * noises.RATE) / noises.RATE, noises.music(15)
    )
    path = spoken.write_wav(tmp_path / "tune.wav", np.concatenate([said.samples, tune.astype(np.int16)]), said.rate)

    words = [word for segment in transcribe_file(path, options=TINY).segments for word in segment.words]

    assert 7 <= len(words) <= 11
    assert words[-1].end <= length_s + 0.2


def test_a_hinted_name_is_written_as_hinted(tmp_path: Path) -> None:
    path = spoken.say("Please give the book to Katarzyna in the morning.", voice="en-us").write(tmp_path / "name.wav")

    plain = transcribe_file(path, options=TINY)
    hinted = transcribe_file(path, options=TINY, request=SpeechRequest(hotwords=("Katarzyna",)))

    assert "Katarzyna" not in " ".join(segment.text for segment in plain.segments)
    assert "Katarzyna" in " ".join(segment.text for segment in hinted.segments)
