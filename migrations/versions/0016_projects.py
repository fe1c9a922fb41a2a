"""Projects and their shorts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def reference(target: str, column: str, ondelete: str, *, table: str) -> sa.ForeignKey:
    """Return a foreign key under the name that the models give it."""
    return sa.ForeignKey(f"{target}.id", ondelete=ondelete, name=f"fk_{table}_{column}_{target}")


def upgrade() -> None:
    """Create the tables."""
    moment, uuid = sa.DateTime(timezone=True), UUID(as_uuid=True)
    op.create_table(
        "project",
        sa.Column("id", uuid, primary_key=True),
        sa.Column("owner_id", uuid, reference("user", "owner_id", "CASCADE", table="project"), nullable=False),
        sa.Column(
            "organisation_id",
            uuid,
            reference("organisation", "organisation_id", "RESTRICT", table="project"),
            index=True,
        ),
        sa.Column("asset_id", uuid, reference("asset", "asset_id", "CASCADE", table="project"), nullable=False),
        sa.Column("job_id", uuid, reference("job", "job_id", "SET NULL", table="project"), index=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("scene_cuts", JSONB),
        sa.Column("created_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", moment, nullable=False, server_default=sa.func.now()),
    )
    op.create_index("ix_project_owner_created", "project", ["owner_id", "created_at", "id"])
    op.create_index("ix_project_asset", "project", ["asset_id"])
    op.create_table(
        "short",
        sa.Column("id", uuid, primary_key=True),
        sa.Column("project_id", uuid, reference("project", "project_id", "CASCADE", table="short"), nullable=False),
        sa.Column("job_id", uuid, reference("job", "job_id", "SET NULL", table="short"), index=True),
        sa.Column("clip_asset_id", uuid, reference("asset", "clip_asset_id", "SET NULL", table="short"), index=True),
        sa.Column("start_s", sa.Float, nullable=False),
        sa.Column("end_s", sa.Float, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("evidence", JSONB),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("wish", JSONB, nullable=False),
        sa.Column("created_at", moment, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("end_s > start_s AND start_s >= 0", name="ck_short_times"),
    )
    op.create_index("ix_short_project", "short", ["project_id", "start_s"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("short")
    op.drop_table("project")
