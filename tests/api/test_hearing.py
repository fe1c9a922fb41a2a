"""Assets heard again and transcripts translated, over HTTP."""

from __future__ import annotations

from typing import Any

from tasks.contracts.translation import TranslateOrder
from tests.api.farm import CLIP, Caller, Farm, announce, find_step, ingest, media_of, send, transcript_of

WISH = {"hotwords": ["Reelyard"], "diarize": True, "speakers": 2}


def transcripts_of(user: Caller, asset_id: str) -> list[dict[str, Any]]:
    """Return the transcripts of an asset, newest first."""
    items = user.get(f"/transcripts?asset_id={asset_id}")["items"]
    return [user.get(f"/transcripts/{item['id']}") for item in items]


def text_of(transcript: dict[str, Any]) -> str:
    return " ".join(segment["text"] for segment in transcript["document"]["segments"])


def test_an_upload_says_how_it_is_to_be_heard(user: Caller) -> None:
    ticket = announce(user, CLIP, language="de")
    send(ticket, CLIP)

    job_id = user.post(f"/uploads/{ticket['id']}/complete", WISH, expect=202)["job_id"]

    from api.extensions import db
    from api.jobs.models import Step

    step = db.session.get(Step, find_step(job_id, "transcribe").id)
    assert step is not None
    assert {name: step.input[name] for name in ("language", *WISH)} == {"language": "de", **WISH}
    wrong = user.post(f"/uploads/{ticket['id']}/complete", {"speakers": 2}, expect=422)
    assert wrong["code"] == "request.invalid"


def test_edits_survive_another_transcription(user: Caller, farm: Farm) -> None:
    asset_id = ingest(user, farm, words=("Hello", "real", "yard"))
    [first] = transcripts_of(user, asset_id)
    [segment] = first["document"]["segments"]
    words = [word["id"] for word in segment["words"]]
    edit = {"ops": [{"op": "set_text", "words": words[1:], "text": "Reelyard"}]}
    user.call("POST", f"/transcripts/{first['id']}/edits", edit, {"If-Match": '"1"'})

    told = user.post(f"/assets/{asset_id}/transcripts", {"language": "en", **WISH}, expect=202)
    busy = user.post(f"/assets/{asset_id}/transcripts", {}, expect=409)
    claim = farm.claim(told["id"], "transcribe")
    farm_heard = transcript_of("Hello,", "real", "yard")
    assert farm.report(claim, result=farm_heard).status_code == 200

    newest, before = transcripts_of(user, asset_id)
    assert {name: claim["input"][name] for name in WISH} == WISH
    assert (busy["code"], busy["details"]) == ("transcript.busy", {"job_id": told["id"]})
    assert (newest["job_id"], newest["version"], text_of(newest)) == (told["id"], 2, "Hello, Reelyard")
    assert (before["id"], text_of(before)) == (first["id"], "Hello Reelyard")
    undone = user.call("POST", f"/transcripts/{newest['id']}/undo", None, {"If-Match": '"2"'}).get_json()
    assert text_of(undone) == "Hello, real yard"


def test_an_asset_without_sound_is_not_heard(user: Caller, farm: Farm) -> None:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]
    farm.succeed(job_id, "probe", media_of(audio=False))
    farm.succeed(job_id, "transcribe", transcript_of())

    told = user.post(f"/assets/{ticket['asset_id']}/transcripts", {}, expect=422)

    assert told["code"] == "transcript.no_sound"


def test_a_project_is_heard_again_and_a_translation_is_not_its_transcript(user: Caller, farm: Farm) -> None:
    asset_id = ingest(user, farm, words=("Hello",))
    project = user.post("/projects", {"asset_id": asset_id}, expect=201)
    [first] = transcripts_of(user, asset_id)

    told = user.post(f"/transcripts/{first['id']}/translations", {"to": "de"}, expect=202)
    claim = farm.claim(told["id"], "translate")
    german = {**transcript_of("Hallo"), "language": "de"}
    assert farm.report(claim, result=german).status_code == 200
    [heard] = user.post(f"/projects/{project['id']}/jobs", {"type": "transcription"}, expect=202)["job_ids"]
    farm.succeed(heard, "transcribe", transcript_of("Hello!"))

    order = TranslateOrder.from_json(claim["input"])
    assert (order.target, order.transcript.segments[0].text) == ("de", "Hello")
    texts = [(each["language"], text_of(each)) for each in transcripts_of(user, asset_id)]
    assert texts == [("en", "Hello!"), ("de", "Hallo"), ("en", "Hello")]
    search = user.post(f"/projects/{project['id']}/jobs", {"type": "analysis"}, expect=202)
    asked = farm.claim(search["job_id"], "analyze")["input"]["transcript"]
    assert asked["segments"][0]["text"] == "Hello!"
    same = user.post(f"/transcripts/{first['id']}/translations", {"to": "en"}, expect=422)
    assert same["code"] == "transcript.same_language"
