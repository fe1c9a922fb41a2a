"""Edits by operations over HTTP: versions, undo, another pass, cuts, search."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.farm import Caller, Farm, ingest, transcript_of

HEARD = ("We", "use", "real", "yard", "daily")


@pytest.fixture
def path(user: Caller, farm: Farm) -> str:
    return path_of(user, ingest(user, farm, words=HEARD))


def path_of(caller: Caller, asset_id: str) -> str:
    [summary] = caller.get(f"/transcripts?asset_id={asset_id}")["items"]
    return f"/transcripts/{summary['id']}"


def post(caller: Caller, path: str, version: int, body: dict[str, Any] | None = None) -> Any:
    return caller.call("POST", path, body, headers={"If-Match": f'"{version}"'})


def edit(caller: Caller, path: str, version: int, *operations: dict[str, Any]) -> Any:
    return post(caller, f"{path}/edits", version, {"ops": list(operations), "note": "By hand"})


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.get_json()
    return " ".join(segment["text"] for segment in answer.get_json()["document"]["segments"])


NAME = {"op": "set_text", "words": ["w3", "w4"], "text": "Reelyard"}
LAST = {"op": "delete", "word": "w5"}


def test_operations_make_one_version_and_are_listed(user: Caller, path: str) -> None:
    answer = edit(user, path, 1, NAME, LAST)

    assert (text(answer), answer.headers["ETag"]) == ("We use Reelyard", '"2"')
    edits = user.get(f"{path}/edits")
    assert [one["op"]["op"] for one in edits["edits"]] == ["set_text", "delete"]
    assert [anchor["text"] for anchor in edits["edits"][0]["anchors"]] == ["real", "yard"]
    assert (edits["version"], edits["undo"], edits["redo"], edits["conflicts"]) == (2, 2, None, [])


def test_one_operation_that_cannot_be_done_leaves_all_undone(user: Caller, path: str) -> None:
    answer = edit(user, path, 1, NAME, {"op": "delete", "word": "w77"})

    assert (answer.status_code, answer.get_json()["code"]) == (422, "transcript.operation_invalid")
    assert answer.get_json()["details"]["findings"][0]["pointer"] == "/ops/1"
    assert user.get(path)["version"] == 1


def test_an_edit_of_an_old_version_tells_the_current_one(user: Caller, path: str) -> None:
    edit(user, path, 1, NAME)

    answer = edit(user, path, 1, LAST)

    assert (answer.status_code, answer.get_json()["code"]) == (412, "transcript.version_conflict")
    assert answer.get_json()["details"]["current_version"] == 2
    assert user.call("POST", f"{path}/undo").status_code == 428


def test_edits_are_undone_and_redone_until_something_new_is_done(user: Caller, path: str) -> None:
    edit(user, path, 1, NAME)
    edit(user, path, 2, LAST)

    assert text(post(user, f"{path}/undo", 3)) == "We use Reelyard daily"
    assert text(post(user, f"{path}/undo", 4)) == "We use real yard daily"
    nothing = post(user, f"{path}/undo", 5)
    assert (nothing.status_code, nothing.get_json()["code"]) == (409, "transcript.nothing_to_undo")
    assert text(post(user, f"{path}/redo", 5)) == "We use Reelyard daily"
    assert text(edit(user, path, 6, {"op": "set_text", "word": "w1", "text": "They"})) == "They use Reelyard daily"
    late = post(user, f"{path}/redo", 7)
    assert (late.status_code, late.get_json()["code"]) == (409, "transcript.nothing_to_redo")
    assert [patch["op"]["text"] for patch in user.get(f"{path}/edits")["edits"]] == ["Reelyard", "They"]


def test_a_document_that_is_sent_back_whole_becomes_operations(user: Caller, path: str) -> None:
    document = user.get(path)["document"]
    document["segments"][0]["words"][1]["text"] = "love"

    user.call("PUT", path, {"document": document}, headers={"If-Match": '"1"'})

    [patch] = user.get(f"{path}/edits")["edits"]
    assert (patch["op"]["op"], patch["op"]["words"], patch["op"]["text"]) == ("set_text", ["w2"], "love")


def heard_again(user: Caller, farm: Farm, app: Any, path: str, *words: str) -> str:
    """Store another pass over the same asset; return its transcript's id."""
    from api.assets.models import Asset
    from api.extensions import db
    from api.jobs.models import Job
    from api.transcripts.service import store_heard
    from tasks.contracts import Transcript

    other_job = ingest(user, farm, words=("Other",))
    [other] = user.get(f"/transcripts?asset_id={other_job}")["items"]
    from api.transcripts.models import TranscriptRecord

    db.session.delete(db.session.get(TranscriptRecord, other["id"]))
    db.session.flush()
    asset = db.session.get(Asset, user.get(path)["asset_id"])
    job = db.session.get(Job, other["job_id"])
    assert asset is not None and job is not None
    document = Transcript.from_json(transcript_of(*words))
    record = store_heard(db.session(), asset=asset, job_id=job.id, transcript=document)
    db.session.commit()
    return str(record.id)


