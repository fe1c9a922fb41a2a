"""Songs and their sections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def reference(target: str, column: str, ondelete: str, *, table: str = "song") -> sa.ForeignKey:
    """Return a foreign key under the name that the models give it."""
    return sa.ForeignKey(f"{target}.id", ondelete=ondelete, name=f"fk_{table}_{column}_{target}")


def upgrade() -> None:
    """Create the tables."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "song",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column("owner_id", UUID(as_uuid=True), reference("user", "owner_id", "CASCADE"), nullable=False),
        sa.Column(
            "organisation_id", UUID(as_uuid=True), reference("organisation", "organisation_id", "RESTRICT"), index=True
        ),
        sa.Column("asset_id", UUID(as_uuid=True), reference("asset", "asset_id", "CASCADE"), nullable=False),
        sa.Column("job_id", UUID(as_uuid=True), reference("job", "job_id", "SET NULL")),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("analysis", JSONB),
        sa.Column("overrides", JSONB, nullable=False),
        sa.Column("waveform_key", sa.String(512)),
        sa.Column("created_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", moment, nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("job_id", name="uq_song_job_id"),
    )
    op.create_index("ix_song_owner_created", "song", ["owner_id", "created_at", "id"])
    op.create_index("ix_song_asset", "song", ["asset_id"])
    op.create_index("ix_song_waveform", "song", ["waveform_key"])
    op.create_table(
        "song_section",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column(
            "song_id", UUID(as_uuid=True), reference("song", "song_id", "CASCADE", table="song_section"), nullable=False
        ),
        sa.Column("start_s", sa.Float, nullable=False),
        sa.Column("end_s", sa.Float, nullable=False),
        sa.Column("label", sa.String(40), nullable=False),
        sa.Column("note", sa.String(100), nullable=False),
        sa.Column("created_at", moment, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("end_s > start_s AND start_s >= 0", name="ck_song_section_times"),
    )
    op.create_index("ix_song_section_song", "song_section", ["song_id", "start_s"], unique=True)


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("song_section")
    op.drop_table("song")
