"""Uploads from announcement to asset, against the real object storage."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.extensions import db, get_settings, get_storage
from api.jobs.models import Job
from api.uploads.models import Upload
from api.uploads.service import expire_uploads
from tasks.contracts import ImageInfo, MediaInfo
from tests.api.farm import (
    CLIP,
    HTTP,
    Caller,
    Farm,
    announce,
    at_once,
    media_of,
    send,
    sha256_of,
    storage_used,
    transcript_of,
)


def stored_key(upload_id: str) -> str:
    return db.session.query(Upload.object_key).filter_by(id=upload_id).scalar()


def test_an_upload_becomes_a_ready_asset_with_media_poster_and_transcript(user: Caller, farm: Farm) -> None:
    ticket = announce(user, CLIP, filename="holiday.mp4", sha256=sha256_of(CLIP))

    assert [answer.status_code for answer in send(ticket, CLIP)] == [200]
    completed = user.post(f"/uploads/{ticket['id']}/complete", expect=202)
    assert completed["asset"]["state"] == "probing"
    assert completed["job"]["kind"] == "transcription"
    job_id = completed["job_id"]
    farm.succeed(job_id, "probe", media_of())
    asset = user.get(f"/assets/{ticket['asset_id']}")
    farm.succeed(job_id, "poster", {"object_key": f"jobs/{job_id}/poster/1/p.png", "width": 1080, "height": 1920})
    farm.succeed(job_id, "transcribe", transcript_of("It", "was"))

    assert asset["state"] == "ready"
    assert (asset["kind"], asset["filename"], asset["sha256"]) == ("video", "holiday.mp4", sha256_of(CLIP))
    assert asset["media"]["video"]["display_width"] == 1080
    assert user.get(f"/assets/{ticket['asset_id']}")["has_poster"] is True
    [transcript] = user.get(f"/transcripts?asset_id={ticket['asset_id']}")["items"]
    document = user.get(f"/transcripts/{transcript['id']}")["document"]
    assert [word["text"] for word in document["segments"][0]["words"]] == ["It", "was"]


def test_what_is_sent_as_sound_alone_is_neither_transcribed_nor_charged(user: Caller, farm: Farm) -> None:
    before = user.get("/credits")["balance"]
    ticket = announce(user, CLIP, filename="horn.wav", content_type="audio/wav")
    send(ticket, CLIP)
    completed = user.post(f"/uploads/{ticket['id']}/complete", {"purpose": "sound"}, expect=202)
    assert [step["name"] for step in user.get(f"/jobs/{completed['job_id']}")["steps"]] == ["probe", "poster"]
    assert user.get("/credits")["balance"] == before
    farm.fail(completed["job_id"], "probe", "node.no_space")
    user.post(f"/jobs/{completed['job_id']}/retry", expect=202)
    farm.succeed(completed["job_id"], "probe", media_of(video=False))
    farm.succeed(completed["job_id"], "poster", {"object_key": None})
    assert user.get(f"/assets/{ticket['asset_id']}")["state"] == "ready"
    assert user.get("/credits")["balance"] == before


@pytest.mark.security("S-11")
def test_answers_never_carry_internal_columns(user: Caller) -> None:
    ticket = announce(user, CLIP)

    assert set(ticket) == {"id", "asset_id", "state", "expires_at", "upload"}
    shown = user.get(f"/uploads/{ticket['id']}")
    assert not {"owner_id", "object_key", "upload_ref"} & set(shown)
    assert not {"owner_id", "object_key", "poster_key"} & set(user.get(f"/assets/{ticket['asset_id']}"))


@pytest.mark.security("S-6")
def test_a_body_of_another_size_or_type_is_refused_by_the_storage(user: Caller) -> None:
    ticket = announce(user, CLIP)
    [part], headers = ticket["upload"]["parts"], ticket["upload"]["headers"]

    bigger = HTTP.put(part["url"], content=CLIP + b"x", headers=headers)
    other_type = HTTP.put(part["url"], content=CLIP, headers={**headers, "Content-Type": "text/html"})

    assert (bigger.status_code, other_type.status_code) == (403, 403)
    assert get_storage().head(stored_key(ticket["id"])) is None


def test_completing_twice_gives_the_same_answer_and_one_job(user: Caller) -> None:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)

    first = user.post(f"/uploads/{ticket['id']}/complete", expect=202)
    again = user.post("/uploads/complete", {"upload_id": ticket["id"]}, expect=202)

    assert again == first
    assert db.session.query(Job).filter_by(owner_id=user.id).count() == 1


def test_completing_many_times_at_once_starts_one_job(app: Any, user: Caller) -> None:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)

    answers = at_once(app, user, 6, "POST", f"/uploads/{ticket['id']}/complete")

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.get_json()["job_id"] for answer in answers}) == 1
    assert db.session.query(Job).filter_by(owner_id=user.id).count() == 1


def test_completing_before_anything_was_sent_changes_nothing(user: Caller) -> None:
    ticket = announce(user, CLIP)

    answer = user.post(f"/uploads/{ticket['id']}/complete", expect=409)

    assert answer["code"] == "upload.not_found_in_storage"
    send(ticket, CLIP)
    assert user.post(f"/uploads/{ticket['id']}/complete", expect=202)["state"] == "completed"


@pytest.mark.security("S-6")
def test_an_object_of_another_size_is_refused_removed_and_its_quota_given_back(user: Caller) -> None:
    ticket = announce(user, CLIP)
    key = stored_key(ticket["id"])
    get_storage().put_bytes(key, CLIP + b"more", content_type="video/mp4")

    answer = user.post(f"/uploads/{ticket['id']}/complete", expect=422)

    assert answer["code"] == "upload.size_mismatch"
    assert answer["details"] == {"declared_bytes": len(CLIP), "arrived_bytes": len(CLIP) + 4}
    assert get_storage().head(key) is None
    assert storage_used(user) == 0
    assert user.get(f"/assets/{ticket['asset_id']}")["refused"]["code"] == "upload.size_mismatch"
    assert user.post(f"/uploads/{ticket['id']}/complete", expect=409)["code"] == "upload.closed"
    assert db.session.query(Job).filter_by(owner_id=user.id).count() == 0


def test_a_big_upload_goes_up_in_parts(app: Any, user: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.extensions, "settings", replace(get_settings(), multipart_bytes=5 << 20))
    data = CLIP * (5 * 1024 * 1024 // len(CLIP) + 400)
    ticket = announce(user, data)

    assert [part["size_bytes"] for part in ticket["upload"]["parts"]] == [5 << 20, len(data) - (5 << 20)]
    incomplete = user.post(f"/uploads/{ticket['id']}/complete", expect=409)
    assert (incomplete["code"], incomplete["details"]["missing_parts"]) == ("upload.incomplete", [1, 2])
    assert [answer.status_code for answer in send(ticket, data)] == [200, 200]
    assert user.post(f"/uploads/{ticket['id']}/complete", expect=202)["state"] == "completed"
    assert get_storage().head(stored_key(ticket["id"])).size_bytes == len(data)


def test_urls_are_signed_again_and_what_was_sent_stays(app: Any, user: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.extensions, "settings", replace(get_settings(), multipart_bytes=5 << 20))
    data = CLIP * (5 * 1024 * 1024 // len(CLIP) + 400)
    ticket = announce(user, data)
    first = ticket["upload"]["parts"][0]
    assert HTTP.put(first["url"], content=data[: first["size_bytes"]]).status_code == 200
    monkeypatch.setitem(app.extensions, "settings", replace(get_settings(), multipart_bytes=50 << 20))

    again = user.post(f"/uploads/{ticket['id']}/parts", expect=200)

    places = [[part[name] for name in ("number", "offset_bytes", "size_bytes")] for part in again["parts"]]
    assert places == [[1, 0, 5 << 20], [2, 5 << 20, len(data) - (5 << 20)]]
    assert HTTP.put(again["parts"][1]["url"], content=data[5 << 20 :]).status_code == 200
    user.post(f"/uploads/{ticket['id']}/complete", expect=202)
    assert user.post(f"/uploads/{ticket['id']}/parts", expect=409)["code"] == "upload.closed"


def test_an_upload_announced_again_with_its_key_is_one(user: Caller) -> None:
    body = {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": len(CLIP)}
    key = {"Idempotency-Key": "upload-1"}

    first, again = (user.call("POST", "/uploads", body, headers=key) for _ in range(2))
    other = user.call("POST", "/uploads", {**body, "size_bytes": 1}, headers=key)

    assert (first.status_code, again.get_json()) == (201, first.get_json())
    assert (other.status_code, other.get_json()["code"]) == (409, "idempotency.key_reused")
    assert storage_used(user) == len(CLIP)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"content_type": "text/html"}, 422, "upload.type_refused"),
        ({"content_type": "image/svg+xml"}, 422, "upload.type_refused"),
        ({"size_bytes": 1 << 43}, 413, "upload.too_large"),
    ],
)
def test_files_that_can_never_be_accepted_are_refused_before_anything_is_reserved(
    user: Caller, change: dict[str, object], status: int, code: str
) -> None:
    declared = {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": 10, **change}

    assert user.post("/uploads", declared, expect=status)["code"] == code
    assert storage_used(user) == 0
    assert user.get("/assets")["items"] == []


@pytest.mark.security("S-11")
@pytest.mark.parametrize(
    "extra",
    [{"owner_id": str(uuid4())}, {"object_key": "uploads/x"}, {"state": "completed"}, {"asset_id": str(uuid4())}],
)
def test_fields_that_are_not_the_users_are_refused(user: Caller, extra: dict[str, str]) -> None:
    declared = {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": 10, **extra}

    answer = user.post("/uploads", declared, expect=422)

    assert next(iter(extra)) in str(answer["details"])
    assert storage_used(user) == 0


@pytest.mark.parametrize("size", [0, -1, 1.5, "10", None])
def test_sizes_that_are_not_positive_whole_numbers_are_refused(user: Caller, size: object) -> None:
    user.post("/uploads", {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": size}, expect=422)


def test_storage_over_the_plan_is_refused_and_reserves_nothing(user: Caller) -> None:
    cap = user.get("/usage")["quotas"]["storage_bytes"]["cap"]
    declared = {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": cap + 1}

    answer = user.call("POST", "/uploads", declared)

    assert answer.get_json()["code"] in ("quota.storage_bytes", "upload.too_large")
    assert storage_used(user) == 0


@pytest.mark.security("S-5")
def test_the_users_file_name_never_reaches_the_object_key(user: Caller) -> None:
    ticket = announce(user, CLIP, filename="../../etc/pass\u202ewd\r\n.mp4")

    assert user.get(f"/assets/{ticket['asset_id']}")["filename"] == "passwd.mp4"
    assert stored_key(ticket["id"]) == f"uploads/{user.id}/{ticket['id']}/source"


def test_aborting_frees_the_quota_and_the_bytes(user: Caller) -> None:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)
    assert storage_used(user) == len(CLIP)

    user.delete(f"/uploads/{ticket['id']}", expect=204)

    assert storage_used(user) == 0
    assert get_storage().head(stored_key(ticket["id"])) is None
    user.get(f"/assets/{ticket['asset_id']}", expect=404)
    assert user.post(f"/uploads/{ticket['id']}/complete", expect=409)["code"] == "upload.closed"


def test_a_completed_upload_cannot_be_aborted(user: Caller) -> None:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)
    user.post(f"/uploads/{ticket['id']}/complete", expect=202)

    assert user.delete(f"/uploads/{ticket['id']}", expect=409)["code"] == "upload.closed"


def test_an_upload_nobody_completes_expires_and_gives_everything_back(user: Caller) -> None:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)
    db.session.query(Upload).filter_by(id=ticket["id"]).update({"expires_at": datetime.now(UTC) - timedelta(seconds=1)})
    db.session.commit()

    assert user.post(f"/uploads/{ticket['id']}/complete", expect=410)["code"] == "upload.expired"
    assert expire_uploads(db.session()) >= 1
    assert expire_uploads(db.session()) == 0

    assert user.get(f"/uploads/{ticket['id']}")["state"] == "expired"
    assert storage_used(user) == 0
    assert get_storage().head(stored_key(ticket["id"])) is None


def test_a_refused_file_says_why_and_frees_its_storage(user: Caller, farm: Farm) -> None:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]

    farm.fail(job_id, "probe", "media.unsupported", "This is no media file.")

    asset = user.get(f"/assets/{ticket['asset_id']}")
    assert (asset["state"], asset["refused"]["code"]) == ("refused", "media.unsupported")
    assert asset["refused"]["message"] == "This is no media file."
    assert storage_used(user) == 0
    assert get_storage().head(stored_key(ticket["id"])) is None
    assert user.get(f"/assets/{ticket['asset_id']}/download", expect=409)["code"] == "asset.refused"


def test_a_fault_of_the_machine_can_be_tried_again(user: Caller, farm: Farm) -> None:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]
    farm.fail(job_id, "probe", "worker.misconfigured", "The worker is not set up.")
    refused = user.get(f"/assets/{ticket['asset_id']}")

    user.post(f"/jobs/{job_id}/retry", expect=202)
    probing = user.get(f"/assets/{ticket['asset_id']}")
    farm.succeed(job_id, "probe", media_of())

    assert (refused["state"], refused["refused"]["code"]) == ("refused", "worker.misconfigured")
    assert (probing["state"], probing["refused"]) == ("probing", None)
    assert user.get(f"/assets/{ticket['asset_id']}")["state"] == "ready"
    assert storage_used(user) == len(CLIP)


def test_a_file_that_was_refused_for_good_is_not_tried_again(user: Caller, farm: Farm) -> None:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]
    farm.fail(job_id, "probe", "media.unsupported")

    assert user.post(f"/jobs/{job_id}/retry", expect=409)["code"] == "asset.refused"
    assert user.get(f"/jobs/{job_id}")["state"] == "failed"


def test_a_cancelled_analysis_keeps_the_bytes_until_they_are_deleted(user: Caller) -> None:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]

    user.post(f"/jobs/{job_id}/cancel", expect=202)

    assert user.get(f"/assets/{ticket['asset_id']}")["refused"]["code"] == "job.cancelled"
    assert storage_used(user) == len(CLIP)
    user.delete(f"/assets/{ticket['asset_id']}", expect=204)
    assert storage_used(user) == 0


@pytest.mark.security("S-6")
def test_the_storage_itself_refuses_bytes_that_are_not_the_declared_ones(user: Caller) -> None:
    ticket = announce(user, CLIP, sha256=sha256_of(CLIP))
    other = bytes(len(CLIP))

    assert [answer.status_code for answer in send(ticket, other)] == [400]
    assert user.post(f"/uploads/{ticket['id']}/complete", expect=409)["code"] == "upload.not_found_in_storage"
    assert [answer.status_code for answer in send(ticket, CLIP)] == [200]


@pytest.mark.security("S-6")
def test_bytes_that_are_not_the_declared_ones_are_refused(user: Caller, farm: Farm) -> None:
    ticket = announce(user, CLIP, sha256="0" * 64)
    get_storage().put_bytes(
        stored_key(ticket["id"]), CLIP, content_type="video/mp4"
    )  # as through a storage that checks nothing
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]

    farm.report(farm.claim(job_id, "probe"), result=media_of())

    asset = user.get(f"/assets/{ticket['asset_id']}")
    assert (asset["state"], asset["refused"]["code"]) == ("refused", "media.checksum_mismatch")
    assert storage_used(user) == 0


def test_sound_alone_is_an_audio_asset_without_a_poster(user: Caller, farm: Farm) -> None:
    ticket = announce(user, CLIP, content_type="audio/mpeg", filename="song.mp3")
    send(ticket, CLIP)
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]

    farm.succeed(job_id, "probe", media_of(video=False))
    farm.succeed(job_id, "poster", {"object_key": None})
    farm.succeed(job_id, "transcribe", transcript_of())

    asset = user.get(f"/assets/{ticket['asset_id']}")
    assert (asset["kind"], asset["state"], asset["has_poster"]) == ("audio", "ready", False)
    [transcript] = user.get(f"/transcripts?asset_id={ticket['asset_id']}")["items"]
    assert user.get(f"/transcripts/{transcript['id']}")["document"]["segments"] == []
    assert user.get(f"/transcripts/{transcript['id']}/scenario", expect=409)["code"] == "asset.no_video"


def test_a_picture_is_cleaned_and_shown_from_the_copy(user: Caller, farm: Farm) -> None:
    ticket = announce(user, CLIP, content_type="image/png", filename="logo.png")
    send(ticket, CLIP)
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]
    assert user.get(f"/jobs/{job_id}")["kind"] == "picture"

    claim = farm.claim(job_id, "image")
    media = MediaInfo("png", 0.0, len(CLIP), sha256_of(CLIP), image=ImageInfo("png", 64, 32, True, "ab" * 32))
    key = f"{claim['output_prefix']}image.png"
    farm.report(claim, result={"object_key": key, "media": media.to_json()})

    asset = user.get(f"/assets/{ticket['asset_id']}")
    assert (asset["kind"], asset["state"], asset["has_poster"]) == ("image", "ready", True)
    assert (asset["media"]["image"]["width"], asset["media"]["video"]) == (64, None)


def test_a_file_that_is_no_picture_is_refused_for_good(user: Caller, farm: Farm) -> None:
    ticket = announce(user, CLIP, content_type="image/png", filename="logo.png")
    send(ticket, CLIP)
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]

    farm.fail(job_id, "image", "image.unsupported")

    asset = user.get(f"/assets/{ticket['asset_id']}")
    assert (asset["state"], asset["refused"]["code"]) == ("refused", "image.unsupported")
    assert storage_used(user) == 0
    assert user.post(f"/jobs/{job_id}/retry", expect=409)["code"] == "asset.refused"


def test_uploads_of_others_are_not_found(user: Caller, other: Caller) -> None:
    ticket = announce(user, CLIP)

    for method, path in (
        ("GET", f"/uploads/{ticket['id']}"),
        ("DELETE", f"/uploads/{ticket['id']}"),
        ("POST", f"/uploads/{ticket['id']}/complete"),
    ):
        answer = other.call(method, path)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "upload.not_found"), path
    named = other.post("/uploads/complete", {"upload_id": ticket["id"]}, expect=404)
    assert named["code"] == "upload.not_found"
    assert user.get(f"/uploads/{ticket['id']}")["state"] == "pending"
