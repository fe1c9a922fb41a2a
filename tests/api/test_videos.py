"""Music videos over HTTP: generated, approved, joined, made again, finished, deleted; the farm is played."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from api.assets.cleanup import sweep_objects
from api.extensions import db, get_storage
from api.jobs.models import Job, Step
from tasks.contracts.clips import ComposedVideo
from tasks.contracts.making import ComposeOrder, ComposeResult, ListenResult, MadeClip, MakeOrder, SheetResult
from tasks.contracts.music import Curve, SongSection
from tasks.names import TaskName
from tests.api.farm import Caller, Farm, receipt_of, sha256_of, storage_used
from tests.api.test_songs import BEATS, bring_song, listen

CLIP = b"clip" * 100
GENERATE = {"width": 640, "height": 360}


def put(claim: dict[str, Any], name: str, data: bytes) -> str:
    """Store an output as a worker would; return its key."""
    key = f"{claim['output_prefix']}{name}"
    get_storage().put_bytes(key, data, content_type="application/octet-stream")
    return key


def report(farm: Farm, claim: dict[str, Any], message: Any) -> None:
    answer = farm.report(claim, result=message.to_json())
    assert answer.status_code == 200, answer.get_json()


def parts_of(job_id: str) -> list[int]:
    """The parts of a job's step ``make``."""
    db.session.rollback()
    steps = db.session.query(Step).filter_by(job_id=job_id, name="make").order_by(Step.part)
    return [step.part for step in steps]


def make_clip(farm: Farm, job_id: str, part: int, *, data: bytes = b"", cost_usd: float = 0.0) -> MakeOrder:
    """Play the worker that makes one clip or still."""
    claim = farm.claim_part(job_id, "make", part)
    order = MakeOrder.from_json(claim["input"])
    content = data or CLIP + str(order.clip.seed).encode()
    key = put(claim, "clip", content)
    seconds = order.clip.frame_count / 30
    report(
        farm,
        claim,
        MadeClip(order.clip.number, key, len(content), sha256_of(content), 640, 360, seconds, cost_usd=cost_usd),
    )
    return order


def make_all(farm: Farm, job_id: str) -> list[MakeOrder]:
    """Play the workers of a job that makes clips or stills."""
    names = {step.name for step in db.session.query(Step).filter_by(job_id=job_id)}
    if "listen" in names:
        claim = farm.claim(job_id, "listen")
        report(farm, claim, ListenResult(put(claim, "score.npz", b"score")))
    orders = [make_clip(farm, job_id, part) for part in parts_of(job_id)]
    if "sheet" in names:
        claim = farm.claim(job_id, "sheet")
        report(farm, claim, SheetResult(put(claim, "sheet.png", b"png"), len(orders)))
    return orders


def join(farm: Farm, job_id: str, *, data: bytes = b"film" * 50) -> ComposeOrder:
    """Play the worker that joins."""
    claim = farm.claim(job_id, "compose")
    order = ComposeOrder.from_json(claim["input"])
    film = ComposedVideo(640, 360, 30, 1, 360, 12.0, 12.0, "copy", order.transition, len(data), ())
    report(farm, claim, ComposeResult(put(claim, "film.mp4", data), sha256_of(data), film))
    return order


def caption(farm: Farm, job_id: str) -> dict[str, Any]:
    """Play the node that draws the words; return what it was ordered to do."""
    claim = farm.claim(job_id, "caption")
    key = put(claim, "out.mp4", b"captioned")
    result = {"object_key": key, "size_bytes": 9, "sha256": sha256_of(b"captioned"), "receipt": receipt_of()}
    assert farm.report(claim, result=result).status_code == 200
    asked: dict[str, Any] = claim["input"]
    return asked


