"""Files that lie in the storage become sounds: each once, with a word about those that cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.extensions import db, get_storage
from api.sounds import scanning
from api.sounds.models import ScannedFile
from tasks.contracts.sounds import SoundTaken, TakeOrder
from tests.api.farm import HTTP, Caller, Farm
from tests.api.test_sounds import LEVELLED, MP3


@pytest.fixture
def folder() -> Iterator[str]:
    """A prefix of one's own."""
    prefix = f"imports/{uuid4().hex}/"
    yield prefix
    get_storage().delete([one.key for one in get_storage().list(prefix)])


def put(folder: str, name: str, data: bytes = b"RIFF") -> str:
    get_storage().put_bytes(f"{folder}{name}", data, content_type="audio/wav")
    return f"{folder}{name}"


def files(admin: Caller, folder: str, query: str = "") -> dict[str, dict[str, Any]]:
    items = admin.get(f"/admin/sounds/scans?prefix={folder}{query}")["items"]
    return {one["path"].removeprefix(folder): one for one in items}


def take(farm: Farm, job_id: str, sha256: str) -> TakeOrder:
    """Play the worker that takes; return what it was asked for."""
    claim = farm.claim(job_id, "take")
    keys = [f"{claim['output_prefix']}{name}" for name in ("sound.mp3", "waveform.json")]
    for key in keys:
        get_storage().put_bytes(key, MP3, content_type="audio/mpeg")
    ready = replace(LEVELLED, object_key=keys[0], waveform_key=keys[1])
    assert farm.report(claim, result=SoundTaken(sha256, ready).to_json()).status_code == 200
    return TakeOrder.from_json(claim["input"])


def scan(admin: Caller, folder: str, **body: Any) -> dict[str, Any]:
    told: dict[str, Any] = admin.post("/admin/sounds/scans", {"prefix": folder, **body}, expect=202)
    return told


def test_new_files_become_sounds_and_are_skipped_from_then_on(admin: Caller, farm: Farm, folder: str) -> None:
    put(folder, "Horns/air horn.wav")
    put(folder, "notes.txt")
    counts = {"found": 1, "ignored": 1, "unchanged": 0, "ordered": 1, "more": False}
    assert scan(admin, folder) == counts
    [row] = files(admin, folder).values()
    assert (row["state"], row["sound_id"]) == ("taking", None)
    assert scan(admin, folder) == {**counts, "unchanged": 1, "ordered": 0}
    order = take(farm, row["job_id"], "a" * 64)
    assert (order.object_key, order.size_bytes, order.max_s) == (f"{folder}Horns/air horn.wav", 4, 600.0)
    [row] = files(admin, folder).values()
    assert (row["state"], row["title"]) == ("taken", "air horn")
    sound = admin.get(f"/sounds/{row['sound_id']}")
    tags = [folder.split("/")[1], "horns"]
    assert (sound["type"], sound["title"], sound["tags"], sound["state"]) == ("SDB", "air horn", tags, "ready")
    assert HTTP.get(admin.get(f"/sounds/{sound['id']}/file")["url"]).content == MP3
    assert scan(admin, folder)["unchanged"] == 1


def test_a_file_that_is_a_sound_already_names_it(admin: Caller, farm: Farm, folder: str) -> None:
    put(folder, "one.wav")
    put(folder, "two.wav")
    scan(admin, folder)
    rows = files(admin, folder)
    take(farm, rows["one.wav"]["job_id"], "b" * 64)
    take(farm, rows["two.wav"]["job_id"], "b" * 64)
    rows = files(admin, folder)
    assert (rows["one.wav"]["state"], rows["two.wav"]["state"]) == ("taken", "duplicate")
    assert (rows["two.wav"]["sound_id"], rows["two.wav"]["title"]) == (rows["one.wav"]["sound_id"], "one")
    assert list(files(admin, folder, "&state=duplicate")) == ["two.wav"]
    assert len(admin.get("/sounds?q=one")["items"]) == 1


def test_bad_files_say_why_and_are_tried_again_when_asked_or_changed(admin: Caller, farm: Farm, folder: str) -> None:
    put(folder, "broken.mp3")
    scan(admin, folder)
    farm.fail(files(admin, folder)["broken.mp3"]["job_id"], "take", "media.damaged", "The file cannot be decoded")
    row = files(admin, folder)["broken.mp3"]
    assert (row["state"], row["error"]) == (
        "bad",
        {"code": "media.damaged", "message": "The file cannot be decoded"},
    )
    assert scan(admin, folder)["ordered"] == 0
    assert scan(admin, folder, again=True)["ordered"] == 1
    farm.fail(files(admin, folder)["broken.mp3"]["job_id"], "take", "media.damaged")
    put(folder, "broken.mp3", b"RIFF better")
    assert scan(admin, folder)["ordered"] == 1
    take(farm, files(admin, folder)["broken.mp3"]["job_id"], "c" * 64)
    assert files(admin, folder)["broken.mp3"]["state"] == "taken"


def test_a_deleted_sound_comes_back_by_another_scan(admin: Caller, farm: Farm, folder: str) -> None:
    put(folder, "one.wav")
    scan(admin, folder)
    take(farm, files(admin, folder)["one.wav"]["job_id"], "d" * 64)
    admin.delete(f"/sounds/{files(admin, folder)['one.wav']['sound_id']}", expect=204)
    assert scan(admin, folder)["ordered"] == 1


def test_a_large_folder_is_taken_in_several_scans(admin: Caller, folder: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(scanning, "MOST_NEW", 2)
    for number in range(3):
        put(folder, f"{number}.wav")
    first, second = scan(admin, folder), scan(admin, folder)
    assert (first["ordered"], first["more"], second["ordered"], second["more"]) == (2, True, 1, False)
    assert db.session.query(ScannedFile).filter(ScannedFile.owner_id == UUID(admin.id)).count() == 3


@pytest.mark.parametrize("prefix", ["uploads/", "jobs/", "imports/../uploads/", "", "/imports/"])
def test_only_imports_are_scanned(admin: Caller, prefix: str) -> None:
    assert admin.post("/admin/sounds/scans", {"prefix": prefix}, expect=422)["code"] == "request.invalid"


def test_sounds_are_made_for_no_organisation_of_others(admin: Caller, user: Caller) -> None:
    theirs = user.post("/organisations", {"name": "Theirs"}, expect=201)["id"]
    refused = admin.post("/admin/sounds/scans", {"prefix": "imports/none/", "organisation_id": theirs}, expect=404)
    assert refused["code"] == "organisation.not_found"


def test_scans_are_for_administrators(user: Caller) -> None:
    assert user.post("/admin/sounds/scans", {}, expect=403)["code"] == "auth.forbidden"
    assert user.get("/admin/sounds/scans", expect=403)["code"] == "auth.forbidden"
