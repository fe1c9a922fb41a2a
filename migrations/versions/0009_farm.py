"""The farm: nodes with their wanted state, queues with their policy, GPUs of attempts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NAMES = ARRAY(sa.String(32))


def upgrade() -> None:
    """Create the tables and the columns."""
    create_node()
    create_queue()
    op.add_column("attempt", sa.Column("gpu", sa.String(64)))
    op.create_index("ix_attempt_node_ended", "attempt", ["node", "ended_at"])
    op.create_index("ix_attempt_ended", "attempt", ["ended_at"])
    op.add_column("usage_day", sa.Column("gpu_s", sa.Float, nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop them again."""
    op.drop_column("usage_day", "gpu_s")
    op.drop_index("ix_attempt_ended", "attempt")
    op.drop_index("ix_attempt_node_ended", "attempt")
    op.drop_column("attempt", "gpu")
    op.drop_table("farm_queue")
    op.drop_table("farm_node")


def create_node() -> None:
    """Create the table of nodes: what each told, then what it shall be."""
    op.create_table(
        "farm_node",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("instance", sa.String(64), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        *[sa.Column(name, NAMES, nullable=False) for name in ("started_with", "able", "queues")],
        *[sa.Column(name, sa.Integer, nullable=False) for name in ("slots", "started_slots", "busy")],
        sa.Column("generation_done", sa.BigInteger, nullable=False),
        sa.Column("leaving", sa.Boolean, nullable=False),
        sa.Column("about", JSONB, nullable=False),
        sa.Column("gpu", sa.String(64), nullable=False),
        sa.Column("gpus", JSONB, nullable=False),
        *[
            sa.Column(name, MOMENT, nullable=False)
            for name in ("registered_at", "started_at", "seen_at", "consumed_at")
        ],
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("wanted_queues", NAMES),
        sa.Column("wanted_slots", sa.Integer),
        *[sa.Column(name, MOMENT) for name in ("drain_at", "drain_until", "quarantined_at", "cleared_at")],
        sa.Column("quarantine_reason", sa.String(500), nullable=False),
        sa.Column("test_id", sa.String(64), nullable=False),
        sa.Column("test_problems", JSONB),
        *[sa.Column(name, MOMENT) for name in ("tested_at", "next_test_at")],
        sa.Column("tests_failed", sa.Integer, nullable=False),
        sa.CheckConstraint("wanted_slots IS NULL OR wanted_slots BETWEEN 1 AND 256", name="ck_farm_node_slots"),
    )


def create_queue() -> None:
    """Create the table of queues that somebody has said something about."""
    op.create_table(
        "farm_queue",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("paused_at", MOMENT),
        sa.Column("paused_reason", sa.String(500), nullable=False),
        sa.Column("weight", sa.Float, nullable=False),
        sa.Column("min_slots", sa.Integer, nullable=False),
        sa.Column("gpu", sa.String(8), nullable=False),
        sa.CheckConstraint("weight >= 0", name="ck_farm_queue_weight"),
        sa.CheckConstraint("min_slots >= 0", name="ck_farm_queue_min_slots"),
        sa.CheckConstraint("gpu IN ('any', 'require', 'avoid')", name="ck_farm_queue_gpu"),
    )
