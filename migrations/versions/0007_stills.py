"""Stills, validations; what renders reuse, show early and were predicted to take."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ANSWERS = ("still", "validation")
RENDER_COLUMNS = ("first_look_keys", "findings", "predicted")


def upgrade() -> None:
    """Create the tables and the columns."""
    op.add_column("render", sa.Column("cached", sa.Boolean, nullable=False, server_default=sa.false()))
    twin = sa.ForeignKey("render.id", ondelete="SET NULL", name="fk_render_twin_id_render")
    op.add_column("render", sa.Column("twin_id", UUID(as_uuid=True), twin))
    for name in RENDER_COLUMNS:
        op.add_column("render", sa.Column(name, JSONB))
    op.create_index("ix_render_created", "render", ["created_at"])
    for table in ANSWERS:
        create_answer(table)


def downgrade() -> None:
    """Drop them again."""
    for table in reversed(ANSWERS):
        op.drop_table(table)
    op.drop_index("ix_render_created", "render")
    for name in (*reversed(RENDER_COLUMNS), "twin_id", "cached"):
        op.drop_column("render", name)


def reference(table: str, name: str, target: str, *, nullable: bool = False) -> sa.Column:
    foreign = sa.ForeignKey(f"{target}.id", ondelete="CASCADE", name=f"fk_{table}_{name}_{target}")
    return sa.Column(name, UUID(as_uuid=True), foreign, nullable=nullable)


def create_answer(table: str) -> None:
    """Create a table of what is asked of a render node and answered within seconds."""
    op.create_table(
        table,
        sa.Column("id", UUID(as_uuid=True), primary_key=True),
        reference(table, "owner_id", "user"),
        reference(table, "job_id", "job"),
        reference(table, "source_asset_id", "asset", nullable=True),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("result", JSONB),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("job_id", name=f"uq_{table}_job_id"),
    )
    op.create_index(f"ix_{table}_hash", table, ["owner_id", "content_hash", "created_at"])
    op.create_index(f"ix_{table}_source", table, ["source_asset_id"])
