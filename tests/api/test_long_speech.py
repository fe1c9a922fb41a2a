"""A long upload is heard by several workers, and its transcription waits for them and joins."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.names import TaskName
from tests.api.farm import CLIP, Caller, Farm, announce, find_step, media_of, send, transcript_of


def start(user: Caller) -> tuple[str, str]:
    ticket = announce(user, CLIP)
    assert [answer.status_code for answer in send(ticket, CLIP)] == [200]
    return user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"], ticket["asset_id"]


def steps_of(user: Caller, job_id: str) -> list[tuple[str, int, str]]:
    return [(step["name"], step["part"], step["state"]) for step in user.get(f"/jobs/{job_id}")["steps"]]


def test_long_speech_is_shared_out_and_joined(user: Caller, farm: Farm) -> None:
    job_id, asset_id = start(user)

    farm.succeed(job_id, "probe", {**media_of(), "duration_s": 1800.0})
    shared = steps_of(user, job_id)
    with pytest.raises(AssertionError, match="'claimed': False"):
        farm.claim(job_id, "transcribe")
    parts: list[dict[str, Any]] = []
    for part in range(3):
        claim = farm.claim_part(job_id, "hear", part)
        parts.append(claim["input"])
        assert farm.report(claim, result={"part": part}).status_code == 200
    joining = farm.claim(job_id, "transcribe")
    assert farm.report(joining, result=transcript_of("Hello")).status_code == 200
    farm.succeed(job_id, "poster", {"object_key": None})

    assert [(name, part) for name, part, _ in shared] == [
        ("probe", 0),
        ("transcribe", 0),
        ("poster", 0),
        ("hear", 0),
        ("hear", 1),
        ("hear", 2),
    ]
    assert find_step(job_id, "hear", 2).task == TaskName.SPEECH_HEAR.value
    assert [(given["first_block"], given["stop_block"]) for given in parts] == [(0, 1), (1, 2), (2, None)]
    assert joining["results"]["hear"] == [{"part": 0}, {"part": 1}, {"part": 2}]
    assert user.get(f"/jobs/{job_id}")["state"] == "succeeded"
    assert user.get(f"/assets/{asset_id}")["state"] == "ready"


def test_short_speech_is_heard_by_one(user: Caller, farm: Farm) -> None:
    job_id, _ = start(user)

    farm.succeed(job_id, "probe", {**media_of(), "duration_s": 1199.0})

    assert [name for name, _, _ in steps_of(user, job_id)] == ["probe", "transcribe", "poster"]


def test_media_without_sound_is_not_shared_out(user: Caller, farm: Farm) -> None:
    job_id, _ = start(user)

    farm.succeed(job_id, "probe", {**media_of(), "duration_s": 1800.0, "audio": None})

    assert [name for name, _, _ in steps_of(user, job_id)] == ["probe", "transcribe", "poster"]
