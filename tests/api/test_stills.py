"""Stills: asked for, waited for, found again, drawn by the farm."""

from __future__ import annotations

from threading import Thread
from typing import Any
from uuid import uuid4

import pytest

from api.extensions import db, get_storage
from api.jobs.models import Job
from api.stills.models import Still
from tasks.contracts import RenderOutput
from tasks.contracts.still import StillOrder, StillResult
from tasks.names import Priority
from tests.api.farm import HTTP, Caller, Farm, ingest
from tests.api.test_renders import order, scenario, source

__all__ = ["order", "scenario", "source"]
PICTURE = b"\x89PNG picture"


@pytest.fixture
def asked(scenario: dict[str, Any], source: str) -> dict[str, Any]:
    """A request for a still that does not wait."""
    return {"scenario": scenario, "source_asset_id": source, "t": 0.5, "wait_s": 0}


def draw(farm: Farm, job_id: str) -> dict[str, Any]:
    """Play the node that draws a still; return what it was asked for."""
    claim = farm.claim(job_id, "still")
    key = f"{claim['output_prefix']}still.png"
    get_storage().put_bytes(key, PICTURE, content_type="image/png")
    times = tuple(claim["input"]["times"])
    result = StillResult(key, 1080, 1920, len(PICTURE), "0" * 64, times, "Chromium 1")
    assert farm.report(claim, result=result.to_json()).status_code == 200
    asked: dict[str, Any] = claim["input"]
    return asked


def test_a_still_is_ordered_with_high_priority_and_all_that_decides_it(
    user: Caller, farm: Farm, asked: dict[str, Any], source: str
) -> None:
    told = user.post("/stills", {**asked, "width": 540}, expect=202)

    job = db.session.get_one(Job, told["job_id"])
    assert (told["state"], told["url"], told["cached"]) == ("queued", None, False)
    assert (job.kind, job.priority, job.subject["source_asset_id"]) == ("still", int(Priority.HIGH), source)
    given = StillOrder.from_json(draw(farm, told["job_id"]))
    assert (given.times, given.scenario, given.output) == ((0.5,), asked["scenario"], RenderOutput(width=540))
    assert given.media is not None and given.media.video is not None and given.media.video.width == 1080
    assert given.source_key.endswith("/source")


def test_a_drawn_still_is_found_again_by_its_content(user: Caller, farm: Farm, asked: dict[str, Any]) -> None:
    first = user.post("/stills", asked, expect=202)
    draw(farm, first["job_id"])

    again = user.post("/stills", asked, expect=200)

    assert (again["id"], again["cached"], again["state"]) == (first["id"], True, "succeeded")
    assert (again["width"], again["times"]) == (1080, [0.5])
    answer = HTTP.get(again["url"])
    assert (answer.content, answer.headers["Content-Type"]) == (PICTURE, "image/png")
    assert user.get(f"/stills/{first['id']}")["url"]
    assert db.session.query(Still).count() == 1


def test_the_same_question_joins_what_is_being_drawn(user: Caller, asked: dict[str, Any]) -> None:
    first = user.post("/stills", asked, expect=202)
    second = user.post("/stills", asked, expect=202)
    other = user.post("/stills", {**asked, "t": 0.6}, expect=202)

    assert (second["id"], second["cached"]) == (first["id"], True)
    assert other["id"] != first["id"]


def test_a_request_waits_for_its_picture(app: Any, user: Caller, farm: Farm, asked: dict[str, Any]) -> None:
    answers: list[Any] = []
    mine = Caller(app.test_client(), user.token, user.id)
    waiting = Thread(target=lambda: answers.append(mine.call("POST", "/stills", {**asked, "wait_s": 8})))
    waiting.start()
    for _ in range(100):
        db.session.rollback()
        row = db.session.query(Still).one_or_none()
        if row is not None:
            break
    assert row is not None

    draw(farm, str(row.job_id))
    waiting.join(timeout=10)

    assert (answers[0].status_code, answers[0].get_json()["cached"]) == (200, False)
    assert HTTP.get(answers[0].get_json()["url"]).content == PICTURE


def test_a_swept_picture_is_drawn_again(user: Caller, farm: Farm, asked: dict[str, Any]) -> None:
    first = user.post("/stills", asked, expect=202)
    draw(farm, first["job_id"])
    db.session.rollback()
    stored = db.session.get_one(Still, first["id"]).result
    assert stored is not None
    get_storage().delete([stored["object_key"]])

    again = user.post("/stills", asked, expect=202)

    assert again["id"] != first["id"]


