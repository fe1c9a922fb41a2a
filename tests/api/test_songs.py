"""Songs: taken from uploads, analysed by the farm, corrected, deleted."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.assets.cleanup import sweep_objects
from api.extensions import db, get_storage
from api.jobs.models import Job, Step
from api.songs.models import Song
from tasks.contracts.music import (
    Curve,
    Genre,
    Key,
    Loudness,
    Meter,
    Mood,
    SongAnalysis,
    SongHeard,
    SongOrder,
    SongSection,
    Tempo,
    TempoCandidate,
    VideoType,
)
from tests.api.farm import CLIP, HTTP, Caller, Farm, announce, ingest, media_of, send, transcript_of

WAVEFORM = b'{"version":2}'
BEATS = tuple(round(0.5 + 0.5 * number, 3) for number in range(79))
"""120 beats a minute from 0.5 s, in a song of 40 s."""


def analysis_of(**changes: Any) -> SongAnalysis:
    """An analysis as a worker would report it."""
    heard = SongAnalysis(
        duration_s=40.0,
        engine="librosa",
        engine_version="0.11.0",
        tempo=Tempo(120.0, 0.8, "onsets-viterbi", (TempoCandidate(120.0, 0.8), TempoCandidate(60.0, 0.2)), True),
        meter=Meter(4, 0.6, "accents-harmony"),
        key=Key("A minor", 0.7, "chroma-temperley"),
        loudness=Loudness(-14.2, 6.0, -1.0),
        energy=Curve(0.5, (0.5,) * 80),
        genre=Genre("pop", 0.4, "signal-rules/1", {"pop": 0.4}),
        mood=Mood("happy", "signal-rules/1", ("happy",), {"valence": 0.7}),
        video_type=VideoType("dance", "A strong beat"),
        beats=BEATS,
        downbeats=BEATS[::4],
        sections=(SongSection(0.0, 16.4, "verse", 0, 0.4), SongSection(16.4, 40.0, "chorus", 1, 0.8)),
    )
    return dataclasses.replace(heard, **changes)


def bring_song(
    user: Caller,
    farm: Farm,
    *,
    duration_s: float = 40.0,
    words: tuple[str, ...] | None = ("La",),
    organisation_id: str | None = None,
) -> str:
    """Upload a sound file and return its asset's id; without words nobody has heard it yet."""
    ticket = announce(
        user, CLIP, filename="night drive.mp3", content_type="audio/mpeg", organisation_id=organisation_id
    )
    send(ticket, CLIP)
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]
    farm.succeed(job_id, "probe", {**media_of(video=False), "duration_s": duration_s})
    if words is None:
        farm.fail(job_id, "transcribe", "speech.language_unsupported")
    else:
        farm.succeed(job_id, "transcribe", transcript_of(*words))
        farm.succeed(job_id, "poster", {"object_key": None})
    return str(ticket["asset_id"])


def listen(farm: Farm, job_id: str, **changes: Any) -> dict[str, Any]:
    """Play the worker that analyses; return what it was asked for."""
    claim = farm.claim(job_id, "analyze")
    key = f"{claim['output_prefix']}waveform.json"
    get_storage().put_bytes(key, WAVEFORM, content_type="application/json")
    answer = farm.report(claim, result=SongHeard(analysis_of(**changes), key).to_json())
    assert answer.status_code == 200, answer.get_json()
    asked: dict[str, Any] = claim["input"]
    return asked


@pytest.fixture
def song(user: Caller, farm: Farm) -> dict[str, Any]:
    """A song that was not analysed yet."""
    made: dict[str, Any] = user.post("/songs", {"asset_id": bring_song(user, farm)}, expect=201)
    return made


@pytest.fixture
def ready(user: Caller, farm: Farm, song: dict[str, Any]) -> str:
    """The id of a song that was analysed."""
    told = user.post(f"/songs/{song['id']}/analyze", {}, expect=202)
    listen(farm, told["job_id"])
    return str(song["id"])


def test_a_song_is_made_of_an_uploaded_sound(user: Caller, song: dict[str, Any]) -> None:
    assert (song["title"], song["duration_s"], song["state"], song["job_id"]) == ("night drive", 40.0, "new", None)
    assert user.get(f"/songs/{song['id']}") == song
    assert user.get("/songs")["items"] == [song]
    assert user.get(f"/songs/{song['id']}/analysis", expect=409)["code"] == "song.not_analyzed"
    assert user.get(f"/songs/{song['id']}/sections") == {"items": [], "suggested": []}


