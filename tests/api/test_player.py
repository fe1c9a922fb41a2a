"""Playlists keep their order and the player its state, whoever edits, restarts or looks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from api.control import rounds
from api.extensions import db
from api.player.models import PlayerRecord
from api.player.service import advance_due, due_in, read_events, retime_sound
from api.sounds.models import ListenerDay, Sound, SoundDay, SoundPlay
from tests.api.farm import Caller, Farm
from tests.api.test_sounds import make_sound


@pytest.fixture
def sounds(user: Caller, farm: Farm) -> list[str]:
    """Three sounds of 2.5 seconds."""
    return [make_sound(user, farm, title=title)["id"] for title in ("One", "Two", "Three")]


@pytest.fixture
def playlist(user: Caller, sounds: list[str]) -> dict[str, Any]:
    """A playlist of the three."""
    made = user.post("/playlists", {"name": "Friday"}, expect=201)
    for sound_id in sounds:
        user.post(f"/playlists/{made['id']}/items", {"sound_id": sound_id}, expect=201)
    told: dict[str, Any] = user.get(f"/playlists/{made['id']}")
    return told


def titles(user: Caller, playlist: dict[str, Any]) -> list[str]:
    """What is in a playlist; its positions are checked on the way."""
    items = user.get(f"/playlists/{playlist['id']}")["items"]
    assert [item["position"] for item in items] == list(range(len(items)))
    return [item["title"] for item in items]


def turn_back_clock(user: Caller, seconds: float) -> None:
    """Let a user's player have been started so much earlier."""
    record = db.session.get_one(PlayerRecord, UUID(user.id))
    state = {**record.state, "since": record.state["since"] - seconds}
    due = record.due_at - timedelta(seconds=seconds) if record.due_at else None
    changed = update(PlayerRecord).where(PlayerRecord.user_id == UUID(user.id)).values(state=state, due_at=due)
    db.session.execute(changed)
    db.session.commit()


def kinds(user: Caller, after: int = 0) -> list[str]:
    """What the user's clients were told."""
    db.session.commit()
    return [event.kind for event in read_events(db.engine, UUID(user.id), after).events]


def test_lines_are_put_in_moved_and_taken_out_without_gaps(
    user: Caller, playlist: dict[str, Any], sounds: list[str]
) -> None:
    one, two, _ = (item["id"] for item in playlist["items"])
    path = f"/playlists/{playlist['id']}/items"
    assert playlist["total_s"] == 7.5
    user.expect(200, "PATCH", f"{path}/{one}", {"position": 1000})
    assert titles(user, playlist) == ["Two", "Three", "One"]
    user.post(path, {"sound_id": sounds[0], "position": 1}, expect=201)
    assert titles(user, playlist) == ["Two", "One", "Three", "One"]
    user.delete(f"{path}/{two}", expect=204)
    assert titles(user, playlist) == ["One", "Three", "One"]
    assert user.delete(f"{path}/{two}", expect=404)["code"] == "playlist.no_such_item"
    user.delete(f"/sounds/{sounds[0]}", expect=204)
    assert titles(user, playlist) == ["Three"]


def test_many_editors_at_once_leave_an_order_without_gaps(
    app: Any, user: Caller, playlist: dict[str, Any], sounds: list[str]
) -> None:
    path = f"/playlists/{playlist['id']}/items"

    def edit(number: int) -> str:
        mine = Caller(app.test_client(), user.token, user.id)
        made = mine.post(path, {"sound_id": sounds[number % 3], "position": number % 4}, expect=201)
        mine.expect(200, "PATCH", f"{path}/{made['id']}", {"position": (number * 7) % 5})
        return str(made["id"])

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(edit, range(8)))
    db.session.commit()
    assert len(titles(user, playlist)) == 11
    assert set(made) < {item["id"] for item in user.get(f"/playlists/{playlist['id']}")["items"]}


def test_one_playlist_is_current(user: Caller, other: Caller, playlist: dict[str, Any]) -> None:
    second = user.post("/playlists", {"name": "Saturday"}, expect=201)
    for chosen in (playlist, second):
        assert user.expect(200, "PUT", f"/playlists/{chosen['id']}/current")["is_current"] is True
    assert [one["name"] for one in user.get("/playlists")["items"] if one["is_current"]] == ["Saturday"]
    assert other.expect(404, "PUT", f"/playlists/{second['id']}/current")["code"] == "playlist.not_found"


