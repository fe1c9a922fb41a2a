"""No table of what was due when: every chore is harmless to run twice, late, or on two hosts at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Drop the table, which nothing reads."""
    op.drop_table("schedule_run")


def downgrade() -> None:
    """Make it again, empty."""
    op.create_table(
        "schedule_run",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("due_at", MOMENT, primary_key=True),
        sa.Column("skipped", sa.Boolean, nullable=False),
        sa.Column("sent_at", MOMENT),
        sa.Column("started_at", MOMENT),
        sa.Column("finished_at", MOMENT),
    )
    unsent = sa.text("sent_at IS NULL AND NOT skipped")
    op.create_index("ix_schedule_run_unsent", "schedule_run", ["due_at"], postgresql_where=unsent)
