"""Where clips are shown, and what was sent there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KINDS = "kind IN ('webhook', 's3', 'youtube', 'tiktok', 'instagram')"
ID, MOMENT = UUID(as_uuid=True), sa.DateTime(timezone=True)


def reference(target: str, column: str, ondelete: str, *, table: str) -> sa.ForeignKey:
    """Return a foreign key under the name that the models give it."""
    return sa.ForeignKey(f"{target}.id", ondelete=ondelete, name=f"fk_{table}_{column}_{target}")


def owners(table: str) -> list[sa.Column[object]]:
    """Return the columns that say whose a row is."""
    return [
        sa.Column("id", ID, primary_key=True),
        sa.Column("owner_id", ID, reference("user", "owner_id", "CASCADE", table=table), nullable=False),
        sa.Column(
            "organisation_id", ID, reference("organisation", "organisation_id", "RESTRICT", table=table), index=True
        ),
    ]


def moment(name: str) -> sa.Column[object]:
    """Return a column with the moment of writing."""
    return sa.Column(name, MOMENT, nullable=False, server_default=sa.func.now())


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "publish_target",
        *owners("publish_target"),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("settings", JSONB, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        moment("created_at"),
        moment("updated_at"),
        sa.CheckConstraint(
            "kind IN ('webhook', 's3', 'youtube', 'tiktok', 'instagram')", name="ck_publish_target_kind"
        ),
    )
    op.create_index("ix_publish_target_owner_created", "publish_target", ["owner_id", "created_at", "id"])
    of = "publication"
    job = sa.Column("job_id", ID, reference("job", "job_id", "SET NULL", table=of))
    op.create_table(
        of,
        *owners(of),
        sa.Column("target_id", ID, reference("publish_target", "target_id", "CASCADE", table=of), nullable=False),
        sa.Column("asset_id", ID, reference("asset", "asset_id", "CASCADE", table=of), nullable=False),
        job,
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("tags", JSONB, nullable=False),
        sa.Column("visibility", sa.String(16), nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("memory", JSONB, nullable=False),
        sa.Column("remote_id", sa.String(1024), nullable=False),
        sa.Column("remote_url", sa.String(2048), nullable=False),
        sa.Column("sent_at", MOMENT),
        moment("created_at"),
        sa.CheckConstraint("visibility IN ('public', 'unlisted', 'private')", name="ck_publication_visibility"),
        sa.UniqueConstraint("job_id", name="uq_publication_job_id"),
    )
    op.create_index("ix_publication_owner_created", of, ["owner_id", "created_at", "id"])
    op.create_index("ix_publication_target", of, ["target_id"])
    op.create_index("ix_publication_asset", of, ["asset_id"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("publication")
    op.drop_table("publish_target")
