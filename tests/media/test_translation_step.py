"""The step that translates, against a server that speaks LibreTranslate's protocol."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.settings import direct_environ
from tasks.attempt import StepContext
from tasks.config import read_worker_settings
from tasks.contracts import Claim, Transcript
from tasks.contracts.translation import TranslateOrder
from tasks.errors import PermanentError
from tasks.speech.translating import translate
from tasks.storage.memory import MemoryStorage
from tests.media.platforms import Answer, Platform, Request, Running
from tests.unit.shorts.talks import evenly

TALK = evenly("One two three. Four five.", word_s=0.4)


@dataclass
class Translator(Platform):
    """Says everything backwards."""

    def answer(self, request: Request) -> Answer:
        asked = request.json
        assert (request.path, asked["source"], asked["target"]) == ("/translate", "en", "de")
        return 200, {"translatedText": [" ".join(text.split()[::-1]) for text in asked["q"]]}, {}


def context_of(url: str, scratch: Path) -> StepContext:
    """Return what a worker hands to the step."""
    settings = dataclasses.replace(read_worker_settings(direct_environ()), translate_url=url)
    claim = Claim(True, job_id="j", step_id="s", input=TranslateOrder(TALK, "de").to_json())
    return StepContext(claim, scratch, MemoryStorage(), settings)


def test_cues_keep_their_times_in_the_other_language(tmp_path: Path) -> None:
    with Running(server := Translator()):
        told = Transcript.from_json(translate(context_of(server.base_url, tmp_path)))

    assert told.language == "de"
    assert [(s.start, s.end) for s in told.segments] == [(s.start, s.end) for s in TALK.segments]
    assert told.segments[0].text == " ".join(TALK.segments[0].text.split()[::-1])
    assert all(word.estimated for segment in told.segments for word in segment.words)


def test_without_a_server_nothing_is_translated(tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as off:
        translate(context_of("", tmp_path))

    assert off.value.code == "translation.off"
