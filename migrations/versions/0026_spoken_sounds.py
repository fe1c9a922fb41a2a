"""Sounds that are made of no uploaded file: spoken ones remember what was said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a sound be of no file, and keep what was said."""
    op.alter_column("sound", "asset_id", nullable=True)
    op.add_column("sound", sa.Column("speech", JSONB))


def downgrade() -> None:
    """Sounds of no file cannot stay."""
    op.execute("DELETE FROM sound WHERE asset_id IS NULL")
    op.alter_column("sound", "asset_id", nullable=False)
    op.drop_column("sound", "speech")