def test_a_failure_is_told_with_its_reason_and_tried_again_when_asked_again(
    user: Caller, farm: Farm, asked: dict[str, Any]
) -> None:
    first = user.post("/stills", asked, expect=202)
    farm.fail(first["job_id"], "still", "media.damaged", "The video is damaged.")

    assert user.get(f"/stills/{first['id']}")["error"]["code"] == "media.damaged"
    assert user.post("/stills", asked, expect=202)["id"] != first["id"]


def test_a_still_without_footage_needs_no_asset(user: Caller, farm: Farm, asked: dict[str, Any]) -> None:
    body = {**asked, "source_asset_id": None, "background": "#101010"}

    told = user.post("/stills", body, expect=202)

    given = StillOrder.from_json(draw(farm, told["job_id"]))
    assert (given.source_key, given.background, given.media) == ("", "#101010", None)


def test_several_times_make_a_sheet(user: Caller, farm: Farm, asked: dict[str, Any]) -> None:
    body = {**asked, "t": None, "times": [0.9, 0.1, 0.5], "columns": 3, "tile_width": 200}

    told = user.post("/stills", body, expect=202)

    given = StillOrder.from_json(draw(farm, told["job_id"]))
    assert (given.times, given.columns, given.tile_width) == ((0.9, 0.1, 0.5), 3, 200)


def test_a_moment_of_a_render_is_shown_over_its_source_in_its_size(
    user: Caller, farm: Farm, order: dict[str, Any]
) -> None:
    render = user.post("/renders", {**order, "output": {"width": 720}}, expect=202)

    first = user.get(f"/renders/{render['id']}/still?t=0.5&wait_s=0", expect=202)
    given = StillOrder.from_json(draw(farm, first["job_id"]))
    again = user.get(f"/renders/{render['id']}/still?t=0.5")
    sent = user.call("GET", f"/renders/{render['id']}/still?t=0.5&redirect=1")

    assert (given.output.width, given.times, given.scenario) == (720, (0.5,), order["scenario"])
    assert (again["id"], again["state"]) == (first["id"], "succeeded")
    assert sent.status_code == 302
    assert HTTP.get(sent.headers["Location"]).content == PICTURE


def test_a_worker_cannot_hand_out_an_object_that_is_not_its_own(
    user: Caller, farm: Farm, asked: dict[str, Any]
) -> None:
    told = user.post("/stills", asked, expect=202)
    result = StillResult("uploads/else/source", 2, 2, 1, "0" * 64, (0.5,), "Chromium 1")

    farm.report(farm.claim(told["job_id"], "still"), result=result.to_json())

    assert user.get(f"/stills/{told['id']}")["error"]["code"] == "step.foreign_key"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"t": None}, "request.invalid"),
        ({"times": [1.0]}, "request.invalid"),
        ({"t": -1}, "request.invalid"),
        ({"t": None, "times": [0.1] * 65}, "request.invalid"),
        ({"width": 101}, "request.invalid"),
        ({"background": "red"}, "request.invalid"),
        ({"html": "<b>"}, "request.invalid"),
        ({"scenario": {"version": "1"}}, "scenario.invalid"),
    ],
    ids=str,
)
def test_a_bad_request_is_refused_and_leaves_nothing(
    user: Caller, asked: dict[str, Any], change: dict[str, Any], code: str
) -> None:
    assert user.post("/stills", {**asked, **change}, expect=422)["code"] == code
    assert db.session.query(Still).count() == 0


def test_what_is_somebody_elses_or_gone_is_not_found(
    user: Caller, other: Caller, farm: Farm, asked: dict[str, Any], source: str
) -> None:
    told = user.post("/stills", asked, expect=202)
    draw(farm, told["job_id"])

    assert other.get(f"/stills/{told['id']}", expect=404)["code"] == "still.not_found"
    assert other.post("/stills", asked, expect=404)["code"] == "asset.not_found"
    assert other.get(f"/renders/{uuid4()}/still?t=1", expect=404)["code"] == "render.not_found"
    user.delete(f"/assets/{source}", expect=204)
    assert user.get(f"/stills/{told['id']}", expect=404)["code"] == "still.not_found"
    assert user.post("/stills", asked, expect=404)["code"] == "asset.not_found"


