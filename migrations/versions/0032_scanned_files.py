"""Files that were found under a prefix of the storage, and what became of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
MOMENT = sa.DateTime(timezone=True)


def reference(target: str, column: str, ondelete: str) -> sa.ForeignKey:
    """Return a foreign key under the name that the models give it."""
    return sa.ForeignKey(f"{target}.id", ondelete=ondelete, name=f"fk_scanned_file_{column}_{target}")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "scanned_file",
        sa.Column("id", ID, primary_key=True),
        sa.Column("owner_id", ID, reference("user", "owner_id", "CASCADE"), nullable=False),
        sa.Column("organisation_id", ID, reference("organisation", "organisation_id", "RESTRICT")),
        sa.Column("object_key", sa.String(512), nullable=False),
        sa.Column("etag", sa.String(80), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64)),
        sa.Column("message", sa.String(1000)),
        sa.Column("job_id", ID, reference("job", "job_id", "SET NULL"), unique=True),
        sa.Column("sound_id", ID, reference("sound", "sound_id", "SET NULL")),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("state IN ('taking', 'taken', 'duplicate', 'bad')", name="ck_scanned_file_state"),
    )
    op.create_index("ix_scanned_file_owner_created", "scanned_file", ["owner_id", "created_at", "id"])
    op.create_index("ix_scanned_file_organisation_id", "scanned_file", ["organisation_id"])
    op.create_index("ix_scanned_file_sound_id", "scanned_file", ["sound_id"])
    op.create_index(
        "uq_scanned_file_own",
        "scanned_file",
        ["owner_id", "object_key"],
        unique=True,
        postgresql_where=sa.text("organisation_id IS NULL"),
    )
    op.create_index("uq_scanned_file_shared", "scanned_file", ["organisation_id", "object_key"], unique=True)


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("scanned_file")
