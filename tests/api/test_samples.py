"""Samples: made of links in eight steps, found, sorted, downloaded, known again, deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.assets.cleanup import sweep_objects
from api.config import read_api_settings
from api.extensions import db, get_storage
from api.samples.models import Creator
from tasks.contracts.samples import CreatorFound, CreatorInfo
from tasks.errors import ConfigurationError
from tests.api.farm import HTTP, Caller, Farm, at_once
from tests.api.linking import BYTES, fetch, info_of, make, make_sample, report, resolve
from tests.api.test_config import ENVIRON

STEPS = ["resolve", "creator", "download", "extract", "waveform", "analyze", "loops", "save"]


def order(user: Caller, **body: Any) -> dict[str, Any]:
    told: dict[str, Any] = user.post(
        "/samples", {"url": f"https://media.example.com/{uuid4().hex}", **body}, expect=202
    )
    return told


def credits_of(user: Caller) -> int:
    return int(user.get("/credits")["balance"])


def test_a_link_becomes_a_sample_in_eight_visible_steps(user: Caller, farm: Farm) -> None:
    before = credits_of(user)
    told = order(user, tags=[" Drum ", "DRUM"])
    assert (told["status"], told["title"], told["tags"]) == ("processing", "", ["drum"])
    assert credits_of(user) == before - 1
    assert [step["name"] for step in user.get(f"/jobs/{told['job_id']}")["steps"]] == STEPS

    make(farm, told["job_id"])

    ready = user.get(f"/samples/{told['id']}")
    assert (ready["status"], ready["title"], ready["service"]) == ("ready", "Big drum", "tiktok")
    assert (ready["bpm"], ready["key"], ready["duration_s"]) == (128.0, "A minor", 12.0)
    assert ready["creator"]["handle"] == "drummer"
    assert ready["source"]["likes"] == 50
    assert ready["source"]["shares"] == 3
    assert ready["loudness"]["integrated_lufs"] == -14.0
    assert [loop["beats"] for loop in ready["loops"]] == [4]
    assert ready["forms"] == ["wav", "mp3", "loop"]
    for name in ("waveform_url", "peaks_url", "thumbnail_url", "listen_url"):
        assert HTTP.get(ready[name]).content == BYTES
    assert credits_of(user) == before - 1
    assert user.get(f"/jobs/{told['job_id']}")["state"] == "succeeded"


def test_a_site_is_asked_by_two_steps_at_a_time_and_others_need_not_wait(
    user: Caller, other: Caller, farm: Farm
) -> None:
    links = ("https://www.youtube.com/watch?v=", "https://youtu.be/")
    first, second, third = (
        order(whose, url=f"{link}{uuid4().hex[:11]}")["job_id"]
        for whose, link in ((user, links[0]), (user, links[1]), (other, links[0]))
    )
    elsewhere = order(user, url=f"https://media.example.com/{uuid4().hex}")["job_id"]
    extraction = user.post("/extractions", {"url": f"{links[1]}{uuid4().hex[:11]}"}, expect=202)["job_id"]
    one = farm.claim(first, "resolve")
    farm.claim(second, "resolve")

    assert [farm.ask(job, "resolve").get("reason") for job in (third, extraction)] == ["limited", "limited"]
    assert farm.claim(elsewhere, "resolve")["claimed"]
    report(farm, one, info_of())
    assert farm.claim(third, "resolve")["claimed"]
    assert farm.ask(first, "download").get("reason") == "limited"


def test_what_a_sample_was_made_of_is_removed_and_its_files_stay(user: Caller, farm: Farm) -> None:
    told = order(user)
    resolve(farm, told["job_id"])
    kept = {found.key for found in get_storage().list(f"jobs/{told['job_id']}/")}
    assert kept == set()
    user.post(f"/jobs/{told['job_id']}/cancel", expect=202)

    ready = make_sample(user, farm)

    names = sorted(found.key.rpartition("/")[2] for found in get_storage().list(f"jobs/{ready['job_id']}/"))
    assert names == ["loop.wav", "peaks.json", "sample.mp3", "sample.wav", "thumbnail.png", "waveform.png"]
    sweep_objects(db.session(), now=datetime.now(UTC) + timedelta(days=2))
    assert len(list(get_storage().list(f"jobs/{ready['job_id']}/"))) == 6
    user.delete(f"/samples/{ready['id']}", expect=204)
    assert list(get_storage().list(f"jobs/{ready['job_id']}/")) == []
    assert user.get(f"/samples/{ready['id']}", expect=404)["code"] == "sample.not_found"


def test_downloads_are_counted_with_who_and_named_by_key_and_tempo(user: Caller, farm: Farm) -> None:
    sample = make_sample(user, farm)
    mp3 = user.post(f"/samples/{sample['id']}/download", {"form": "mp3"}, expect=200)
    loop = user.post(f"/samples/{sample['id']}/download", {"form": "loop"}, expect=200)
    assert mp3["filename"] == "Big drum_128bpm_Am.mp3"
    assert loop["filename"] == "Big drum_loop_128bpm_Am.wav"
    answer = HTTP.get(mp3["url"])
    assert answer.content == BYTES
    assert "attachment" in answer.headers["Content-Disposition"]

    told = user.get(f"/samples/{sample['id']}/downloads")

    assert (told["downloads"], told["users"]) == (2, 1)
    assert [(one["user_id"], one["form"]) for one in told["items"]] == [(user.id, "loop"), (user.id, "mp3")]
    assert user.get(f"/samples/{sample['id']}")["downloads"] == 2


def test_a_sample_without_a_beat_has_no_loop(user: Caller, farm: Farm) -> None:
    sample = make_sample(user, farm, bpm=None, key="unknown")
    assert (sample["bpm"], sample["key"], sample["forms"], sample["loops"]) == (None, None, ["wav", "mp3"], [])
    refused = user.post(f"/samples/{sample['id']}/download", {"form": "loop"}, expect=404)
    assert refused["code"] == "sample.no_file"
    named = user.post(f"/samples/{sample['id']}/download", {}, expect=200)
    assert named["filename"] == "Big drum.wav"


def test_samples_are_found_and_sorted(user: Caller, farm: Farm) -> None:
    flute = CreatorInfo("u2", "flautist", "The Flautist")
    slow = make_sample(user, farm, bpm=90.0, key="C major", title="Quiet flute", views=5, creator=flute)
    fast = make_sample(user, farm, bpm=174.0, key="A minor", title="Amen break", views=900)
    none = make_sample(user, farm, bpm=None, key="unknown", title="Rain", views=None)
    user.expect(200, "PATCH", f"/samples/{fast['id']}", {"tags": ["drums"]})
    waiting = order(user)

    def found(query: str) -> list[str]:
        return [one["id"] for one in user.get(f"/samples?{query}")["items"]]

    assert found("") == [waiting["id"], none["id"], fast["id"], slow["id"]]
    assert found("status=processing") == [waiting["id"]]
    assert found("bpm_min=80&bpm_max=100") == found("key=c%20major") == [slow["id"]]
    assert found("bpm_min=100") == found("tag=drums") == found("q=amen") == [fast["id"]]
    assert found("q=barn%20-amen%20-rain") == [slow["id"]]
    assert found("q=drummer") == [none["id"], fast["id"]]
    assert found("creator=flautist") == found("creator=%40FLAUTIST") == [slow["id"]]
    assert found(f"creator={slow['creator']['id']}") == [slow["id"]]
    assert found("sort=-bpm&status=ready") == [fast["id"], slow["id"], none["id"]]
    assert found("sort=views&status=ready") == [none["id"], slow["id"], fast["id"]]
    assert found("sort=title&status=ready") == [fast["id"], slow["id"], none["id"]]
    assert user.get("/samples?bpm_min=100&bpm_max=90", expect=422)["code"] == "request.invalid"


@pytest.mark.parametrize("sort", ["-created_at", "bpm", "-title", "views"])
def test_pages_in_any_order_hold_every_sample_once(user: Caller, farm: Farm, sort: str) -> None:
    ids = {make_sample(user, farm, bpm=bpm, title=f"Loop {bpm}")["id"] for bpm in (90.0, 90.0, 120.5)}
    seen: list[str] = []
    query = f"sort={sort}&limit=1"
    while True:
        page = user.get(f"/samples?{query}")
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"sort={sort}&limit=1&cursor={page['next_cursor']}"
    assert sorted(seen) == sorted(ids)
    other = "bpm" if sort != "bpm" else "views"
    first = user.get(f"/samples?sort={sort}&limit=1")["next_cursor"]
    assert user.get(f"/samples?sort={other}&cursor={first}", expect=422)["code"] == "request.bad_cursor"


def test_the_same_link_is_refused_naming_the_sample(user: Caller, other: Caller, farm: Farm) -> None:
    link = f"https://www.tiktok.com/@drummer/video/{uuid4().int % 10**18}"
    first = user.post("/samples", {"url": link}, expect=202)
    again = user.post("/samples", {"url": f"{link}?is_from_webapp=1"}, expect=409)
    assert (again["code"], again["details"]["sample_id"]) == ("sample.duplicate", first["id"])
    other.post("/process/submit", {"url": link}, expect=202)
    farm.fail(first["job_id"], "resolve", "link.dead")
    user.post("/samples", {"url": link}, expect=202)


def test_of_many_orders_for_one_link_one_is_taken(app: Any, user: Caller) -> None:
    link = f"https://vimeo.com/{uuid4().int % 10**12}"
    answers = at_once(app, user, 6, "POST", "/samples", {"url": link})
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 5
    assert {answer.get_json()["code"] for answer in answers if answer.status_code == 409} == {"sample.duplicate"}


def test_two_links_to_one_media_are_found_out_when_the_service_is_asked(user: Caller, farm: Farm) -> None:
    same = uuid4().hex
    first = make_sample(user, farm, media_ref=same)
    before = user.get("/credits")["balance"]
    second = order(user)
    claim = farm.claim(second["job_id"], "resolve")
    farm.report(claim, result=info_of(media_ref=same).to_json())
    failed = user.get(f"/samples/{second['id']}")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "sample.duplicate")
    assert failed["error"]["details"] == {"sample_id": first["id"], "title": first["title"]}
    assert user.get("/credits")["balance"] == before
    assert user.post(f"/jobs/{second['job_id']}/retry", expect=409)["code"] == "sample.refused"


def test_a_sound_that_is_there_is_known_again_by_bytes_and_by_ear(user: Caller, farm: Farm) -> None:
    sha256, print_ = uuid4().hex * 2, bytes(range(256)) * 2
    first = make_sample(user, farm, sha256=sha256, fingerprint=print_)
    same = make_sample(user, farm, sha256=sha256)
    noisy = bytes(byte ^ (1 if place % 5 == 0 else 0) for place, byte in enumerate(print_))
    alike = make_sample(user, farm, fingerprint=noisy)
    foreign = make_sample(user, farm, fingerprint=uuid4().bytes * 32)
    assert first["duplicate"] is None
    assert same["duplicate"] == {"sample_id": first["id"], "kind": "exact", "likeness": 1.0}
    assert (alike["duplicate"]["sample_id"], alike["duplicate"]["kind"]) == (first["id"], "acoustic")
    assert alike["duplicate"]["likeness"] == pytest.approx(0.975, abs=0.002)
    assert foreign["duplicate"] is None


def test_a_step_that_failed_says_why_and_is_tried_again_alone(user: Caller, farm: Farm) -> None:
    before = credits_of(user)
    told = order(user)
    job_id = told["job_id"]
    resolve(farm, job_id)
    fetch(farm, job_id)
    farm.fail(job_id, "extract", "node.no_space")
    failed = user.get(f"/samples/{told['id']}")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "node.no_space")
    assert credits_of(user) == before

    user.post(f"/jobs/{job_id}/retry", expect=202)

    states = {step["name"]: step["state"] for step in user.get(f"/jobs/{job_id}")["steps"]}
    assert (states["resolve"], states["download"], states["extract"]) == ("succeeded", "succeeded", "queued")
    assert user.get(f"/samples/{told['id']}")["status"] == "processing"
    assert credits_of(user) == before - 1


@pytest.mark.parametrize(
    ("code", "again"), [("media.unsupported", False), ("link.no_sound", False), ("link.unavailable", True)]
)
def test_media_at_fault_leaves_nothing_and_costs_nothing(user: Caller, farm: Farm, code: str, again: bool) -> None:
    before = credits_of(user)
    told = order(user)
    resolve(farm, told["job_id"])
    fetch(farm, told["job_id"])
    farm.fail(told["job_id"], "extract", code)
    assert credits_of(user) == before
    assert bool(list(get_storage().list(f"jobs/{told['job_id']}/"))) is again
    answer = user.call("POST", f"/jobs/{told['job_id']}/retry")
    assert answer.status_code == (202 if again else 409)


def test_a_creator_is_asked_about_once_in_seven_days(user: Caller, farm: Farm) -> None:
    ref = uuid4().hex
    who = CreatorInfo(ref, "drummer", "The Drummer")
    jobs = [order(user, url=f"https://media{n}.example.com/{ref}")["job_id"] for n in range(3)]
    for job_id in jobs:
        resolve(farm, job_id, creator=who)
    claims = [farm.claim(job_id, "creator") for job_id in jobs]
    assert [claim["input"]["look"] for claim in claims] == [True, False, False]
    report(farm, claims[0], CreatorFound(CreatorInfo(ref, "drummer", "Renamed", followers=7)))
    for claim in claims[1:]:
        report(farm, claim, CreatorFound())

    later = order(user)["job_id"]
    resolve(farm, later, creator=who)
    assert farm.claim(later, "creator")["input"]["look"] is False
    db.session.expire_all()
    row = db.session.query(Creator).filter_by(ref=ref).one()
    assert (row.name, row.followers) == ("Renamed", 7)
    row.fetched_at = datetime.now(UTC) - timedelta(days=7, minutes=1)
    db.session.commit()
    last = order(user)["job_id"]
    resolve(farm, last, creator=who)
    assert farm.claim(last, "creator")["input"]["look"] is True


@pytest.mark.parametrize(
    "url", ["ftp://example.com/a", "http://localhost/a", "https://a:b@example.com/", "http://127.1/", "x"]
)
def test_links_that_are_never_fetched_are_refused_at_once(user: Caller, url: str) -> None:
    before = credits_of(user)
    assert user.post("/samples", {"url": url}, expect=422)["code"] == "url.refused"
    assert user.post("/extractions", {"url": url}, expect=422)["code"] == "url.refused"
    assert credits_of(user) == before


def test_a_sample_at_work_cannot_be_deleted_and_one_cancelled_can(user: Caller, farm: Farm) -> None:
    told = order(user)
    assert user.delete(f"/samples/{told['id']}", expect=409)["code"] == "sample.processing"
    assert user.post(f"/samples/{told['id']}/download", {}, expect=409)["code"] == "sample.not_ready"
    user.post(f"/jobs/{told['job_id']}/cancel", expect=202)
    assert user.get(f"/samples/{told['id']}")["status"] == "failed"
    user.delete(f"/samples/{told['id']}", expect=204)


def test_samples_of_others_are_not_found(user: Caller, other: Caller, farm: Farm) -> None:
    sample = make_sample(user, farm)
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/download"), ("GET", "/downloads")):
        body = None if method in ("GET", "DELETE") else {}
        assert other.expect(404, method, f"/samples/{sample['id']}{path}", body)["code"] == "sample.not_found"
    assert other.get("/samples")["items"] == []


@pytest.mark.security("S-1")
def test_production_refuses_links_to_the_inside() -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_api_settings({**ENVIRON, "REELYARD_LINK_INSIDE": "true"})
    assert "REELYARD_LINK_INSIDE" in refused.value.detail
