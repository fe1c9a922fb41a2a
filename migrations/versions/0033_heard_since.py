"""Since when a node has been heard without a break: a lost worker differs from a time when nobody could be heard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nodes that are known are taken as heard from now on."""
    moment = sa.DateTime(timezone=True)
    op.add_column("farm_node", sa.Column("heard_since", moment, nullable=False, server_default=sa.func.now()))


def downgrade() -> None:
    """Drop it again."""
    op.drop_column("farm_node", "heard_since")
