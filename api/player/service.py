"""Use cases of the player. Each locks the player's row (after the playlist's, where both are), catches up with the
database's clock, changes the state and tells the user's clients in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.credits.prices import Action
from api.credits.service import deduct
from api.credits.work import price
from api.errors import ConflictError, NotFoundError
from api.events.stream import BATCH, Batch, StoredEvent
from api.jobs.publish import wake_after_commit
from api.live.models import Topic
from api.live.telling import tell_live
from api.player import machine
from api.player.machine import Entry, Event, Happening, Outcome, Player
from api.player.models import PlayerEvent, PlayerRecord
from api.player.storing import from_document, to_document
from api.playlists.models import Playlist, PlaylistItem
from api.sounds.models import Sound
from api.sounds.service import count_play
from api.users.models import User
from tasks.errors import InvalidInputError

STATE, SOUND, SILENCE = "player_state", "sound_played", "sounds_stopped"
KEPT = timedelta(days=1)
"""How long a client may be away and still be told all it missed."""
DUE_AT_ONCE = 100
Command = Callable[[Player, float], Outcome]


def entries_of(playlist: Playlist) -> list[Entry]:
    """Return a playlist's lines as the player takes them."""
    return [Entry(str(item.id), str(item.sound_id), item.sound.duration_s) for item in playlist.items]


def lock_player(session: Session, user_id: UUID) -> PlayerRecord:
    """Return a user's player, locked and as it is now; the first time it is made."""
    fresh = insert(PlayerRecord).values(user_id=user_id, state=to_document(Player()))
    session.execute(fresh.on_conflict_do_nothing())
    found = select(PlayerRecord).where(PlayerRecord.user_id == user_id).with_for_update()
    return session.execute(found.execution_options(populate_existing=True)).scalar_one()


def read_clock(session: Session) -> float:
    """Return the database's time in seconds of the epoch."""
    return float(session.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())


def command(session: Session, user: User, act: Command) -> dict[str, Any]:
    """Do something to the caller's player; return what it looks like then."""
    record = lock_player(session, user.id)
    now = read_clock(session)
    player, events = act(from_document(record.state), now)
    keep(session, record, player, events)
    return describe(session, record, now)


def look(session: Session, user: User) -> dict[str, Any]:
    """Return what the caller's player looks like now."""
    return command(session, user, machine.advance)


def load(session: Session, user: User, playlist: Playlist) -> dict[str, Any]:
    """Put a playlist into the caller's player, stopped at its first line."""
    session.refresh(playlist, with_for_update={"read": True})  # nobody edits it until the player is known to have it
    record = lock_player(session, user.id)
    record.playlist_id = playlist.id
    seed = uuid4().int % 1_000_000
    return command(session, user, lambda player, now: (machine.load(player, entries_of(playlist), seed=seed), []))


def play(session: Session, user: User, item_id: UUID | None) -> dict[str, Any]:
    """Play on, or one line from its start; raise ``player.empty``, ``playlist.no_such_item``."""

    def act(player: Player, now: float) -> Outcome:
        if not player.entries:
            raise ConflictError("player.empty", "The player has no sounds; load a playlist")
        if item_id is None:
            return machine.play(player, now)
        for place, entry in enumerate(player.entries):
            if entry.id == str(item_id):
                return machine.play_entry(player, place, now)
        raise NotFoundError("playlist.no_such_item", "The playlist has no such line")

    return command(session, user, act)


def seek(session: Session, user: User, position_s: float) -> dict[str, Any]:
    """Go to a place in the sound that is on; raise ``player.empty``, ``player.beyond_end``."""

    def act(player: Player, now: float) -> Outcome:
        player, events = machine.advance(player, now)
        if player.current is None:
            raise ConflictError("player.empty", "The player has no sounds; load a playlist")
        if position_s > player.current.duration_s:
            raise InvalidInputError(
                "player.beyond_end",
                f"The sound lasts {player.current.duration_s:.1f} seconds",
                {"duration_s": player.current.duration_s},
            )
        player, more = machine.seek(player, position_s, now)
        return player, events + more

    return command(session, user, act)


def adjust(session: Session, user: User, *, volume: int | None, mode: machine.Mode | None) -> dict[str, Any]:
    """Set volume, mode or both."""

    def act(player: Player, now: float) -> Outcome:
        player, events = machine.advance(player, now)
        if volume is not None:
            player = machine.set_volume(player, volume)
        if mode is None:
            return player, events
        player, more = machine.set_mode(player, mode, now)
        return player, events + more

    return command(session, user, act)


def retime_sound(session: Session, sound_id: UUID) -> None:
    """Have every player take over how long a sound is now, wherever it stands in what they play."""
    holds = select(PlaylistItem.playlist_id).where(PlaylistItem.sound_id == sound_id)
    playing = select(PlayerRecord.playlist_id).where(PlayerRecord.playlist_id.in_(holds))
    affected = select(Playlist).where(Playlist.id.in_(playing)).order_by(Playlist.id).with_for_update()
    for playlist in session.scalars(affected).all():
        session.refresh(playlist)
        tell_players(session, playlist)


