"""Spoken sounds: asked for once, paid for when there, found again by their text and voice."""

from __future__ import annotations

from typing import Any

import pytest

from api.extensions import get_storage
from tasks.contracts.voices import SpeechOrder
from tests.api.farm import HTTP, Caller, Farm, at_once
from tests.api.test_sounds import LEVELLED, MP3

HELLO = {"text": " Hello  there ", "voice": "en-us+f3", "rate": 160}


def speak(farm: Farm, job_id: str) -> SpeechOrder:
    """Play the worker that speaks; return what it was asked for."""
    claim = farm.claim(job_id, "speak")
    keys = [f"{claim['output_prefix']}{name}" for name in ("sound.mp3", "waveform.json")]
    for key in keys:
        get_storage().put_bytes(key, MP3, content_type="audio/mpeg")
    result = {**LEVELLED.to_json(), "object_key": keys[0], "waveform_key": keys[1]}
    assert farm.report(claim, result=result).status_code == 200
    return SpeechOrder.from_json(claim["input"])


def test_a_text_becomes_a_sound_that_is_charged_when_it_is_there(user: Caller, farm: Farm) -> None:
    before = user.get("/credits")["balance"]
    told = user.post("/sounds/tts", HELLO, expect=202)
    speech = {"text": "Hello there", "voice": "en-us+f3", "rate": 160}
    assert (told["type"], told["title"], told["speech"], told["state"]) == ("TTS", "Hello there", speech, "levelling")
    assert (told["asset_id"], told["links"]["original"]) == (None, None)
    assert user.get("/credits")["held"] == 1
    order = speak(farm, told["job_id"])
    assert (order.speech.text, order.speech.voice, order.speech.rate) == tuple(speech.values())
    assert (order.target_lufs, order.ceiling_dbtp, order.max_s) == (-14.0, -1.0, 600.0)
    ready = user.get(f"/sounds/{told['id']}")
    assert (ready["state"], ready["duration_s"]) == ("ready", 2.5)
    assert (user.get("/credits")["balance"], user.get("/credits")["held"]) == (before - 1, 0)
    assert HTTP.get(user.get(f"/sounds/{told['id']}/file")["url"]).content == MP3
    assert [one["id"] for one in user.get("/sounds?types=TTS&q=there")["items"]] == [told["id"]]


def test_the_same_text_and_voice_is_one_sound_for_one_credit(user: Caller, other: Caller, farm: Farm) -> None:
    first = user.post("/sounds/tts", HELLO, expect=202)
    assert user.post("/sounds/tts", {**HELLO, "text": "Hello there"}, expect=200)["id"] == first["id"]
    speak(farm, first["job_id"])
    again = user.post("/sounds/tts", {**HELLO, "title": "Greeting"}, expect=200)
    assert (again["id"], again["state"], again["title"]) == (first["id"], "ready", "Hello there")
    assert user.get("/credits")["held"] == 0
    for change in ({"voice": "en-us"}, {"rate": 161}, {"text": "Hello there!"}):
        assert user.post("/sounds/tts", {**HELLO, **change}, expect=202)["id"] != first["id"]
    assert other.post("/sounds/tts", HELLO, expect=202)["id"] != first["id"]


def test_the_same_text_at_the_same_moment_is_ordered_once(app: Any, user: Caller) -> None:
    answers = at_once(app, user, 6, "POST", "/sounds/tts", HELLO)
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [202]
    assert len({answer.get_json()["id"] for answer in answers}) == 1
    assert user.get("/credits")["held"] == 1


def test_what_could_not_be_said_costs_nothing_and_is_tried_again(user: Caller, farm: Farm) -> None:
    before = user.get("/credits")["balance"]
    told = user.post("/sounds/tts", HELLO, expect=202)
    farm.fail(told["job_id"], "speak", "tts.silent")
    failed = user.get(f"/sounds/{told['id']}")
    assert (failed["state"], failed["error"]["code"]) == ("failed", "tts.silent")
    assert user.get("/credits")["balance"] == before
    user.post(f"/jobs/{told['job_id']}/retry", expect=202)
    farm.fail(told["job_id"], "speak", "tts.silent")
    anew = user.post("/sounds/tts", HELLO, expect=202)
    assert (anew["id"], anew["job_id"] != told["job_id"]) == (told["id"], True)
    speak(farm, anew["job_id"])
    assert user.get(f"/sounds/{told['id']}")["state"] == "ready"
    assert user.get("/credits")["balance"] == before - 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"text": "   "}, "tts.bad_text"),
        ({"text": "…"}, "tts.bad_text"),
        ({"text": "a" * 2001}, "tts.bad_text"),
        ({"text": "bell\u0007"}, "tts.bad_text"),
        ({"voice": "klingon"}, "tts.unknown_voice"),
        ({"voice": "en-us+xyz"}, "tts.unknown_voice"),
        ({"rate": 79}, "request.invalid"),
        ({"pitch": 3}, "request.invalid"),
    ],
)
def test_bad_texts_and_voices_are_refused_and_leave_nothing(user: Caller, change: dict[str, Any], code: str) -> None:
    assert user.post("/sounds/tts", {**HELLO, **change}, expect=422)["code"] == code
    assert user.get("/sounds")["items"] == []


def test_voices_are_listed(user: Caller) -> None:
    told = user.get("/sounds/voices")
    assert {"id": "en-gb", "name": "English (Great Britain)"} in told["voices"]
    assert ("f3" in told["timbres"], told["longest_text"]) == (True, 2000)
    assert told["rate"] == {"slowest": 80, "usual": 175, "fastest": 400}