def test_a_source_without_picture_is_refused(user: Caller, farm: Farm, asked: dict[str, Any]) -> None:
    sound = ingest(user, farm, video=False)

    assert user.post("/stills", {**asked, "source_asset_id": sound}, expect=422)["code"] == "render.no_video"


def test_the_same_key_is_one_still_and_another_body_is_refused(user: Caller, farm: Farm, asked: dict[str, Any]) -> None:
    key = {"Idempotency-Key": "still-1"}

    first = user.call("POST", "/stills", asked, headers=key)
    draw(farm, first.get_json()["job_id"])
    again = user.call("POST", "/stills", asked, headers=key)
    other = user.call("POST", "/stills", {**asked, "t": 0.6}, headers=key)

    assert (again.status_code, again.get_json()) == (202, first.get_json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.get_json()["code"]) == (409, "idempotency.key_reused")


def test_the_key_of_a_still_that_failed_can_be_used_again(
    app: Any, user: Caller, farm: Farm, asked: dict[str, Any]
) -> None:
    key, answers = {"Idempotency-Key": "still-2"}, []

    def ask(wait_s: float) -> None:
        mine = Caller(app.test_client(), user.token, user.id)
        answers.append(mine.call("POST", "/stills", {**asked, "wait_s": wait_s}, headers=key))

    waiting = Thread(target=ask, args=(5.0,))
    waiting.start()
    while (job := db.session.query(Job.id).filter_by(kind="still").scalar()) is None:
        db.session.rollback()
    db.session.rollback()
    farm.fail(str(job), "still", "media.damaged")
    waiting.join()
    ask(0)

    assert [answer.status_code for answer in answers] == [409, 202]
    assert answers[0].get_json()["code"] == "still.failed"


def still_of(user: Caller, farm: Farm, render: dict[str, Any], query: str = "") -> RenderOutput:
    """Ask for a moment of a render over HTTP; return what the farm is to draw."""
    told = user.get(f"/renders/{render['id']}/still?t=0.5&wait_s=0{query}", expect=202)
    given = StillOrder.from_json(draw(farm, told["job_id"]))
    assert given.source_key.endswith("/source")
    return given.output


def test_a_still_of_captions_alone_is_ordered_alone_with_its_alpha(
    user: Caller, farm: Farm, order: dict[str, Any]
) -> None:
    render = user.post("/renders", {**order, "output": {"container": "webm", "layer": "captions"}}, expect=202)
    seen = still_of(user, farm, render, "&width=320")
    assert (seen.layer, seen.alpha, seen.width, seen.height) == ("captions", True, 320, 0)
    opaque = {"layer": "captions", "alpha": False, "background": "#102030"}
    render = user.post("/renders", {**order, "output": opaque}, expect=202)
    seen = still_of(user, farm, render)
    assert (seen.layer, seen.alpha, seen.background) == ("captions", False, "#102030")


def test_a_still_of_kept_hdr_is_ordered_as_such(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", {**order, "output": {"codec": "hevc", "dynamic_range": "keep"}}, expect=202)
    seen = still_of(user, farm, render)
    assert (seen.dynamic_range, seen.bit_depth, seen.codec) == ("keep", 10, "hevc")


def test_a_still_shows_the_output_that_was_asked_for(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    outputs = [{"width": 720}, {"container": "mov", "layer": "captions", "width": 360}]
    order.pop("output", None)
    render = user.post("/renders", {**order, "outputs": outputs}, expect=202)
    first, second = still_of(user, farm, render), still_of(user, farm, render, "&output=1")
    assert (first.width, first.layer) == (720, "video")
    assert (second.width, second.layer, second.alpha) == (360, "captions", True)
    refused = user.get(f"/renders/{render['id']}/still?t=0.5&output=2", expect=404)
    assert refused["code"] == "render.output_not_found"


def test_a_still_does_not_depend_on_how_a_plain_output_is_encoded(
    user: Caller, farm: Farm, order: dict[str, Any]
) -> None:
    one = user.post("/renders", {**order, "output": {"width": 720}}, expect=202)
    other = user.post("/renders", {**order, "output": {"width": 720, "container": "gif"}}, expect=202)
    assert still_of(user, farm, one) == RenderOutput(width=720)
    told = user.get(f"/renders/{other['id']}/still?t=0.5&wait_s=0", expect=200)
    assert told["cached"] is True
