"""Uploaded fonts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATES = ("pending", "checking", "ready", "refused")


def upgrade() -> None:
    """Create the table."""
    owner = sa.ForeignKey("user.id", ondelete="CASCADE", name="fk_font_owner_id_user")
    job = sa.ForeignKey("job.id", ondelete="SET NULL", name="fk_font_job_id_job")
    op.create_table(
        "font",
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        sa.Column("owner_id", UUID(as_uuid=True), owner, nullable=False),
        sa.Column("job_id", UUID(as_uuid=True), job),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("filename", sa.String(255), nullable=False),
        sa.Column("reserved_bytes", sa.BigInteger, nullable=False),
        sa.Column("source_key", sa.String(512), nullable=False),
        sa.Column("object_key", sa.String(512)),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("family", sa.String(64), nullable=False),
        sa.Column("style", sa.String(16), nullable=False),
        sa.Column("weight_min", sa.Integer, nullable=False),
        sa.Column("weight_max", sa.Integer, nullable=False),
        sa.Column("glyphs", sa.Integer, nullable=False),
        sa.Column("may_subset", sa.Boolean, nullable=False),
        sa.Column("characters", JSONB),
        sa.Column("error", JSONB),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint(f"state IN ({', '.join(repr(state) for state in STATES)})", name="ck_font_state"),
        sa.CheckConstraint("reserved_bytes > 0", name="ck_font_size"),
    )
    op.create_index("ix_font_owner_created", "font", ["owner_id", "created_at", "id"])
    op.create_index("ix_font_object", "font", ["object_key"])
    op.create_index("ix_font_job_id", "font", ["job_id"])


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("font")
