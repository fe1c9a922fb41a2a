"""Clips that cost money, and links that anybody may have: caps, predictions, webhooks, shares; the farm is played."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.extensions import db, get_redis
from api.jobs.models import Step
from api.videos.models import Prediction, VideoShare
from tasks.contracts import StepFailure, StepNews
from tasks.contracts.making import MakeOrder, SheetResult
from tasks.names import CallbackPath, prediction_list
from tests.api.farm import HTTP, Caller, Farm
from tests.api.test_videos import generate, join, make_all, make_clip, parts_of, put, ready, report

__all__ = ["ready"]  # fixture
KEY = b"0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def replicate(app: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A provider that makes clips of 5 and 10 s for ten cents a second, and stills for a cent."""
    settings = app.extensions["settings"]
    clips = replace(
        settings.clips,
        token="r8",
        model="maker/clips",
        usd_per_s=0.1,
        still_model="maker/stills",
        still_usd=0.01,
        webhook_secret="whsec_" + base64.b64encode(KEY).decode(),
    )
    changed = replace(settings, clips=clips, public_url="https://films.example.org", retry_backoff_s=0.0)
    monkeypatch.setitem(app.extensions, "settings", changed)
    yield


def tell(farm: Farm, claim: dict[str, Any], ref: str) -> None:
    """Play a worker that has ordered something."""
    news = StepNews(claim["job_id"], claim["step_id"], claim["token"], "prediction", {"ref": ref})
    answer = farm.post(CallbackPath.NEWS.format(step_id=claim["step_id"]), news.to_json())
    assert answer.status_code == 200, answer.get_json()


def hook(
    client: Any,
    ref: str,
    *,
    key: bytes = KEY,
    sent_at: float | None = None,
    body: bytes | None = None,
    **changes: str,
) -> Any:
    """Send what the provider sends when a prediction is done."""
    body = json.dumps({"id": ref, "status": "succeeded"}).encode() if body is None else body
    sent = str(int(sent_at or time.time()))
    signature = base64.b64encode(hmac.new(key, f"msg_1.{sent}.".encode() + body, hashlib.sha256).digest()).decode()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": sent,
        "webhook-signature": f"v1,{signature}",
        "Content-Type": "application/json",
        **changes,
    }
    return client.post("/api/v1/providers/replicate/webhook", data=body, headers=headers)


def test_nothing_is_ordered_beyond_the_cap(user: Caller, ready: str) -> None:
    estimate = user.post(f"/songs/{ready}/clips/plan", {}, expect=200)["estimate"]
    path = f"/songs/{ready}/clips/generate"

    by_default = user.post(path, {}, expect=422)
    too_low = user.post(path, {"cap_usd": estimate["cost_usd"] - 0.01}, expect=422)
    beyond_ours = user.post(path, {"cap_usd": 1000, "stills": True, "fps": "60"}, expect=202)

    assert estimate["provider"] == "replicate"
    assert estimate["cost_usd"] == pytest.approx(0.1 * estimate["billed_s"]) and estimate["cost_usd"] > 0
    assert (by_default["code"], by_default["details"]["cost_usd"]) == ("clips.over_budget", estimate["cost_usd"])
    assert too_low["code"] == "clips.over_budget"
    assert beyond_ours["cap_usd"] == 1000
    assert user.get("/videos")["count"] == 1


