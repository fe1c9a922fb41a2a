"""Reservations that wait for a slot."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

TABLE, NAME = "quota_reservation", "ck_quota_reservation_state"


def upgrade() -> None:
    """Let a reservation wait, and find those that do."""
    op.drop_constraint(NAME, TABLE)
    op.create_check_constraint(op.f(NAME), TABLE, "state IN ('held', 'settled', 'released', 'waiting')")
    op.create_index(
        "ix_quota_reservation_waiting", TABLE, ["user_id", "ref"], postgresql_where=sa.text("state = 'waiting'")
    )


def downgrade() -> None:
    """Give up what waits."""
    op.drop_index("ix_quota_reservation_waiting", TABLE)
    op.execute("UPDATE quota_reservation SET state = 'released' WHERE state = 'waiting'")
    op.drop_constraint(NAME, TABLE)
    op.create_check_constraint(op.f(NAME), TABLE, "state IN ('held', 'settled', 'released')")
