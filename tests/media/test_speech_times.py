"""Words begin where a voice with known times says that they do."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import numpy as np
import pytest

from tasks.contracts import Transcript
from tasks.errors import TransientError
from tasks.speech import SpeechOptions, transcribe_file
from tasks.speech.models import find_model
from tests import spoken
from tests.conftest import require
from tests.spoken import Spoken

TINY = SpeechOptions(model="tiny.en", device="cpu")
ENGLISH = (
    "The boat left the harbor early in the morning with seven people on board.",
    "Nobody expected the weather to change before the evening meal was ready.",
    "In 1859 we had 24 ships and about 300 sailors.",
)


@pytest.fixture(scope="module", autouse=True)
def _model() -> None:
    try:
        find_model(TINY)
    except TransientError as error:
        require(False, f"a Whisper model ({error.detail})")


def plain(text: str) -> str:
    return re.sub(r"\W", "", text.lower())


def start_errors(said: Spoken, heard: Transcript) -> list[float]:
    """Seconds by which words begin late, of those that were heard as they were said."""
    words = [word for segment in heard.segments for word in segment.words]
    matcher = difflib.SequenceMatcher(
        None, [plain(text) for text, _ in said.words], [plain(word.text) for word in words], autojunk=False
    )
    return [
        words[block.b + n].start - said.words[block.a + n][1]
        for block in matcher.get_matching_blocks()
        for n in range(block.size)
    ]


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> tuple[Spoken, Transcript]:
    said = spoken.join(*(spoken.say(text, voice="en-us") for text in ENGLISH))
    return said, transcribe_file(said.write(tmp_path_factory.mktemp("said") / "en.wav"), options=TINY)


def test_english_words_begin_within_thirty_milliseconds(english: tuple[Spoken, Transcript]) -> None:
    said, heard = english

    errors = start_errors(said, heard)

    assert heard.alignment_method == "pocketsphinx"
    assert len(errors) >= 0.75 * len(said.words)
    assert float(np.mean(np.abs(errors))) <= 0.030


def test_numbers_are_timed_like_words(english: tuple[Spoken, Transcript]) -> None:
    said, heard = english
    words = {plain(word.text): word for segment in heard.segments for word in segment.words}

    for number in ("24", "300"):
        known_s = next(start_s for text, start_s in said.words if text == number)
        assert words[number].start == pytest.approx(known_s, abs=0.15)
        assert words[number].end - words[number].start > 0.3


def test_an_unknown_name_does_not_cost_its_neighbours_their_times(tmp_path: Path) -> None:
    """No dictionary has the name; the words around it are aligned all the same."""
    from tasks.media.audio import decode_speech_audio
    from tasks.speech.align import align_segment
    from tasks.speech.engine import HeardSegment, HeardWord

    said = spoken.say("Nobody told Zorblexia about the meal", voice="en-us")
    audio = decode_speech_audio(said.write(tmp_path / "name.wav"))
    texts = [text for text, _ in said.words]
    rough = tuple(HeardWord(text, start_s + 0.1, start_s + 0.2, 0.5) for text, start_s in said.words)

    aligned = align_segment(HeardSegment(0.2, len(audio) / 16000, rough), audio)

    assert aligned is not None
    assert [word.text for word in aligned.words] == texts
    assert [word.start for word in aligned.words] == pytest.approx([start_s for _, start_s in said.words], abs=0.1)
