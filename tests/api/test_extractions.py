"""Extractions: the sound behind a link, at the loudness of all sounds, charged when it is there."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from api.extensions import get_storage
from tasks.contracts.sounds import SoundReady
from tests.api.farm import HTTP, Caller, Farm, at_once, find_step
from tests.api.linking import BYTES, LOUD, fetch, info_of, level, put, resolve


def link_to_youtube() -> str:
    return f"https://www.youtube.com/watch?v={uuid4().hex[:11]}"


def order(user: Caller, **body: Any) -> dict[str, Any]:
    told: dict[str, Any] = user.post("/extractions", {"url": link_to_youtube(), **body}, expect=202)
    return told


def extract(user: Caller, farm: Farm, **body: Any) -> dict[str, Any]:
    """Bring an extraction to its end."""
    told = order(user, **body)
    resolve(farm, told["job_id"], service="youtube", media_ref=told["media_ref"])
    fetch(farm, told["job_id"])
    level(farm, told["job_id"])
    done: dict[str, Any] = user.get(f"/extractions/{told['id']}")
    assert done["status"] == "ready", done
    return done


def credits_of(user: Caller) -> int:
    return int(user.get("/credits")["balance"])


def test_a_link_becomes_a_sound_of_the_board(user: Caller, farm: Farm) -> None:
    before = credits_of(user)
    told = order(user, tags=["Drum"])
    assert (told["status"], told["service"], told["sound_id"]) == ("waiting", "youtube", None)
    assert len(told["media_ref"]) == 11
    assert find_step(told["job_id"], "level").limits == ["extractions"]

    resolve(farm, told["job_id"], service="youtube", media_ref=told["media_ref"])
    media = fetch(farm, told["job_id"])
    level(farm, told["job_id"])

    done = user.get(f"/extractions/{told['id']}")
    assert (done["status"], done["title"], done["error"]) == ("ready", "Big drum", None)
    sound = user.get(f"/sounds/{done['sound_id']}")
    assert (sound["type"], sound["title"], sound["tags"], sound["state"]) == ("EXT", "Big drum", ["drum"], "ready")
    assert [one["id"] for one in user.get("/sounds?types=EXT")["items"]] == [sound["id"]]
    assert HTTP.get(user.get(f"/sounds/{sound['id']}/file")["url"]).content == BYTES
    original = user.get(f"/assets/{sound['asset_id']}")
    assert (original["state"], original["filename"], original["size_bytes"]) == ("ready", "Big drum.mp3", len(BYTES))
    assert get_storage().head(media.object_key) is not None
    assert credits_of(user) == before - 1


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("https://youtu.be/dQw4w9WgXcQ", "youtube"),
        ("https://soundcloud.com/somebody/a-song", "soundcloud"),
        ("https://vimeo.com/76979871", "vimeo"),
        ("https://www.dailymotion.com/video/x8abcde", "dailymotion"),
        ("https://vm.tiktok.com/ZMabcdef/", "tiktok"),
        ("https://x.com/somebody/status/1234567890", "twitter"),
        ("https://www.instagram.com/reel/Cabc-123/", "instagram"),
    ],
)
def test_seven_services_are_known(user: Caller, url: str, service: str) -> None:
    assert order(user, url=url)["service"] == service


def test_other_hosts_are_refused(user: Caller) -> None:
    refused = user.post("/extractions", {"url": "https://media.example.com/a.mp3"}, expect=422)
    assert (refused["code"], len(refused["details"]["services"])) == ("link.unsupported", 7)


def test_a_sound_that_is_there_or_on_its_way_is_refused_naming_it(user: Caller, other: Caller, farm: Farm) -> None:
    waiting = order(user)
    link = f"https://youtu.be/{waiting['media_ref']}?t=3"
    again = user.post("/extractions", {"url": link}, expect=409)
    assert (again["code"], again["details"]["extraction_id"]) == ("extraction.duplicate", waiting["id"])
    other.post("/extractions", {"url": link}, expect=202)
    farm.fail(waiting["job_id"], "resolve", "link.dead")
    user.post("/extractions", {"url": link}, expect=202)

    done = extract(user, farm)
    there = user.post("/extractions", {"url": f"https://youtu.be/{done['media_ref']}"}, expect=409)
    assert there["details"] == {"extraction_id": done["id"], "sound_id": done["sound_id"]}
    user.delete(f"/sounds/{done['sound_id']}", expect=204)
    user.post("/extractions", {"url": f"https://youtu.be/{done['media_ref']}"}, expect=202)


def test_of_many_orders_for_one_link_one_is_taken(app: Any, user: Caller) -> None:
    answers = at_once(app, user, 5, "POST", "/extractions", {"url": link_to_youtube()})
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 4


def test_a_short_link_to_what_is_there_is_found_out_and_costs_nothing(user: Caller, farm: Farm) -> None:
    done = extract(user, farm)
    before = credits_of(user)
    second = order(user, url="https://vm.tiktok.com/ZMabcdef/")
    claim = farm.claim(second["job_id"], "resolve")
    farm.report(claim, result=info_of(service="youtube", media_ref=done["media_ref"]).to_json())
    failed = user.get(f"/extractions/{second['id']}")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "extraction.duplicate")
    assert failed["error"]["details"] == {"extraction_id": done["id"], "sound_id": done["sound_id"]}
    assert credits_of(user) == before


def test_bytes_that_are_a_sound_already_end_in_a_refusal_that_names_it(user: Caller, farm: Farm) -> None:
    sha256 = uuid4().hex * 2
    first = order(user)
    resolve(farm, first["job_id"], service="youtube", media_ref=first["media_ref"])
    fetch(farm, first["job_id"], sha256=sha256)
    level(farm, first["job_id"])
    before = credits_of(user)
    second = order(user)
    resolve(farm, second["job_id"], service="youtube", media_ref=second["media_ref"])
    fetch(farm, second["job_id"], sha256=sha256)
    claim = farm.claim(second["job_id"], "level")

    told = SoundReady(put(claim, "sound.mp3"), put(claim, "waveform.json"), 16, 12.0, LOUD, LOUD, 0.0, limited=False)
    farm.report(claim, result=told.to_json())
    failed = user.get(f"/extractions/{second['id']}")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "sound.duplicate")
    assert failed["error"]["details"]["sound_id"] == user.get(f"/extractions/{first['id']}")["sound_id"]
    assert credits_of(user) == before


def test_at_most_two_extractions_are_worked_on_at_once(user: Caller, farm: Farm) -> None:
    jobs = [order(user)["job_id"] for _ in range(3)]
    for job_id in jobs[:2]:
        farm.claim(job_id, "resolve")
    step = find_step(jobs[2], "resolve")
    message = {"version": 1, "job_id": jobs[2], "step_id": str(step.id), "node": "test", "task": step.task}
    answer = farm.post(f"/api/internal/steps/{step.id}/claim", message).get_json()
    assert (answer["claimed"], answer["reason"]) == (False, "limited")


def test_what_failed_costs_nothing_and_can_be_tried_again(user: Caller, farm: Farm) -> None:
    before = credits_of(user)
    told = order(user)
    farm.fail(told["job_id"], "resolve", "link.private")
    failed = user.get(f"/extractions/{told['id']}")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "link.private")
    assert credits_of(user) == before
    user.post(f"/jobs/{told['job_id']}/retry", expect=202)
    assert user.get(f"/extractions/{told['id']}")["status"] == "waiting"
    assert credits_of(user) == before - 1


def test_media_that_is_no_sound_leaves_nothing_behind(user: Caller, farm: Farm) -> None:
    told = order(user)
    resolve(farm, told["job_id"], service="youtube", media_ref=told["media_ref"])
    fetch(farm, told["job_id"])
    farm.fail(told["job_id"], "level", "media.damaged")
    assert list(get_storage().list(f"jobs/{told['job_id']}/")) == []
    assert user.post(f"/jobs/{told['job_id']}/retry", expect=409)["code"] == "extraction.refused"


def test_an_extraction_is_forgotten_and_its_sound_stays(user: Caller, other: Caller, farm: Farm) -> None:
    running = order(user)
    assert user.delete(f"/extractions/{running['id']}", expect=409)["code"] == "extraction.running"
    done = extract(user, farm)
    assert other.get(f"/extractions/{done['id']}", expect=404)["code"] == "extraction.not_found"
    assert [one["id"] for one in user.get("/extractions?status=ready")["items"]] == [done["id"]]
    assert user.get("/extractions?service=vimeo")["items"] == []
    user.delete(f"/extractions/{done['id']}", expect=204)
    user.get(f"/sounds/{done['sound_id']}")


def test_administrators_see_how_extractions_are_doing(user: Caller, admin: Caller, farm: Farm) -> None:
    assert user.get("/admin/extractions/status", expect=403)["code"] == "auth.forbidden"
    extract(user, farm)
    failed = order(user)
    farm.fail(failed["job_id"], "resolve", "link.geo_blocked")
    farm.claim(order(user)["job_id"], "resolve")

    told = admin.get("/admin/extractions/status")

    assert (told["limit"], told["running"], told["waiting"]) == (2, 1, 1)
    assert told["services"] == [{"service": "youtube", "waiting": 1, "ready": 1, "failed": 1}]
    assert told["failures"] == [{"code": "link.geo_blocked", "count": 1}]
