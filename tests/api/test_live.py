"""One stream of everything: numbered without gaps, resumed without gap or repeat, opened by tickets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update

from api.credits.service import deduct
from api.events import ears
from api.extensions import db
from api.live import hub as hubs
from api.live.hub import MOST_STREAMS, get_hub
from api.live.models import LiveEvent, LiveReader, LiveTicket, Topic
from api.live.reading import begin_to_listen, read_told, sweep
from api.live.stream import Wish, follow
from api.live.telling import tell_live
from api.users.models import User
from tests.api.farm import Caller, Farm, ingest
from tests.api.test_sounds import make_sound


@pytest.fixture(autouse=True)
def hub(app: Any) -> Iterator[Any]:
    """The hub, whose thread is gone before the tables are."""
    yield get_hub()
    assert get_hub().join(10)


def listen(user: Caller) -> int:
    """Have what the user is told written down."""
    return begin_to_listen(db.session(), UUID(user.id))


def told(user: Caller, after: int = 0) -> list[tuple[int, str, str]]:
    """What the user's clients were told."""
    db.session.rollback()
    return [(one.seq, one.topic, one.kind) for one in read_told(db.session(), UUID(user.id), after)]


def take(user: Caller, count: int, **wish: Any) -> list[Any]:
    """The first things that go down a stream."""
    after, topics = wish.get("after"), wish.get("topics", list(Topic))
    last = listen(user)
    with get_hub().listen(UUID(user.id), last) as feed:
        stream = follow(get_hub(), feed, Wish(topics, after), last)
        found = [next(stream) for _ in range(count)]
        stream.close()
    return found


def say(user: Caller, *numbers: int) -> None:
    for number in numbers:
        tell_live(db.session(), UUID(user.id), Topic.SOUNDS, "sound_played", {"number": number})
        db.session.commit()


def test_all_topics_are_told_in_one_order(user: Caller, farm: Farm) -> None:
    sound = make_sound(user, farm)
    assert listen(user) == 0
    before = user.get("/credits")["balance"]
    user.post(f"/sounds/play/{sound['id']}", expect=200)
    user.expect(200, "PATCH", "/player", {"volume": 12})
    asset = ingest(user, farm)
    seen = told(user)
    assert [seq for seq, _, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[:3] == [
        (1, "credits", "user_credits_changed"),
        (2, "sounds", "sound_played"),
        (3, "player", "player_state"),
    ]
    jobs = [kind for _, topic, kind in seen if topic == "jobs"]
    assert (jobs[0], jobs[-1]) == ("job.queued", "job.succeeded")
    assert user.get(f"/assets/{asset}")["state"] == "ready"
    row = db.session.get_one(LiveEvent, (UUID(user.id), 1))
    assert (row.data["change"], row.data["balance"]) == (-1, before - 1)


def test_nothing_is_written_where_nobody_listens(user: Caller, farm: Farm) -> None:
    make_sound(user, farm)
    assert (
        db.session.execute(select(func.count()).select_from(LiveEvent).filter_by(user_id=UUID(user.id))).scalar() == 0
    )


def test_what_is_rolled_back_is_not_told(user: Caller) -> None:
    listen(user)
    tell_live(db.session(), UUID(user.id), Topic.SOUNDS, "sound_played", {})
    db.session.rollback()
    with pytest.raises(ZeroDivisionError), db.session.begin_nested():
        tell_live(db.session(), UUID(user.id), Topic.SOUNDS, "sounds_stopped", {})
        raise ZeroDivisionError
    say(user, 1)
    assert [kind for _, _, kind in told(user)] == ["sound_played"]


def test_numbers_have_no_gaps_whoever_writes_at_once(app: Any, user: Caller) -> None:
    listen(user)
    start = Barrier(8)

    def write() -> None:
        with app.app_context():
            start.wait()
            for number in range(5):
                tell_live(db.session(), UUID(user.id), Topic.SOUNDS, "sound_played", {"number": number})
                (db.session.rollback if number == 2 else db.session.commit)()
            db.session.remove()

    threads = [Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [seq for seq, _, _ in told(user)] == list(range(1, 33))


def test_a_stream_goes_on_from_any_place_without_gap_or_repeat(user: Caller) -> None:
    listen(user)
    say(user, *range(6))
    for after in range(7):
        found = take(user, 1 + 6 - after, after=after)
        assert (found[0].kind, found[0].seq) == ("ready", after)
        assert [one.data["number"] for one in found[1:]] == list(range(after, 6))


def test_a_stream_hears_of_what_comes_and_of_its_topics_only(user: Caller) -> None:
    last = listen(user)
    with get_hub().listen(UUID(user.id), last) as feed:
        stream = follow(get_hub(), feed, Wish(["sounds"]), last)
        assert next(stream).kind == "ready"
        deduct(db.session(), UUID(user.id), 1, ref="test:live", details={})
        db.session.commit()
        say(user, 7)
        heard = next(one for one in stream if one is not None)
        assert (heard.topic, heard.data) == ("sounds", {"number": 7})
        assert heard.seq > 1
        stream.close()


def test_a_client_that_fell_behind_the_ring_reads_on_from_the_table(user: Caller, monkeypatch: Any) -> None:
    last = listen(user)
    with get_hub().listen(UUID(user.id), last) as feed:
        feed._ring = type(feed._ring)(maxlen=3)
        stream = follow(get_hub(), feed, Wish(["sounds"], 0), last)
        assert next(stream).kind == "ready"
        say(user, *range(10))
        feed.wait(9, 20)
        assert feed.last == 10
        assert [next(stream).data["number"] for _ in range(10)] == list(range(10))
        stream.close()


def test_what_is_not_kept_any_more_is_said_to_be_missed(user: Caller) -> None:
    listen(user)
    say(user, *range(4))
    db.session.execute(update(LiveEvent).where(LiveEvent.seq <= 2).values(at=func.now() - timedelta(days=2)))
    db.session.commit()
    assert sweep(db.session()) == 2
    found = take(user, 4, after=1)
    assert [(one.seq, one.kind) for one in found] == [
        (1, "ready"),
        (2, "missed"),
        (3, "sound_played"),
        (4, "sound_played"),
    ]
    assert [one.kind for one in take(user, 2, after=99)] == ["ready", "missed"]
    assert get_hub().join(15)  # it would note that somebody listens
    db.session.execute(update(LiveReader).values(heard_at=func.now() - timedelta(days=2)))
    db.session.commit()
    say(user, 5)
    assert len(told(user)) == 2
    assert listen(user) == 5
    say(user, 6)
    assert [one.kind for one in take(user, 3, after=4)] == ["ready", "missed", "sound_played"]


def test_a_stream_ends_when_the_account_is_disabled(user: Caller, monkeypatch: Any) -> None:
    monkeypatch.setattr(ears, "WAKEABLE_POLL_S", 0.2)
    last = listen(user)
    with get_hub().listen(UUID(user.id), last) as feed:
        stream = follow(get_hub(), feed, Wish(["sounds"]), last)
        next(stream)
        db.session.execute(update(User).where(User.id == UUID(user.id)).values(enabled=False))
        db.session.commit()
        assert [(one.kind, one.data) for one in stream if one] == [("ended", {"code": "auth.revoked_token"})]


def test_events_are_heard_without_redis(app: Any, user: Caller, monkeypatch: Any) -> None:
    import redis

    away = hubs.Hub(db.engine, redis.Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2, retry=None))
    last = listen(user)
    with away.listen(UUID(user.id), last) as feed:
        stream = follow(away, feed, Wish(["sounds"]), last)
        next(stream)
        say(user, 3)
        assert next(one for one in stream if one).data == {"number": 3}
        stream.close()
    assert away.join(10)


def read_sse(answer: Any, count: int) -> list[dict[str, Any]]:
    """The first events of an answer."""
    found: list[dict[str, Any]] = []
    for chunk in answer.response:
        text = chunk.decode() if isinstance(chunk, bytes) else chunk
        fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line and not line.startswith(":"))
        if "event" in fields:
            found.append({**fields, "data": json.loads(fields["data"])})
        if len(found) == count:
            break
    answer.close()
    return found


