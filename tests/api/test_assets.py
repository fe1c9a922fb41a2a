"""Assets: lists, downloads, deletion, the sweep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlparse
from uuid import uuid4

from api.assets.cleanup import delete_objects_after_commit, sweep_objects
from api.assets.models import Asset
from api.extensions import db, get_storage
from tests.api.farm import CLIP, HTTP, Caller, Farm, announce, ingest, send, storage_used

TOMORROW = timedelta(days=1, minutes=5)


def test_lists_are_paged_newest_first_and_filtered(user: Caller) -> None:
    ids = [announce(user, CLIP, filename=f"{i}.mp4")["asset_id"] for i in range(4)]
    ids.append(announce(user, CLIP, filename="4.mp3", content_type="audio/mpeg")["asset_id"])

    first = user.get("/assets?limit=3")
    second = user.get(f"/assets?limit=3&cursor={first['next_cursor']}")

    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
    assert [item["id"] for item in user.get("/assets?kind=audio")["items"]] == ids[4:]
    assert user.get("/assets?state=ready")["items"] == []
    assert user.call("GET", "/assets?kind=nonsense").status_code == 422
    assert user.call("GET", "/assets?cursor=nonsense").status_code in (400, 422)


def test_a_download_carries_the_users_file_name_and_the_very_bytes(user: Caller, farm: Farm) -> None:
    asset_id = ingest(user, farm, filename="ferien süd.mp4")

    download = user.get(f"/assets/{asset_id}/download")
    answer = HTTP.get(download["url"])

    assert answer.content == CLIP
    assert download["filename"] == "ferien süd.mp4"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "filename*=UTF-8''ferien%20s%C3%BCd.mp4" in answer.headers["Content-Disposition"]
    assert "X-Amz-Expires" in parse_qs(urlparse(download["url"]).query)
    redirected = user.call("GET", f"/assets/{asset_id}/download?redirect=1")
    assert redirected.status_code == 302
    assert HTTP.get(redirected.headers["Location"]).content == CLIP


def test_an_asset_that_is_not_ready_has_no_download(user: Caller) -> None:
    ticket = announce(user, CLIP)

    assert user.get(f"/assets/{ticket['asset_id']}/download", expect=409)["code"] == "asset.not_ready"
    assert user.get(f"/assets/{ticket['asset_id']}/poster", expect=404)["code"] == "asset.no_poster"


def test_deleting_frees_the_storage_and_the_bytes(user: Caller, farm: Farm) -> None:
    asset_id = ingest(user, farm)
    asset = db.session.get_one(Asset, asset_id)
    assert storage_used(user) == len(CLIP)

    user.delete(f"/assets/{asset_id}", expect=204)

    assert storage_used(user) == 0
    assert get_storage().head(asset.object_key) is None
    user.get(f"/assets/{asset_id}", expect=404)
    user.delete(f"/assets/{asset_id}", expect=404)
    assert user.get("/assets")["items"] == []


def test_an_asset_that_a_job_works_on_is_not_deleted(user: Caller) -> None:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]

    answer = user.delete(f"/assets/{ticket['asset_id']}", expect=409)

    assert (answer["code"], answer["details"]["job_ids"]) == ("asset.in_use", [job_id])
    assert get_storage().head(db.session.get_one(Asset, ticket["asset_id"]).object_key) is not None


def test_deleting_a_pending_asset_aborts_its_upload(user: Caller) -> None:
    ticket = announce(user, CLIP)

    user.delete(f"/assets/{ticket['asset_id']}", expect=204)

    assert user.get(f"/uploads/{ticket['id']}")["state"] == "aborted"
    assert storage_used(user) == 0


def test_assets_of_others_are_not_found(user: Caller, other: Caller, farm: Farm) -> None:
    asset_id = ingest(user, farm)

    for method, path in (
        ("GET", f"/assets/{asset_id}"),
        ("DELETE", f"/assets/{asset_id}"),
        ("GET", f"/assets/{asset_id}/download"),
        ("GET", f"/assets/{asset_id}/poster"),
    ):
        mine, unknown = other.call(method, path), other.call(method, path.replace(asset_id, str(uuid4())))
        assert (mine.status_code, mine.get_json()["code"]) == (404, "asset.not_found"), path
        assert {**mine.get_json(), "request_id": ""} == {**unknown.get_json(), "request_id": ""}
    assert other.get("/assets")["items"] == []


def test_objects_are_removed_only_once_their_transaction_has_committed(app: Any) -> None:
    storage, session = get_storage(), db.session()
    key = f"jobs/{uuid4()}/x/1/y"
    storage.put_bytes(key, b"x", content_type="text/plain")

    delete_objects_after_commit(session, storage, [key])
    session.rollback()
    session.commit()
    after_rollback = storage.head(key)
    delete_objects_after_commit(session, storage, [key])
    inner = session.begin_nested()
    inner.commit()
    after_savepoint = storage.head(key)
    session.begin_nested().rollback()
    session.commit()

    assert after_rollback is not None
    assert after_savepoint is not None
    assert storage.head(key) is None


def test_the_sweep_removes_old_objects_without_rows_and_nothing_else(user: Caller, farm: Farm) -> None:
    kept = db.session.get_one(Asset, ingest(user, farm)).object_key
    pending = announce(user, CLIP)
    send(pending, CLIP)
    pending_key = db.session.get_one(Asset, pending["asset_id"]).object_key
    running = announce(user, CLIP)
    send(running, CLIP)
    job_id = user.post(f"/uploads/{running['id']}/complete", expect=202)["job_id"]
    storage = get_storage()
    orphans = [f"uploads/{uuid4()}/{uuid4()}/source", f"jobs/{uuid4()}/render/7/out.mp4"]
    busy, foreign = f"jobs/{job_id}/poster/3/poster.png", f"models/{uuid4()}"
    refused = announce(user, CLIP)
    send(refused, CLIP)
    refused_job = user.post(f"/uploads/{refused['id']}/complete", expect=202)["job_id"]
    farm.fail(refused_job, "probe", "media.unsupported")
    orphans.append(db.session.get_one(Asset, refused["asset_id"]).object_key)
    for key in (*orphans, busy, foreign):
        storage.put_bytes(key, b"x", content_type="text/plain")

    assert sweep_objects(db.session()) == 0
    assert sweep_objects(db.session(), now=datetime.now(UTC) + TOMORROW) >= 3

    assert [storage.head(key) for key in orphans] == [None, None, None]
    assert None not in [storage.head(key) for key in (kept, pending_key, busy, foreign)]
