"""Renders of several outputs; what of a MotionText order is lost; stills of organisations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ASKED = ("still", "validation")


def upgrade() -> None:
    """Move each render's output to a row of its own, and add the columns."""
    create_output()
    op.execute(
        "INSERT INTO render_output (render_id, number, output, asset_id, receipt) "
        "SELECT id, 0, output, asset_id, receipt FROM render"
    )
    op.drop_index("ix_render_asset", "render")
    for name in ("asset_id", "output", "receipt"):
        op.drop_column("render", name)
    op.add_column("render", sa.Column("unmapped", JSONB))
    for table in ASKED:
        op.add_column(table, reference(table, "organisation_id", "organisation", ondelete="RESTRICT", nullable=True))
        op.create_index(f"ix_{table}_organisation_id", table, ["organisation_id"])


def downgrade() -> None:
    """Keep the first output of each render."""
    for table in reversed(ASKED):
        op.drop_index(f"ix_{table}_organisation_id", table)
        op.drop_column(table, "organisation_id")
    op.drop_column("render", "unmapped")
    op.add_column("render", reference("render", "asset_id", "asset", ondelete="SET NULL", nullable=True))
    op.add_column("render", sa.Column("output", JSONB))
    op.add_column("render", sa.Column("receipt", JSONB))
    op.execute(
        "UPDATE render SET output = o.output, asset_id = o.asset_id, receipt = o.receipt "
        "FROM render_output AS o WHERE o.render_id = render.id AND o.number = 0"
    )
    op.alter_column("render", "output", nullable=False)
    op.create_index("ix_render_asset", "render", ["asset_id"])
    op.drop_table("render_output")


def reference(
    table: str, name: str, target: str, *, ondelete: str, nullable: bool = False, primary_key: bool = False
) -> sa.Column:
    foreign = sa.ForeignKey(f"{target}.id", ondelete=ondelete, name=f"fk_{table}_{name}_{target}")
    return sa.Column(name, UUID(as_uuid=True), foreign, nullable=nullable, primary_key=primary_key)


def create_output() -> None:
    """Create the table of outputs."""
    op.create_table(
        "render_output",
        reference("render_output", "render_id", "render", ondelete="CASCADE", primary_key=True),
        sa.Column("number", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("output", JSONB, nullable=False),
        reference("render_output", "asset_id", "asset", ondelete="SET NULL", nullable=True),
        sa.Column("receipt", JSONB),
    )
    op.create_index("ix_render_output_asset", "render_output", ["asset_id"])
