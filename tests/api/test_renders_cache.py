"""The same order again: answered from the render that is there, charged once, for as long as its result lives."""

from __future__ import annotations

import time
from typing import Any

import pytest

import api.renders.service
from api.extensions import db
from api.jobs.models import Attempt, Step
from tasks.scenario.versions import data_versions
from tests.api.farm import HTTP, Caller, Farm, ingest, storage_used
from tests.api.test_renders import RESULT, counts, finish, order, scenario, source

__all__ = ["order", "scenario", "source"]


@pytest.fixture
def done(user: Caller, farm: Farm, order: dict[str, Any]) -> dict[str, Any]:
    """A finished render of the order."""
    render: dict[str, Any] = user.post("/renders", order, expect=202)
    finish(farm, render["job_id"])
    return user.get(f"/renders/{render['id']}")  # type: ignore[no-any-return]


def balance(user: Caller) -> int:
    return int(user.get("/credits")["balance"])


def test_an_identical_order_is_answered_at_once_with_the_finished_result(
    user: Caller, order: dict[str, Any], done: dict[str, Any]
) -> None:
    stored = storage_used(user)
    started = time.monotonic()

    again = user.post("/renders", order, expect=202)

    assert time.monotonic() - started < 1.0
    assert (again["state"], again["cached"], done["cached"]) == ("succeeded", True, False)
    assert again["id"] != done["id"] and again["job_id"] != done["job_id"]
    assert (again["asset_id"], again["receipt"]) == (done["asset_id"], done["receipt"])
    assert HTTP.get(user.get(f"/renders/{again['id']}/download")["url"]).content == RESULT
    assert storage_used(user) == stored
    assert counts(user) == (2, 2, 1, 0)


def test_its_job_has_ended_with_events_and_without_an_attempt(
    user: Caller, order: dict[str, Any], done: dict[str, Any]
) -> None:
    again = user.post("/renders", order, expect=202)

    job = user.get(f"/jobs/{again['job_id']}")
    assert (job["state"], job["progress"]["percent"], job["steps"][0]["state"]) == ("succeeded", 100.0, "succeeded")
    assert job["finished_at"] is not None
    assert job["steps"][0]["attempts"] == []
    assert db.session.query(Attempt).join(Step).filter(Step.job_id == again["job_id"]).count() == 0
    assert user.post(f"/jobs/{again['job_id']}/retry", expect=409)["code"] == "job.finished"


@pytest.mark.parametrize("change", [{"force": True}, {"output": {"crf": 30}}], ids=str)
def test_a_forced_or_different_order_is_rendered(
    user: Caller, order: dict[str, Any], done: dict[str, Any], change: dict[str, Any]
) -> None:
    other = user.post("/renders", {**order, **change}, expect=202)

    assert (other["state"], other["cached"]) == ("queued", False)


def test_one_changed_word_is_another_order(user: Caller, order: dict[str, Any], done: dict[str, Any]) -> None:
    order["scenario"]["tracks"][0]["cues"][0]["words"][0]["text"] = "Is"

    assert user.post("/renders", order, expect=202)["state"] == "queued"


def test_other_looks_motions_and_defaults_make_another_order(
    user: Caller, order: dict[str, Any], done: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.renders.service, "data_versions", lambda: {**data_versions(), "looks": "2+0"})

    assert user.post("/renders", order, expect=202)["state"] == "queued"


def test_a_deleted_result_is_no_hit(user: Caller, order: dict[str, Any], done: dict[str, Any]) -> None:
    user.delete(f"/assets/{done['asset_id']}", expect=204)

    again = user.post("/renders", order, expect=202)

    assert (again["state"], again["cached"]) == ("queued", False)


def test_a_failed_render_is_no_hit(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", order, expect=202)
    farm.fail(render["job_id"], "render", "media.truncated")

    assert user.post("/renders", order, expect=202)["state"] == "queued"


def test_an_unfinished_twin_is_named_and_not_waited_for(user: Caller, order: dict[str, Any]) -> None:
    first = user.post("/renders", order, expect=202)

    second = user.post("/renders", order, expect=202)

    assert (first["twin_id"], second["twin_id"]) == (None, first["id"])
    assert second["job_id"] != first["job_id"]
    assert second["state"] == "queued"


def test_a_hit_costs_neither_quota_nor_credits(user: Caller, order: dict[str, Any], done: dict[str, Any]) -> None:
    before = balance(user)

    user.post("/renders", order, expect=202)

    assert balance(user) == before
    assert counts(user) == (2, 2, 1, 0)


def test_a_hit_is_counted_as_ordered_and_not_as_rendered(
    user: Caller, order: dict[str, Any], done: dict[str, Any]
) -> None:
    user.post("/renders", order, expect=202)

    [today] = user.get("/usage/history")["items"]
    assert (today["renders_ordered"], today["rendered_s"]) == (2, done["receipt"]["duration_s"])


def test_the_renders_of_somebody_else_are_no_hits(
    user: Caller, other: Caller, farm: Farm, done: dict[str, Any]
) -> None:
    theirs = ingest(other, farm, words=("It", "was"), filename="holiday.mp4")
    body = {"source_asset_id": theirs, "scenario": done["scenario"]}

    assert other.post("/renders", body, expect=202)["state"] == "queued"


def test_the_same_file_brought_again_is_the_same_source(user: Caller, farm: Farm, done: dict[str, Any]) -> None:
    twice = ingest(user, farm, words=("It", "was"), filename="holiday.mp4")

    again = user.post("/renders", {"source_asset_id": twice, "scenario": done["scenario"]}, expect=202)

    assert again["scenario_hash"] == done["scenario_hash"]
    assert again["state"] == "succeeded"
