"""Accounts that were closed, and whether what they owned is gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns and the index that finds what is left to do."""
    op.add_column("user", sa.Column("closed_at", MOMENT))
    op.add_column("user", sa.Column("erased_at", MOMENT))
    left = sa.text("closed_at IS NOT NULL AND erased_at IS NULL")
    op.create_index("ix_user_closed", "user", ["closed_at"], postgresql_where=left)


def downgrade() -> None:
    """Forget it; closed accounts stay without a way in."""
    op.drop_index("ix_user_closed", "user")
    op.drop_column("user", "erased_at")
    op.drop_column("user", "closed_at")
