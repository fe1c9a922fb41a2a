"""Credits of real jobs over HTTP: held, charged, given back, refused; history, events, administrators."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from api.credits import service
from api.credits.ledger import find_imbalances
from api.extensions import db
from api.users.models import Plan
from tests.api.farm import CLIP, Caller, Farm, announce, at_once, ingest, media_of, send, transcript_of
from tests.api.test_renders import finish, order, scenario, source

__all__ = ["order", "scenario", "source"]

FULL = 1000
HEARD, DRAWN = 1, 2
"""Credits for ten seconds of sound, and of a picture of 1080 by 1920."""


@pytest.fixture(autouse=True)
def balanced(app: Any) -> Iterator[None]:
    """Whatever a test did, the book adds up after it."""
    yield
    db.session.rollback()
    assert find_imbalances(db.session()) == []


def balance(user: Caller) -> tuple[int, int]:
    """What is there and what is held."""
    account = user.get("/credits")
    return account["balance"], account["held"]


def spend_down(user: Caller, left: int) -> None:
    """Leave so many credits."""
    now = user.get("/credits")["balance"]
    service.deduct(db.session(), user.id, now - left, ref=f"test:{uuid4()}", details={})  # type: ignore[arg-type]
    db.session.commit()


def transcription(user: Caller, farm: Farm) -> str:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)
    return str(user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"])


def test_an_account_tells_balance_plan_and_prices(user: Caller) -> None:
    account = user.get("/credits")

    assert (account["enabled"], account["balance"], account["held"], account["debt"]) == (True, FULL, 0, 0)
    assert (account["plan"], account["credits_per_day"], account["credit_ceiling"]) == ("free", 1000, 5000)
    prices = {price["action"]: (price["credits"], price["unit"]) for price in account["prices"]}
    assert prices["render.1080p"] == (10.0, "minute")
    assert prices["still"] == (0.0, "piece")


def test_a_transcription_is_charged_for_the_sound_that_was_heard(user: Caller, farm: Farm) -> None:
    job_id = transcription(user, farm)
    assert balance(user) == (FULL - 2, 2)

    farm.succeed(job_id, "probe", media_of())
    farm.succeed(job_id, "transcribe", transcript_of("Hello"))
    assert balance(user) == (FULL - HEARD, 0)
    farm.succeed(job_id, "poster", {"object_key": None})

    assert balance(user) == (FULL - HEARD, 0)
    [commit] = user.get(f"/credits/history?job_id={job_id}&kind=commit")["items"]
    assert (commit["action"], commit["amount"], commit["success"]) == ("transcription", 1, True)
    assert commit["details"] == {"reserved": 2, "charged": HEARD}


def test_media_longer_than_a_minute_holds_more_once_the_probe_knows(user: Caller, farm: Farm) -> None:
    job_id = transcription(user, farm)

    farm.succeed(job_id, "probe", {**media_of(), "duration_s": 600.0})

    assert balance(user) == (FULL - 20, 20)


def test_media_that_the_balance_does_not_hold_fails_with_the_reason_and_can_be_retried(
    user: Caller, farm: Farm
) -> None:
    spend_down(user, 5)
    job_id = transcription(user, farm)
    claim = farm.claim(job_id, "probe")

    farm.report(claim, result={**media_of(), "duration_s": 600.0})

    job = user.get(f"/jobs/{job_id}")
    assert (job["state"], job["error"]["code"]) == ("failed", "credits.insufficient")
    assert (job["error"]["details"]["needed"], job["error"]["details"]["available"]) == (18, 3)
    assert balance(user) == (5, 0)
    user.post(f"/jobs/{job_id}/retry", expect=202)
    farm.succeed(job_id, "probe", {**media_of(), "duration_s": 60.0})
    farm.succeed(job_id, "transcribe", transcript_of("Hello"))
    assert balance(user) == (3, 0)


def test_a_transcript_that_is_there_stays_paid_when_the_rest_fails_and_is_not_paid_twice(
    user: Caller, farm: Farm
) -> None:
    job_id = transcription(user, farm)
    farm.succeed(job_id, "probe", media_of())
    farm.succeed(job_id, "transcribe", transcript_of("Hello"))

    farm.fail(job_id, "poster", "media.damaged")
    assert balance(user) == (FULL - HEARD, 0)
    user.post(f"/jobs/{job_id}/retry", expect=202)

    assert balance(user) == (FULL - HEARD, 0)
    farm.succeed(job_id, "poster", {"object_key": None})
    assert balance(user) == (FULL - HEARD, 0)


def test_a_render_is_charged_what_its_receipt_proves(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    before, _ = balance(user)
    render = user.post("/renders", order, expect=202)
    assert balance(user) == (before - DRAWN, DRAWN)

    finish(farm, render["job_id"])

    assert balance(user) == (before - DRAWN, 0)


@pytest.mark.parametrize("end", ["fail", "cancel"])
def test_a_render_that_came_to_nothing_gives_all_back_once_and_a_retry_takes_it_again(
    user: Caller, farm: Farm, order: dict[str, Any], end: str
) -> None:
    before, _ = balance(user)
    for _ in range(2):
        render = user.post("/renders", order, expect=202)
        claim = farm.claim(render["job_id"], "render")
        if end == "cancel":
            user.post(f"/jobs/{render['job_id']}/cancel", expect=202)
            user.post(f"/jobs/{render['job_id']}/cancel", expect=202)
        else:
            farm.report(claim, failure=None, result={})
        assert balance(user) == (before, 0)

    user.post(f"/jobs/{render['job_id']}/retry", expect=202)
    assert balance(user) == (before - DRAWN, DRAWN)
    finish(farm, render["job_id"])

    assert balance(user) == (before - DRAWN, 0)
    [refund] = user.get(f"/credits/history?job_id={render['job_id']}&kind=refund")["items"]
    assert (refund["amount"], refund["success"]) == (DRAWN, False)


def test_too_little_is_402_with_what_is_needed_and_no_job_and_no_quota(
    user: Caller, farm: Farm, order: dict[str, Any]
) -> None:
    spend_down(user, DRAWN - 1)
    jobs = len(user.get("/jobs")["items"])

    refused = user.post("/renders", order, expect=402)
    db.session.rollback()  # as the end of a request's own context does

    assert refused["code"] == "credits.insufficient"
    assert (refused["details"]["needed"], refused["details"]["available"]) == (DRAWN, DRAWN - 1)
    assert len(user.get("/jobs")["items"]) == jobs
    assert user.get("/usage")["quotas"]["concurrent_renders"]["used"] == 0


def test_an_upload_that_cannot_be_paid_waits_for_credits(user: Caller, admin: Caller, farm: Farm) -> None:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)
    spend_down(user, 1)

    assert user.post(f"/uploads/{ticket['id']}/complete", expect=402)["code"] == "credits.insufficient"
    db.session.rollback()
    admin.post(f"/admin/users/{user.id}/credits", {"amount": 1, "reason": "For a minute"}, expect=201)

    user.post(f"/uploads/{ticket['id']}/complete", expect=202)
    assert balance(user) == (0, 2)


def test_with_credits_off_nothing_costs_anything(
    app: Any, user: Caller, farm: Farm, order: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    spend_down(user, 0)
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], credits=False))

    render = user.post("/renders", order, expect=202)
    finish(farm, render["job_id"])

    account = user.get("/credits")
    assert (account["enabled"], account["balance"], account["held"]) == (False, 0, 0)
    assert user.get(f"/credits/history?job_id={render['job_id']}")["items"] == []


def test_a_retry_that_cannot_be_paid_is_402_and_starts_nothing(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", order, expect=202)
    farm.fail(render["job_id"], "render", "media.truncated")
    spend_down(user, DRAWN - 1)

    assert user.post(f"/jobs/{render['job_id']}/retry", expect=402)["code"] == "credits.insufficient"
    db.session.rollback()

    assert user.get(f"/jobs/{render['job_id']}")["state"] == "failed"
    assert balance(user) == (DRAWN - 1, 0)
    assert user.get("/usage")["quotas"]["concurrent_renders"]["used"] == 0


def test_fifty_orders_at_once_pass_neither_quota_nor_balance(
    app: Any, user: Caller, farm: Farm, order: dict[str, Any]
) -> None:
    plan = Plan(code="three", daily_renders=99, monthly_renders=99, concurrent_renders=3, storage_bytes=10**9, weight=1)
    db.session.add(plan)
    db.session.flush()
    db.session.execute(db.text("UPDATE \"user\" SET plan_code = 'three'"))
    db.session.commit()
    spend_down(user, 2 * DRAWN + 1)

    answers = at_once(app, user, 50, "POST", "/renders", order)

    codes = [answer.status_code for answer in answers]
    assert (codes.count(202), codes.count(402) + codes.count(429)) == (2, 48)
    assert balance(user) == (1, 2 * DRAWN)
    db.session.execute(db.text("UPDATE \"user\" SET plan_code = 'free'"))
    db.session.delete(plan)
    db.session.commit()


def test_history_is_paged_without_gap_or_repeat_and_filtered(user: Caller, farm: Farm) -> None:
    for _ in range(3):
        ingest(user, farm)

    items: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        page = user.get(f"/credits/history?limit=2{f'&cursor={cursor}' if cursor else ''}")
        items, cursor = items + page["items"], page["next_cursor"]

    assert [item["kind"] for item in items] == [*["commit", "reserve"] * 3, "recharge"]
    pairs = itertools.pairwise(items)
    assert all(newer["balance_before"] == older["balance_after"] for newer, older in pairs)
    middle = items[3]["created_at"].replace("+", "%2B")
    assert user.get(f"/credits/history?since={middle}")["items"] == items[:4]
    assert user.get(f"/credits/history?until={middle}")["items"] == items[4:]
    assert len(user.get("/credits/history?kind=reserve")["items"]) == 3


def test_wrong_filters_are_refused(user: Caller) -> None:
    for wrong in ("kind=gift", "cursor=x", "cursor=-1", "limit=0", "since=yesterday", "job_id=1", "amount=5"):
        assert user.call("GET", f"/credits/history?{wrong}").status_code == 422, wrong


def test_nobody_sees_somebody_elses_credits(user: Caller, other: Caller, farm: Farm) -> None:
    job_id = transcription(user, farm)

    assert other.get(f"/credits/history?job_id={job_id}")["items"] == []
    assert balance(other) == (FULL, 0)
    for method, body in (("GET", None), ("POST", {"amount": 5, "reason": "Because"})):
        answer = other.call(method, f"/admin/users/{user.id}/credits", body)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "auth.forbidden")


def test_administrators_give_and_take_with_a_reason_once_for_each_key(user: Caller, admin: Caller) -> None:
    path, key = f"/admin/users/{user.id}/credits", {"Idempotency-Key": "k-1"}
    given = [admin.call("POST", path, {"amount": 500, "reason": "Sorry"}, key) for _ in range(2)]
    taken = admin.post(path, {"amount": -1500, "reason": "A mistake"}, expect=201)

    assert [answer.status_code for answer in given] == [201, 201]
    assert (taken["kind"], taken["balance_after"], taken["details"]["reason"]) == ("deduct", 0, "A mistake")
    refused = admin.post(path, {"amount": -1, "reason": "Too much"}, expect=402)
    db.session.rollback()
    assert (refused["code"], balance(user)) == ("credits.insufficient", (0, 0))
    kinds = [item["kind"] for item in admin.get(path)["items"]]
    assert kinds == ["deduct", "grant", "recharge"]
    logged = db.session.execute(
        db.text("SELECT action, actor_id, target_id FROM audit_log WHERE target_id = :id"), {"id": user.id}
    )
    assert [tuple(map(str, row)) for row in logged] == [("credits.adjusted", admin.id, user.id)] * 2
    assert (
        admin.post(f"/admin/users/{uuid4()}/credits", {"amount": 1, "reason": "Who"}, expect=404)["code"]
        == "user.not_found"
    )


def test_wrong_adjustments_are_refused(user: Caller, admin: Caller) -> None:
    for wrong in ({"amount": 0}, {"amount": 1.5}, {"amount": "5"}, {"amount": 10**10}, {"reason": ""}, {"balance": 7}):
        body = {"amount": 5, "reason": "Because", **wrong}
        assert admin.post(f"/admin/users/{user.id}/credits", body, expect=422)["code"] == "request.invalid"


def test_changes_are_events_from_the_latest_on_or_from_where_a_client_was(user: Caller, farm: Farm) -> None:
    job_id = transcription(user, farm)
    stream = user.call("GET", "/credits/events")
    assert stream.mimetype == "text/event-stream"

    [latest] = read_events(stream, 1)
    farm.succeed(job_id, "probe", media_of())
    farm.succeed(job_id, "transcribe", transcript_of("Hello"))
    all_of_it = read_events(user.call("GET", "/credits/events?last_event_id=1"), 2)

    assert latest == all_of_it[0]
    assert [(name, data["kind"], data["balance"]) for _, name, data in all_of_it] == [
        ("user_credits_changed", "reserve", FULL - 2),
        ("user_credits_changed", "commit", FULL - HEARD),
    ]
    assert all_of_it[1][2]["job_id"] == job_id


def read_events(answer: Any, count: int) -> list[tuple[str, str, dict[str, Any]]]:
    """Read the first events of a stream and leave it."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    for chunk in map(bytes.decode, answer.response):
        fields = dict(line.split(": ", 1) for line in chunk.strip().splitlines() if not line.startswith(":"))
        if "id" in fields:
            found.append((fields["id"], fields["event"], json.loads(fields["data"])))
        if len(found) == count:
            break
    answer.close()
    return found
