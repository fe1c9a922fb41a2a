"""Playlists and players."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
MOMENT = sa.DateTime(timezone=True)


def reference(table: str, target: str, column: str, ondelete: str) -> sa.ForeignKey:
    """Return a foreign key under the name that the models give it."""
    return sa.ForeignKey(f"{target}.id", ondelete=ondelete, name=f"fk_{table}_{column}_{target}")


def upgrade() -> None:
    """Create the tables."""
    create_playlists()
    op.create_table(
        "player",
        sa.Column("user_id", ID, reference("player", "user", "user_id", "CASCADE"), primary_key=True),
        sa.Column("playlist_id", ID, reference("player", "playlist", "playlist_id", "SET NULL")),
        sa.Column("state", JSONB, nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("last_seq", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_index("ix_player_due", "player", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index("ix_player_playlist", "player", ["playlist_id"])
    op.create_table(
        "player_event",
        sa.Column("user_id", ID, reference("player_event", "user", "user_id", "CASCADE"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.Column("at", MOMENT, nullable=False, server_default=sa.func.now()),
    )
    op.create_index("ix_player_event_at", "player_event", ["at"])


def create_playlists() -> None:
    """Create what players play."""
    op.create_table(
        "playlist",
        sa.Column("id", ID, primary_key=True),
        sa.Column("owner_id", ID, reference("playlist", "user", "owner_id", "CASCADE"), nullable=False),
        sa.Column(
            "organisation_id", ID, reference("playlist", "organisation", "organisation_id", "RESTRICT"), index=True
        ),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("is_current", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", MOMENT, nullable=False, server_default=sa.func.now()),
    )
    op.create_index("ix_playlist_owner_created", "playlist", ["owner_id", "created_at", "id"])
    op.create_index(
        "uq_playlist_current", "playlist", ["owner_id"], unique=True, postgresql_where=sa.text("is_current")
    )
    op.create_table(
        "playlist_item",
        sa.Column("id", ID, primary_key=True),
        sa.Column("playlist_id", ID, reference("playlist_item", "playlist", "playlist_id", "CASCADE"), nullable=False),
        sa.Column("sound_id", ID, reference("playlist_item", "sound", "sound_id", "CASCADE"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.UniqueConstraint(
            "playlist_id", "position", name="uq_playlist_item_place", deferrable=True, initially="DEFERRED"
        ),
    )
    op.create_index("ix_playlist_item_sound", "playlist_item", ["sound_id"])


def downgrade() -> None:
    """Drop them again."""
    for table in ("player_event", "player", "playlist_item", "playlist"):
        op.drop_table(table)
