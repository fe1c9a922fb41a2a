"""Sounds: taken from uploads, levelled by the farm, found, liked, changed, deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.assets.cleanup import sweep_objects
from api.extensions import db, get_storage
from tasks.contracts.music import Loudness
from tasks.contracts.sounds import SoundOrder, SoundReady
from tests.api.farm import CLIP, HTTP, Caller, Farm, announce, at_once, media_of, send, transcript_of

MP3 = b"ID3 not really"
LEVELLED = SoundReady("", "", len(MP3), 2.5, Loudness(-20.0, 3.0, -6.0), Loudness(-14.1, 3.0, -1.2), 5.9, limited=False)


def bring_sound(
    user: Caller, farm: Farm, *, name: str = "air horn.wav", duration_s: float = 2.5, sha256: str = ""
) -> str:
    """Upload a file with sound and return its asset's id; by default no other file is like it."""
    ticket = announce(user, CLIP, filename="air horn.wav", content_type="audio/wav")
    send(ticket, CLIP)
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]
    media = {**media_of(video=False), "duration_s": duration_s, "sha256": sha256 or uuid4().hex * 2}
    farm.succeed(job_id, "probe", media)
    farm.succeed(job_id, "transcribe", transcript_of("Horn"))
    farm.succeed(job_id, "poster", {"object_key": None})
    return str(ticket["asset_id"])


def level(farm: Farm, job_id: str) -> SoundOrder:
    """Play the worker that levels; return what it was asked for."""
    claim = farm.claim(job_id, "level")
    keys = [f"{claim['output_prefix']}{name}" for name in ("sound.mp3", "waveform.json")]
    for key in keys:
        get_storage().put_bytes(key, MP3, content_type="audio/mpeg")
    result = {**LEVELLED.to_json(), "object_key": keys[0], "waveform_key": keys[1]}
    assert farm.report(claim, result=result).status_code == 200
    return SoundOrder.from_json(claim["input"])


def make_sound(user: Caller, farm: Farm, **body: Any) -> dict[str, Any]:
    """Make a sound that is ready."""
    told = user.post("/sounds", {"asset_id": bring_sound(user, farm), **body}, expect=202)
    level(farm, told["job_id"])
    made: dict[str, Any] = user.get(f"/sounds/{told['id']}")
    return made


def test_a_sound_is_levelled_and_played_at_its_loudness(user: Caller, farm: Farm) -> None:
    told = user.post("/sounds", {"asset_id": bring_sound(user, farm), "tags": [" Horn ", "LOUD", "horn"]}, expect=202)
    assert (told["title"], told["tags"], told["type"], told["state"]) == (
        "air horn",
        ["horn", "loud"],
        "SDB",
        "levelling",
    )
    assert user.get(f"/sounds/{told['id']}/file", expect=409)["code"] == "sound.not_ready"
    assert user.delete(f"/sounds/{told['id']}", expect=409)["code"] == "sound.levelling"

    order = level(farm, told["job_id"])

    assert (order.target_lufs, order.ceiling_dbtp, order.size_bytes) == (-14.0, -1.0, len(CLIP))
    ready = user.get(f"/sounds/{told['id']}")
    assert (ready["state"], ready["duration_s"], ready["plays"], ready["favourite"]) == ("ready", 2.5, 0, False)
    assert ready["level"]["after"]["integrated_lufs"] == -14.1
    assert HTTP.get(ready["waveform_url"]).content == MP3
    download = user.get(ready["links"]["file"].removeprefix("/api/v1"))
    assert (download["filename"], download["size_bytes"]) == ("air horn.mp3", len(MP3))
    assert HTTP.get(download["url"], headers={"Range": "bytes=4-6"}).content == MP3[4:7]


def test_a_file_that_is_a_sound_already_is_refused_naming_it(user: Caller, other: Caller, farm: Farm) -> None:
    same = uuid4().hex * 2
    first = user.post("/sounds", {"asset_id": bring_sound(user, farm, sha256=same), "title": "Horn"}, expect=202)
    again = user.post("/sounds", {"asset_id": bring_sound(user, farm, sha256=same)}, expect=409)
    assert (again["code"], again["details"]) == ("sound.duplicate", {"sound_id": first["id"], "title": "Horn"})
    other.post("/sounds", {"asset_id": bring_sound(other, farm, sha256=same)}, expect=202)


def test_the_same_file_at_the_same_moment_is_one_sound(app: Any, user: Caller, farm: Farm) -> None:
    same = bring_sound(user, farm)
    answers = at_once(app, user, 6, "POST", "/sounds", {"asset_id": same})
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 5
    [made] = [answer.get_json()["id"] for answer in answers if answer.status_code == 202]
    refused = [answer.get_json() for answer in answers if answer.status_code == 409]
    assert {(one["code"], one["details"]["sound_id"]) for one in refused} == {("sound.duplicate", made)}
    assert [one["id"] for one in user.get("/sounds")["items"]] == [made]


