"""What users' clients are told live, and the tickets that open the stream of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

ID = UUID(as_uuid=True)
MOMENT = sa.DateTime(timezone=True)


def of_user(table: str) -> sa.ForeignKey:
    """Return the foreign key to the user, under the name that the models give it."""
    return sa.ForeignKey("user.id", ondelete="CASCADE", name=f"fk_{table}_user_id_user")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "live_reader",
        sa.Column("user_id", ID, of_user("live_reader"), primary_key=True),
        sa.Column("last_seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("heard_at", MOMENT, nullable=False, server_default=sa.func.now()),
    )
    op.create_table(
        "live_event",
        sa.Column("user_id", ID, of_user("live_event"), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("topic", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.Column("at", MOMENT, nullable=False, server_default=sa.func.now()),
    )
    op.create_index("ix_live_event_at", "live_event", ["at"])
    op.create_table(
        "live_ticket",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("user_id", ID, of_user("live_ticket"), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    op.create_index("ix_live_ticket_user_id", "live_ticket", ["user_id"])
    op.create_index("ix_live_ticket_expires", "live_ticket", ["expires_at"])


def downgrade() -> None:
    """Drop them again."""
    for table in ("live_ticket", "live_event", "live_reader"):
        op.drop_table(table)
