"""Renders: ordered atomically, followed, cancelled, downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from api.extensions import db, get_storage
from api.jobs.models import Job
from api.renders.models import Render
from api.users.models import Plan, User
from tests.api.farm import CLIP, HTTP, Caller, Farm, at_once, ingest, receipt_of, sha256_of, storage_used
from tests.engine.test_statements import counted

RESULT = b"finished video"


@pytest.fixture
def source(user: Caller, farm: Farm) -> str:
    return ingest(user, farm, words=("It", "was"), filename="holiday.mp4")


@pytest.fixture
def scenario(user: Caller, source: str) -> dict[str, Any]:
    [transcript] = user.get(f"/transcripts?asset_id={source}")["items"]
    return user.get(f"/transcripts/{transcript['id']}/scenario?preset=pop")


@pytest.fixture
def order(source: str, scenario: dict[str, Any]) -> dict[str, Any]:
    return {"source_asset_id": source, "scenario": scenario}


def finish(farm: Farm, job_id: str) -> dict[str, Any]:
    """Report a finished render whose bytes really lie in the storage."""
    claim = farm.claim(job_id, "render")
    key, poster = f"{claim['output_prefix']}out.mp4", f"{claim['output_prefix']}poster.png"
    get_storage().put_bytes(key, RESULT, content_type="video/mp4")
    get_storage().put_bytes(poster, b"png", content_type="image/png")
    result = {
        "object_key": key,
        "poster_key": poster,
        "size_bytes": len(RESULT),
        "sha256": sha256_of(RESULT),
        "receipt": receipt_of(),
    }
    answer = farm.report(claim, result=result)
    assert answer.status_code == 200, answer.get_json()
    return {"claim": claim, "result": result}


def used(user: Caller, kind: str) -> int:
    return user.get("/usage")["quotas"][kind]["used"]


def counts(user: Caller) -> tuple[int, int, int, int]:
    """Jobs, renders, daily and concurrent renders of a user."""
    db.session.rollback()
    jobs = db.session.query(Job).filter_by(owner_id=user.id, kind="render").count()
    renders = db.session.query(Render).filter_by(owner_id=user.id).count()
    return jobs, renders, used(user, "daily_renders"), used(user, "concurrent_renders")


def test_an_order_is_accepted_with_job_location_and_reserved_quota(user: Caller, order: dict[str, Any]) -> None:
    answer = user.call("POST", "/renders", {**order, "output": {"crf": 23}, "priority": "high"})

    body = answer.get_json()
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/api/v1/renders/{body['id']}")
    assert (body["state"], body["output"]["crf"], body["output"]["codec"]) == ("queued", 23, "h264")
    assert body["links"]["events"] == f"/api/v1/jobs/{body['job_id']}/events"
    assert counts(user) == (1, 1, 1, 1)
    assert not {"owner_id"} & set(body)


def measured(client: Any) -> dict[str, float]:
    """Return what /metrics tells of renders."""
    lines = client.get("/metrics").get_data(as_text=True).splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("reelyard_render")}


def test_the_renders_of_the_last_hour_are_measured(
    user: Caller, farm: Farm, order: dict[str, Any], client: Any
) -> None:
    before = measured(client)

    drawn = user.post("/renders", order, expect=202)
    finish(farm, drawn["job_id"])
    again = user.post("/renders", order, expect=202)
    given_up = user.post("/renders", {**order, "output": {"crf": 30}}, expect=202)
    user.call("POST", f"/renders/{given_up['id']}/cancel")

    after = measured(client)
    states = {state: f'reelyard_renders{{state="{state}"}}' for state in ("succeeded", "cached", "failed", "cancelled")}
    assert user.get(f"/renders/{again['id']}")["cached"] is True
    assert {state: after[line] - before[line] for state, line in states.items()} == {
        "succeeded": 1, "cached": 1, "failed": 0, "cancelled": 1,
    }  # fmt: skip
    done = user.get(f"/renders/{drawn['id']}")
    length_s = user.get(f"/assets/{done['asset_id']}")["media"]["duration_s"]
    written = "reelyard_render_output_seconds"
    assert after[written] - before[written] == pytest.approx(length_s)
    median, most = (after[f'reelyard_render_seconds{{quantile="{share}"}}'] for share in (0.5, 0.95))
    assert 0 <= median <= most < 60


def test_a_finished_render_is_an_asset_with_receipt_and_download(
    user: Caller, farm: Farm, order: dict[str, Any], source: str
) -> None:
    render = user.post("/renders", order, expect=202)

    finish(farm, render["job_id"])

    done = user.get(f"/renders/{render['id']}")
    assert (done["state"], done["receipt"]["encoder"]) == ("succeeded", "libx264")
    asset = user.get(f"/assets/{done['asset_id']}")
    assert (asset["kind"], asset["source_asset_id"], asset["size_bytes"]) == ("render", source, len(RESULT))
    assert asset["media"]["video"]["display_height"] == 1920
    download = user.get(f"/renders/{render['id']}/download")
    assert download["filename"] == "holiday-captioned.mp4"
    assert HTTP.get(download["url"]).content == RESULT
    assert HTTP.get(user.get(f"/renders/{render['id']}/poster")["url"]).content == b"png"
    assert user.call("GET", f"/renders/{render['id']}/download?redirect=1").status_code == 302
    assert counts(user) == (1, 1, 1, 0)
    assert storage_used(user) == len(CLIP) + len(RESULT)


def test_a_result_reported_twice_makes_one_asset(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", order, expect=202)

    told = finish(farm, render["job_id"])
    farm.report(told["claim"], result=told["result"])

    assert len(user.get("/assets?kind=render")["items"]) == 1
    assert storage_used(user) == len(CLIP) + len(RESULT)


def test_a_failed_render_tells_why_and_gives_its_quota_back(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", order, expect=202)

    farm.fail(render["job_id"], "render", "media.truncated", "The file ends too early.")

    failed = user.get(f"/renders/{render['id']}")
    assert failed["state"] == "failed"
    assert failed["error"]["code"] == "media.truncated"
    assert counts(user) == (1, 1, 0, 0)
    answer = user.get(f"/renders/{render['id']}/download", expect=409)
    assert (answer["code"], answer["details"]) == ("render.not_finished", {"state": "failed"})


def test_a_cancelled_render_gives_its_quota_back(user: Caller, order: dict[str, Any]) -> None:
    render = user.post("/renders", order, expect=202)

    cancelled = user.post(f"/renders/{render['id']}/cancel", expect=202)

    assert cancelled["state"] == "cancelled"
    assert counts(user) == (1, 1, 0, 0)


def test_the_same_key_and_order_is_one_render(user: Caller, order: dict[str, Any]) -> None:
    key = {"Idempotency-Key": str(uuid4())}

    first = user.call("POST", "/renders", order, headers=key)
    again = user.call("POST", "/renders", order, headers=key)
    other_order = user.call("POST", "/renders", {**order, "priority": "low"}, headers=key)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.get_json() == first.get_json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other_order.status_code, other_order.get_json()["code"]) == (409, "idempotency.key_reused")
    assert counts(user) == (1, 1, 1, 1)


def test_a_broken_scenario_is_told_with_findings_and_reserves_nothing(user: Caller, order: dict[str, Any]) -> None:
    order["scenario"]["colour"] = "red"

    answer = user.post("/renders", order, expect=422)

    assert answer["code"] == "scenario.invalid"
    assert "/colour" in str(answer["details"]["findings"])
    assert counts(user) == (0, 0, 0, 0)


def test_a_source_that_is_not_ready_or_has_no_picture_is_refused(
    user: Caller, farm: Farm, order: dict[str, Any]
) -> None:
    sound = ingest(user, farm, video=False)

    no_picture = user.post("/renders", {**order, "source_asset_id": sound}, expect=422)
    unknown = user.post("/renders", {**order, "source_asset_id": str(uuid4())}, expect=404)

    assert (no_picture["code"], unknown["code"]) == ("render.no_video", "asset.not_found")
    assert counts(user) == (0, 0, 0, 0)


def test_a_source_of_somebody_else_is_not_found(user: Caller, other: Caller, order: dict[str, Any]) -> None:
    assert other.post("/renders", order, expect=404)["code"] == "asset.not_found"
    assert counts(other) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"owner_id": "7e294597-b506-4b9c-b7ce-1828bcc4711d"},
        {"job_id": "2f3295ab-91c8-4906-a955-b91244d586ff"},
        {"state": "succeeded"},
        {"output": {"object_key": "x"}},
        {"output": {"crf": 52}},
        {"output": {"width": 1081}},
        {"output": {"codec": "prores"}},
        {"priority": "now"},
        {"scenario": "karaoke"},
    ],
    ids=str,
)
def test_fields_that_are_unknown_or_out_of_range_are_refused(
    user: Caller, order: dict[str, Any], change: dict[str, Any]
) -> None:
    user.post("/renders", {**order, **change}, expect=422)

    assert counts(user) == (0, 0, 0, 0)


def test_concurrent_renders_stop_at_the_plans_limit(user: Caller, order: dict[str, Any]) -> None:
    cap = user.get("/usage")["quotas"]["concurrent_renders"]["cap"]
    for _ in range(cap):
        user.post("/renders", order, expect=202)

    answer = user.call("POST", "/renders", order)

    assert answer.get_json()["code"] == "quota.concurrent_renders"
    assert counts(user) == (cap, cap, cap, cap)


def test_orders_at_the_same_moment_never_pass_the_limit(app: Any, user: Caller, order: dict[str, Any]) -> None:
    cap = user.get("/usage")["quotas"]["concurrent_renders"]["cap"]

    answers = at_once(app, user, cap + 6, "POST", "/renders", order)

    assert sorted(answer.status_code for answer in answers) == [202] * cap + [429] * 6
    assert counts(user) == (cap, cap, cap, cap)


def test_orders_come_at_a_limited_rate(user: Caller, order: dict[str, Any]) -> None:
    broken = {**order, "scenario": {"colour": "red"}}

    statuses = [user.call("POST", "/renders", broken).status_code for _ in range(20)]
    refused = user.call("POST", "/renders", order)

    assert statuses == [422] * 20
    assert (refused.status_code, refused.get_json()["code"]) == (429, "rate.limited")
    assert int(refused.headers["Retry-After"]) > 0
    assert counts(user) == (0, 0, 0, 0)


@pytest.fixture
def small_plan(app: Any, user: Caller) -> Iterator[int]:
    """Room for the source, and five bytes more."""
    room = len(CLIP) + 5
    db.session.add(
        Plan(code="small", daily_renders=9, monthly_renders=9, concurrent_renders=9, storage_bytes=room, weight=1)
    )
    db.session.flush()
    db.session.query(User).filter_by(id=user.id).update({"plan_code": "small"})
    db.session.commit()
    yield room
    db.session.query(User).update({"plan_code": "free"})
    db.session.query(Plan).filter_by(code="small").delete()
    db.session.commit()


def test_finished_work_is_kept_when_the_storage_is_full_but_no_more_is_begun(
    user: Caller, farm: Farm, order: dict[str, Any], small_plan: int
) -> None:
    render = user.post("/renders", order, expect=202)

    finish(farm, render["job_id"])

    assert user.get(f"/renders/{render['id']}")["state"] == "succeeded"
    assert HTTP.get(user.get(f"/renders/{render['id']}/download")["url"]).content == RESULT
    assert storage_used(user) == small_plan
    again = user.call("POST", "/renders", {**order, "force": True})
    assert again.get_json()["code"] == "quota.storage_bytes"
    user.delete(f"/assets/{user.get('/assets?kind=render')['items'][0]['id']}", expect=204)
    assert storage_used(user) == len(CLIP)


def test_a_retry_reserves_what_the_failure_gave_back(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", order, expect=202)
    farm.fail(render["job_id"], "render", "render.crashed")
    assert counts(user) == (1, 1, 0, 0)

    user.post(f"/jobs/{render['job_id']}/retry", expect=202)

    assert counts(user) == (1, 1, 1, 1)
    finish(farm, render["job_id"])
    assert user.get(f"/renders/{render['id']}")["state"] == "succeeded"
    assert counts(user) == (1, 1, 1, 0)


@pytest.mark.security("S-5")
def test_a_worker_cannot_name_an_object_that_is_not_its_own(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", order, expect=202)
    result = {
        "object_key": f"uploads/{user.id}/{uuid4()}/source",
        "poster_key": None,
        "size_bytes": 1,
        "sha256": sha256_of(b"x"),
        "receipt": receipt_of(),
    }

    farm.report(farm.claim(render["job_id"], "render"), result=result)

    assert user.get(f"/renders/{render['id']}")["error"]["code"] == "step.foreign_key"
    assert user.get("/assets?kind=render")["items"] == []


def test_lists_are_paged_and_filtered_by_state(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    first = user.post("/renders", order, expect=202)
    finish(farm, first["job_id"])
    second = user.post("/renders", {**order, "force": True}, expect=202)

    page = user.get("/renders?limit=1")
    rest = user.get(f"/renders?limit=1&cursor={page['next_cursor']}")

    assert [item["id"] for item in page["items"] + rest["items"]] == [second["id"], first["id"]]
    assert "scenario" not in page["items"][0]
    assert [item["id"] for item in user.get("/renders?state=succeeded")["items"]] == [first["id"]]
    assert user.call("GET", "/renders?state=done").status_code == 422


def test_equal_orders_have_equal_hashes(user: Caller, order: dict[str, Any]) -> None:
    one = user.post("/renders", order, expect=202)
    user.post(f"/renders/{one['id']}/cancel", expect=202)
    two = user.post("/renders", order, expect=202)
    user.post(f"/renders/{two['id']}/cancel", expect=202)
    three = user.post("/renders", {**order, "output": {"crf": 30}}, expect=202)

    assert one["scenario_hash"] == two["scenario_hash"] != three["scenario_hash"]


def test_renders_of_others_are_not_found(user: Caller, other: Caller, order: dict[str, Any]) -> None:
    render = user.post("/renders", order, expect=202)

    for method, path in (
        ("GET", f"/renders/{render['id']}"),
        ("POST", f"/renders/{render['id']}/cancel"),
        ("GET", f"/renders/{render['id']}/download"),
        ("GET", f"/renders/{render['id']}/poster"),
    ):
        answer = other.call(method, path)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "render.not_found"), path
    assert other.get("/renders")["items"] == []
    assert user.get(f"/renders/{render['id']}")["state"] == "queued"


def test_a_source_is_kept_while_a_render_reads_it(user: Caller, order: dict[str, Any], source: str) -> None:
    render = user.post("/renders", order, expect=202)

    assert user.delete(f"/assets/{source}", expect=409)["details"]["job_ids"] == [render["job_id"]]
    user.post(f"/renders/{render['id']}/cancel", expect=202)
    user.delete(f"/assets/{source}", expect=204)
    assert user.get(f"/renders/{render['id']}")["state"] == "cancelled"


def test_a_deleted_result_is_told_as_such(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", order, expect=202)
    finish(farm, render["job_id"])
    done = user.get(f"/renders/{render['id']}")
    user.delete(f"/assets/{done['asset_id']}", expect=204)

    assert user.get(f"/renders/{render['id']}/download", expect=409)["code"] == "render.result_deleted"
    assert storage_used(user) == len(CLIP)


def test_an_order_takes_few_statements(user: Caller, order: dict[str, Any]) -> None:
    user.post("/renders", order, expect=202)
    order["scenario"]["tracks"][0]["cues"][0]["words"][0]["text"] = "Another"

    with counted() as sent:
        user.post("/renders", order, expect=202)

    assert len(sent) <= 30, sent