def test_sounds_are_found_by_the_bytes_they_were_made_of(user: Caller, farm: Farm) -> None:
    same = uuid4().hex * 2
    made = user.post("/sounds", {"asset_id": bring_sound(user, farm, sha256=same)}, expect=202)
    assert [one["id"] for one in user.get(f"/sounds?sha256={same}")["items"]] == [made["id"]]
    assert user.get(f"/sounds?sha256={'0' * 64}")["items"] == []
    assert user.get("/sounds?sha256=abc", expect=422)["code"] == "request.invalid"


def test_sounds_are_found_by_type_tag_word_and_favourite(user: Caller, farm: Farm) -> None:
    drum = make_sound(user, farm, title="Big drum", tags=["beat"])
    horn = make_sound(user, farm, title="Air horn", tags=["loud", "brass"])
    user.expect(204, "PUT", f"/sounds/{horn['id']}/favourite")
    user.expect(204, "PUT", f"/sounds/{horn['id']}/favourite")

    def found(query: str) -> list[str]:
        return [one["id"] for one in user.get(f"/sounds?{query}")["items"]]

    assert found("types=SDB&types=EXT") == found("") == [horn["id"], drum["id"]]
    assert found("types=TTS&types=EXT") == []
    assert found("tag=brass") == found("q=horn%20loud") == found("favourite=true") == [horn["id"]]
    assert found("q=drum") == found("tag=beat") == [drum["id"]]
    assert user.get("/sounds?types=MP3", expect=422)["code"] == "request.invalid"
    page = user.get("/sounds?limit=1")
    assert found(f"limit=1&cursor={page['next_cursor']}") == [drum["id"]]
    user.delete(f"/sounds/{horn['id']}/favourite", expect=204)
    assert found("favourite=true") == []


def test_a_sound_is_renamed_and_found_under_its_new_name(user: Caller, farm: Farm) -> None:
    sound = make_sound(user, farm, title="Big drum", tags=["beat"])
    changed = user.expect(200, "PATCH", f"/sounds/{sound['id']}", {"title": "Timpani"})
    assert (changed["title"], changed["tags"]) == ("Timpani", ["beat"])
    assert [one["id"] for one in user.get("/sounds?q=timpani")["items"]] == [sound["id"]]
    assert user.get("/sounds?q=drum")["items"] == []
    refused = user.expect(422, "PATCH", f"/sounds/{sound['id']}", {"title": "  "})
    assert refused["code"] == "request.invalid"


def test_a_deleted_sound_leaves_nothing_but_the_upload(user: Caller, farm: Farm) -> None:
    sound = make_sound(user, farm)
    url = user.get(f"/sounds/{sound['id']}/file")["url"]
    assert sweep_objects(db.session(), now=datetime.now(UTC) + timedelta(days=2)) >= 0
    assert HTTP.get(url).status_code == 200
    user.delete(f"/sounds/{sound['id']}", expect=204)
    assert HTTP.get(url).status_code == 404
    assert user.get(f"/sounds/{sound['id']}", expect=404)["code"] == "sound.not_found"
    assert user.get(f"/assets/{sound['asset_id']}")["state"] == "ready"


def test_levelling_that_failed_says_why_and_is_tried_again(user: Caller, farm: Farm) -> None:
    told = user.post("/sounds", {"asset_id": bring_sound(user, farm)}, expect=202)
    farm.fail(told["job_id"], "level", "media.damaged")
    failed = user.get(f"/sounds/{told['id']}")
    assert (failed["state"], failed["error"]["code"]) == ("failed", "media.damaged")
    user.post(f"/jobs/{told['job_id']}/retry", expect=202)
    level(farm, told["job_id"])
    assert user.get(f"/sounds/{told['id']}")["state"] == "ready"


@pytest.mark.parametrize(("duration_s", "code"), [(601.0, "sound.too_long")])
def test_what_cannot_be_a_sound_is_refused(user: Caller, farm: Farm, duration_s: float, code: str) -> None:
    refused = user.post("/sounds", {"asset_id": bring_sound(user, farm, duration_s=duration_s)}, expect=422)
    assert refused["code"] == code
    unknown = user.post("/sounds", {"asset_id": str(uuid4())}, expect=404)
    assert unknown["code"] == "asset.not_found"


def test_a_sound_outlives_the_file_that_it_was_made_of(user: Caller, farm: Farm) -> None:
    sound = make_sound(user, farm)
    user.delete(f"/assets/{sound['asset_id']}", expect=204)
    assert HTTP.get(user.get(f"/sounds/{sound['id']}/file")["url"]).content == MP3
    user.delete(f"/sounds/{sound['id']}", expect=204)
