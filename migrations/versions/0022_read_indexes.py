"""Indexes for lists and filters that would otherwise read their whole table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("ix_job_owner_state", "job", ["owner_id", "state", "created_at", "id"])
    op.create_index("ix_job_owner_kind", "job", ["owner_id", "kind", "created_at", "id"])
    shared = sa.text("organisation_id IS NOT NULL")
    op.create_index(
        "ix_job_organisation_created", "job", ["organisation_id", "created_at", "id"], postgresql_where=shared
    )
    op.drop_index("ix_job_organisation_id", "job")
    given_up = sa.text("state IN ('failed', 'cancelled')")
    op.create_index("ix_job_given_up", "job", ["created_at", "id"], postgresql_where=given_up)
    op.create_index("ix_job_finished", "job", ["finished_at"])
    op.create_index("ix_step_failed", "step", ["finished_at"], postgresql_where=sa.text("state = 'failed'"))
    op.create_index("ix_user_created", "user", ["created_at", "id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_user_created", "user")
    op.drop_index("ix_step_failed", "step")
    op.drop_index("ix_job_finished", "job")
    op.drop_index("ix_job_given_up", "job")
    op.create_index("ix_job_organisation_id", "job", ["organisation_id"])
    op.drop_index("ix_job_organisation_created", "job")
    op.drop_index("ix_job_owner_kind", "job")
    op.drop_index("ix_job_owner_state", "job")
