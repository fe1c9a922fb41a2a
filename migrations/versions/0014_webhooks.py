"""Outgoing webhooks: endpoints, messages, tries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, UUID

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ID = UUID(as_uuid=True)
WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    """Create the three tables."""
    create_endpoints()
    create_deliveries()
    delivery = sa.ForeignKey(
        "webhook_delivery.id", ondelete="CASCADE", name="fk_webhook_attempt_delivery_id_webhook_delivery"
    )
    op.create_table(
        "webhook_attempt",
        sa.Column("delivery_id", ID, delivery, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("status", sa.SmallInteger),
        sa.Column("error", sa.String(300), nullable=False),
        sa.Column("took_ms", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Drop them again."""
    for table in ("webhook_attempt", "webhook_delivery", "webhook"):
        op.drop_table(table)


def create_endpoints() -> None:
    """Create the endpoints."""
    owner = sa.ForeignKey("user.id", ondelete="CASCADE", name="fk_webhook_owner_id_user")
    organisation = sa.ForeignKey("organisation.id", ondelete="RESTRICT", name="fk_webhook_organisation_id_organisation")
    op.create_table(
        "webhook",
        sa.Column("id", ID, primary_key=True),
        sa.Column("owner_id", ID, owner, nullable=False),
        sa.Column("organisation_id", ID, organisation),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("description", sa.String(500), nullable=False),
        sa.Column("events", ARRAY(sa.String(32)), nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("disabled_reason", sa.String(16), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(16), nullable=False),
        sa.Column("previous_salt", sa.String(64)),
        sa.Column("previous_until", MOMENT),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", MOMENT),
        sa.Column("rests_until", MOMENT),
        sa.Column("held_until", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("disabled_reason IN ('', 'owner', 'gone', 'failing')", name="ck_webhook_reason"),
        sa.CheckConstraint("enabled = (disabled_reason = '')", name="ck_webhook_enabled"),
    )
    op.create_index("ix_webhook_owner_created", "webhook", ["owner_id", "created_at", "id"])
    op.create_index("ix_webhook_organisation_id", "webhook", ["organisation_id"])


def create_deliveries() -> None:
    """Create the messages."""
    endpoint = sa.ForeignKey("webhook.id", ondelete="CASCADE", name="fk_webhook_delivery_webhook_id_webhook")
    op.create_table(
        "webhook_delivery",
        sa.Column("id", ID, primary_key=True),
        sa.Column("webhook_id", ID, endpoint, nullable=False),
        sa.Column("message_id", sa.String(64), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("stream", ID, nullable=False),
        sa.Column("position", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("finished_at", MOMENT),
        sa.UniqueConstraint("webhook_id", "message_id", name="uq_webhook_delivery_webhook_id_message_id"),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name="ck_webhook_delivery_state"),
    )
    for name, columns in (("due", ["webhook_id", "due_at"]), ("stream", ["webhook_id", "stream", "position"])):
        op.create_index(f"ix_webhook_delivery_{name}", "webhook_delivery", columns, postgresql_where=WAITING)
    op.create_index("ix_webhook_delivery_log", "webhook_delivery", ["webhook_id", "created_at", "id"])
    op.create_index("ix_webhook_delivery_created", "webhook_delivery", ["created_at"])