def test_an_analysis_is_a_job_whose_result_is_read_with_lyrics_and_waveform(
    user: Caller, farm: Farm, song: dict[str, Any]
) -> None:
    told = user.post(f"/songs/{song['id']}/analyze", {}, expect=202)
    assert told["state"] == "analyzing"
    again = user.post(f"/songs/{song['id']}/analyze", {}, expect=409)
    assert (again["code"], again["details"]) == ("song.analyzing", {"job_id": told["job_id"]})
    order = SongOrder.from_json(listen(farm, told["job_id"]))

    read = user.get(f"/songs/{song['id']}/analysis")

    assert order.object_key.endswith("/source") and order.size_bytes == len(CLIP)
    assert user.get(f"/songs/{song['id']}")["state"] == "ready"
    assert read["analysis"]["tempo"]["bpm"] == 120.0
    assert read["analysis"]["beats"][:2] == [0.5, 1.0]
    assert read["analysis"]["genre"]["method"] == "signal-rules/1"
    assert [segment["text"] for segment in read["lyrics"]["segments"]] == ["La"]
    assert HTTP.get(read["waveform_url"]).content == WAVEFORM
    assert read["overridden"] == []


def test_words_are_transcribed_only_where_nobody_has(user: Caller, farm: Farm, song: dict[str, Any]) -> None:
    unheard = user.post("/songs", {"asset_id": bring_song(user, farm, words=None)}, expect=201)
    jobs = {
        name: user.post(f"/songs/{one['id']}/analyze", body, expect=202)["job_id"]
        for name, one, body in (("heard", song, {}), ("unheard", unheard, {"language": "en"}))
    }
    steps = {name: {s.name for s in db.session.query(Step).filter_by(job_id=job_id)} for name, job_id in jobs.items()}

    assert steps == {"heard": {"analyze"}, "unheard": {"analyze", "transcribe"}}
    listen(farm, jobs["unheard"])
    assert user.get(f"/songs/{unheard['id']}/analysis")["lyrics"] is None
    farm.succeed(jobs["unheard"], "transcribe", transcript_of("Oh", "yes"))
    lyrics = user.get(f"/songs/{unheard['id']}/analysis")["lyrics"]
    assert lyrics["segments"][0]["text"] == "Oh yes"
    assert user.get(f"/transcripts/{lyrics['transcript_id']}")["language"] == "en"


def test_credits_are_held_charged_and_given_back(user: Caller, farm: Farm, song: dict[str, Any]) -> None:
    def credits() -> tuple[int, int]:
        told = user.get("/credits")
        return told["balance"], told["held"]

    before = credits()
    first = user.post(f"/songs/{song['id']}/analyze", {}, expect=202)["job_id"]
    assert credits()[1] == before[1] + 1
    farm.fail(first, "analyze", "media.damaged")
    assert credits() == before
    assert user.get(f"/songs/{song['id']}")["error"]["code"] == "media.damaged"
    assert user.get(f"/songs/{song['id']}")["state"] == "failed"
    user.post(f"/jobs/{first}/retry", expect=202)
    listen(farm, first)
    assert credits() == (before[0] - 1, before[1])


def test_the_owner_corrects_every_value_and_takes_it_back(user: Caller, ready: str) -> None:
    said = {
        "key": "C major",
        "genre": "dub",
        "mood": {"primary": "odd", "tags": ["odd", "slow"], "vector": {"arousal": 0.1}},
        "video_type": "lyric",
        "beats_per_bar": 3,
    }

    told = user.expect(200, "PATCH", f"/songs/{ready}/analysis", said)

    song = told["analysis"]
    assert told["overridden"] == sorted(said)
    assert (song["key"]["name"], song["key"]["method"]) == ("C major", "user")
    assert (song["genre"]["name"], song["video_type"]["name"]) == ("dub", "lyric")
    assert song["mood"]["vector"] == {"valence": 0.7, "arousal": 0.1}
    assert song["meter"]["beats_per_bar"] == 3
    assert song["downbeats"][:3] == [0.5, 2.0, 3.5]
    back = user.expect(200, "PATCH", f"/songs/{ready}/analysis", dict.fromkeys(said))
    assert back["overridden"] == []
    assert back["analysis"] == analysis_json()


def analysis_json() -> dict[str, Any]:
    """The analysis as the API shows it unchanged."""
    document = analysis_of().to_json()
    del document["version"]
    return document


def test_beats_and_bars_follow_a_tempo_that_was_set(user: Caller, ready: str) -> None:
    song = user.expect(200, "PATCH", f"/songs/{ready}/analysis", {"bpm": 60.0})["analysis"]

    assert (song["tempo"]["bpm"], song["tempo"]["method"]) == (60.0, "user")
    assert (song["beats"][:3], song["downbeats"][:2]) == ([0.5, 1.5, 2.5], [0.5, 4.5])


def test_corrections_outlive_another_analysis(user: Caller, farm: Farm, ready: str) -> None:
    user.expect(200, "PATCH", f"/songs/{ready}/analysis", {"key": "C major"})
    before = db.session.get_one(Song, ready).waveform_key
    db.session.rollback()
    job_id = user.post(f"/songs/{ready}/analyze", {}, expect=202)["job_id"]
    assert user.get(f"/songs/{ready}/analysis")["analysis"]["key"]["name"] == "C major"
    listen(farm, job_id, key=Key("E minor", 0.9, "chroma-temperley"))

    assert user.get(f"/songs/{ready}/analysis")["analysis"]["key"]["name"] == "C major"
    told = user.expect(200, "PATCH", f"/songs/{ready}/analysis", {"key": None})
    assert told["analysis"]["key"]["name"] == "E minor"
    assert before is not None and get_storage().head(before) is None