def tell_players(session: Session, playlist: Playlist) -> None:
    """Have every player with a playlist on take it over as it is now; the playlist's row is locked."""
    entries = entries_of(playlist)
    having = select(PlayerRecord).where(PlayerRecord.playlist_id == playlist.id).order_by(PlayerRecord.user_id)
    for record in session.scalars(having.with_for_update().execution_options(populate_existing=True)).all():
        player, events = machine.reload(from_document(record.state), entries, read_clock(session))
        keep(session, record, player, events)


def keep(session: Session, record: PlayerRecord, player: Player, events: list[Event]) -> None:
    """Store a locked player's new state; count what was heard, and tell clients where anything changed."""
    document, due = to_document(player), machine.due_at(player)
    changed = document != record.state
    record.state, record.due_at = document, None if due is None else datetime.fromtimestamp(due, UTC)
    for event in events:
        if event.kind is Happening.PLAYED:
            note_played(session, record, UUID(event.entry.sound_id), by="player")
    if changed:
        tell(session, record, STATE, describe(session, record, read_clock(session)))


def note_played(session: Session, record: PlayerRecord, sound_id: UUID, *, by: str) -> None:
    """Count a play and tell the clients; of a sound that is gone meanwhile there is nothing to count."""
    sound = session.get(Sound, sound_id)
    if sound is None:
        return
    count_play(session, sound=sound, user_id=record.user_id)
    session.refresh(sound, ["plays"])
    tell(session, record, SOUND, {"sound_id": str(sound_id), "title": sound.title, "plays": sound.plays, "by": by})


def tell(session: Session, record: PlayerRecord, kind: str, data: dict[str, Any]) -> None:
    """Write an event of a locked player, and wake its watchers after the commit."""
    record.last_seq += 1
    session.add(PlayerEvent(user_id=record.user_id, seq=record.last_seq, kind=kind, data=data))
    wake_after_commit(session, record.user_id)
    tell_live(session, record.user_id, Topic.SOUNDS if kind == SOUND else Topic.PLAYER, kind, data)


def describe(session: Session, record: PlayerRecord, now: float) -> dict[str, Any]:
    """Return what a player looks like to its user's clients."""
    player = from_document(record.state)
    current = player.current
    sound = session.get(Sound, UUID(current.sound_id)) if current is not None else None
    return {
        "playlist_id": str(record.playlist_id) if record.playlist_id else None,
        "status": player.status.value,
        "mode": player.mode.value,
        "volume": player.volume,
        "item_id": current.id if current else None,
        "index": player.index,
        "length": len(player.entries),
        "total_s": round(machine.total_s(player.entries), 3),
        "sound_id": current.sound_id if current else None,
        "title": sound.title if sound else None,
        "duration_s": current.duration_s if current else None,
        "position_s": round(machine.position(player, now), 3),
        "at": datetime.fromtimestamp(now, UTC).isoformat(),
    }


def press(session: Session, user: User, sound: Sound) -> None:
    """Play one sound at once, beside the player; raise ``credits.insufficient``."""
    credits = price(Action.PLAY, 1)
    if credits:
        deduct(session, user.id, credits, ref=f"play:{uuid4()}", details={"sound_id": str(sound.id)})
    note_played(session, lock_player(session, user.id), sound.id, by="button")


def silence(session: Session, user: User) -> dict[str, Any]:
    """Stop everything: the player, and what was played beside it."""
    tell(session, lock_player(session, user.id), SILENCE, {})
    return command(session, user, machine.stop)


def advance_due(session: Session) -> int:
    """Let happen what is due to players by the clock, and commit; return to how many."""
    due = select(PlayerRecord).where(PlayerRecord.due_at <= func.clock_timestamp()).order_by(PlayerRecord.due_at)
    records = session.scalars(due.limit(DUE_AT_ONCE).with_for_update(skip_locked=True)).all()
    for record in records:
        player, events = machine.advance(from_document(record.state), read_clock(session))
        keep(session, record, player, events)
    session.commit()
    return len(records)


def due_in(session: Session) -> float | None:
    """Return the seconds until something happens to a player by itself, or None; ends the transaction."""
    left = func.extract("epoch", func.min(PlayerRecord.due_at) - func.clock_timestamp())
    left_s = session.execute(select(left).where(PlayerRecord.due_at.is_not(None))).scalar()
    session.rollback()
    return None if left_s is None else float(left_s)


def read_events(engine: Engine, user_id: UUID, after: int) -> Batch:
    """Return what a user's clients were told after a number; complete when the user is gone or disabled."""
    with Session(engine) as session:
        chosen = select(PlayerEvent).where(PlayerEvent.user_id == user_id, PlayerEvent.seq > after)
        rows = session.scalars(chosen.order_by(PlayerEvent.seq).limit(BATCH))
        events = [StoredEvent(row.seq, row.kind, row.data) for row in rows]
        enabled = session.execute(select(User.enabled).where(User.id == user_id)).scalar()
    return Batch(events, complete=not enabled)


def last_event(session: Session, user_id: UUID) -> int:
    """Return the number of a user's newest event; 0 without any."""
    return session.execute(select(PlayerRecord.last_seq).where(PlayerRecord.user_id == user_id)).scalar() or 0


def sweep(session: Session) -> int:
    """Forget what clients were told more than a day ago, and commit; return how many events."""
    gone = session.execute(delete(PlayerEvent).where(PlayerEvent.at < func.now() - KEPT))
    session.commit()
    return int(getattr(gone, "rowcount", 0))
