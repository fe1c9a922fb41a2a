"""Cut shorts: their render, how they were cut, their picture, and what can be undone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    render = sa.ForeignKey("render.id", ondelete="SET NULL", name="fk_short_render_id_render")
    op.add_column("short", sa.Column("render_id", UUID(as_uuid=True), render))
    op.create_index("ix_short_render_id", "short", ["render_id"])
    op.add_column("short", sa.Column("cut", JSONB))
    op.add_column("short", sa.Column("thumbnail_key", sa.String(512)))
    op.add_column("short", sa.Column("undo", JSONB, nullable=False, server_default="[]"))


def downgrade() -> None:
    """Remove them."""
    for column in ("undo", "thumbnail_key", "cut"):
        op.drop_column("short", column)
    op.drop_index("ix_short_render_id", "short")
    op.drop_column("short", "render_id")
