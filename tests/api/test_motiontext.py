"""Renders ordered with MotionText documents."""

from __future__ import annotations

import json

import pytest

from tests.api.farm import Caller, Farm, ingest
from tests.unit.motiontext.documents import Json, cue, document, text


@pytest.fixture
def source(user: Caller, farm: Farm) -> str:
    return ingest(user, farm, words=("It", "was"))


def lossy() -> Json:
    return document(cue(text("t", "hello", pluginChain=[{"name": "flames"}])))


def test_an_order_takes_a_motiontext_document_and_draws_a_scenario_of_ours(user: Caller, source: str) -> None:
    order = {"source_asset_id": source, "scenario": document(), "mode": "off"}

    render = user.post("/renders", order, expect=202)
    again = user.post("/renders", order, expect=202)

    seen = user.get(f"/renders/{render['id']}")
    assert (render["unmapped"], seen["scenario"]["version"]) == ([], "1")
    assert "hello" in json.dumps(seen["scenario"])
    assert again["scenario_hash"] == render["scenario_hash"]


def test_the_answer_to_an_order_lists_what_is_lost(user: Caller, source: str) -> None:
    render = user.post("/renders", {"source_asset_id": source, "scenario": lossy()}, expect=202)

    assert [note["code"] for note in render["unmapped"]] == ["scenario.not_mapped"]
    assert user.get(f"/renders/{render['id']}")["unmapped"] == render["unmapped"]


def test_a_strict_order_refuses_what_would_lose_anything(user: Caller, source: str) -> None:
    order = {"source_asset_id": source, "scenario": lossy(), "strict": True}

    answer = user.call("POST", "/renders", order)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "scenario.motiontext_unmapped")
    assert user.get("/renders")["items"] == []


def test_an_order_with_a_broken_motiontext_document_says_where(user: Caller, source: str) -> None:
    order = {"source_asset_id": source, "scenario": {**document(), "stage": {"baseAspect": "4:3"}}}

    body = user.call("POST", "/renders", order).get_json()

    assert body["code"] == "scenario.invalid"
    assert "/stage/baseAspect" in json.dumps(body)


def test_a_motiontext_document_can_be_drawn_and_looked_at_before(user: Caller, farm: Farm) -> None:
    still = user.call("POST", "/stills", {"scenario": document(), "t": 1, "wait_s": 0})
    seen = user.call("POST", "/renders/validate", {"scenario": document(), "wait_s": 0})

    assert (still.status_code, seen.status_code) == (202, 202), (still.get_json(), seen.get_json())