def test_a_ticket_opens_one_stream_once(user: Caller) -> None:
    ticket = user.post("/live/tickets", expect=201)["ticket"]
    stranger = Caller(user.client, "", "")
    answer = stranger.client.get(f"/api/v1/live/events?ticket={ticket}&topics=sounds,player", buffered=False)
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    assert read_sse(answer, 1)[0]["data"] == {"topics": ["player", "sounds"]}
    again = stranger.client.get(f"/api/v1/live/events?ticket={ticket}")
    assert (again.status_code, again.get_json()["code"]) == (401, "auth.bad_ticket")
    for path in ("/api/v1/live/events", "/api/v1/live/socket"):
        assert stranger.client.get(path).get_json()["code"] == "auth.missing_token"


def test_an_old_ticket_opens_nothing(user: Caller) -> None:
    ticket = user.post("/live/tickets", expect=201)["ticket"]
    db.session.execute(update(LiveTicket).values(expires_at=func.now() - timedelta(seconds=1)))
    db.session.commit()
    assert user.client.get(f"/api/v1/live/events?ticket={ticket}").get_json()["code"] == "auth.bad_ticket"
    user.post("/live/tickets", expect=201)
    db.session.execute(update(LiveTicket).values(expires_at=func.now() - timedelta(seconds=1)))
    db.session.commit()
    sweep(db.session())
    assert db.session.execute(select(func.count()).select_from(LiveTicket)).scalar() == 0


def test_streams_of_one_user_are_counted(user: Caller) -> None:
    last = listen(user)
    with get_hub().listen(UUID(user.id), last) as feed:
        feed.streams = MOST_STREAMS
        assert user.get("/live/events", expect=429)["code"] == "live.too_many"
        feed.streams = 1


def test_bad_wishes_are_refused(user: Caller) -> None:
    assert user.get("/live/events?topics=weather", expect=422)["code"] == "request.invalid"
    assert user.get("/live/events?last_event_id=-1", expect=422)["code"] == "request.invalid"
    assert user.get("/live/socket", expect=426)["code"] == "live.upgrade_required"


def test_a_stream_goes_on_after_the_header(user: Caller) -> None:
    listen(user)
    say(user, 1, 2)
    signed = {"Authorization": f"Bearer {user.token}", "Last-Event-ID": "1"}
    answer = user.client.get("/api/v1/live/events", headers=signed, buffered=False)
    assert [(one["id"], one["event"]) for one in read_sse(answer, 2)] == [("1", "ready"), ("2", "sound_played")]
    db.session.execute(delete(LiveEvent))
    db.session.commit()