def test_the_farms_own_cap_stands_above_what_anybody_says(
    user: Caller, ready: str, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = app.extensions["settings"]
    monkeypatch.setitem(app.extensions, "settings", replace(settings, clips=replace(settings.clips, cap_usd=0.2)))

    refused = user.post(f"/songs/{ready}/clips/generate", {"cap_usd": 1000}, expect=422)

    assert (refused["code"], refused["details"]["cap_usd"]) == ("clips.over_budget", 0.2)


def test_orders_carry_the_terms_and_keep_to_the_providers_limit(user: Caller, farm: Farm, ready: str) -> None:
    video = generate(user, ready, cap_usd=10)
    db.session.rollback()
    steps = db.session.query(Step).filter_by(job_id=video["job_id"], name="make").all()
    orders = [MakeOrder.from_json(step.input) for step in steps]

    assert {tuple(step.limits) for step in steps} == {("provider:replicate",)}
    assert {step.name for step in db.session.query(Step).filter_by(job_id=video["job_id"])} == {"make", "sheet"}
    terms = [order.terms for order in orders if order.terms is not None]
    lengths = [5.0 if order.clip.frame_count <= 150 else 10.0 for order in orders]
    assert {(one.model, one.aspect_ratio) for one in terms} == {("maker/clips", "16:9")}
    assert [one.length_s for one in terms] == lengths
    assert {one.webhook_url for one in terms} == {"https://films.example.org/api/v1/providers/replicate/webhook"}
    assert [one.usd_per_piece for one in terms] == [0.1 * length for length in lengths]


def test_stills_are_ordered_from_their_own_model_and_cost_what_they_do(user: Caller, farm: Farm, ready: str) -> None:
    video = generate(user, ready, cap_usd=10, stills=True)
    for part in parts_of(video["job_id"]):
        order = make_clip(farm, video["job_id"], part, cost_usd=0.01)
        assert order.terms is not None
        assert (order.terms.model, order.terms.usd_per_piece) == ("maker/stills", 0.01)

    assert user.get(f"/videos/{video['id']}")["spent_usd"] == pytest.approx(0.01 * video["clips_total"])


def test_a_prediction_is_kept_before_it_is_waited_for_and_given_to_the_next_attempt(
    user: Caller, farm: Farm, ready: str
) -> None:
    video = generate(user, ready, cap_usd=10)
    claim = farm.claim_part(video["job_id"], "make", 0)
    tell(farm, claim, "p1")
    tell(farm, claim, "p1")
    failure = StepFailure("provider.unavailable", "It does not answer", permanent=False)
    assert farm.report(claim, failure=failure).status_code == 200

    order = make_clip(farm, video["job_id"], 0, cost_usd=0.5)

    assert order.known_ref == "p1"
    [row] = db.session.query(Prediction).all()
    assert (row.ref, str(row.video_id), row.clip_number, row.given_up) == ("p1", video["id"], 0, False)


def test_what_is_of_no_use_is_given_up_and_the_retry_is_held_against_the_cap(
    user: Caller, farm: Farm, ready: str
) -> None:
    estimate = user.post(f"/songs/{ready}/clips/plan", {}, expect=200)["estimate"]
    video = generate(user, ready, cap_usd=estimate["cost_usd"])
    make_clip(farm, video["job_id"], 1, cost_usd=5.0)  # dearer than was told
    claim = farm.claim_part(video["job_id"], "make", 0)
    tell(farm, claim, "p1")
    tell(farm, claim, "")
    farm.report(claim, failure=StepFailure("provider.failed", "Out of memory", permanent=True))

    refused = user.expect(422, "POST", f"/jobs/{video['job_id']}/retry")

    assert refused["code"] == "clips.over_budget"
    db.session.rollback()
    assert db.session.query(Prediction).one().given_up
    assert user.get(f"/videos/{video['id']}")["error"]["code"] == "provider.failed"


def test_a_remake_is_held_against_what_was_spent(user: Caller, farm: Farm, ready: str) -> None:
    video = generate(user, ready, cap_usd=10)
    for part in parts_of(video["job_id"]):
        make_clip(farm, video["job_id"], part, cost_usd=2.4)
    make_sheet_only(farm, video["job_id"])
    clip = user.get(f"/videos/{video['id']}/clips")["items"][0]
    path = f"/videos/{video['id']}/regenerate/clip/{clip['id']}"

    refused = user.post(path, {"cap_usd": 1}, expect=422)
    again = user.post(path, {"cap_usd": 20}, expect=202)

    assert refused["code"] == "clips.over_budget"
    assert again["remakes_left"]["clips"][clip["id"]] == 1  # counted when it is there
    assert user.get(f"/videos/{video['id']}")["cap_usd"] == 20


def make_sheet_only(farm: Farm, job_id: str) -> None:
    claim = farm.claim(job_id, "sheet")
    report(farm, claim, SheetResult(put(claim, "sheet.png", b"png"), 1))


def test_a_webhook_wakes_who_waits_once_and_a_repeated_one_changes_nothing(
    user: Caller, farm: Farm, ready: str, client: Any
) -> None:
    video = generate(user, ready, cap_usd=10)
    tell(farm, farm.claim_part(video["job_id"], "make", 0), "p7")

    answers = [hook(client, ref).get_json()["outcome"] for ref in ("p7", "p7", "p8")]

    assert answers == ["told", "known", "unknown"]
    assert get_redis().blpop([prediction_list("p7")], timeout=1)[1] == b"done"
    assert user.get(f"/videos/{video['id']}")["spent_usd"] == 0.0
    db.session.rollback()
    assert db.session.query(Prediction).one().told_at is not None


def test_a_webhook_that_is_not_the_providers_is_refused(client: Any, app: Any) -> None:
    for answer in (
        hook(client, "p1", key=b"another key of some length"),
        hook(client, "p1", sent_at=time.time() - 400),
        hook(client, "p1", **{"webhook-timestamp": "soon"}),
        hook(client, "p1", **{"webhook-signature": "v1,not base64 v2,AAAA"}),
        hook(client, "p1", **{"webhook-id": "msg_2"}),
        hook(client, "p1", body=b""),
        hook(client, "p1", body=b"[]"),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (400, "provider.bad_signature")


def test_without_a_secret_no_webhook_is_taken(client: Any, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = app.extensions["settings"]
    bare = replace(settings, clips=replace(settings.clips, webhook_secret=""))
    monkeypatch.setitem(app.extensions, "settings", bare)

    answer = hook(client, "p1")

    assert (answer.status_code, answer.get_json()["code"]) == (501, "provider.webhooks_off")


def test_a_link_shows_the_film_until_it_is_revoked_or_over(
    user: Caller, other: Caller, farm: Farm, ready: str, client: Any
) -> None:
    made = user.post(f"/songs/{ready}/clips/generate", {"provider": "offline"}, expect=202)
    make_all(farm, made["job_id"])
    film = bring_film_of(user, farm, ready, made["id"])
    path = f"/api/v1/shared/videos/{film['token']}"

    seen = client.get(path).get_json()

    assert (seen["title"], seen["content_type"]) == ("night drive", "video/mp4")
    assert HTTP.get(seen["url"]).content == b"film" * 50
    assert len(film["token"]) >= 43
    [row] = user.get(f"/videos/{made['id']}/shares")["items"]
    assert "token" not in row
    db.session.rollback()
    kept = db.session.query(VideoShare).one()
    assert film["token"] not in (kept.token_hash, str(kept.id))
    assert other.expect(404, "DELETE", f"/videos/{made['id']}/shares/{film['id']}")["code"] == "video.not_found"
    second = user.post(f"/videos/{made['id']}/shares", {"hours": 1}, expect=201)
    user.delete(f"/videos/{made['id']}/shares/{film['id']}", expect=204)
    assert client.get(path).get_json()["code"] == "video.no_share"
    assert client.get(f"/api/v1/shared/videos/{second['token']}").status_code == 200
    db.session.query(VideoShare).update({"expires_at": datetime.now(UTC) - timedelta(seconds=1)})
    db.session.commit()
    assert client.get(f"/api/v1/shared/videos/{second['token']}").status_code == 404
    assert client.get("/api/v1/shared/videos/" + "x" * 43).get_json()["code"] == "video.no_share"


def bring_film_of(user: Caller, farm: Farm, song_id: str, video_id: str) -> dict[str, str]:
    join(farm, user.post(f"/songs/{song_id}/compose", {}, expect=202)["job_id"])
    made: dict[str, str] = user.post(f"/videos/{video_id}/shares", {}, expect=201)
    return made
