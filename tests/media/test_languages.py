"""Other languages than English: found in the whole file, and timed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.errors import PermanentError
from tasks.media.audio import SPEECH_RATE, decode_speech_audio
from tasks.speech import SpeechOptions, transcribe_file
from tasks.speech.engine import load_engine
from tasks.speech.language import find_language, take_stretches
from tests import spoken
from tests.media.test_speech_times import start_errors
from tests.weights import models_folder, weights

GERMAN = (
    "Das Boot verließ den Hafen früh am Morgen mit sieben Menschen an Bord.",
    "Niemand erwartete, dass sich das Wetter vor dem Abendessen ändern würde.",
)
ITALIAN = (
    "La barca lasciò il porto la mattina presto con sette persone a bordo.",
    "Nessuno si aspettava che il tempo cambiasse prima di cena.",
)
PORTUGUESE = (
    "O barco deixou o porto de manhã cedo com sete pessoas a bordo.",
    "Ninguém esperava que o tempo mudasse antes do jantar.",
)
ENGLISH = "The boat left the harbor early in the morning with seven people on board."


@pytest.fixture(scope="module")
def options() -> SpeechOptions:
    weights("base")
    return SpeechOptions(model="base", device="cpu", model_dir=str(models_folder()))


def speech(folder: Path, text: str, voice: str, *, length_s: float) -> np.ndarray:
    """Speech at the beginning of so much silence."""
    audio = decode_speech_audio(spoken.say(text, voice=voice).write(folder / "said.wav"))
    return np.concatenate([audio, np.zeros(int(length_s * SPEECH_RATE) - len(audio), np.float32)])


def test_german_words_begin_within_ninety_milliseconds_in_the_language_found(
    options: SpeechOptions, tmp_path: Path
) -> None:
    said = spoken.join(*(spoken.say(text, voice="de", words_a_minute=140) for text in GERMAN))

    heard = transcribe_file(said.write(tmp_path / "de.wav"), options=options)
    errors = start_errors(said, heard)

    assert (heard.language, heard.alignment_method) == ("de", "dtw")
    assert heard.language_probability > 0.5
    assert len(errors) >= 0.5 * len(said.words)
    assert float(np.mean(np.abs(errors))) <= 0.090


@pytest.mark.parametrize(("language", "texts"), [("it", ITALIAN), ("pt", PORTUGUESE)])
def test_languages_near_to_english_sounds_are_aligned(
    options: SpeechOptions, tmp_path: Path, language: str, texts: tuple[str, ...]
) -> None:
    said = spoken.join(*(spoken.say(text, voice=language, words_a_minute=140) for text in texts))

    heard = transcribe_file(said.write(tmp_path / "said.wav"), options=options, language=language)
    errors = start_errors(said, heard)

    assert heard.alignment_method == "pocketsphinx"
    assert len(errors) >= 10
    assert float(np.mean(np.abs(errors))) <= 0.060


def test_the_language_is_the_one_of_most_of_the_file_not_of_its_beginning(
    options: SpeechOptions, tmp_path: Path
) -> None:
    english = speech(tmp_path, ENGLISH, "en-us", length_s=30)
    german = speech(tmp_path, " ".join(GERMAN), "de", length_s=30)
    engine = load_engine(options)

    first = find_language(engine, [english], duration_s=30)
    whole = find_language(engine, [english, german], duration_s=60)

    assert first is not None
    assert whole is not None
    assert (first[0], whole[0]) == ("en", "de")


def test_no_speech_has_no_language(options: SpeechOptions) -> None:
    assert find_language(load_engine(options), [np.zeros(SPEECH_RATE, np.float32)], duration_s=1) is None


def test_a_language_no_model_knows_is_refused(options: SpeechOptions, tmp_path: Path) -> None:
    path = spoken.write_wav(tmp_path / "x.wav", np.zeros(1600, np.int16), 16000)

    with pytest.raises(PermanentError) as caught:
        transcribe_file(path, options=options, language="tlh")

    assert caught.value.code == "speech.language_unsupported"


@pytest.mark.parametrize(("length_s", "starts"), [(12, [0]), (45, [0, 15]), (600, [0, 142.5, 285, 427.5, 570])])
def test_stretches_are_spread_over_the_file(length_s: int, starts: list[float]) -> None:
    ramp = np.arange(length_s * SPEECH_RATE, dtype=np.float32)
    pieces = [ramp[at : at + 80_000] for at in range(0, len(ramp), 80_000)]

    stretches = take_stretches(pieces, duration_s=length_s)

    assert [float(stretch[0]) / SPEECH_RATE for stretch in stretches] == starts
    assert {len(stretch) for stretch in stretches} == {min(30, length_s) * SPEECH_RATE}
