"""Use cases of playlists. Whoever edits one holds its row, so that its order is one at a time; players that have it on
are told in the same transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from api.errors import ConflictError, NotFoundError
from api.ids import get_owned, new_id
from api.ownership import placed_in, visible_to
from api.player.service import tell_players
from api.playlists.models import MOST_ITEMS, Playlist, PlaylistItem
from api.sounds.service import require_playable, see_sound
from api.users.models import User
from tasks.errors import InvalidInputError


def select_playlists(*, organisation_id: UUID | None = None) -> Select[tuple[Playlist]]:
    """Select the playlists that the caller may see."""
    return select(Playlist).where(visible_to(Playlist, organisation_id))


def get_playlist(playlist_id: UUID) -> Playlist:
    """Return the caller's playlist as the request's method may treat it."""
    return get_owned(Playlist, playlist_id)


def lock_playlist(session: Session, playlist_id: UUID) -> Playlist:
    """Return the caller's playlist, locked and as it is now."""
    playlist = get_playlist(playlist_id)
    session.refresh(playlist, with_for_update=True)
    return playlist


def create_playlist(session: Session, user: User, *, name: str, organisation_id: UUID | None) -> Playlist:
    """Make an empty playlist; raise ``organisation.*``."""
    playlist = Playlist(
        id=new_id(), owner_id=user.id, organisation_id=placed_in(organisation_id), name=name.strip(), items=[]
    )
    session.add(playlist)
    session.flush()
    return playlist


def make_current(session: Session, user: User, playlist: Playlist) -> None:
    """Make a playlist its owner's current one; raise ``playlist.not_yours`` for an organisation member's."""
    if playlist.owner_id != user.id:
        raise ConflictError("playlist.not_yours", "Only whoever made a playlist can make it their current one")
    others = update(Playlist).where(Playlist.owner_id == user.id, Playlist.id != playlist.id)
    session.execute(others.values(is_current=False))
    playlist.is_current = True


def add_sound(session: Session, playlist: Playlist, sound_id: UUID, position: int | None) -> PlaylistItem:
    """Put a sound into a locked playlist, by default at its end.

    Raises ``sound.not_found``, ``sound.not_ready``, ``playlist.foreign_sound``, ``playlist.full``.
    """
    sound = require_playable(see_sound(sound_id))
    if sound.organisation_id != playlist.organisation_id:
        raise InvalidInputError("playlist.foreign_sound", "The sound belongs elsewhere than the playlist")
    if len(playlist.items) >= MOST_ITEMS:
        raise ConflictError("playlist.full", f"A playlist has at most {MOST_ITEMS} lines", {"limit": MOST_ITEMS})
    item = PlaylistItem(id=new_id(), playlist_id=playlist.id, sound_id=sound.id, sound=sound)
    place = len(playlist.items) if position is None else min(position, len(playlist.items))
    playlist.items.insert(place, item)
    settle(session, playlist)
    return item


def move_item(session: Session, playlist: Playlist, item_id: UUID, position: int) -> PlaylistItem:
    """Move a line of a locked playlist; a place beyond the end is the end."""
    item = find_item(playlist, item_id)
    playlist.items.remove(item)
    playlist.items.insert(min(position, len(playlist.items)), item)
    settle(session, playlist)
    return item


def drop_item(session: Session, playlist: Playlist, item_id: UUID) -> None:
    """Take a line out of a locked playlist."""
    playlist.items.remove(find_item(playlist, item_id))
    settle(session, playlist)


def find_item(playlist: Playlist, item_id: UUID) -> PlaylistItem:
    """Return a line, or raise ``playlist.no_such_item``."""
    for item in playlist.items:
        if item.id == item_id:
            return item
    raise NotFoundError("playlist.no_such_item", "The playlist has no such line")


def settle(session: Session, playlist: Playlist) -> None:
    """Number the lines anew, and tell the players that have the playlist on."""
    for position, item in enumerate(playlist.items):
        item.position = position
    session.flush()
    tell_players(session, playlist)


def delete_playlist(session: Session, playlist: Playlist) -> None:
    """Delete a locked playlist; players that have it on stop."""
    playlist.items.clear()
    settle(session, playlist)
    session.delete(playlist)


def forget_sound(session: Session, sound_id: UUID) -> None:
    """Take a sound out of every playlist, before it is deleted."""
    holds = select(PlaylistItem.playlist_id).where(PlaylistItem.sound_id == sound_id)
    affected = select(Playlist).where(Playlist.id.in_(holds)).order_by(Playlist.id).with_for_update()
    for playlist in session.scalars(affected).all():
        session.refresh(playlist)
        playlist.items[:] = [item for item in playlist.items if item.sound_id != sound_id]
        settle(session, playlist)


def describe_playlist(playlist: Playlist) -> dict[str, Any]:
    """Return what a playlist looks like from outside."""
    own = f"/api/v1/playlists/{playlist.id}"
    columns = ("id", "organisation_id", "name", "is_current", "total_s", "created_at", "updated_at")
    return {
        **{name: getattr(playlist, name) for name in columns},
        "items": [describe_item(item) for item in playlist.items],
        "links": {"self": own, "items": f"{own}/items"},
    }


def describe_item(item: PlaylistItem) -> dict[str, Any]:
    """Return what a line looks like from outside."""
    sound = item.sound
    return {
        "id": item.id,
        "position": item.position,
        "sound_id": sound.id,
        "title": sound.title,
        "duration_s": sound.duration_s,
    }
