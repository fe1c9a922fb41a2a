"""Bulk actions: what previews promise of credits comes true, and the audit log knows of orders before they begin."""

from __future__ import annotations

import time
from dataclasses import replace
from threading import Thread
from typing import Any
from uuid import UUID

import pytest

from api.extensions import db, get_settings
from api.jobs.models import Job
from tasks.contracts import StepFailure
from tests.api.farm import Caller, Farm, ingest
from tests.api.test_chunks import done, order, steps_of
from tests.api.test_credits_cancel import dear, in_pieces, tell
from tests.api.test_credits_jobs import balance, spend_down
from tests.api.test_farm import beat, claim, job_of

__all__ = ["dear", "in_pieces"]
PRICE = 10


def bulk(admin: Caller, action: str, expect: int = 200, **body: Any) -> Any:
    return admin.post(f"/admin/farm/jobs/{action}", {"filter": {"kind": "render"}, **body}, expect=expect)


def told_of(admin: Caller) -> list[dict[str, Any]]:
    """Return what the audit log has of this administrator's bulk actions, newest first."""
    items: list[dict[str, Any]] = admin.get(f"/admin/audit?action=jobs.&actor_id={admin.id}")["items"]
    return items


def test_a_cancel_gives_back_and_charges_what_its_preview_told(
    admin: Caller, user: Caller, other: Caller, farm: Farm
) -> None:
    begun = order(user, ingest(user, farm))
    order(other, ingest(other, farm))
    tell(farm, farm.claim(begun["job_id"], "render"), 95, 300)
    before = [balance(who) for who in (user, other)]

    preview = bulk(admin, "cancel")
    untouched = [balance(who) for who in (user, other)]
    bulk(admin, "cancel", dry_run=False, expected=preview["matched"])

    assert untouched == before
    assert preview["credits"] == {"reserved": 0, "short_owner_count": 0, "charged": 3, "refunded": 17}
    assert [balance(who)[0] - was for who, (was, _) in zip((user, other), before, strict=True)] == [7, 10]


def test_a_retry_reserves_what_its_preview_told_less_the_pieces_that_are_paid(
    admin: Caller, user: Caller, farm: Farm, in_pieces: None
) -> None:
    render = order(user, ingest(user, farm))
    first, second, _ = [done(step) for step in steps_of(render)[:-1]]
    for part, result in ((0, first), (1, second)):
        assert farm.report(farm.claim_part(render["job_id"], "chunk", part), result=result).status_code == 200
        tell(farm, farm.claim_part(render["job_id"], "chunk", 2), 60, 120)
        cancelling, before = bulk(admin, "cancel")["credits"], balance(user)
        bulk(admin, "cancel", dry_run=False)
        given = balance(user)[0] - before[0]
        retrying, at_rest = bulk(admin, "retry")["credits"], balance(user)[0]
        bulk(admin, "retry", dry_run=False)

        assert (cancelling["refunded"], cancelling["charged"]) == (given, before[1] - given)
        assert (cancelling["charged"], retrying["reserved"]) == ((5, 7), (5, 4))[part]
        assert at_rest - balance(user)[0] == retrying["reserved"]


def test_a_retry_of_renders_that_failed_tells_who_cannot_pay(
    admin: Caller, user: Caller, other: Caller, farm: Farm
) -> None:
    for who in (user, other):
        render = order(who, ingest(who, farm))
        taken = farm.claim(render["job_id"], "render")
        farm.report(taken, failure=StepFailure("media.broken", "It is", permanent=True))
    spend_down(other, PRICE - 1)

    preview = bulk(admin, "retry")
    did = bulk(admin, "retry", dry_run=False, expected=2)

    assert preview["credits"] == {"reserved": 20, "short_owner_count": 1, "charged": 0, "refunded": 0}
    assert (did["done"], [one["code"] for one in did["refused"]]) == (1, ["credits.insufficient"])
    assert balance(user)[1] == PRICE


def test_without_credits_a_retry_reserves_none(
    admin: Caller, user: Caller, farm: Farm, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = order(user, ingest(user, farm))
    user.post(f"/renders/{render['id']}/cancel", expect=202)
    monkeypatch.setitem(app.extensions, "settings", replace(get_settings(), credits=False))

    assert bulk(admin, "retry")["credits"]["reserved"] == 0


def test_the_order_is_in_the_audit_while_the_jobs_are_still_being_changed(
    app: Any, admin: Caller, user: Caller
) -> None:
    jobs = [job_of(user.id) for _ in range(3)]
    wanted = {"filter": {"owner_id": user.id}, "dry_run": False}
    mine = Caller(app.test_client(), admin.token, admin.id)
    doing = Thread(target=lambda: mine.post("/admin/farm/jobs/cancel", wanted, expect=200))
    with db.engine.connect() as held:
        held.execute(db.text("SELECT 1 FROM job WHERE id = :id FOR UPDATE"), {"id": jobs[1]})
        doing.start()
        wait_until_cancelled(jobs[0])
        (ordered,) = told_of(admin)
    doing.join()

    outcome, same = told_of(admin)
    assert ordered["action"] == "jobs.bulk_cancel_ordered"
    assert ordered["after"] == {"filter": {"owner_id": user.id}, "jobs": 3}
    assert same == ordered
    assert (outcome["action"], outcome["target_id"]) == ("jobs.bulk_cancel", ordered["target_id"])
    assert (outcome["after"]["done"], outcome["after"]["refused"]) == (3, 0)


def wait_until_cancelled(job_id: str) -> None:
    deadline = time.monotonic() + 30
    while db.session.get_one(Job, UUID(job_id), populate_existing=True).state != "cancelled":
        db.session.rollback()
        assert time.monotonic() < deadline, "the first job was not cancelled"
        time.sleep(0.02)
    db.session.rollback()


def test_an_order_that_is_refused_leaves_no_entry(admin: Caller, user: Caller, farm: Farm) -> None:
    beat(farm, "a@x")
    for _ in range(2):
        claim(farm, job_of(user.id), "a@x")

    refused = admin.post(
        "/admin/farm/jobs/cancel", {"filter": {"node": "a@x"}, "dry_run": False, "expected": 1}, expect=409
    )

    assert refused["code"] == "bulk.changed"
    assert told_of(admin) == []


def test_more_jobs_than_one_call_changes_are_held_to_what_was_promised(
    admin: Caller, user: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.farm import bulk as bulk_actions

    monkeypatch.setattr(bulk_actions, "MOST", 2)
    for _ in range(3):
        job_of(user.id)
    wanted = {"filter": {"owner_id": user.id}, "dry_run": False}

    surprise = admin.post("/admin/farm/jobs/cancel", {**wanted, "expected": 2}, expect=409)
    done = admin.post("/admin/farm/jobs/cancel", {**wanted, "expected": 3}, expect=200)

    assert surprise["code"] == "bulk.changed"
    assert (done["matched"], done["done"]) == (2, 2)
