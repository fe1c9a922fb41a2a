"""Sections of a song: on beats, in order, covering it; their times are fixed, their words are not."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from api.extensions import db
from api.songs.models import SongSection
from tests.api.farm import Caller, Farm
from tests.api.test_songs import bring_song, listen, ready, song

__all__ = ["ready", "song"]  # fixtures


def section(start: float, end: float, label: str = "verse", note: str = "") -> dict[str, Any]:
    return {"start": start, "end": end, "label": label, "note": note}


def test_edges_snap_to_beats_and_the_move_is_told(user: Caller, ready: str) -> None:
    wanted = [section(0.2, 9.87, "intro"), section(9.9, 24.1, "verse", "rain"), section(24.1, 39.6, "chorus")]

    made = user.post(f"/songs/{ready}/sections", {"sections": wanted}, expect=201)

    edges = [(one["start"], one["end"], one["label"], one["note"]) for one in made["items"]]
    assert edges == [(0.0, 10.0, "intro", ""), (10.0, 24.0, "verse", "rain"), (24.0, 40.0, "chorus", "")]
    assert [(one["start_ms"], one["end_ms"]) for one in made["moved"]] == [
        (-200.0, 130.0),
        (100.0, -100.0),
        (-100.0, 400.0),
    ]
    assert user.get(f"/songs/{ready}/sections") == {"items": made["items"], "suggested": []}


def test_suggested_sections_are_offered_on_beats_and_can_be_taken(user: Caller, ready: str) -> None:
    offered = user.get(f"/songs/{ready}/sections")["suggested"]

    made = user.post(f"/songs/{ready}/sections", {"suggested": True}, expect=201)["items"]

    assert [(one["start"], one["end"], one["label"]) for one in offered] == [
        (0.0, 16.5, "verse"),
        (16.5, 40.0, "chorus"),
    ]
    assert [(one["start"], one["end"], one["label"]) for one in made] == [(0.0, 16.5, "verse"), (16.5, 40.0, "chorus")]


def test_words_change_and_times_do_not(user: Caller, ready: str) -> None:
    [first, _] = user.post(f"/songs/{ready}/sections", {"suggested": True}, expect=201)["items"]
    path = f"/songs/{ready}/sections/{first['id']}"

    told = user.expect(200, "PATCH", path, {"label": "intro", "note": "x" * 100})

    assert told == {**first, "label": "intro", "note": "x" * 100}
    assert user.expect(422, "PATCH", path, {"start": 1.0})["code"] == "request.invalid"
    assert user.expect(422, "PATCH", path, {"note": "x" * 101})["code"] == "request.invalid"
    assert user.expect(422, "PATCH", path, {"label": ""})["code"] == "request.invalid"
    assert user.expect(404, "PATCH", f"/songs/{ready}/sections/{uuid4()}", {"note": ""})["code"] == "section.not_found"
    assert user.get(f"/songs/{ready}/sections")["items"][0] == told


def test_a_song_is_divided_once_until_its_sections_are_deleted(user: Caller, ready: str) -> None:
    user.post(f"/songs/{ready}/sections", {"suggested": True}, expect=201)

    assert user.post(f"/songs/{ready}/sections", {"suggested": True}, expect=409)["code"] == "section.exists"
    user.delete(f"/songs/{ready}/sections", expect=204)
    made = user.post(f"/songs/{ready}/sections", {"sections": [section(0, 40)]}, expect=201)["items"]
    assert [(one["start"], one["end"]) for one in made] == [(0.0, 40.0)]


def test_what_does_not_divide_the_song_is_refused_with_the_place(user: Caller, ready: str) -> None:
    told = user.post(f"/songs/{ready}/sections", {"sections": [section(0, 10), section(12, 40)]}, expect=422)

    assert (told["code"], told["details"]["findings"][0]["pointer"]) == ("section.invalid", "/sections/1/start")
    assert db.session.query(SongSection).count() == 0


def test_a_song_without_beats_is_divided_where_one_says(user: Caller, farm: Farm) -> None:
    made = user.post("/songs", {"asset_id": bring_song(user, farm)}, expect=201)
    listen(farm, user.post(f"/songs/{made['id']}/analyze", {}, expect=202)["job_id"], beats=(), downbeats=())

    told = user.post(f"/songs/{made['id']}/sections", {"sections": [section(0, 10.2), section(10.2, 40)]}, expect=201)

    assert [(one["start"], one["end"]) for one in told["items"]] == [(0.0, 10.2), (10.2, 40.0)]


def test_a_song_must_be_analysed_before_it_is_divided(user: Caller, song: dict[str, Any]) -> None:
    told = user.post(f"/songs/{song['id']}/sections", {"suggested": True}, expect=409)

    assert told["code"] == "song.not_analyzed"


def test_neither_and_both_are_refused(user: Caller, ready: str) -> None:
    for body in ({}, {"sections": []}, {"suggested": True, "sections": [section(0, 40)]}):
        assert user.post(f"/songs/{ready}/sections", body, expect=422)["code"] == "request.invalid", body
