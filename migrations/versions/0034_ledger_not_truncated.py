"""The ledger refuses to be emptied too: TRUNCATE passes a trigger that names UPDATE and DELETE alone."""

from __future__ import annotations

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Guard the ledger by one more trigger; the function is that of the first."""
    op.execute(
        "CREATE TRIGGER credit_entry_not_truncated BEFORE TRUNCATE ON credit_entry"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()"
    )


def downgrade() -> None:
    """Drop it again."""
    op.execute("DROP TRIGGER credit_entry_not_truncated ON credit_entry")
