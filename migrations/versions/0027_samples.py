"""Samples, those who made them, who downloaded them; extractions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR, UUID

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
MOMENT = sa.DateTime(timezone=True)


def reference(table: str, target: str, column: str, ondelete: str) -> sa.ForeignKey:
    """Return a foreign key under the name that the models give it."""
    return sa.ForeignKey(f"{target}.id", ondelete=ondelete, name=f"fk_{table}_{column}_{target}")


def owned(table: str) -> list[sa.Column]:
    """Return the columns of what somebody ordered by a link."""
    return [
        sa.Column("id", ID, primary_key=True),
        sa.Column("owner_id", ID, reference(table, "user", "owner_id", "CASCADE"), nullable=False),
        sa.Column("organisation_id", ID, reference(table, "organisation", "organisation_id", "RESTRICT"), index=True),
        sa.Column("job_id", ID, reference(table, "job", "job_id", "SET NULL"), unique=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("service", sa.String(40), nullable=False),
        sa.Column("media_ref", sa.String(200), nullable=False),
        sa.Column("told", JSONB),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", MOMENT, nullable=False, server_default=sa.func.now()),
    ]


def link_indexes(table: str, condition: str) -> None:
    """Create the indexes that let each link be there once in a place."""
    for name, column, place in (
        ("own", "owner_id", "organisation_id IS NULL AND "),
        ("shared", "organisation_id", ""),
    ):
        op.create_index(
            f"uq_{table}_{name}_link",
            table,
            [column, "service", "media_ref"],
            unique=True,
            postgresql_where=sa.text(f"{place}media_ref <> '' AND {condition}"),
        )
    op.create_index(f"ix_{table}_owner_created", table, ["owner_id", "created_at", "id"])


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "creator",
        sa.Column("id", ID, primary_key=True),
        sa.Column("service", sa.String(40), nullable=False),
        sa.Column("ref", sa.String(200), nullable=False),
        sa.Column("handle", sa.String(200), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("followers", sa.BigInteger),
        sa.Column("fetched_at", MOMENT),
        sa.Column("fetching_until", MOMENT),
        sa.UniqueConstraint("service", "ref", name="uq_creator_service_ref"),
    )
    create_samples()
    op.create_table(
        "extraction",
        *owned("extraction"),
        sa.Column("sound_id", ID, reference("extraction", "sound", "sound_id", "SET NULL")),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("tags", JSONB, nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'ready', 'failed')", name="ck_extraction_state"),
    )
    link_indexes("extraction", "state = 'waiting'")
    op.create_index("ix_extraction_sound", "extraction", ["sound_id"])
    op.create_index("ix_extraction_created", "extraction", ["created_at"])


def create_samples() -> None:
    """Create samples and their downloads."""
    op.create_table(
        "sample",
        *owned("sample"),
        sa.Column("creator_id", ID, reference("sample", "creator", "creator_id", "SET NULL")),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("tags", ARRAY(sa.String(40)), nullable=False),
        sa.Column("words", TSVECTOR, nullable=False),
        sa.Column("heard", JSONB),
        sa.Column("loops", JSONB, nullable=False),
        sa.Column("files", JSONB, nullable=False),
        sa.Column("views", sa.BigInteger),
        sa.Column("likes", sa.BigInteger),
        sa.Column("duration_s", sa.Float),
        sa.Column("bpm", sa.Float),
        sa.Column("key", sa.String(16)),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary),
        sa.Column("duplicate", JSONB),
        sa.Column("downloads", sa.Integer, nullable=False, server_default="0"),
        sa.CheckConstraint("state IN ('processing', 'ready', 'failed')", name="ck_sample_state"),
    )
    link_indexes("sample", "state <> 'failed'")
    for column in ("words", "tags"):
        op.create_index(f"ix_sample_{column}", "sample", [column], postgresql_using="gin")
    op.create_index("ix_sample_creator", "sample", ["creator_id"])
    op.create_table(
        "sample_download",
        sa.Column("id", ID, primary_key=True),
        sa.Column("sample_id", ID, reference("sample_download", "sample", "sample_id", "CASCADE"), nullable=False),
        sa.Column("user_id", ID, reference("sample_download", "user", "user_id", "CASCADE"), nullable=False),
        sa.Column("form", sa.String(8), nullable=False),
        sa.Column("at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("form IN ('wav', 'mp3', 'loop')", name="ck_sample_download_form"),
    )
    op.create_index("ix_sample_download_sample", "sample_download", ["sample_id", "at"])
    op.create_index("ix_sample_download_user", "sample_download", ["user_id"])


def downgrade() -> None:
    """Drop them again."""
    for table in ("extraction", "sample_download", "sample", "creator"):
        op.drop_table(table)