def test_player_plays_by_the_clock_and_counts_what_was_heard(
    user: Caller, playlist: dict[str, Any], sounds: list[str]
) -> None:
    assert user.get("/player")["status"] == "stopped"
    assert user.post("/player/play", {}, expect=409)["code"] == "player.empty"
    user.post("/player/load", {"playlist_id": playlist["id"]}, expect=200)
    user.post("/player/play", {}, expect=200)
    turn_back_clock(user, 3.2)
    told = user.get("/player")
    assert (told["status"], told["title"], told["index"]) == ("playing", "Two", 1)
    assert told["position_s"] == pytest.approx(0.7, abs=0.5)
    assert user.get(f"/sounds/{sounds[0]}")["plays"] == 1
    turn_back_clock(user, 60)
    told = user.get("/player")
    assert (told["status"], told["title"], told["position_s"]) == ("stopped", "Three", 0.0)
    assert [user.get(f"/sounds/{sound_id}")["plays"] for sound_id in sounds] == [1, 1, 1]
    assert db.session.query(SoundPlay).filter(SoundPlay.sound_id == UUID(sounds[1])).one().plays == 1


def test_what_is_due_happens_though_nobody_looks(user: Caller, playlist: dict[str, Any]) -> None:
    user.post("/player/load", {"playlist_id": playlist["id"]}, expect=200)
    user.post("/player/play", {}, expect=200)
    seen = len(kinds(user))
    turn_back_clock(user, 1.0)
    assert advance_due(db.session()) >= 1
    assert kinds(user, seen) == ["sound_played", "player_state"]
    due = db.session.get_one(PlayerRecord, UUID(user.id), populate_existing=True).due_at
    assert due is not None and due > datetime.now(UTC)


def test_commands_change_one_state_that_every_client_reads(app: Any, user: Caller, playlist: dict[str, Any]) -> None:
    phone = Caller(app.test_client(), user.token, user.id)
    user.post("/player/load", {"playlist_id": playlist["id"]}, expect=200)
    user.expect(200, "PATCH", "/player", {"volume": 35, "mode": "loop"})
    last = playlist["items"][2]["id"]
    assert phone.post("/player/play", {"item_id": last}, expect=200)["index"] == 2
    assert user.post("/player/next", expect=200)["index"] == 0
    assert phone.post("/player/previous", expect=200)["index"] == 2
    assert user.post("/player/seek", {"position_s": 1.5}, expect=200)["position_s"] == pytest.approx(1.5, abs=0.9)
    beyond = user.post("/player/seek", {"position_s": 2.6}, expect=422)
    assert (beyond["code"], beyond["details"]) == ("player.beyond_end", {"duration_s": 2.5})
    paused = user.post("/player/pause", expect=200)
    told = phone.get("/player")
    same = ("status", "mode", "volume", "item_id", "position_s")
    assert [told[name] for name in same] == [paused[name] for name in same]
    assert (told["status"], told["mode"], told["volume"]) == ("paused", "loop", 35)
    assert user.post("/player/stop", expect=200)["position_s"] == 0.0
    wrong = user.expect(422, "PATCH", "/player", {"mode": "shuffle"})
    assert wrong["details"]["findings"][0]["pointer"] == "/mode"
    unknown = user.post("/player/play", {"item_id": str(uuid4())}, expect=404)
    assert unknown["code"] == "playlist.no_such_item"


def test_player_follows_its_playlist(user: Caller, playlist: dict[str, Any]) -> None:
    one, two, _ = (item["id"] for item in playlist["items"])
    path = f"/playlists/{playlist['id']}/items"
    user.post("/player/load", {"playlist_id": playlist["id"]}, expect=200)
    user.post("/player/play", {}, expect=200)
    user.expect(200, "PATCH", f"{path}/{one}", {"position": 2})
    assert (user.get("/player")["item_id"], user.get("/player")["index"]) == (one, 2)
    user.expect(200, "PATCH", f"{path}/{one}", {"position": 0})
    user.delete(f"{path}/{one}", expect=204)
    told = user.get("/player")
    assert (told["item_id"], told["status"], told["length"]) == (two, "playing", 2)
    user.delete(f"/playlists/{playlist['id']}", expect=204)
    told = user.get("/player")
    assert (told["playlist_id"], told["status"], told["length"], told["item_id"]) == (None, "stopped", 0, None)


def test_a_button_costs_a_credit_counts_and_sounds(user: Caller, sounds: list[str]) -> None:
    before = user.get("/credits")["balance"]
    played = user.post(f"/sounds/play/{sounds[0]}", expect=200)
    assert played["filename"] == "One.mp3"
    assert user.get("/credits")["balance"] == before - 1
    assert user.get(f"/sounds/{sounds[0]}")["plays"] == 1
    assert db.session.get_one(Sound, UUID(sounds[0])).plays == 1
    assert user.post("/sounds/stop", expect=200)["status"] == "stopped"
    assert kinds(user) == ["sound_played", "sounds_stopped"]


