"""Estimates over HTTP: from measured renders, with price, queue and their own error."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from api.extensions import db
from tests.api.farm import Caller, Farm
from tests.api.test_renders import counts, finish, order, scenario, source

__all__ = ["order", "scenario", "source"]


def asked(order: dict[str, Any], **output: Any) -> dict[str, Any]:
    return {**order, "output": output} if output else order


def render_in(user: Caller, farm: Farm, order: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Have an order rendered by a worker that takes as long as said, by the database's clock."""
    render = user.post("/renders", {**order, "force": True}, expect=202)
    claim = farm.claim(render["job_id"], "render")
    shift = text("UPDATE attempt SET started_at = started_at - make_interval(secs => :s) WHERE token = :token")
    db.session.execute(shift, {"s": seconds, "token": claim["token"]})
    db.session.commit()
    report(farm, claim)
    done: dict[str, Any] = user.get(f"/renders/{render['id']}")
    return done


def report(farm: Farm, claim: dict[str, Any]) -> None:
    from api.extensions import get_storage
    from tests.api.farm import receipt_of, sha256_of

    key = f"{claim['output_prefix']}out.mp4"
    get_storage().put_bytes(key, b"video", content_type="video/mp4")
    result = {"object_key": key, "poster_key": None, "size_bytes": 5, "sha256": sha256_of(b"video")}
    assert farm.report(claim, result={**result, "receipt": receipt_of()}).status_code == 200


def test_without_history_the_estimate_says_so(user: Caller, order: dict[str, Any]) -> None:
    told = user.post("/renders/estimate", order, expect=200)

    assert (told["seconds"]["basis"], told["seconds"]["n"]) == ("default", 0)
    assert 0 < told["seconds"]["p50_s"] < told["seconds"]["p90_s"]
    assert told["recent_error"] == {"n": 0, "median_error_percent": None, "p90_held_percent": None}
    assert (told["frames"], told["width"], told["height"], told["cached"]) == (300, 1080, 1920, False)
    assert counts(user) == (0, 0, 0, 0)


def test_the_price_is_the_one_that_an_order_reserves(user: Caller, order: dict[str, Any]) -> None:
    before = user.get("/credits")["balance"]
    told = [user.post("/renders/estimate", asked(order, width=width), expect=200)["credits"] for width in (1080, 2160)]

    user.post("/renders", order, expect=202)

    assert told[0] == before - user.get("/credits")["balance"] > 0
    assert told[1] > told[0]


def test_what_renders_took_is_learned_and_held_against_what_was_told(
    user: Caller, farm: Farm, order: dict[str, Any]
) -> None:
    first = render_in(user, farm, order, 60.0)
    for _ in range(9):
        render_in(user, farm, order, 60.0)

    told = user.post("/renders/estimate", asked(order, crf=20), expect=200)

    assert first["predicted"]["basis"] == "default"
    assert 60 <= first["predicted"]["actual_s"] < 62
    assert (told["seconds"]["basis"], told["seconds"]["n"]) == ("history", 10)
    assert 57 < told["seconds"]["p50_s"] < 64
    assert told["recent_error"]["n"] == 10
    assert told["recent_error"]["median_error_percent"] > 10
    assert 0 <= told["recent_error"]["p90_held_percent"] <= 100


def test_the_wait_grows_with_the_queue(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    empty = user.post("/renders/estimate", order, expect=200)["queue"]
    first = user.post("/renders", order, expect=202)
    farm.claim(first["job_id"], "render")
    user.post("/renders", {**order, "force": True}, expect=202)

    busy = user.post("/renders/estimate", order, expect=200)["queue"]

    assert (empty["queued"], empty["running"], empty["workers"], empty["wait_s"]) == (0, 0, 0, 0.5)
    assert (busy["queued"], busy["running"], busy["workers"]) == (1, 1, 1)
    assert busy["wait_s"] > empty["wait_s"] + 1


def test_a_result_that_is_there_takes_and_costs_nothing(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", order, expect=202)
    finish(farm, render["job_id"])

    told = user.post("/renders/estimate", order, expect=200)

    assert (told["cached"], told["credits"], told["seconds"]["p90_s"], told["queue"]["wait_s"]) == (True, 0, 0.0, 0.0)


def test_what_could_not_be_ordered_is_not_estimated(user: Caller, other: Caller, order: dict[str, Any]) -> None:
    broken = {**order, "scenario": {"version": "1"}}

    assert user.post("/renders/estimate", broken, expect=422)["code"] == "scenario.invalid"
    assert other.post("/renders/estimate", order, expect=404)["code"] == "asset.not_found"
    assert user.post("/renders/estimate", {**order, "priority": "low"}, expect=422)["code"] == "request.invalid"
