"""Assets, uploads, transcripts, renders, usage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables of the features."""
    create_asset()
    create_upload()
    create_transcript()
    create_render()
    create_usage_day()


def downgrade() -> None:
    """Drop them again, children first."""
    for table in ("usage_day", "render", "transcript_version", "transcript", "upload", "asset"):
        op.drop_table(table)


def key(name: str = "id") -> sa.Column:
    return sa.Column(name, UUID(as_uuid=True), primary_key=True)


def reference(
    table: str, name: str, target: str, *, ondelete: str, nullable: bool = False, primary_key: bool = False
) -> sa.Column:
    foreign = sa.ForeignKey(f"{target}.id", ondelete=ondelete, name=f"fk_{table}_{name}_{target}")
    return sa.Column(name, UUID(as_uuid=True), foreign, nullable=nullable, primary_key=primary_key)


def unique(table: str, column: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(column, name=f"uq_{table}_{column}")


def owner(table: str, *, primary_key: bool = False) -> sa.Column:
    return reference(table, "owner_id", "user", ondelete="CASCADE", primary_key=primary_key)


def moment(name: str) -> sa.Column:
    return sa.Column(name, MOMENT, nullable=False, server_default=sa.func.now())


def create_asset() -> None:
    op.create_table(
        "asset",
        key(),
        owner("asset"),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("filename", sa.String(255), nullable=False),
        sa.Column("content_type", sa.String(127), nullable=False),
        sa.Column("object_key", sa.String(512), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("media", JSONB),
        sa.Column("poster_key", sa.String(512)),
        reference("asset", "source_asset_id", "asset", ondelete="SET NULL", nullable=True),
        sa.Column("refused_code", sa.String(64)),
        sa.Column("refused_message", sa.String(1000)),
        moment("created_at"),
        moment("updated_at"),
        sa.Column("deleted_at", MOMENT),
        unique("asset", "object_key"),
        unique("asset", "poster_key"),
        sa.CheckConstraint("kind IN ('video', 'audio', 'image', 'render')", name="ck_asset_kind"),
        sa.CheckConstraint("state IN ('pending', 'probing', 'ready', 'refused', 'deleted')", name="ck_asset_state"),
        sa.CheckConstraint("size_bytes >= 0", name="ck_asset_size"),
    )
    op.create_index("ix_asset_owner_created", "asset", ["owner_id", "created_at", "id"])
    op.create_index("ix_asset_source", "asset", ["source_asset_id"])


def create_upload() -> None:
    op.create_table(
        "upload",
        key(),
        owner("upload"),
        reference("upload", "asset_id", "asset", ondelete="CASCADE"),
        reference("upload", "job_id", "job", ondelete="SET NULL", nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("content_type", sa.String(127), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("language", sa.String(8)),
        sa.Column("object_key", sa.String(512), nullable=False),
        sa.Column("upload_ref", sa.String(512), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        moment("created_at"),
        sa.Column("completed_at", MOMENT),
        unique("upload", "asset_id"),
        unique("upload", "object_key"),
        sa.CheckConstraint(
            "state IN ('pending', 'completed', 'refused', 'aborted', 'expired')", name="ck_upload_state"
        ),
        sa.CheckConstraint("size_bytes > 0", name="ck_upload_size"),
    )
    op.create_index("ix_upload_owner_created", "upload", ["owner_id", "created_at", "id"])
    op.create_index("ix_upload_job", "upload", ["job_id"])
    op.create_index("ix_upload_expiry", "upload", ["expires_at"], postgresql_where=sa.text("state = 'pending'"))


def create_transcript() -> None:
    op.create_table(
        "transcript",
        key(),
        owner("transcript"),
        reference("transcript", "asset_id", "asset", ondelete="CASCADE"),
        reference("transcript", "job_id", "job", ondelete="SET NULL", nullable=True),
        sa.Column("current_version", sa.Integer, nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        moment("created_at"),
        moment("updated_at"),
        unique("transcript", "job_id"),
        sa.CheckConstraint("current_version >= 1", name="ck_transcript_version"),
    )
    op.create_index("ix_transcript_owner_created", "transcript", ["owner_id", "created_at", "id"])
    op.create_index("ix_transcript_asset", "transcript", ["asset_id", "created_at", "id"])
    op.create_table(
        "transcript_version",
        reference("transcript_version", "transcript_id", "transcript", ondelete="CASCADE", primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("document", JSONB, nullable=False),
        sa.Column("author", sa.String(16), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        moment("created_at"),
    )


def create_render() -> None:
    op.create_table(
        "render",
        key(),
        owner("render"),
        reference("render", "job_id", "job", ondelete="CASCADE"),
        reference("render", "source_asset_id", "asset", ondelete="CASCADE"),
        reference("render", "asset_id", "asset", ondelete="SET NULL", nullable=True),
        sa.Column("scenario", JSONB, nullable=False),
        sa.Column("scenario_hash", sa.String(64), nullable=False),
        sa.Column("output", JSONB, nullable=False),
        sa.Column("receipt", JSONB),
        moment("created_at"),
        unique("render", "job_id"),
    )
    op.create_index("ix_render_owner_created", "render", ["owner_id", "created_at", "id"])
    op.create_index("ix_render_hash", "render", ["owner_id", "scenario_hash"])
    op.create_index("ix_render_source", "render", ["source_asset_id"])
    op.create_index("ix_render_asset", "render", ["asset_id"])


def create_usage_day() -> None:
    counts = ("renders_ordered", "renders_succeeded", "renders_failed", "uploads", "transcripts")
    op.create_table(
        "usage_day",
        owner("usage_day", primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False) for name in counts),
        sa.Column("uploaded_bytes", sa.BigInteger, nullable=False),
        sa.Column("rendered_s", sa.Float, nullable=False),
        sa.Column("transcribed_s", sa.Float, nullable=False),
        moment("rolled_up_at"),
    )
