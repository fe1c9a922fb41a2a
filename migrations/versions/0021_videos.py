"""Music videos: their sections, clips and share links, and what was ordered from providers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ID, MOMENT, MONEY = UUID(as_uuid=True), sa.DateTime(timezone=True), sa.Numeric(12, 6)


def reference(target: str, column: str, ondelete: str, *, table: str) -> sa.ForeignKey:
    """Return a foreign key under the name that the models give it."""
    return sa.ForeignKey(f"{target}.id", ondelete=ondelete, name=f"fk_{table}_{column}_{target}")


def upgrade() -> None:
    """Create the tables."""
    add_videos()
    add_parts()
    add_shares()
    add_predictions()


def add_videos() -> None:
    """Create the table of videos."""
    links = [
        sa.Column(f"{name}_id", ID, reference(target, f"{name}_id", ondelete, table="video"), index=True)
        for name, target, ondelete in (
            ("organisation", "organisation", "RESTRICT"),
            ("song", "song", "SET NULL"),
            ("job", "job", "SET NULL"),
            ("film_asset", "asset", "SET NULL"),
            ("result_asset", "asset", "SET NULL"),
            ("render", "render", "SET NULL"),
        )
    ]
    op.create_table(
        "video",
        sa.Column("id", ID, primary_key=True),
        sa.Column("owner_id", ID, reference("user", "owner_id", "CASCADE", table="video"), nullable=False),
        *links,
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        *(sa.Column(name, JSONB, nullable=False) for name in ("wish", "song", "plan")),
        sa.Column("cap_usd", MONEY, nullable=False),
        sa.Column("spent_usd", MONEY, nullable=False),
        sa.Column("wants_approval", sa.Boolean, nullable=False),
        sa.Column("approved_at", MOMENT),
        sa.Column("score_key", sa.String(512)),
        sa.Column("sheet_key", sa.String(512)),
        sa.Column("film", JSONB),
        sa.Column("finalized_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("cap_usd >= 0 AND spent_usd >= 0", name="ck_video_money"),
    )
    op.create_index("ix_video_owner_created", "video", ["owner_id", "created_at", "id"])
    op.create_index("ix_video_sheet", "video", ["sheet_key"])
    op.create_index("ix_video_score", "video", ["score_key"])


def add_parts() -> None:
    """Create the tables of sections and clips."""
    op.create_table(
        "video_section",
        sa.Column("id", ID, primary_key=True),
        sa.Column("video_id", ID, reference("video", "video_id", "CASCADE", table="video_section"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("label", sa.String(40), nullable=False),
        sa.Column("note", sa.String(100), nullable=False),
        sa.Column("remakes", sa.Integer, nullable=False),
        sa.UniqueConstraint("video_id", "number", name="uq_video_section_video_id_number"),
    )
    op.create_table(
        "video_clip",
        sa.Column("id", ID, primary_key=True),
        sa.Column("video_id", ID, reference("video", "video_id", "CASCADE", table="video_clip"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("section", sa.Integer, nullable=False),
        sa.Column("planned", JSONB, nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("made_content", sa.String(64), nullable=False),
        sa.Column("object_key", sa.String(512)),
        sa.Column("still_key", sa.String(512)),
        sa.Column("made", JSONB),
        sa.Column("remakes", sa.Integer, nullable=False),
        sa.UniqueConstraint("video_id", "number", name="uq_video_clip_video_id_number"),
    )
    op.create_index("ix_video_clip_made", "video_clip", ["made_content"])
    op.create_index("ix_video_clip_object", "video_clip", ["object_key"])
    op.create_index("ix_video_clip_still", "video_clip", ["still_key"])


def add_shares() -> None:
    """Create the table of share links."""
    op.create_table(
        "video_share",
        sa.Column("id", ID, primary_key=True),
        sa.Column("video_id", ID, reference("video", "video_id", "CASCADE", table="video_share"), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("token_hash", name="uq_video_share_token_hash"),
    )
    op.create_index("ix_video_share_video", "video_share", ["video_id"])


def add_predictions() -> None:
    """Create the table of orders at providers."""
    table = "prediction"
    op.create_table(
        table,
        sa.Column("ref", sa.String(120), primary_key=True),
        sa.Column("owner_id", ID, reference("user", "owner_id", "CASCADE", table=table), nullable=False, index=True),
        sa.Column("video_id", ID, reference("video", "video_id", "SET NULL", table=table), index=True),
        sa.Column("clip_number", sa.Integer, nullable=False),
        sa.Column("is_still", sa.Boolean, nullable=False),
        sa.Column("given_up", sa.Boolean, nullable=False),
        sa.Column("cost_usd", MONEY),
        sa.Column("told_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.now()),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("prediction", "video_share", "video_clip", "video_section", "video"):
        op.drop_table(table)
