"""Tables of playlists and their lines."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.extensions import db
from api.ids import new_id
from api.organisations.models import Organisation
from api.sounds.models import Sound

NAME_LENGTH = 100
MOST_ITEMS = 1000


class Playlist(db.Model):
    """Sounds in an order. ``is_current`` is true of at most one of its owner's."""

    __tablename__ = "playlist"
    __table_args__ = (
        Index("ix_playlist_owner_created", "owner_id", "created_at", "id"),
        Index("uq_playlist_current", "owner_id", unique=True, postgresql_where=text("is_current")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    is_current: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )

    items: Mapped[list[PlaylistItem]] = relationship(
        order_by="PlaylistItem.position", cascade="all, delete-orphan", passive_deletes=True
    )

    @property
    def total_s(self) -> float:
        """Seconds that all of it takes."""
        return round(sum(item.sound.duration_s for item in self.items), 3)


class PlaylistItem(db.Model):
    """One line. Positions are 0, 1, 2 … without gaps; the constraint waits for the commit, so that lines can swap."""

    __tablename__ = "playlist_item"
    __table_args__ = (
        UniqueConstraint(
            "playlist_id", "position", name="uq_playlist_item_place", deferrable=True, initially="DEFERRED"
        ),
        Index("ix_playlist_item_sound", "sound_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    playlist_id: Mapped[UUID] = mapped_column(ForeignKey("playlist.id", ondelete="CASCADE"))
    sound_id: Mapped[UUID] = mapped_column(ForeignKey("sound.id", ondelete="CASCADE"))
    position: Mapped[int]

    sound: Mapped[Sound] = relationship(lazy="joined", innerjoin=True)