def test_edits_go_on_a_newer_pass_and_what_is_lost_is_a_conflict(app: Any, user: Caller, farm: Farm, path: str) -> None:
    edit(user, path, 1, NAME)
    edit(user, path, 2, {"op": "set_text", "word": "w5", "text": "every day"})
    newer = heard_again(user, farm, app, path, "We", "use", "real", "yard")

    answer = post(user, f"{path}/rebase", 3, {"onto": newer})

    assert text(answer) == "We use Reelyard"
    edits = user.get(f"{path}/edits")
    assert [patch["op"]["text"] for patch in edits["edits"]] == ["Reelyard"]
    assert [patch["conflict"] for patch in edits["conflicts"]] == ["The word 'daily' at 2.50 s is not in the new pass"]
    assert text(post(user, f"{path}/undo", 4)) == "We use Reelyard every day"


def test_edits_go_to_no_other_asset_and_to_nobody_elses(user: Caller, other: Caller, farm: Farm, path: str) -> None:
    elsewhere = path_of(user, ingest(user, farm, words=("Else",))).rpartition("/")[2]
    foreign = path_of(other, ingest(other, farm, words=("Theirs",))).rpartition("/")[2]

    codes = [post(user, f"{path}/rebase", 1, {"onto": onto}).get_json()["code"] for onto in (elsewhere, foreign)]

    assert codes == ["transcript.other_asset", "transcript.not_found"]
    assert user.get(path)["version"] == 1


def test_cuts_are_shown_and_change_nothing(user: Caller, path: str) -> None:
    shown = user.post(f"{path}/cut", {"cuts": [{"start": 0.95, "end": 2.45}]}, expect=200)

    assert [word["id"] for word in shown["document"]["segments"][0]["words"]] == ["w1", "w5"]
    assert shown["document"]["segments"][0]["words"][1]["start"] == pytest.approx(1.0)
    assert shown["kept"] == [{"start": 0.0, "end": 0.95}, {"start": 2.45, "end": 10.0}]
    assert user.get(path)["version"] == 1
    refused = user.post(f"{path}/cut", {"cuts": [{"start": 2, "end": 1}]}, expect=422)
    assert refused["code"] == "transcript.cut_invalid"


def hits(caller: Caller, q: str, more: str = "") -> list[tuple[str, list[str]]]:
    from urllib.parse import quote

    items = caller.get(f"/transcripts/search?q={quote(q)}{more}")["items"]
    return [
        (item["text"], [item["text"][m["offset"] : m["offset"] + m["length"]] for m in item["highlights"]])
        for item in items
    ]


def test_what_was_said_is_found_by_stem_phrase_and_without(user: Caller, path: str) -> None:
    said = "We use real yard daily"

    assert hits(user, "using") == [(said, ["use"])]
    assert [found[0] for found in hits(user, '"real yard"')] == [said]
    assert hits(user, '"yard real"') == []
    assert hits(user, "yard -daily") == []
    assert hits(user, "'); drop table \"") == []


def test_the_search_follows_edits(user: Caller, path: str) -> None:
    edit(user, path, 1, NAME)

    assert hits(user, "yard") == []
    assert hits(user, "reelyard") == [("We use Reelyard daily", ["Reelyard"])]
    post(user, f"{path}/undo", 2)
    assert hits(user, "reelyard") == []


def test_nobody_finds_what_somebody_else_said(user: Caller, other: Caller, path: str) -> None:
    assert hits(other, "daily") == []
    assert len(hits(user, "daily")) == 1


def test_scripts_without_spaces_are_found_in_the_middle(user: Caller, path: str) -> None:
    words = [{"text": char, "start": 0.1 * i, "end": 0.1 * i + 0.1} for i, char in enumerate("今日は動画を作る")]
    document = {"language": "ja", "segments": [{"words": words}]}
    user.call("PUT", path, {"document": document}, headers={"If-Match": '"1"'})

    assert [found[0] for found in hits(user, "動画")] == ["今日は動画を作る"]
    assert hits(user, "画動") == []


def test_hits_come_in_pages_in_order_of_time(user: Caller, path: str) -> None:
    edit(user, path, 1, *({"op": "split_segment", "before": f"w{n}"} for n in (2, 3, 4, 5)))
    segments = [
        {"words": [{"text": f"n{n}", "start": n, "end": n + 0.5}, {"text": "word", "start": n + 0.5, "end": n + 0.9}]}
        for n in range(5)
    ]
    user.call("PUT", path, {"document": {"segments": segments}}, headers={"If-Match": '"2"'})

    first = user.get("/transcripts/search?q=word&limit=3")
    second = user.get(f"/transcripts/search?q=word&limit=3&cursor={first['next_cursor']}")

    assert [item["start"] for item in first["items"] + second["items"]] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert second["next_cursor"] is None
    assert user.get("/transcripts/search?q=word&cursor=zzz", expect=422)["code"] == "request.bad_cursor"
    assert user.get(f"/transcripts/search?q=word&asset_id={uuid4()}")["items"] == []
