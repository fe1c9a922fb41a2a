"""Texts are said by the engine in a process apart."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from tasks.contracts.voices import LONGEST_TEXT, TIMBRES, VOICES, Speech, clean_text, find_voice
from tasks.errors import InvalidInputError, PermanentError
from tasks.media.limits import MediaLimits
from tasks.sounds.espeak import find_library, open_library
from tasks.sounds.speaker import get_speaker

WALLS = "required" if shutil.which("bwrap") else "auto"


def say(folder: Path, text: str, voice: str = "en-us", rate: int = 175, *, max_s: float = 60.0) -> np.ndarray:
    target = folder / f"{abs(hash((text, voice, rate)))}.wav"
    length_s = get_speaker(MediaLimits(walls=WALLS), folder).speak(Speech(text, voice, rate), target, max_s=max_s)
    with wave.open(str(target)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert (file.getnchannels(), file.getframerate()) == (1, 22_050)
    assert length_s == pytest.approx(len(samples) / 22_050)
    return samples


def test_a_text_is_said_at_its_rate_by_its_voice(tmp_path: Path) -> None:
    text = "The quick brown fox jumps over the lazy dog, and then it does so again."
    usual, again, fast = (say(tmp_path, text, rate=rate) for rate in (175, 175, 350))
    assert 2.5 * 22_050 < len(usual) < 8 * 22_050
    assert np.array_equal(usual, again)
    assert len(fast) == pytest.approx(len(usual) / 2, rel=0.25)
    other = say(tmp_path, text, "en-us+f3")
    assert not np.array_equal(usual, other[: len(usual)])
    assert np.abs(usual).max() > 3000


def test_markup_and_switches_are_read_out_not_obeyed(tmp_path: Path) -> None:
    plain, marked = (
        say(tmp_path, "Hello"),
        say(tmp_path, '<voice name="de"><prosody rate="300%">Hello</prosody></voice>'),
    )
    assert len(marked) > len(plain)
    assert len(say(tmp_path, "--version -f /etc/passwd")) > 0


def test_what_cannot_be_said_is_refused_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as silent:
        say(tmp_path, "\u2003\u200b", "cmn")
    assert silent.value.code == "tts.silent"
    with pytest.raises(PermanentError) as long:
        say(tmp_path, "word " * 100, rate=80, max_s=2.0)
    assert long.value.code == "sound.too_long"


@pytest.mark.parametrize("text", ["", " \n\t ", "…!?", "bell \x07", "a" * (LONGEST_TEXT + 1), "\ud800"])
def test_texts_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        clean_text(text)
    assert refused.value.code == "tts.bad_text"


def test_a_text_has_one_spelling() -> None:
    assert clean_text("  Cafe\u0301 \n au\tlait ") == "Caf\u00e9 au lait"
    assert Speech("a", "en-us").sha256 == Speech("a", "en-us", 175).sha256
    assert len({Speech("a", "en-us").sha256, Speech("b", "en-us").sha256, Speech("a", "de").sha256}) == 3


@pytest.mark.parametrize("voice", ["xx", "en-us+", "en-us+q9", "en-us+f3+f3", "../en", "", "en-us\n"])
def test_voices_that_are_none_are_refused(voice: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        find_voice(voice)
    assert refused.value.code == "tts.unknown_voice"


def test_every_voice_of_the_table_is_one_of_the_engine() -> None:
    library, _ = open_library()
    assert len(VOICES) == 132
    missing = [name for name in VOICES.values() if library.espeak_SetVoiceByName(name.encode())]
    assert missing == []
    timbres = find_library() / "espeak-ng-data" / "voices" / "!v"
    assert set(TIMBRES) <= {path.name for path in timbres.iterdir()}
