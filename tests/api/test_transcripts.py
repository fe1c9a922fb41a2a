"""Transcripts: versions, optimistic locking, captions, exports."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.farm import Caller, Farm, at_once, ingest, transcript_of


@pytest.fixture
def transcript(user: Caller, farm: Farm) -> dict[str, Any]:
    asset_id = ingest(user, farm, words=("It", "was", "the", "best"))
    [summary] = user.get(f"/transcripts?asset_id={asset_id}")["items"]
    return user.get(f"/transcripts/{summary['id']}")


def edited(transcript: dict[str, Any], text: str) -> dict[str, Any]:
    document = transcript["document"]
    document["segments"][0]["words"][0]["text"] = text
    return {"document": document, "note": f"Said {text}"}


def test_what_was_heard_is_version_one_and_its_etag(user: Caller, transcript: dict[str, Any]) -> None:
    answer = user.call("GET", f"/transcripts/{transcript['id']}")

    assert answer.headers["ETag"] == '"1"'
    assert transcript["version"] == 1
    assert transcript["document"] == transcript_of("It", "was", "the", "best")
    assert not {"owner_id", "current_version"} & set(transcript)


def test_an_edit_makes_a_new_version_and_keeps_the_old_one(user: Caller, transcript: dict[str, Any]) -> None:
    path = f"/transcripts/{transcript['id']}"

    answer = user.call("PUT", path, edited(transcript, "That"), headers={"If-Match": '"1"'})

    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    body = answer.get_json()
    assert body["document"]["segments"][0]["text"] == "That was the best"
    assert body["document"]["engine"] == "faster"
    versions = user.get(f"{path}/versions")["items"]
    assert [(v["version"], v["author"], v["note"]) for v in versions] == [(2, "user", "Said That"), (1, "engine", "")]
    assert user.get(f"{path}/versions/1")["document"]["segments"][0]["text"] == "It was the best"
    assert user.get(f"{path}/versions/3", expect=404)["code"] == "transcript.version_not_found"


def test_an_edit_of_an_old_version_is_refused_and_changes_nothing(user: Caller, transcript: dict[str, Any]) -> None:
    path = f"/transcripts/{transcript['id']}"
    user.call("PUT", path, edited(transcript, "That"), headers={"If-Match": '"1"'})

    answer = user.call("PUT", path, edited(transcript, "This"), headers={"If-Match": '"1"'})

    assert (answer.status_code, answer.get_json()["code"]) == (412, "transcript.version_conflict")
    assert answer.get_json()["details"] == {"current_version": 2, "expected_version": 1}
    assert user.get(path)["document"]["segments"][0]["text"] == "That was the best"


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ({}, 428, "transcript.version_required"),
        ({"If-Match": "*"}, 412, "transcript.version_conflict"),
        ({"If-Match": '"abc"'}, 412, "transcript.version_conflict"),
        ({"If-Match": '"99999999999999999999"'}, 412, "transcript.version_conflict"),
    ],
)
def test_an_edit_names_the_version_it_saw(
    user: Caller, transcript: dict[str, Any], header: dict[str, str], status: int, code: str
) -> None:
    answer = user.call("PUT", f"/transcripts/{transcript['id']}", edited(transcript, "That"), headers=header)

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert len(user.get(f"/transcripts/{transcript['id']}/versions")["items"]) == 1


def test_of_editors_at_the_same_moment_one_wins(app: Any, user: Caller, transcript: dict[str, Any]) -> None:
    path, body = f"/transcripts/{transcript['id']}", {"document": {"segments": []}}

    answers = at_once(app, user, 6, "PUT", path, body, headers={"If-Match": '"1"'})

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412, 412]
    assert [v["version"] for v in user.get(f"{path}/versions")["items"]] == [2, 1]


def test_wrong_times_are_told_with_pointers(user: Caller, transcript: dict[str, Any]) -> None:
    document = transcript["document"]
    document["segments"][0]["words"][1]["end"] = 0.1

    answer = user.call("PUT", f"/transcripts/{transcript['id']}", {"document": document}, headers={"If-Match": '"1"'})

    assert (answer.status_code, answer.get_json()["code"]) == (422, "transcript.invalid")
    [finding] = answer.get_json()["details"]["findings"]
    assert (finding["pointer"], finding["code"]) == ("/document/segments/0/words/1/end", "time.reversed")
    assert user.get(f"/transcripts/{transcript['id']}")["version"] == 1


@pytest.mark.parametrize("place", ["body", "document", "word"])
def test_unknown_fields_are_refused(user: Caller, transcript: dict[str, Any], place: str) -> None:
    body: dict[str, Any] = {"document": transcript["document"]}
    target = {"body": body, "document": body["document"], "word": body["document"]["segments"][0]["words"][0]}[place]
    target["owner_id"] = str(uuid4())

    answer = user.call("PUT", f"/transcripts/{transcript['id']}", body, headers={"If-Match": '"1"'})

    assert answer.status_code == 422
    assert "owner_id" in answer.get_data(as_text=True)


def test_not_a_number_is_no_time(user: Caller, transcript: dict[str, Any]) -> None:
    transcript["document"]["segments"][0]["words"][0]["start"] = float("nan")

    answer = user.call(
        "PUT", f"/transcripts/{transcript['id']}", {"document": transcript["document"]}, headers={"If-Match": '"1"'}
    )

    assert answer.status_code in (400, 422)
    assert user.get(f"/transcripts/{transcript['id']}")["version"] == 1


def test_an_older_version_comes_back_as_the_newest(user: Caller, transcript: dict[str, Any]) -> None:
    path = f"/transcripts/{transcript['id']}"
    user.call("PUT", path, edited(transcript, "That"), headers={"If-Match": '"1"'})

    answer = user.call("POST", f"{path}/revert", {"version": 1}, headers={"If-Match": '"2"'})

    assert answer.status_code == 200
    assert (answer.get_json()["version"], answer.headers["ETag"]) == (3, '"3"')
    assert answer.get_json()["document"] == transcript_of("It", "was", "the", "best")
    assert user.get(f"{path}/versions")["items"][0]["note"] == "Reverted to version 1"


def test_a_scenario_is_built_from_the_current_version(user: Caller, transcript: dict[str, Any]) -> None:
    path = f"/transcripts/{transcript['id']}"
    user.call("PUT", path, edited(transcript, "That"), headers={"If-Match": '"1"'})

    scenario = user.get(f"{path}/scenario?preset=pop&max_words=2")

    assert "That" in str(scenario) and "It" not in str(scenario).split("'")
    found = user.post("/scenario/validate", {"scenario": scenario}, expect=200)
    assert found == {"valid": True, "findings": [], "unmapped": []}


def test_an_unknown_preset_is_refused(user: Caller, transcript: dict[str, Any]) -> None:
    answer = user.call("GET", f"/transcripts/{transcript['id']}/scenario?preset=nope")

    assert answer.status_code == 422
    assert answer.get_json()["code"].startswith("scenario.")


def test_exports_come_as_files(user: Caller, transcript: dict[str, Any]) -> None:
    answer = user.call("GET", f"/transcripts/{transcript['id']}/export?format=srt")

    assert answer.get_data(as_text=True) == "1\n00:00:00,500 --> 00:00:02,400\nIt was the best\n"
    assert answer.headers["Content-Type"] == "application/x-subrip; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="transcript.srt"'
    assert user.call("GET", f"/transcripts/{transcript['id']}/export?format=doc").status_code == 422


def test_transcripts_of_others_are_not_found(other: Caller, transcript: dict[str, Any]) -> None:
    path = f"/transcripts/{transcript['id']}"
    match = {"If-Match": '"1"'}

    for method, where, body in (
        ("GET", path, None),
        ("PUT", path, {"document": {"segments": []}}),
        ("GET", f"{path}/versions", None),
        ("GET", f"{path}/versions/1", None),
        ("POST", f"{path}/revert", {"version": 1}),
        ("GET", f"{path}/scenario", None),
        ("GET", f"{path}/export", None),
    ):
        answer = other.call(method, where, body, headers=match)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "transcript.not_found"), where
    assert other.get("/transcripts")["items"] == []
    assert other.get(f"/transcripts?asset_id={transcript['asset_id']}")["items"] == []


def test_a_transcript_goes_away_with_its_asset(user: Caller, transcript: dict[str, Any]) -> None:
    user.delete(f"/assets/{transcript['asset_id']}", expect=204)

    user.get(f"/transcripts/{transcript['id']}", expect=404)
    assert user.get("/transcripts")["items"] == []