def generate(user: Caller, song_id: str, **changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = user.post(f"/songs/{song_id}/clips/generate", {**GENERATE, **changes}, expect=202)
    return told


@pytest.fixture
def ready(user: Caller, farm: Farm) -> str:
    """The id of a song of 12 s that was analysed: two sections of two clips each."""
    song_id = user.post("/songs", {"asset_id": bring_song(user, farm, duration_s=12.0)}, expect=201)["id"]
    beats = tuple(beat for beat in BEATS if beat < 12)
    parts = (SongSection(0.0, 6.5, "verse", 0, 0.9), SongSection(6.5, 12.0, "chorus", 1, 1.0))
    job_id = user.post(f"/songs/{song_id}/analyze", {}, expect=202)["job_id"]
    loud = Curve(0.5, (1.0,) * 24)
    listen(farm, job_id, duration_s=12.0, beats=beats, downbeats=beats[::4], sections=parts, energy=loud)
    return str(song_id)


def bring_film(user: Caller, farm: Farm, song_id: str) -> dict[str, str]:
    """Make a video of an analysed song, join it, share it; return the ids of what there is."""
    video = generate(user, song_id)
    if video["job_id"]:
        make_all(farm, video["job_id"])
    composition_id = user.post(f"/songs/{song_id}/compose", {}, expect=202)["job_id"]
    join(farm, composition_id)
    parts = user.get(f"/videos/{video['id']}/clips")
    shared = user.post(f"/videos/{video['id']}/shares", {}, expect=201)
    return {
        "song_id": song_id,
        "video_id": video["id"],
        "composition_id": composition_id,
        "clip_id": parts["items"][0]["id"],
        "section_id": parts["sections"][0]["id"],
        "share_id": shared["id"],
        "share_token": shared["token"],
    }


def bring_stills(user: Caller, farm: Farm, song_id: str) -> dict[str, str]:
    """Make a video whose stills wait for approval; return its id."""
    video = generate(user, song_id, stills=True, seed=9)
    make_all(farm, video["job_id"])
    return {"video_id": video["id"]}


@pytest.fixture
def made(user: Caller, farm: Farm, ready: str) -> dict[str, Any]:
    """A video whose clips are there."""
    video = generate(user, ready)
    make_all(farm, video["job_id"])
    told: dict[str, Any] = user.get(f"/videos/{video['id']}")
    return told


@pytest.fixture
def film(user: Caller, farm: Farm, ready: str, made: dict[str, Any]) -> dict[str, Any]:
    """A video that was joined."""
    join(farm, user.post(f"/songs/{ready}/compose", {}, expect=202)["job_id"])
    told: dict[str, Any] = user.get(f"/videos/{made['id']}")
    return told


def clips_of(user: Caller, video_id: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = user.get(f"/videos/{video_id}/clips")["items"]
    return items


def test_clips_are_planned_stored_and_made_side_by_side(user: Caller, farm: Farm, ready: str) -> None:
    plan = user.post(f"/songs/{ready}/clips/plan", {}, expect=200)

    video = generate(user, ready)
    before = user.get(f"/songs/{ready}/generation/status")
    orders = make_all(farm, video["job_id"])

    assert (video["state"], video["percent"], video["stage"]) == ("working", 0.0, "clips")
    assert (before["percent"], before["clips_made"], before["clips_total"]) == (0.0, 0, len(plan["clips"]))
    assert [order.clip.start_frame for order in orders] == [clip["start_frame"] for clip in plan["clips"]]
    assert {order.provider for order in orders} == {"offline"}
    after = user.get(f"/videos/{video['id']}")
    assert (after["state"], after["percent"], after["clips_made"]) == ("made", 80.0, len(orders))
    told = user.get(f"/songs/{ready}/clips")
    assert {clip["state"] for clip in told["items"]} == {"made"}
    assert all(clip["url"].startswith("http") for clip in told["items"])
    assert [section["remakes_left"] for section in told["sections"]] == [1, 1]


def test_the_canvas_of_a_video_is_heard_then_made_side_by_side_then_shown(user: Caller, ready: str) -> None:
    job_id = generate(user, ready)["job_id"]
    db.session.rollback()
    steps = db.session.query(Step).filter_by(job_id=job_id).order_by(Step.position).all()

    assert [step.task for step in steps][:2] == [TaskName.CLIPS_LISTEN.value, TaskName.CLIPS_MAKE.value]
    assert {tuple(step.after) for step in steps if step.name == "make"} == {("listen",)}
    assert (steps[-1].task, steps[-1].after, steps[-1].limits) == (TaskName.CLIPS_SHEET.value, ["make"], [])


def test_the_status_goes_to_80_with_the_clips_and_to_100_with_the_film(user: Caller, farm: Farm, ready: str) -> None:
    def percent() -> float:
        told: float = user.get(f"/songs/{ready}/generation/status")["percent"]
        return told

    job_id, seen = generate(user, ready, captions="pop")["job_id"], []
    claim = farm.claim(job_id, "listen")
    report(farm, claim, ListenResult(put(claim, "score.npz", b"score")))
    for part in parts_of(job_id):
        make_clip(farm, job_id, part)
        seen.append(percent())
    claim = farm.claim(job_id, "sheet")
    report(farm, claim, SheetResult(put(claim, "sheet.png", b"png"), 1))
    composing = user.post(f"/songs/{ready}/compose", {}, expect=202)["job_id"]
    status = f"/songs/{ready}/compose/{composing}/status"
    seen.append(percent())
    refused = user.get(f"/songs/{ready}/compose/{composing}/result", expect=409)
    join(farm, composing)
    seen.append(percent())
    assert (user.get(status)["percent"], user.get(status)["stage"]) == (90.0, "captions")
    asked = caption(farm, composing)
    seen.append(percent())

    assert seen == sorted(seen)
    assert seen[-4:] == [80.0, 80.0, 90.0, 100.0]
    assert refused["code"] == "video.not_composed"
    assert user.get(status)["percent"] == 100.0
    assert asked["scenario"]["canvas"] == {"width": 640, "height": 360}
    assert asked["scenario"]["tracks"][0]["cues"][0]["words"][0]["text"] == "La"
    assert user.get(f"/songs/{ready}/compose/{composing}/result")["size_bytes"] == 9


def test_a_song_without_words_gets_a_film_without_captions(
    user: Caller, farm: Farm, ready: str, made: dict[str, Any]
) -> None:
    job_id = user.post(f"/songs/{ready}/compose", {"captions": None, "transition": "flash"}, expect=202)["job_id"]

    order = join(farm, job_id)

    video = user.get(f"/videos/{made['id']}")
    assert (order.transition, order.container, order.audio) == ("flash", "mp4", "auto")
    assert [clip.number for clip in order.clips] == list(range(len(order.plan.clips)))
    assert (video["state"], video["film"]["audio"], video["transition"]) == ("ready", "copy", "flash")
    assert user.get(f"/videos/{made['id']}/download")["filename"] == "night drive.mp4"


def test_a_film_needs_all_clips(user: Caller, farm: Farm, ready: str) -> None:
    video = generate(user, ready)
    assert user.post(f"/songs/{ready}/compose", {}, expect=409)["code"] == "video.busy"
    user.post(f"/jobs/{video['job_id']}/cancel", expect=202)

    refused = user.post(f"/songs/{ready}/compose", {}, expect=409)

    assert refused["code"] == "video.clips_missing"
    assert refused["details"]["numbers"] == list(range(video["clips_total"]))
    assert user.get(f"/videos/{video['id']}")["state"] == "failed"


def test_stills_come_first_and_wait_for_approval(user: Caller, farm: Farm, ready: str) -> None:
    video = generate(user, ready, stills=True)
    stills = make_all(farm, video["job_id"])
    waiting = user.get(f"/videos/{video['id']}")
    assert (waiting["state"], waiting["clips_made"]) == ("waiting", 0)
    assert all(order.still for order in stills)
    assert all(clip["still_url"] and not clip["url"] for clip in clips_of(user, video["id"]))

    approved = user.post(f"/videos/{video['id']}/approve", expect=202)
    clips = make_all(farm, approved["job_id"])

    assert approved["job_id"] != video["job_id"]
    assert not any(order.still for order in clips)
    assert {order.score_key for order in clips} != {""}  # the song is not heard twice
    assert user.get(f"/videos/{video['id']}")["state"] == "made"
    assert user.post(f"/videos/{video['id']}/approve", expect=409)["code"] == "video.not_waiting"


def test_the_same_video_again_makes_nothing_anew_and_outlives_the_first(
    user: Caller, ready: str, made: dict[str, Any]
) -> None:
    second = generate(user, ready)
    other = generate(user, ready, seed=1)

    assert (second["job_id"], second["state"], second["clips_made"]) == (None, "made", made["clips_total"])
    assert other["state"] == "working"
    keys = [clip["url"].partition("?")[0] for clip in clips_of(user, made["id"])]
    assert [clip["url"].partition("?")[0] for clip in clips_of(user, second["id"])] == keys
    user.delete(f"/videos/{made['id']}", expect=204)
    stored = {found.key for found in get_storage().list("jobs/")}
    assert all(any(key.endswith(one) for one in stored) for key in keys)


def test_a_clip_is_made_again_once_and_only_it(user: Caller, farm: Farm, film: dict[str, Any]) -> None:
    before = clips_of(user, film["id"])
    path = f"/videos/{film['id']}/regenerate/clip/{before[1]['id']}"

    job_id = user.post(path, {"prompt": "a red door"}, expect=202)["job_id"]
    assert user.post(path, {}, expect=409)["code"] == "video.busy"
    [order] = make_all(farm, job_id)
    joined = join(farm, job_id, data=b"another film")

    after = clips_of(user, film["id"])
    assert (order.clip.number, order.clip.prompt) == (1, "a red door")
    assert order.clip.seed != before[1]["seed"]
    assert [clip.number for clip in joined.clips] == [0, *range(2, len(before))]
    assert joined.film_key.endswith("film.mp4") and joined.film is not None, "what stays is copied from the film before"
    assert joined.film.frame_count == 360
    assert [
        clip["url"].partition("?")[0] == old["url"].partition("?")[0] for clip, old in zip(after, before, strict=True)
    ] == [number != 1 for number in range(len(before))]
    assert [clip["remakes_left"] for clip in after] == [int(number != 1) for number in range(len(before))]
    refused = user.post(path, {}, expect=409)
    assert (refused["code"], refused["details"]) == ("video.no_remakes", {"remakes_left": 0})
    newer = user.get(f"/videos/{film['id']}")
    assert newer["result_asset_id"] != film["result_asset_id"]
    assert user.get(f"/assets/{film['result_asset_id']}", expect=404)["code"] == "asset.not_found"


def test_a_section_is_made_again_once(user: Caller, farm: Farm, made: dict[str, Any]) -> None:
    told = user.get(f"/videos/{made['id']}/clips")
    section = told["sections"][1]
    path = f"/videos/{made['id']}/regenerate/section/{section['id']}"

    job_id = user.post(path, {}, expect=202)["job_id"]
    orders = make_all(farm, job_id)

    assert [order.clip.number for order in orders] == [c["number"] for c in told["items"] if c["section"] == 1]
    assert user.get(f"/jobs/{job_id}")["state"] == "succeeded"
    assert [one["remakes_left"] for one in user.get(f"/videos/{made['id']}/clips")["sections"]] == [1, 0]
    assert user.post(path, {}, expect=409)["code"] == "video.no_remakes"


def test_a_remake_that_fails_leaves_the_film_and_can_be_retried(user: Caller, farm: Farm, film: dict[str, Any]) -> None:
    before = clips_of(user, film["id"])
    job_id = user.post(f"/videos/{film['id']}/regenerate/clip/{before[0]['id']}", {}, expect=202)["job_id"]
    farm.fail(job_id, "make", "provider.failed")

    after = clips_of(user, film["id"])
    assert (after[0]["seed"], after[0]["state"], after[0]["remakes_left"]) == (before[0]["seed"], "made", 1)
    assert user.get(f"/videos/{film['id']}")["result_asset_id"] == film["result_asset_id"]

    user.post(f"/jobs/{job_id}/retry", expect=202)
    [order] = make_all(farm, job_id)
    join(farm, job_id)
    again = clips_of(user, film["id"])
    assert (again[0]["seed"], again[0]["state"], again[0]["remakes_left"]) == (order.clip.seed, "made", 0)


def test_a_finished_video_keeps_its_film_alone_and_refuses_edits(
    user: Caller, ready: str, film: dict[str, Any]
) -> None:
    clip, section = clips_of(user, film["id"])[0], user.get(f"/videos/{film['id']}/clips")["sections"][0]
    keys = {found.key for found in get_storage().list("jobs/")}

    done = user.post(f"/videos/{film['id']}/finalize", {}, expect=200)

    assert (done["state"], done["percent"]) == ("finalized", 100.0)
    gone = keys - {found.key for found in get_storage().list("jobs/")}
    assert len([key for key in gone if key.endswith("/clip")]) == film["clips_total"]
    assert {key.rpartition("/")[2] for key in gone} == {"clip", "score.npz", "sheet.png"}
    assert user.get(f"/videos/{film['id']}/download")["size_bytes"] == 200
    for path, body in (
        (f"/videos/{film['id']}/regenerate/clip/{clip['id']}", {}),
        (f"/videos/{film['id']}/regenerate/section/{section['id']}", {}),
        (f"/videos/{film['id']}/finalize", {}),
        (f"/videos/{film['id']}/approve", None),
        (f"/songs/{ready}/compose", {}),
    ):
        assert user.post(path, body, expect=409)["code"] == "video.finalized", path


def test_a_video_without_a_film_is_not_finished(user: Caller, made: dict[str, Any]) -> None:
    assert user.post(f"/videos/{made['id']}/finalize", {}, expect=409)["code"] == "video.not_composed"


def test_deleting_frees_the_storage_and_removes_all(user: Caller, ready: str, film: dict[str, Any]) -> None:
    used = storage_used(user)
    assert user.get("/videos")["count"] == 1

    user.delete(f"/videos/{film['id']}", expect=204)

    assert user.get("/videos") == {"items": [], "count": 0, "limit": 100, "next_cursor": None}
    clips = film["clips_total"]
    assert used - storage_used(user) >= 200 + clips * len(CLIP)
    prefixes = {str(job.id) for job in db.session.query(Job).filter_by(kind="video")}
    left = [found.key for found in get_storage().list("jobs/") if found.key.split("/")[1] in prefixes]
    assert left == []
    assert user.get(f"/songs/{ready}")["state"] == "ready"


def test_a_video_at_work_is_not_deleted(user: Caller, ready: str) -> None:
    video = generate(user, ready)

    assert user.expect(409, "DELETE", f"/videos/{video['id']}")["code"] == "video.busy"
    assert user.expect(409, "DELETE", f"/assets/{user.get(f'/songs/{ready}')['asset_id']}")["code"] == "asset.in_use"


def test_credits_are_held_charged_by_what_was_made_and_given_back(user: Caller, farm: Farm, ready: str) -> None:
    def balance() -> int:
        told: int = user.get("/credits")["balance"]
        return told

    start = balance()
    video = generate(user, ready)
    held = balance()
    make_all(farm, video["job_id"])
    composing = user.post(f"/songs/{ready}/compose", {}, expect=202)["job_id"]
    join(farm, composing)

    assert start - held == 1  # 12 s at two credits a minute, rounded up
    assert start - balance() == 2  # clips and composition
    failing = generate(user, ready, seed=5)
    assert start - balance() == 3
    user.post(f"/jobs/{failing['job_id']}/cancel", expect=202)
    assert start - balance() == 2


def test_the_library_is_ones_own(user: Caller, other: Caller, ready: str, film: dict[str, Any]) -> None:
    assert [video["id"] for video in user.get("/videos")["items"]] == [film["id"]]
    assert other.get("/videos")["items"] == []
    clip = clips_of(user, film["id"])[0]
    for method, path in (
        ("GET", f"/videos/{film['id']}"),
        ("GET", f"/videos/{film['id']}/clips"),
        ("GET", f"/videos/{film['id']}/download"),
        ("POST", f"/videos/{film['id']}/finalize"),
        ("POST", f"/videos/{film['id']}/approve"),
        ("POST", f"/videos/{film['id']}/shares"),
        ("POST", f"/videos/{film['id']}/regenerate/clip/{clip['id']}"),
        ("DELETE", f"/videos/{film['id']}"),
        ("POST", f"/songs/{ready}/clips/generate"),
        ("GET", f"/songs/{ready}/generation/status"),
    ):
        assert other.expect(404, method, path, {} if method == "POST" else None)["code"].endswith(".not_found"), path


def test_what_cannot_be_generated_is_refused_and_nothing_is_kept(user: Caller, ready: str, app: Any) -> None:
    path = f"/songs/{ready}/clips/generate"
    for body, code in (
        ({"width": 641}, "request.invalid"),
        ({"transition": "melt"}, "request.invalid"),
        ({"captions": "no such look"}, "scenario.unknown_preset"),
        ({"provider": "replicate"}, "provider.not_offered"),
    ):
        assert user.post(path, {**GENERATE, **body}, expect=422)["code"] == code, body
    assert user.get("/videos")["items"] == []
    assert user.get(f"/songs/{ready}/generation/status", expect=404)["code"] == "video.not_found"


def test_the_same_key_is_one_video(user: Caller, ready: str) -> None:
    answers = [
        user.call("POST", f"/songs/{ready}/clips/generate", GENERATE, {"Idempotency-Key": "one"}) for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({answer.get_json()["id"] for answer in answers}) == 1
    assert user.get("/videos")["count"] == 1


def test_the_sweep_leaves_what_videos_show(user: Caller, made: dict[str, Any]) -> None:
    from datetime import UTC, datetime, timedelta

    before = {found.key for found in get_storage().list(f"jobs/{made['job_id']}/")}

    sweep_objects(db.session(), now=datetime.now(UTC) + timedelta(days=3))

    assert {found.key for found in get_storage().list(f"jobs/{made['job_id']}/")} == before
    assert len(before) == made["clips_total"] + 2


def test_a_clip_reported_twice_is_one_clip_and_one_that_is_another_ones_file_is_told(
    user: Caller, farm: Farm, ready: str
) -> None:
    video = generate(user, ready)
    claim = farm.claim(video["job_id"], "listen")
    report(farm, claim, ListenResult(put(claim, "score.npz", b"score")))
    first = farm.claim_part(video["job_id"], "make", 0)
    key = put(first, "clip", CLIP)
    told = MadeClip(0, key, len(CLIP), sha256_of(CLIP), 640, 360, 4.0, cost_usd=0.5)
    report(farm, first, told)
    report(farm, first, told)

    make_clip(farm, video["job_id"], 1, data=CLIP)

    assert user.get(f"/videos/{video['id']}")["spent_usd"] == 0.5
    assert [clip["same_as"] for clip in clips_of(user, video["id"])][:2] == [None, 0]


def test_a_worker_cannot_name_an_object_that_is_not_its_own(user: Caller, farm: Farm, ready: str) -> None:
    video = generate(user, ready)

    report(farm, farm.claim(video["job_id"], "listen"), ListenResult("uploads/other/source"))

    assert user.get(f"/jobs/{video['job_id']}")["error"]["code"] == "step.foreign_key"
    assert UUID(video["id"])
