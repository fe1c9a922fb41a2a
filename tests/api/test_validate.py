"""Validation over HTTP: what is told at once, what a node looks at, and what an order does about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from api.extensions import db
from api.jobs.models import Job, Step
from api.validations.models import Validation
from tasks.contracts import RenderOutput
from tasks.contracts.check import CheckOrder, CheckResult
from tasks.names import Priority
from tasks.scenario.quality import WARNING, make_finding
from tests.api.farm import Caller, Farm
from tests.api.test_renders import counts, finish, order, scenario, source

__all__ = ["order", "scenario", "source"]


@pytest.fixture
def asked(scenario: dict[str, Any], source: str) -> dict[str, Any]:
    """A request that does not wait."""
    return {"scenario": scenario, "source_asset_id": source, "safe_area": "tiktok", "wait_s": 0}


def look(farm: Farm, job_id: str, *findings: dict[str, Any]) -> CheckOrder:
    """Play the node that looks; return what it was asked."""
    claim = farm.claim(job_id, "check")
    result = CheckResult(findings, 1080, 1920, 1, 1, "tiktok", "Chromium 1")
    assert farm.report(claim, result=result.to_json()).status_code == 200
    return CheckOrder.from_json(claim["input"])


def hurried(scenario: dict[str, Any]) -> dict[str, Any]:
    cue = scenario["tracks"][0]["cues"][0]
    cue["words"] = [{"id": "w1", "text": "incomprehensibilities", "start": cue["start"], "end": cue["start"] + 0.5}]
    cue["end"] = cue["start"] + 0.5
    return scenario


def test_a_node_is_asked_with_all_that_decides_the_findings(
    user: Caller, farm: Farm, asked: dict[str, Any], source: str
) -> None:
    told = user.post("/renders/validate", {**asked, "output": {"width": 720}, "samples": 4}, expect=202)

    job = db.session.get_one(Job, told["job_id"])
    assert (told["state"], told["valid"], told["findings"]) == ("queued", None, None)
    assert (job.kind, job.priority) == ("check", int(Priority.HIGH))
    given = look(farm, told["job_id"])
    assert (given.safe_area, given.samples, given.output.width) == ("tiktok", 4, 720)
    assert given.scenario == asked["scenario"] and given.media is not None


def test_findings_come_back_whole_and_at_once_when_asked_again(user: Caller, farm: Farm, asked: dict[str, Any]) -> None:
    first = user.post("/renders/validate", asked, expect=202)
    patch = [{"op": "replace", "path": "/tracks/0/cues/0/end", "value": 2.0}]
    given = make_finding(
        "caption.low_contrast", WARNING, None, "No", word_id="w1", t=0.5, box=[1.0, 2, 3, 4], fix=patch
    )
    look(farm, first["job_id"], given)

    again = user.post("/renders/validate", asked, expect=200)

    assert (again["id"], again["cached"], again["valid"]) == (first["id"], True, False)
    assert again["findings"] == [given]
    assert again["looked_at"] == {"width": 1080, "height": 1920, "cues": 1, "samples": 1, "safe_area": "tiktok"}
    assert user.get(f"/validations/{first['id']}")["findings"] == [given]
    assert user.post("/renders/validate", {**asked, "safe_area": "reels"}, expect=202)["id"] != first["id"]


def test_a_clean_scenario_is_valid(user: Caller, farm: Farm, asked: dict[str, Any]) -> None:
    first = user.post("/renders/validate", asked, expect=202)
    look(farm, first["job_id"])

    assert user.get(f"/validations/{first['id']}")["valid"] is True


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ({"trakcs": []}, "scenario.unknown_key"),
        ({"styles": {"caption": {"fontFamily": "Montserat"}}}, "scenario.font_unknown"),
    ],
    ids=str,
)
def test_what_cannot_be_rendered_at_all_is_told_without_a_node(
    user: Caller, asked: dict[str, Any], spoil: dict[str, Any], code: str
) -> None:
    told = user.post("/renders/validate", {**asked, "scenario": {**asked["scenario"], **spoil}}, expect=200)

    assert (told["id"], told["state"], told["valid"]) == (None, "succeeded", False)
    assert {finding["code"] for finding in told["findings"]} == {code}
    assert {finding["severity"] for finding in told["findings"]} == {"error"}
    assert db.session.query(Validation).count() == 0


def test_the_scenarios_own_safe_area_counts_unless_one_is_named(
    user: Caller, farm: Farm, asked: dict[str, Any]
) -> None:
    body = {**asked, "safe_area": "", "scenario": {**asked["scenario"], "safeArea": "shorts"}}
    usual = {**asked, "safe_area": ""}

    assert look(farm, user.post("/renders/validate", body, expect=202)["job_id"]).safe_area == "shorts"
    assert look(farm, user.post("/renders/validate", usual, expect=202)["job_id"]).safe_area == "tv"
    unknown = user.post("/renders/validate", {**asked, "safe_area": "tictok"}, expect=422)
    assert unknown["code"] == "scenario.unknown_safe_area"
    assert "tiktok" in unknown["message"]


def test_a_failure_is_told(user: Caller, other: Caller, farm: Farm, asked: dict[str, Any]) -> None:
    told = user.post("/renders/validate", asked, expect=202)
    farm.fail(told["job_id"], "check", "media.damaged")

    assert user.get(f"/validations/{told['id']}")["error"]["code"] == "media.damaged"
    assert user.post("/renders/validate", asked, expect=202)["id"] != told["id"]
    assert other.get(f"/validations/{told['id']}", expect=404)["code"] == "validation.not_found"


def test_an_order_warns_by_default_and_can_refuse_or_keep_quiet(
    user: Caller, order: dict[str, Any], scenario: dict[str, Any]
) -> None:
    order["scenario"] = hurried(scenario)

    warned = user.post("/renders", order, expect=202)
    quiet = user.post("/renders", {**order, "mode": "off"}, expect=202)
    before = counts(user)
    refused = user.post("/renders", {**order, "mode": "block"}, expect=422)

    assert [finding["code"] for finding in warned["findings"]] == ["caption.too_fast"]
    assert quiet["findings"] is None
    assert refused["code"] == "render.has_findings"
    assert refused["details"]["findings"] == warned["findings"]
    assert counts(user) == before


def test_a_face_that_stands_in_is_told_and_refused(
    user: Caller, order: dict[str, Any], scenario: dict[str, Any]
) -> None:
    cue = scenario["tracks"][0]["cues"][0]
    cue["style"] = {"fontFamily": "Montserrat", "fontWeight": 800, "fontStyle": "italic"}
    cue["words"][0]["text"] = "שלום"
    order["scenario"] = scenario

    warned = user.post("/renders", order, expect=202)
    refused = user.post("/renders", {**order, "mode": "block"}, expect=422)

    [told] = warned["findings"]
    assert (told["code"], told["severity"]) == ("font.substituted", "warning")
    assert (told["cue_id"], told["word_id"]) == (cue["id"], cue["words"][0]["id"])
    assert told["pointer"] == "/tracks/0/cues/0/words/0"
    assert "Noto Sans Hebrew 800 normal" in told["message"] and "800 italic" in told["message"]
    assert told["suggestion"] == "fontStyle normal"
    assert (refused["code"], refused["details"]["findings"]) == ("render.has_findings", [told])
    cue["style"]["fontStyle"] = "normal"
    assert user.post("/renders", {**order, "mode": "block"}, expect=202)["findings"] == []


def test_a_clean_order_passes_the_block(user: Caller, order: dict[str, Any]) -> None:
    assert user.post("/renders", {**order, "mode": "block"}, expect=202)["findings"] == []


SWALLOWED = make_finding(
    "caption.low_contrast", WARNING, None, "It cannot be read", word_id="w1", t=0.5, box=[1, 2, 3, 4]
)


def steps_of(job_id: str) -> list[tuple[str, int, list[str]]]:
    db.session.rollback()
    steps = db.session.query(Step).filter_by(job_id=job_id).order_by(Step.position)
    return [(step.name, step.part, list(step.after)) for step in steps]


def test_a_block_looks_deeply_before_anything_is_drawn(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", {**order, "mode": "block", "output": {"width": 720, "crf": 30}}, expect=202)

    assert steps_of(render["job_id"]) == [("check", 0, []), ("render", 0, ["check"])]
    assert farm.ask(render["job_id"], "render")["claimed"] is False
    given = look(farm, render["job_id"])
    assert (given.safe_area, given.samples, given.output) == ("tv", 64, RenderOutput(width=720))
    assert given.source_sha256 and given.media is not None and given.scenario == order["scenario"]
    finish(farm, render["job_id"])
    done = user.get(f"/renders/{render['id']}")
    assert (done["state"], done["error"]) == ("succeeded", None)
    assert db.session.query(Validation).count() == 0


def test_a_block_fails_the_render_with_what_was_found_and_gives_all_back(
    user: Caller, farm: Farm, order: dict[str, Any]
) -> None:
    credits, quotas = user.get("/credits"), user.get("/usage")["quotas"]
    render = user.post("/renders", {**order, "mode": "block"}, expect=202)
    assert user.get("/credits") != credits and user.get("/usage")["quotas"] != quotas

    look(farm, render["job_id"], SWALLOWED, *[{**SWALLOWED, "word_id": f"w{n}"} for n in range(30)])

    failed = user.get(f"/renders/{render['id']}")
    assert (failed["state"], failed["error"]["code"]) == ("failed", "render.has_findings")
    assert "31 flaws" in failed["error"]["message"] and "It cannot be read" in failed["error"]["message"]
    details = failed["error"]["details"]
    assert (details["findings"][0], len(details["findings"]), details["count"]) == (SWALLOWED, 20, 31)
    assert farm.ask(render["job_id"], "render")["claimed"] is False
    assert (user.get("/credits"), user.get("/usage")["quotas"]) == (credits, quotas)


def test_a_failed_block_that_is_tried_again_looks_again(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", {**order, "mode": "block"}, expect=202)
    look(farm, render["job_id"], SWALLOWED)

    user.post(f"/jobs/{render['job_id']}/retry", expect=202)

    assert farm.ask(render["job_id"], "render")["claimed"] is False
    look(farm, render["job_id"])
    finish(farm, render["job_id"])
    assert user.get(f"/renders/{render['id']}")["state"] == "succeeded"


def test_a_block_looks_once_at_each_shape_of_several_outputs(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    outputs = [{"width": 720}, {"width": 720, "crf": 30}, {"aspect": "1:1"}]
    render = user.post("/renders", {**order, "mode": "block", "outputs": outputs}, expect=202)

    assert steps_of(render["job_id"]) == [("check", 0, []), ("check", 1, []), ("render", 0, ["check"])]
    look(farm, render["job_id"])
    claim = farm.claim_part(render["job_id"], "check", 1)
    result = CheckResult((SWALLOWED,), 1080, 1080, 1, 1, "tv", "Chromium 1")
    assert farm.report(claim, result=result.to_json()).status_code == 200
    assert CheckOrder.from_json(claim["input"]).output.aspect == "1:1"
    assert user.get(f"/renders/{render['id']}")["error"]["code"] == "render.has_findings"


def test_a_result_that_nobody_looked_at_is_no_answer_to_a_block(
    user: Caller, farm: Farm, order: dict[str, Any]
) -> None:
    finish(farm, user.post("/renders", order, expect=202)["job_id"])
    blocked = user.post("/renders", {**order, "mode": "block"}, expect=202)
    assert blocked["cached"] is False
    look(farm, blocked["job_id"])
    finish(farm, blocked["job_id"])

    again = [user.post("/renders", {**order, "mode": mode}, expect=202) for mode in ("warn", "block", "block")]

    assert [one["cached"] for one in again] == [True] * 3
    assert {one["asset_id"] for one in again} == {user.get(f"/renders/{blocked['id']}")["asset_id"]}


def test_a_long_video_is_looked_at_before_its_first_piece(
    app: Any, monkeypatch: pytest.MonkeyPatch, user: Caller, farm: Farm, order: dict[str, Any]
) -> None:
    changed = replace(app.extensions["settings"], chunk_s=3.0, chunk_from_s=6.0)
    monkeypatch.setitem(app.extensions, "settings", changed)
    render = user.post("/renders", {**order, "mode": "block"}, expect=202)

    pieces = [("chunk", part, ["check"]) for part in range(3)]
    assert steps_of(render["job_id"]) == [("check", 0, []), *pieces, ("join", 0, ["chunk"])]
    assert farm.ask(render["job_id"], "chunk", 1)["claimed"] is False
    look(farm, render["job_id"])
    assert [farm.ask(render["job_id"], "chunk", part)["claimed"] for part in range(3)] == [True] * 3


def test_safe_areas_are_dated_and_public(app: Any) -> None:
    items = app.test_client().get("/api/v1/scenario/safe-areas").get_json()["items"]

    assert {"tiktok", "reels", "shorts", "feed-1x1", "feed-4x5", "tv"} <= {item["name"] for item in items}
    assert all(item["as_of"] >= "2009" and item["sources"] for item in items)
    assert all(0 <= item[side] < 0.5 for item in items for side in ("top", "right", "bottom", "left"))


def test_the_same_key_is_one_validation(user: Caller, asked: dict[str, Any]) -> None:
    key = {"Idempotency-Key": "check-1"}

    first, again = (user.call("POST", "/renders/validate", asked, headers=key) for _ in range(2))
    other = user.call("POST", "/renders/validate", {**asked, "safe_area": "none"}, headers=key)

    assert (again.status_code, again.get_json()) == (202, first.get_json())
    assert (other.status_code, other.get_json()["code"]) == (409, "idempotency.key_reused")
