"""A job remembers the trace of the request that ordered it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the place for W3C's ``traceparent``, empty where nothing is traced."""
    op.add_column("job", sa.Column("traceparent", sa.String(55), nullable=False, server_default=""))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("job", "traceparent")
