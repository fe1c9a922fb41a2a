"""Which jobs were trimmed of their history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the index that finds the others."""
    op.add_column("job", sa.Column("trimmed_run", sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_job_untrimmed", "job", ["finished_at"], postgresql_where=sa.text("trimmed_run < run"))


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_job_untrimmed", "job")
    op.drop_column("job", "trimmed_run")
