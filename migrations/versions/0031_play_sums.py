"""Plays added up: a sound's by day, and a listener's by day and place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)


def reference(table: str, target: str, column: str) -> sa.ForeignKey:
    """Return a foreign key under the name that the models give it."""
    return sa.ForeignKey(f"{target}.id", ondelete="CASCADE", name=f"fk_{table}_{column}_{target}")


def upgrade() -> None:
    """Create the tables, and add up what was played so far."""
    op.create_table(
        "sound_day",
        sa.Column("sound_id", ID, reference("sound_day", "sound", "sound_id"), primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("plays", sa.Integer, nullable=False),
    )
    op.create_table(
        "listener_day",
        sa.Column("place_id", ID, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("user_id", ID, reference("listener_day", "user", "user_id"), primary_key=True),
        sa.Column("plays", sa.Integer, nullable=False),
    )
    op.create_index("ix_listener_day_user_id", "listener_day", ["user_id"])
    op.execute(
        "INSERT INTO sound_day (sound_id, day, plays) SELECT sound_id, day, sum(plays) FROM sound_play GROUP BY 1, 2"
    )
    op.execute(
        "INSERT INTO listener_day (place_id, day, user_id, plays) "
        "SELECT coalesce(sound.organisation_id, sound.owner_id), day, user_id, sum(sound_play.plays) "
        "FROM sound_play JOIN sound ON sound.id = sound_id GROUP BY 1, 2, 3"
    )


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("listener_day")
    op.drop_table("sound_day")
