"""Publishing over HTTP: targets whose secrets nobody sees again, clips sent once, at a set time, with retries."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from api.extensions import db
from api.jobs.models import OutboxBell, Step
from api.publishing.models import PublishTarget
from tasks.contracts import ClaimRequest, StepNews
from tasks.contracts.delivery import SendOrder, SendResult
from tasks.names import CallbackPath
from tests.api.farm import Caller, Farm, find_step, ingest
from tests.api.test_shorts import WORDS, analyse, cut, draw, order_cut, shorts_of

YOUTUBE = {"kind": "youtube", "name": "Our channel", "secrets": {"refresh_token": "r-e-f-r-e-s-h"}}


@pytest.fixture
def target(user: Caller) -> dict[str, Any]:
    """A channel to publish on."""
    kept: dict[str, Any] = user.post("/publish-targets", YOUTUBE, expect=201)
    return kept


def publish(user: Caller, target: dict[str, Any], asset_id: str, **words: Any) -> dict[str, Any]:
    asked = {"asset_id": asset_id, "target_id": target["id"], **words}
    told: dict[str, Any] = user.post("/publications", asked, expect=202)
    return told


def tell(farm: Farm, claim: dict[str, Any], kind: str, data: dict[str, Any]) -> None:
    """Play a worker that learnt something from the target."""
    news = StepNews(claim["job_id"], claim["step_id"], claim["token"], kind, data)
    answer = farm.post(CallbackPath.NEWS.format(step_id=claim["step_id"]), news.to_json())
    assert answer.status_code == 200, answer.get_json()


def order_of(claim: dict[str, Any]) -> SendOrder:
    return SendOrder.from_json(claim["input"])


def test_secrets_go_to_workers_alone_and_lie_encrypted(user: Caller, farm: Farm, target: dict[str, Any]) -> None:
    told = publish(user, target, ingest(user, farm), title="Tides")
    row = db.session.get(PublishTarget, target["id"])
    step = db.session.scalars(select(Step).where(Step.job_id == told["job_id"])).one()
    kept = f"{row.sealed} {row.settings} {step.input}"

    order = order_of(farm.claim(told["job_id"], "send"))

    assert "r-e-f-r-e-s-h" not in str(target) + str(user.get("/publish-targets")) + kept
    assert order.secrets == {"refresh_token": "r-e-f-r-e-s-h"}
    assert (order.kind, order.title, order.visibility, order.delivery_id) == ("youtube", "Tides", "private", told["id"])


def test_secrets_that_another_key_sealed_or_somebody_changed_have_to_be_entered_anew(
    app: Any, user: Caller, farm: Farm, target: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, path = app.extensions["settings"], f"/publish-targets/{target['id']}"
    row = db.session.get(PublishTarget, target["id"])
    row.sealed = row.sealed[:-5] + ("A" if row.sealed[-5] != "A" else "B") + row.sealed[-4:]
    db.session.commit()
    changed = user.expect(422, "PATCH", path, {"name": "Changed"})
    user.expect(200, "PATCH", path, {"secrets": {"refresh_token": "of-the-first-key"}})

    key = replace(settings.webhooks, key="another key of more than thirty-two bytes")
    monkeypatch.setitem(app.extensions, "settings", replace(settings, webhooks=key))
    unread = user.expect(422, "PATCH", path, {"name": "Unread"})
    sent = farm.claim(publish(user, target, ingest(user, farm))["job_id"], "send")
    user.expect(200, "PATCH", path, {"secrets": {"refresh_token": "of-the-second"}})
    after = farm.claim(publish(user, target, ingest(user, farm))["job_id"], "send")

    assert [told["code"] for told in (changed, unread)] == ["publish_target.unreadable"] * 2
    assert (order_of(sent).secrets, order_of(after).secrets) == ({}, {"refresh_token": "of-the-second"})
    assert user.get(path)["name"] == "Our channel"


def test_the_next_attempt_gets_what_the_one_before_learnt(user: Caller, farm: Farm, target: dict[str, Any]) -> None:
    told = publish(user, target, ingest(user, farm))
    first = farm.claim(told["job_id"], "send")

    tell(farm, first, "memory", {"session": "https://upload/1"})
    tell(farm, first, "secrets", {"refresh_token": "rotated"})
    farm_fails(farm, first, "publish.quota")
    failed = user.get(f"/publications/{told['id']}")
    user.post(f"/jobs/{told['job_id']}/retry", expect=202)
    again = farm.claim(told["job_id"], "send")
    result = SendResult("video1", "https://www.youtube.com/watch?v=video1")
    assert farm.report(again, result=result.to_json()).status_code == 200

    assert (failed["state"], failed["error"]["code"]) == ("failed", "publish.quota")
    assert order_of(again).memory == {"session": "https://upload/1"}
    assert order_of(again).secrets == {"refresh_token": "rotated"}
    sent = user.get(f"/publications/{told['id']}")
    assert (sent["state"], sent["remote_id"], sent["remote_url"]) == ("sent", "video1", result.remote_url)
    assert "session" not in sent


def farm_fails(farm: Farm, claim: dict[str, Any], code: str) -> None:
    """Play a worker that gives up."""
    from tasks.contracts import StepFailure

    assert farm.report(claim, failure=StepFailure(code, "No.", permanent=True)).status_code == 200


def test_what_is_due_later_is_rung_then_and_can_be_cancelled(user: Caller, farm: Farm, target: dict[str, Any]) -> None:
    asset_id = ingest(user, farm)
    at = datetime.now(UTC) + timedelta(hours=5)

    told = publish(user, target, asset_id, at=at.isoformat())
    step = find_step(told["job_id"], "send")
    bell = db.session.get(OutboxBell, step.id)
    asked = ClaimRequest(told["job_id"], str(step.id), "test", step.task).to_json()
    early = farm.post(CallbackPath.CLAIM.format(step_id=step.id), asked).get_json()

    assert told["state"] == "scheduled"
    assert (bell.due_at, bell.sent_at) == (at, None)
    assert (early["claimed"], early["reason"]) == (False, "waiting")
    in_use = user.call("DELETE", f"/publish-targets/{target['id']}").get_json()
    assert (in_use["code"], in_use["details"]) == ("publish_target.in_use", {"job_ids": [told["job_id"]]})
    user.post(f"/jobs/{told['job_id']}/cancel", expect=202)
    assert user.get(f"/publications/{told['id']}")["state"] == "cancelled"
    user.delete(f"/publish-targets/{target['id']}", expect=204)
    far = {"asset_id": asset_id, "target_id": target["id"], "at": "2199-01-01T00:00:00Z"}
    assert user.post("/publications", far, expect=404)["code"] == "publish_target.not_found"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "youtube", "secrets": {"access_token": "x"}},
        {"kind": "instagram", "secrets": {"access_token": "x"}},
        {"kind": "webhook", "secrets": {"signing_secret": "whsec_" + "a" * 44}, "settings": {"url": "ftp://x"}},
        {"kind": "s3", "settings": {"bucket": "b", "url": "https://example.com"}, "secrets": {}},
    ],
)
def test_a_target_lacks_nothing_and_has_nothing_strange(user: Caller, wrong: dict[str, Any]) -> None:
    told = user.post("/publish-targets", {"name": "x", **wrong}, expect=422)

    assert told["code"] == "publish_target.invalid"
    assert user.get("/publish-targets")["items"] == []


def test_a_target_is_changed_and_nobody_elses(user: Caller, other: Caller, farm: Farm, target: dict[str, Any]) -> None:
    path = f"/publish-targets/{target['id']}"

    user.expect(200, "PATCH", path, {"name": "Mine", "secrets": {"refresh_token": "new"}})
    told = publish(user, user.get(path), ingest(user, farm))

    assert user.get(path)["name"] == "Mine"
    assert order_of(farm.claim(told["job_id"], "send")).secrets == {"refresh_token": "new"}
    assert other.get(path, expect=404)["code"] == "publish_target.not_found"
    stolen = {"asset_id": ingest(other, farm), "target_id": target["id"]}
    assert other.post("/publications", stolen, expect=404)["code"] == "publish_target.not_found"
    assert other.get(f"/publications/{told['id']}", expect=404)["code"] == "publication.not_found"
    assert other.get("/publications")["items"] == []


def test_shorts_are_delivered_with_their_captions(user: Caller, farm: Farm, target: dict[str, Any]) -> None:
    project = user.post("/projects", {"asset_id": ingest(user, farm, words=WORDS)}, expect=201)
    analyse(user, farm, project["id"], (0.0, 5.9))
    path, order = f"/projects/{project['id']}/jobs", {"type": "delivery", "target_id": target["id"]}
    assert user.post(path, order, expect=409)["code"] == "short.none"
    job_id = order_cut(user, project)
    cut(farm, job_id, (0.0, 5.9))
    draw(farm, job_id)

    [delivery] = user.post(path, {**order, "tags": ["sea"], "visibility": "public"}, expect=202)["job_ids"]

    [short] = shorts_of(user, project)
    render = user.get(f"/renders/{short['render_id']}")
    [publication] = user.get("/publications")["items"]
    assert publication["asset_id"] == render["asset_id"]
    assert (publication["job_id"], publication["tags"], publication["title"]) == (delivery, ["sea"], short["title"])
    assert user.post(path, {"type": "delivery"}, expect=422)["code"] == "request.invalid"
