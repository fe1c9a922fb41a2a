"""Caption files, timelines and cues over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.farm import Caller, Farm, ingest

VTT = """WEBVTT

00:00:01.000 --> 00:00:03.000 line:10%
<v Ann><00:00:01.000>Hello<00:00:01.400> <00:00:02.000>there
"""


@pytest.fixture
def asset_id(user: Caller, farm: Farm) -> str:
    return ingest(user, farm, words=("It", "was", "the", "best"))


def sent(asset_id: str, kind: str, content: str) -> dict[str, Any]:
    return {"asset_id": asset_id, "format": kind, "language": "en", "content": content}


def test_a_caption_file_becomes_a_transcript_of_the_asset(user: Caller, asset_id: str) -> None:
    made = user.post("/transcripts", sent(asset_id, "vtt", VTT), expect=201)

    [segment] = made["document"]["segments"]
    assert [(w["text"], w["start"], w["end"], w["estimated"]) for w in segment["words"]] == [
        ("Hello", 1.0, 1.4, False),
        ("there", 2.0, 3.0, False),
    ]
    assert (segment["speaker"], segment["placement"], made["version"]) == ("Ann", "line:10%", 1)
    assert (made["document"]["engine"], made["document"]["alignment_method"]) == ("import", "imported")
    assert len(user.get(f"/transcripts?asset_id={asset_id}")["items"]) == 2
    assert user.get("/transcripts/search?q=there")["items"][0]["transcript_id"] == made["id"]


@pytest.mark.parametrize("kind", ["vtt", "ass", "ttml", "json"])
def test_what_is_exported_with_word_times_comes_back(user: Caller, asset_id: str, kind: str) -> None:
    made = user.post("/transcripts", sent(asset_id, "vtt", VTT), expect=201)
    content = user.call("GET", f"/transcripts/{made['id']}/export?format={kind}").get_data(as_text=True)

    again = user.post("/transcripts", sent(asset_id, kind, content), expect=201)

    words = [w for segment in again["document"]["segments"] for w in segment["words"]]
    assert [(w["text"], w["start"], w["end"], w["speaker"]) for w in words] == [
        ("Hello", 1.0, 1.4, "Ann"),
        ("there", 2.0, 3.0, "Ann"),
    ]


def test_a_bad_file_tells_the_line_and_makes_nothing(user: Caller, asset_id: str) -> None:
    refused = user.post("/transcripts", sent(asset_id, "srt", "1\n00:00:01,000 -> oops\nHello\n"), expect=422)

    assert (refused["code"], refused["details"]["line"]) == ("transcript.file_invalid", 1)
    late = user.post("/transcripts", sent(asset_id, "srt", "1\n01:00:00,000 --> 01:00:01,000\nHello\n"), expect=422)
    assert (late["code"], late["details"]["findings"][0]["code"]) == ("transcript.invalid", "time.outside")
    for content in ("[]", '{"segments": 3}', "{"):
        answer = user.post("/transcripts", sent(asset_id, "json", content), expect=422)
        assert answer["code"] in ("contract.invalid", "transcript.file_invalid")
    assert len(user.get(f"/transcripts?asset_id={asset_id}")["items"]) == 1


def test_nobody_gives_a_transcript_to_somebody_elses_asset(other: Caller, asset_id: str) -> None:
    assert other.post("/transcripts", sent(asset_id, "vtt", VTT), expect=404)["code"] == "asset.not_found"


def test_a_file_replaces_the_text_as_a_version_that_can_be_undone(user: Caller, asset_id: str) -> None:
    [summary] = user.get(f"/transcripts?asset_id={asset_id}")["items"]
    path = f"/transcripts/{summary['id']}"
    body = {"format": "srt", "content": "1\n00:00:01,000 --> 00:00:04,000\na\n\n2\n00:00:03,000 --> 00:00:05,000\nb\n"}

    replaced = user.call("POST", f"{path}/file", body, headers={"If-Match": '"1"'})

    assert [segment["text"] for segment in replaced.get_json()["document"]["segments"]] == ["a", "b"]
    assert replaced.get_json()["notices"][0]["line"] == 2
    undone = user.call("POST", f"{path}/undo", headers={"If-Match": '"2"'})
    assert undone.get_json()["document"]["segments"][0]["text"] == "It was the best"


def test_cuts_go_out_as_a_timeline_and_come_back(user: Caller, asset_id: str) -> None:
    [summary] = user.get(f"/transcripts?asset_id={asset_id}")["items"]
    path = f"/transcripts/{summary['id']}"

    timeline = user.call("POST", f"{path}/timeline", {"cuts": [{"start": 1.0, "end": 2.0}]})
    shown = user.post(f"{path}/cut", {"timeline": timeline.get_json(force=True)}, expect=200)

    assert timeline.headers["Content-Disposition"] == 'attachment; filename="cuts.otio"'
    assert shown["kept"] == [{"start": 0.0, "end": 1.0}, {"start": 2.0, "end": 10.0}]
    assert user.post(f"{path}/cut", {"timeline": {"a": 1}}, expect=422)["code"] == "transcript.file_invalid"


def test_cues_are_paged_and_fixes_can_be_sent_as_they_are(user: Caller, asset_id: str) -> None:
    [summary] = user.get(f"/transcripts?asset_id={asset_id}")["items"]
    path = f"/transcripts/{summary['id']}"

    paged = user.get(f"{path}/cues?max_words=2&min_duration_s=3")

    assert [cue["text"] for cue in paged["cues"]] == ["It was", "the best"]
    assert paged["cues"][1]["words"] == ["w3", "w4"]
    [finding] = paged["findings"]
    assert finding["code"] == "cue.too_short"
    mended = user.call("POST", f"{path}/edits", {"ops": finding["fix"]}, headers={"If-Match": '"1"'})
    assert mended.status_code == 200
    assert user.get(f"{path}/cues?min_duration_s=3")["findings"] == []
