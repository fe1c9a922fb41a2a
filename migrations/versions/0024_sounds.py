"""Sounds of the soundboard, who likes them, how often they were played."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR, UUID

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)


def reference(table: str, target: str, column: str, ondelete: str) -> sa.ForeignKey:
    """Return a foreign key under the name that the models give it."""
    return sa.ForeignKey(f"{target}.id", ondelete=ondelete, name=f"fk_{table}_{column}_{target}")


def upgrade() -> None:
    """Create the tables."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "sound",
        sa.Column("id", ID, primary_key=True),
        sa.Column("owner_id", ID, reference("sound", "user", "owner_id", "CASCADE"), nullable=False),
        sa.Column("organisation_id", ID, reference("sound", "organisation", "organisation_id", "RESTRICT"), index=True),
        sa.Column("asset_id", ID, reference("sound", "asset", "asset_id", "CASCADE"), nullable=False),
        sa.Column("job_id", ID, reference("sound", "job", "job_id", "SET NULL")),
        sa.Column("type", sa.String(3), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("tags", ARRAY(sa.String(40)), nullable=False),
        sa.Column("words", TSVECTOR, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("levelled", JSONB),
        sa.Column("object_key", sa.String(512)),
        sa.Column("waveform_key", sa.String(512)),
        sa.Column("plays", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", moment, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("type IN ('SDB', 'TTS', 'EXT')", name="ck_sound_type"),
        sa.UniqueConstraint("job_id", name="uq_sound_job_id"),
    )
    op.create_index("ix_sound_owner_created", "sound", ["owner_id", "created_at", "id"])
    for name in ("asset", "object", "waveform"):
        column = "asset_id" if name == "asset" else f"{name}_key"
        op.create_index(f"ix_sound_{name}", "sound", [column])
    op.create_index("ix_sound_words", "sound", ["words"], postgresql_using="gin")
    op.create_index("ix_sound_tags", "sound", ["tags"], postgresql_using="gin")
    op.create_index(
        "uq_sound_own_hash",
        "sound",
        ["owner_id", "sha256"],
        unique=True,
        postgresql_where=sa.text("organisation_id IS NULL"),
    )
    op.create_index("uq_sound_shared_hash", "sound", ["organisation_id", "sha256"], unique=True)
    op.create_table(
        "sound_favourite",
        sa.Column("user_id", ID, reference("sound_favourite", "user", "user_id", "CASCADE"), primary_key=True),
        sa.Column(
            "sound_id", ID, reference("sound_favourite", "sound", "sound_id", "CASCADE"), primary_key=True, index=True
        ),
    )
    op.create_table(
        "sound_play",
        sa.Column("sound_id", ID, reference("sound_play", "sound", "sound_id", "CASCADE"), primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("user_id", ID, reference("sound_play", "user", "user_id", "CASCADE"), primary_key=True),
        sa.Column("plays", sa.Integer, nullable=False),
    )
    op.create_index("ix_sound_play_user_day", "sound_play", ["user_id", "day"])


def downgrade() -> None:
    """Drop them again."""
    for table in ("sound_play", "sound_favourite", "sound"):
        op.drop_table(table)
