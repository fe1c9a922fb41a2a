"""Shorts over HTTP: chosen, adjusted, cut by the farm, captioned in any look, undone."""

from __future__ import annotations

from typing import Any

import pytest

from api.control.reconciler import reconcile
from api.extensions import db, get_storage
from tasks.contracts import MediaInfo, RenderOrder, VideoInfo
from tasks.contracts.shorts import CutOrder, CutResult, Framing, SceneFrame, Stretch
from tests.api.farm import Caller, Farm, ingest, receipt_of, sha256_of
from tests.api.test_projects import analyse

WORDS = ("Well,", "um", "this", "is", "a", "talk", "about", "tides.", "Why", "do", "they", "rise?")
"""One each half second, from 0.5 s on; the last is behind the short."""


@pytest.fixture
def project(user: Caller, farm: Farm) -> dict[str, Any]:
    """A project with one short, of a video that was transcribed."""
    made: dict[str, Any] = user.post("/projects", {"asset_id": ingest(user, farm, words=WORDS)}, expect=201)
    analyse(user, farm, made["id"], (0.0, 5.9))
    return made


def shorts_of(user: Caller, project: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = user.get(f"/projects/{project['id']}/shorts")["items"]
    return items


def order_cut(user: Caller, project: dict[str, Any], **fields: Any) -> str:
    told = user.post(f"/projects/{project['id']}/jobs", {"type": "cutting", **fields}, expect=202)
    [job_id] = told["job_ids"]
    return str(job_id)


def cut(farm: Farm, job_id: str, *kept: tuple[float, float], copied: int = 0) -> CutOrder:
    """Play the worker that cuts; return what it was asked for.

    :param copied: frames of the video's own picture, 1280 by 720, which is then not framed.
    """
    size = (1280, 720) if copied else (606, 1080)
    claim = farm.claim(job_id, "cut")
    key, poster = (f"{claim['output_prefix']}{name}" for name in ("clip.mp4", "poster.png"))
    get_storage().put_bytes(key, b"clip", content_type="video/mp4")
    seconds = sum(end - start for start, end in kept)
    media = MediaInfo("mp4", seconds, 4, sha256_of(b"clip"), VideoInfo("h264", *size, 30, 1), None)
    scene = SceneFrame(*kept[0], "fill", 0.3, 1.0, (), source="faces")
    spans, framing = tuple(Stretch(*span) for span in kept), Framing("9:16", (scene,))
    result = CutResult(key, media, 90, spans, framing, poster, copied, "" if copied else "codec")
    answer = farm.report(claim, result=result.to_json())
    assert answer.status_code == 200, answer.get_json()
    return CutOrder.from_json(claim["input"])


def draw(farm: Farm, job_id: str) -> dict[str, Any]:
    """Play the worker that draws the captions; return what it was asked for."""
    claim = farm.claim(job_id, "render")
    key = f"{claim['output_prefix']}out.mp4"
    get_storage().put_bytes(key, b"video", content_type="video/mp4")
    result = {"object_key": key, "size_bytes": 5, "sha256": sha256_of(b"video"), "receipt": receipt_of()}
    assert farm.report(claim, result=result).status_code == 200
    asked: dict[str, Any] = claim["input"]
    return asked


def test_a_short_is_cut_and_its_words_are_drawn_where_the_clip_has_them(
    user: Caller, farm: Farm, project: dict[str, Any]
) -> None:
    [short] = shorts_of(user, project)
    job_id = order_cut(user, project)
    assert shorts_of(user, project)[0]["state"] == "cutting"

    asked = cut(farm, job_id, (0.0, 0.9), (1.5, 5.9))
    order = draw(farm, job_id)
    [done] = shorts_of(user, project)
    render = user.get(f"/renders/{done['render_id']}")

    assert (asked.start_s, asked.end_s, asked.aspect, asked.layout) == (0.0, 5.9, "9:16", "fill")
    assert any(gone.start <= 1.0 and gone.end >= 1.4 for gone in asked.cuts), "um is said from 1.0 to 1.4 s"
    spoken = [word for cue in order["scenario"]["tracks"][0]["cues"] for word in cue["words"]]
    assert [word["text"] for word in spoken] == [word for word in WORDS[:-1] if word != "um"]
    assert (spoken[1]["text"], spoken[1]["start"]) == ("this", 0.9)
    assert order["scenario"]["canvas"] == {"width": 606, "height": 1080}
    assert (done["state"], done["cut"]["framing"]["scenes"][0]["source"]) == ("cut", "faces")
    assert render["state"] == "succeeded"
    assert user.get(f"/jobs/{job_id}")["state"] == "succeeded"
    clip = user.get(f"/assets/{done['clip_asset_id']}")
    assert (clip["source_asset_id"], clip["has_poster"], clip["size_bytes"]) == (project["asset_id"], True, 4)
    assert render["source_asset_id"] == clip["id"]
    assert done["links"]["job"] == f"/api/v1/jobs/{job_id}"
    assert short["id"] == done["id"]


def test_a_clip_that_was_copied_is_framed_by_the_render_that_captions_it(
    user: Caller, farm: Farm, project: dict[str, Any]
) -> None:
    [short] = shorts_of(user, project)
    path = f"/projects/{project['id']}/shorts/{short['id']}"
    job_id = order_cut(user, project)

    asked = cut(farm, job_id, (1.5, 5.9), copied=80)
    order = RenderOrder.from_json(draw(farm, job_id))

    [done] = shorts_of(user, project)
    assert asked.later
    assert order.reframing is not None
    assert (order.reframing.framing.aspect, order.reframing.kept) == ("9:16", (Stretch(1.5, 5.9),))
    assert order.scenario["canvas"] == {"width": 720, "height": 1280}
    assert (done["cut"]["framed"], done["cut"]["copied_frames"]) == (False, 80)
    assert user.get(f"{path}/scenario")["canvas"] == {"width": 1280, "height": 720}, "the clip keeps its picture"
    body = {"source_asset_id": done["clip_asset_id"], "scenario": order.scenario}
    assert not user.post("/renders", body, expect=202)["cached"], "that one is not framed"
    told = user.call("GET", f"/renders/{done['render_id']}/still?t=0.5&wait_s=0").get_json()
    assert farm.claim(told["job_id"], "still")["input"]["reframing"] == order.to_json()["reframing"]


def test_a_clip_can_be_captioned_in_any_look(user: Caller, farm: Farm, project: dict[str, Any]) -> None:
    [short] = shorts_of(user, project)
    path = f"/projects/{project['id']}/shorts/{short['id']}"
    assert user.get(f"{path}/scenario", expect=409)["code"] == "short.not_cut"
    user.expect(200, "PATCH", path, {"look": ""})
    job_id = order_cut(user, project, shorts=[short["id"]])

    assert not cut(farm, job_id, (1.5, 5.9)).later

    assert user.get(f"/jobs/{job_id}")["state"] == "succeeded", "without a look nothing is drawn"
    [done] = shorts_of(user, project)
    assert (done["state"], done["render_id"]) == ("cut", None)
    scenario = user.get(f"{path}/scenario?preset=karaoke")
    assert scenario["tracks"][0]["cues"][0]["words"][0]["text"] == "this"
    render = user.post("/renders", {"source_asset_id": done["clip_asset_id"], "scenario": scenario}, expect=202)
    assert render["source_asset_id"] == done["clip_asset_id"]
    assert user.get(f"{path}/scenario?preset=none-such", expect=422)["code"] == "scenario.unknown_preset"


def test_what_goes_is_previewed_switched_and_undone(user: Caller, farm: Farm, project: dict[str, Any]) -> None:
    [short] = shorts_of(user, project)
    path = f"/projects/{project['id']}/shorts/{short['id']}"
    before = user.get(f"{path}/edits")
    [um] = [each for each in before["removals"] if each["kind"] == "filler"]

    after = user.post(f"{path}/edits", {"off": [um["id"]]}, expect=200)
    again = user.get(f"{path}/edits")
    asked = cut(farm, order_cut(user, project), (0.0, 5.9))

    def said(preview: dict[str, Any]) -> str:
        return " ".join(segment["text"] for segment in preview["document"]["segments"])

    assert um["text"] == "um" and "um" not in said(before).split()
    assert "um" in said(after).split() and after["duration_s"] > before["duration_s"]
    assert again == {**after, "can_undo": True}
    assert asked.cuts == ()
    user.post(f"{path}/undo", expect=200)
    assert user.get(f"{path}/edits") == before
    assert user.post(f"{path}/undo", expect=409)["code"] == "short.nothing_to_undo"
    assert user.post(f"{path}/edits", {"off": ["r99"]}, expect=422)["code"] == "shorts.unknown_removal"


def test_a_frame_by_hand_and_a_layout_reach_the_worker_and_can_be_undone(
    user: Caller, farm: Farm, project: dict[str, Any]
) -> None:
    [short] = shorts_of(user, project)
    path = f"/projects/{project['id']}/shorts/{short['id']}"
    hand = {"start": 1.0, "end": 2.0, "x": 0.25}

    user.expect(200, "PATCH", path, {"aspect": "1:1", "layout": "split", "overrides": [hand]})
    asked = cut(farm, order_cut(user, project), (0.0, 5.9))

    assert (asked.aspect, asked.layout) == ("1:1", "split")
    assert [(each.start, each.end, each.x, each.y) for each in asked.overrides] == [(1.0, 2.0, 0.25, None)]
    undone = user.post(f"{path}/undo", expect=200)
    assert (undone["wish"]["aspect"], undone["wish"]["overrides"]) == ("9:16", [])
    nothing = user.expect(422, "PATCH", path, {"overrides": [{"start": 1.0, "end": 2.0}]})
    assert nothing["code"] == "shorts.invalid_framing"


def test_a_stretch_of_ones_own_is_added_outlives_a_search_and_is_forgotten(
    user: Caller, farm: Farm, project: dict[str, Any]
) -> None:
    path = f"/projects/{project['id']}/shorts"
    made = user.post(path, {"start_s": 2.2, "end_s": 4.2, "title": "Mine"}, expect=201)

    analyse(user, farm, project["id"], (0.0, 3.0))

    assert (made["score"], made["evidence"], made["title"]) == (None, None, "Mine")
    assert not 2.0 < made["start_s"] < 2.4, "the word from 2.0 to 2.4 s is not cut"
    assert made["id"] in [short["id"] for short in shorts_of(user, project)]
    user.delete(f"{path}/{made['id']}", expect=204)
    assert made["id"] not in [short["id"] for short in shorts_of(user, project)]
    assert user.post(path, {"start_s": 2.0, "end_s": 90.0}, expect=422)["code"] == "short.invalid_times"


def test_a_cut_that_fails_gives_back_what_it_held_and_can_be_tried_again(
    user: Caller, farm: Farm, project: dict[str, Any]
) -> None:
    quotas = user.get("/usage")["quotas"]
    job_id = order_cut(user, project)
    busy = user.post(f"/projects/{project['id']}/jobs", {"type": "cutting"}, expect=409)
    [short] = shorts_of(user, project)
    named = user.post(f"/projects/{project['id']}/jobs", {"type": "cutting", "shorts": [short["id"]]}, expect=409)
    assert user.call("DELETE", f"/projects/{project['id']}").get_json()["code"] == "short.busy"

    farm.fail(job_id, "cut", "media.damaged")

    assert (busy["code"], named["code"]) == ("short.none", "short.busy")
    assert shorts_of(user, project)[0]["state"] == "failed"
    assert user.get("/usage")["quotas"] == quotas
    user.post(f"/jobs/{job_id}/retry", expect=202)
    cut(farm, job_id, (0.0, 5.9))
    draw(farm, job_id)
    assert shorts_of(user, project)[0]["state"] == "cut"


def test_jobs_refuse_what_their_type_does_not_know(user: Caller, project: dict[str, Any]) -> None:
    wrong = user.post(f"/projects/{project['id']}/jobs", {"type": "cutting", "count": 3}, expect=422)

    assert wrong["code"] == "request.invalid"
    assert "/count" in str(wrong)


def test_five_shorts_are_cut_on_a_plan_with_two_renders_at_a_time(
    user: Caller, farm: Farm, project: dict[str, Any]
) -> None:
    path = f"/projects/{project['id']}"
    for number in range(4):
        user.post(f"{path}/shorts", {"start_s": 0.1 * number, "end_s": 2.9, "snap": False}, expect=201)

    def running() -> int:
        return int(user.get("/usage")["quotas"]["concurrent_renders"]["used"])

    jobs = user.post(f"{path}/jobs", {"type": "cutting"}, expect=202)["job_ids"]
    assert (len(jobs), running()) == (5, 2)
    assert user.get("/usage")["quotas"]["daily_renders"]["used"] == 5
    assert {user.get(f"/jobs/{job}")["state"] for job in jobs} == {"queued"}
    with pytest.raises(AssertionError, match="'reason': 'waiting'"):
        farm.claim(jobs[2], "cut")

    user.post(f"/jobs/{jobs[4]}/cancel", expect=202)
    farm.fail(jobs[0], "cut", "media.damaged")
    reconcile(db.session(), rering_s=30.0)
    again = user.post(f"/jobs/{jobs[0]}/retry", expect=202)
    assert (again["state"], running()) == ("queued", 2), "it waits for a slot, as it did the first time"
    with pytest.raises(AssertionError, match="'reason': 'waiting'"):
        farm.claim(jobs[0], "cut")
    for job in (jobs[1], jobs[2], jobs[0], jobs[3]):
        cut(farm, job, (0.5, 2.9))
        draw(farm, job)
        reconcile(db.session(), rering_s=30.0)
        assert running() <= 2

    assert [user.get(f"/jobs/{job}")["state"] for job in jobs] == ["succeeded"] * 4 + ["cancelled"]
    assert (running(), user.get("/usage")["quotas"]["daily_renders"]["used"]) == (0, 4)