def test_a_sound_of_nobody_is_not_played(user: Caller, other: Caller, sounds: list[str]) -> None:
    assert other.post(f"/sounds/play/{sounds[0]}", expect=404)["code"] == "sound.not_found"
    theirs = other.post("/playlists", {"name": "Mine"}, expect=201)
    refused = other.post(f"/playlists/{theirs['id']}/items", {"sound_id": sounds[0]}, expect=404)
    assert refused["code"] == "sound.not_found"


def test_statistics_add_up_what_was_played(user: Caller, other: Caller, sounds: list[str]) -> None:
    for sound_id, times in zip(sounds, (3, 0, 1), strict=True):
        for _ in range(times):
            user.post(f"/sounds/play/{sound_id}", expect=200)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    db.session.add(SoundDay(sound_id=UUID(sounds[1]), day=yesterday, plays=2))
    db.session.add(ListenerDay(place_id=UUID(user.id), user_id=UUID(other.id), day=yesterday, plays=2))
    db.session.commit()
    told = user.get("/sounds/statistics?days=2")
    assert (told["plays"], told["sounds"]) == (6, 3)
    assert [day["plays"] for day in told["by_day"]] == [2, 4]
    assert [(one["title"], one["plays"]) for one in told["top"]] == [("One", 3), ("Two", 2), ("Three", 1)]
    assert told["by_user"] == [{"user_id": user.id, "plays": 4}, {"user_id": other.id, "plays": 2}]
    assert {one["type"]: one["plays"] for one in told["by_type"]} == {"SDB": 6, "TTS": 0, "EXT": 0}
    assert user.get("/sounds/statistics?days=1")["plays"] == 4
    assert other.get("/sounds/statistics")["plays"] == 0


def test_a_deleted_sound_is_played_by_nobody_any_more(
    user: Caller, playlist: dict[str, Any], sounds: list[str]
) -> None:
    before = user.get("/credits")["balance"]
    user.post("/player/load", {"playlist_id": playlist["id"]}, expect=200)
    user.post("/player/play", {}, expect=200)
    user.delete(f"/sounds/{sounds[0]}", expect=204)
    assert user.post(f"/sounds/play/{sounds[0]}", expect=404)["code"] == "sound.not_found"
    assert user.get(f"/sounds/{sounds[0]}/file", expect=404)["code"] == "sound.not_found"
    assert user.post("/player/play", {"item_id": playlist["items"][0]["id"]}, expect=404)["code"] == (
        "playlist.no_such_item"
    )
    told = user.get("/player")
    assert (told["status"], told["title"], told["length"]) == ("playing", "Two", 2)
    assert user.get("/credits")["balance"] == before
    for sound_id in sounds[1:]:
        user.delete(f"/sounds/{sound_id}", expect=204)
    told = user.get("/player")
    assert (told["status"], told["length"], told["sound_id"]) == ("stopped", 0, None)
    assert user.post("/player/play", {}, expect=409)["code"] == "player.empty"
    assert user.post("/player/seek", {"position_s": 1}, expect=409)["code"] == "player.empty"


def test_a_sound_that_has_another_length_now_has_it_in_the_player_too(
    user: Caller, playlist: dict[str, Any], sounds: list[str]
) -> None:
    user.post("/player/load", {"playlist_id": playlist["id"]}, expect=200)
    user.post("/player/play", {}, expect=200)
    db.session.execute(update(Sound).where(Sound.id == UUID(sounds[0])).values(duration_s=600.0))
    retime_sound(db.session(), UUID(sounds[0]))
    db.session.commit()
    told = user.get("/player")
    assert (told["status"], told["duration_s"], told["total_s"]) == ("playing", 600.0, 605.0)
    turn_back_clock(user, 100)
    told = user.get("/player")
    assert (told["title"], told["position_s"]) == ("One", pytest.approx(100, abs=5))
    assert user.post("/player/seek", {"position_s": 599.0}, expect=200)["title"] == "One"


def test_players_are_looked_at_when_something_is_due_and_seldom_while_nobody_plays(
    user: Caller, playlist: dict[str, Any], monkeypatch: Any
) -> None:
    assert due_in(db.session()) is None
    assert rounds.player_round() == rounds.NO_PLAYERS_S
    user.post("/player/load", {"playlist_id": playlist["id"]}, expect=200)
    assert due_in(db.session()) is None
    user.post("/player/play", {}, expect=200)
    left_s = due_in(db.session())
    assert left_s is not None and left_s <= 0.5
    monkeypatch.setattr(rounds, "PLAYERS_S", 0.0)
    turn_back_clock(user, 0.5)
    pause_s = rounds.player_round()
    assert pause_s is not True
    assert 0 <= pause_s <= rounds.NO_PLAYERS_S
    assert "sound_played" in kinds(user)
    user.post("/player/stop", expect=200)
    assert rounds.player_round() == rounds.NO_PLAYERS_S
