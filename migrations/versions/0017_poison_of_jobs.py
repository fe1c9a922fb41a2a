"""Workers that a job took down, whichever of its steps it was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("job", sa.Column("losses", sa.Integer, nullable=False, server_default="0"))
    op.add_column("job", sa.Column("lost_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("job", "lost_at")
    op.drop_column("job", "losses")