def test_a_bad_correction_is_refused_and_changes_nothing(user: Caller, ready: str) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"bpm": 10}, "request.invalid"),
        ({"key": "H major"}, "request.invalid"),
        ({"beats": [1.0, 1.0]}, "request.invalid"),
        ({"beats": [1.0, 50.0]}, "song.invalid_beats"),
        ({"beats_per_bar": 0}, "request.invalid"),
        ({"mood": {"vector": {"valence": 2}}}, "request.invalid"),
        ({"loudness": -3}, "request.invalid"),
    ]
    for said, code in wrong:
        assert user.expect(422, "PATCH", f"/songs/{ready}/analysis", said)["code"] == code, said
    assert user.get(f"/songs/{ready}/analysis")["overridden"] == []


def test_what_is_no_song_is_refused(user: Caller, farm: Farm) -> None:
    video = ingest(user, farm)
    long = bring_song(user, farm, duration_s=301.0)

    assert user.post("/songs", {"asset_id": video}, expect=422)["code"] == "song.not_audio"
    told = user.post("/songs", {"asset_id": long}, expect=422)
    assert (told["code"], told["details"]) == ("song.too_long", {"duration_s": 301.0, "limit_s": 300.0})
    assert user.post("/songs", {"asset_id": str(uuid4())}, expect=404)["code"] == "asset.not_found"
    assert db.session.query(Song).count() == 0


def test_the_same_key_is_one_song_and_one_analysis(user: Caller, farm: Farm) -> None:
    body, key = {"asset_id": bring_song(user, farm)}, {"Idempotency-Key": "song-1"}

    first, again = (user.call("POST", "/songs", body, headers=key) for _ in range(2))
    path = f"/songs/{first.get_json()['id']}/analyze"
    jobs = {user.call("POST", path, {}, headers=key).get_json()["job_id"] for _ in range(2)}

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.get_json() == first.get_json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(jobs) == 1
    assert db.session.query(Job).filter_by(kind="song").count() == 1


def test_a_song_and_its_file_stay_while_it_is_analysed(user: Caller, farm: Farm, song: dict[str, Any]) -> None:
    job_id = user.post(f"/songs/{song['id']}/analyze", {}, expect=202)["job_id"]

    assert user.delete(f"/songs/{song['id']}", expect=409)["code"] == "song.analyzing"
    assert user.delete(f"/assets/{song['asset_id']}", expect=409)["code"] == "asset.in_use"
    user.post(f"/jobs/{job_id}/cancel", expect=202)
    user.delete(f"/songs/{song['id']}", expect=204)
    assert user.get(f"/songs/{song['id']}", expect=404)["code"] == "song.not_found"
    assert user.get(f"/assets/{song['asset_id']}")["state"] == "ready"


def test_a_song_goes_with_its_file(user: Caller, ready: str, song: dict[str, Any]) -> None:
    user.delete(f"/assets/{song['asset_id']}", expect=204)

    assert user.get(f"/songs/{ready}", expect=404)["code"] == "song.not_found"
    assert user.get("/songs")["items"] == []


def test_the_sweep_leaves_the_waveform_of_a_song_and_takes_it_after(user: Caller, ready: str) -> None:
    key = db.session.get_one(Song, ready).waveform_key
    db.session.rollback()
    assert key is not None
    later = datetime.now(UTC) + timedelta(days=2)

    sweep_objects(db.session(), now=later)
    assert get_storage().head(key) is not None
    user.delete(f"/songs/{ready}", expect=204)
    assert get_storage().head(key) is None


def test_a_worker_cannot_name_an_object_that_is_not_its_own(user: Caller, farm: Farm, song: dict[str, Any]) -> None:
    job_id = user.post(f"/songs/{song['id']}/analyze", {}, expect=202)["job_id"]

    farm.report(farm.claim(job_id, "analyze"), result=SongHeard(analysis_of(), "uploads/else").to_json())

    assert user.get(f"/songs/{song['id']}")["error"]["code"] == "step.foreign_key"
    assert user.get(f"/songs/{song['id']}/analysis", expect=409)["code"] == "song.not_analyzed"


def test_what_is_somebody_elses_is_not_found(user: Caller, other: Caller, ready: str, song: dict[str, Any]) -> None:
    for method, path, body in (
        ("GET", f"/songs/{ready}", None),
        ("POST", f"/songs/{ready}/analyze", {}),
        ("GET", f"/songs/{ready}/analysis", None),
        ("PATCH", f"/songs/{ready}/analysis", {"bpm": 100}),
        ("POST", f"/songs/{ready}/sections", {"suggested": True}),
        ("DELETE", f"/songs/{ready}", None),
    ):
        assert other.expect(404, method, path, body)["code"] == "song.not_found"
    assert other.post("/songs", {"asset_id": song["asset_id"]}, expect=404)["code"] == "asset.not_found"
    assert other.get("/songs")["items"] == []
