"""Clip plans over HTTP: exact sums, cuts on beats, one's own sections, refusals."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.api.farm import Caller
from tests.api.test_songs import ready, song

__all__ = ["ready", "song"]  # fixtures


def test_a_plan_fills_the_suggested_sections_and_costs_nothing_offline(user: Caller, ready: str) -> None:
    plan = user.post(f"/songs/{ready}/clips/plan", {}, expect=200)

    assert (plan["fps_num"], plan["frame_count"], plan["duration"]) == (30, 1200, 40.0)
    assert [section["frame_count"] for section in plan["sections"]] == [495, 705]
    assert sum(clip["frame_count"] for clip in plan["clips"]) == 1200
    assert all(3 <= clip["duration"] <= 10 for clip in plan["clips"])
    assert all(abs(clip["from_beat_ms"]) <= 1000 / 60 for clip in plan["clips"][1:])
    assert plan["estimate"]["provider"] == "offline"
    assert plan["estimate"]["cost_usd"] == 0.0
    assert plan["estimate"]["clip_count"] == len(plan["clips"])
    assert user.post(f"/songs/{ready}/clips/plan", {}, expect=200) == plan


def test_ones_own_sections_and_words_are_planned_for(user: Caller, ready: str) -> None:
    wanted = [
        {"start": 0, "end": 10, "label": "intro", "note": ""},
        {"start": 10, "end": 40, "label": "chorus", "note": "rain"},
    ]
    made = user.post(f"/songs/{ready}/sections", {"sections": wanted}, expect=201)["items"]

    plan = user.post(f"/songs/{ready}/clips/plan", {"fps": "29.97", "prompt": "neon city"}, expect=200)

    assert [section["id"] for section in plan["sections"]] == [one["id"] for one in made]
    assert (plan["fps_num"], plan["fps_den"], plan["frame_count"]) == (30000, 1001, 1199)
    assert plan["clips"][-1]["prompt"].startswith("neon city, rain, ")


def test_a_song_that_was_not_heard_has_no_plan(user: Caller, song: dict[str, Any]) -> None:
    assert user.expect(409, "POST", f"/songs/{song['id']}/clips/plan", {})["code"] == "song.not_analyzed"


def test_what_cannot_be_planned_is_refused(user: Caller, ready: str) -> None:
    path = f"/songs/{ready}/clips/plan"

    assert user.expect(422, "POST", path, {"fps": "31"})["code"] == "request.invalid"
    assert user.expect(422, "POST", path, {"prompt": "x" * 501})["code"] == "request.invalid"
    assert user.expect(404, "POST", f"/songs/{uuid4()}/clips/plan", {})["code"] == "song.not_found"
